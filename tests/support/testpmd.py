# SPDX-License-Identifier: BSD-3-Clause
"""dpdk-testpmd as a guest (virtio-user ports) or as another switch (vhost ports)."""

import os
import re
import subprocess

from support.children import Child

_PROMPT = r"testpmd> "


def virtio_user(index, socket, packed=False):
    """A guest's network card on a vhost-user socket."""
    return (f"net_virtio_user{index},path={socket},queue_size=1024,"
            f"packed_vq={int(packed)},mac=02:00:00:00:01:{index:02x}")


def vhost(index, socket):
    """A switch's port with a vhost-user socket."""
    return f"net_vhost{index},iface={socket}"


class Testpmd:
    """Forwards from the start, port 0 to 1 and 1 to 0, 2 to 3 and so on, on CPU `cpu`; its control
    thread runs on CPU `main_cpu` (default: the same). With `cpu2` the second half of the ports is
    polled there. Not started until start() or `with`."""

    __test__ = False  # not a test, whatever its name says to pytest

    def __init__(self, vdevs, cpu, main_cpu=None, cpu2=None, memory=256, options=()):
        main_cpu = cpu if main_cpu is None else main_cpu
        # Line buffering, so that an answer comes when it is given. Guest memory in one file, or it
        # could not be described to the switch.
        self.argv = ["stdbuf", "-oL", "dpdk-testpmd", "--in-memory", "--no-pci", "--no-telemetry",
                     "--single-file-segments", f"--file-prefix=testpmd-{os.getpid()}-{id(self)}",
                     f"--lcores=0@{main_cpu},1@{cpu}" + ("" if cpu2 is None else f",2@{cpu2}"),
                     "-m", memory]
        for vdev in vdevs:
            self.argv += ["--vdev", vdev]
        # Left alone it would use only 512 of a ring's descriptors.
        self.argv += ["--", "-i", "--auto-start", "--forward-mode=io", "--no-mlockall",
                      "--total-num-mbufs=16384", "--rxd=1024", "--txd=1024",
                      f"--nb-cores={1 if cpu2 is None else 2}", *options]
        self.child = None

    def __enter__(self):
        return self.start()

    def __exit__(self, exc_type, exc, traceback):
        if exc_type:
            print(f"--- testpmd output ---\n{self.child.output()}")
            self.child.kill()
        else:
            self.stop()

    def start(self, timeout=30):
        self.child = Child(self.argv, name="testpmd", stdin=subprocess.PIPE)
        try:
            self.child.wait_for(_PROMPT, timeout)
        except BaseException:
            self.child.kill()
            raise
        return self

    def stop(self, timeout=20):
        if self.child.returncode is None:
            self.child.popen.stdin.write(b"quit\n")
            self.child.popen.stdin.flush()
        return self.child.wait(timeout)

    def command(self, text, timeout=10):
        """Types a command and returns what it printed."""
        start = self.child.offset()
        self.child.popen.stdin.write(text.encode() + b"\n")
        self.child.popen.stdin.flush()
        # The line typed is echoed after the prompt that stands already; the next one ends it.
        match = self.child.wait_for(r"(?s)\n(.*)" + _PROMPT, timeout, start)
        return match.group(1).decode()

    def port_stats(self, port):
        """The port's counters by name, e.g. {"RX-packets": 5, "TX-packets": 0, …}."""
        text = self.command(f"show port stats {port}")
        return {name: int(value) for name, value in re.findall(r"([RT]X-[a-z]+): +(\d+)", text)}

    def cycles_per_packet(self):
        """Stops forwarding and returns (CPU cycles per packet, packets) since `start`; needs the
        option --record-core-cycles."""
        text = self.command("stop")
        cycles = re.search(r"total cycles=(\d+)", text)
        packets = int(re.search(r"total io packets=(\d+)", text).group(1)) if cycles else 0
        return (int(cycles.group(1)) / packets if packets else None), packets
