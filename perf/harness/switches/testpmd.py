# SPDX-License-Identifier: BSD-3-Clause
"""dpdk-testpmd between vhost ports: the least that a DPDK application can do with a packet."""

import re

from harness.switches.switch import Switch, Work
from support.testpmd import Testpmd, vhost

MOST_PORTS = 32  # RTE_MAX_ETHPORTS of Debian's DPDK


class TestpmdSwitch(Switch):
    """Moves packets from port 0 to 1, 2 to 3 and so on, and back."""

    mode = "?"

    def __init__(self, setup):
        super().__init__(setup)
        self.name = f"testpmd {self.mode}"

    def start(self):
        topology = self.setup.topology
        self.sockets = [self.setup.directory / f"t{i}" for i in range(topology.ports)]
        ports = [vhost(i, path) for i, path in enumerate(self.sockets)]
        ports += [vhost(topology.ports + i, path) + ",client=1"
                  for i, path in enumerate(self.idle_paths())]
        cpu, cpu2 = (*self.cores(), None)[:2]
        self.process = Testpmd(ports, cpu,
                               main_cpu=self.setup.cpus.generator, cpu2=cpu2,
                               options=["--record-core-cycles", *self.options()])
        self.process.start()
        self.process.command(f"set fwd {self.mode}")
        self._restart()

    def options(self):
        return []

    def _restart(self):
        self.process.command("stop")
        self.process.command("start")

    @property
    def pid(self):
        return self.process.child.pid

    def count(self):
        return work_in(self.process.command("show fwd stats all"))

    def log(self):
        return self.process.child.output()

    def stop(self):
        self.process.stop()


def work_in(text):
    """What `show fwd stats all` says: cycles of bursts with packets only, in testpmd's favour."""
    packets, cycles = 0, None
    match = re.search(r"total cycles=(\d+) / total \w+ packets=(\d+)", text)
    if match:
        cycles, packets = map(int, match.groups())
    return Work(packets, cycles if match else 0)


class TestpmdIo(TestpmdSwitch):
    """Never looks at a packet."""
    mode = "io"


class TestpmdMac(TestpmdSwitch):
    """Writes both MAC addresses of every packet: the source is that of the port it leaves through,
    the destination what we say. The generator's frames shall be what it sent, so its ports take
    those very addresses."""
    mode = "mac"
    ADDRESSES = [f"56:48:4f:53:54:{port:02x}" for port in (1, 0)]  # the vhost driver's, crossed

    def options(self):
        return [f"--eth-peer={port},{mac}" for port, mac in enumerate(self.ADDRESSES)]

    def generator_options(self):
        return ["--src-mac", self.ADDRESSES[0], "--dst-mac", self.ADDRESSES[1]]
