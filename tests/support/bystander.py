# SPDX-License-Identifier: BSD-3-Clause
"""Traffic that must not notice what a test does to the rest of the switch."""

import contextlib
import json
import pathlib
import sys

from support.netns import Netns, unique_name

UDP_STREAM = pathlib.Path(__file__).with_name("udp_stream.py")
RATE = 1000  # datagrams a second and direction


class Bystander:
    """The pair x, y with a kernel tap behind each end, each tap in a namespace of its own, and
    numbered datagrams both ways."""

    def __init__(self, vswitch):
        self.vswitch = vswitch
        self.hosts = {}
        self.stack = contextlib.ExitStack()

    def __enter__(self):
        self.vswitch.add_veth("by-x", "by-y")
        for number, end in enumerate(("x", "y"), 1):
            host = self.hosts[end] = self.stack.enter_context(Netns())
            host.tap, host.address = unique_name("t"), f"10.99.0.{number}"
            host.mac = f"02:00:00:00:99:0{number}"
            self.vswitch.vsctl("attach", f"by-{end}", "tap", f"ifname={host.tap}")
            host.take(host.tap, f"{host.address}/24")
            # Room for what a busy machine keeps the worker from fetching for seconds.
            host.ip("link", "set", host.tap, "address", host.mac, "txqueuelen", 20000)
        for host, other in self.both_ways():
            host.ip("neigh", "add", other.address, "lladdr", other.mac, "dev", host.tap, "nud",
                    "permanent")
        return self

    def __exit__(self, *_):
        self.stack.close()

    def both_ways(self):
        return ((self.hosts["x"], self.hosts["y"]), (self.hosts["y"], self.hosts["x"]))

    def stream(self, host, *args):
        child = host.spawn(sys.executable, UDP_STREAM, *args)
        self.stack.callback(child.kill)
        return child

    @contextlib.contextmanager
    def traffic(self):
        """Streams both ways while the block runs; afterwards not one datagram may be missing,
        twice, out of order or changed."""
        receivers = [self.stream(other, "receive", other.address, 7000)
                     for _, other in self.both_ways()]
        for receiver in receivers:
            receiver.wait_for("receiving", 10)
        senders = [self.stream(host, "send", other.address, 7000, RATE)
                   for host, other in self.both_ways()]
        before = self.drops()
        yield
        sent = [result_of(sender)["sent"] for sender in senders]
        for receiver in receivers:
            receiver.popen.terminate()
        for count, receiver in zip(sent, receivers):
            assert count > 0
            assert result_of(receiver) == {"received": count, "missing": 0, "late": 0, "corrupt": 0}
        assert self.drops() == before

    def drops(self):
        return [self.vswitch.show(f"by-{end}")["drops"] for end in self.hosts]


def result_of(stream):
    assert stream.stop(timeout=60) == 0, stream.output()
    return json.loads(stream.output().splitlines()[-1])
