# SPDX-License-Identifier: BSD-3-Clause
"""The kernel's half of the ipvlan oracle test: runs in a guest, whose kernel has the real driver.

    python3 ipvlan_kernel.py l2 bridge      prints the answers as JSON
"""

import json
import socket
import subprocess
import sys

from support.ipvlan_parties import IEEE_802_2, Ear, Mouth, Runner, Stack
from support.ipvlan_scenarios import INTERFACES, PHY, S1, S2, WIRE, links, network, scenarios
from support.raw_frames import ARP, EXPERIMENT, ICMPV6, IPV4, IPV6, PAUSE, UNKNOWN

# What a stack would have a handler for, so that it gets a frame once the rx handler of a device has
# had its say; a socket for everything is asked before.
_ETHERTYPES = (IPV4, IPV6, ARP, PAUSE, UNKNOWN, IEEE_802_2)
_NETNS = {WIRE: "wire", PHY: None, S1: "one", S2: "two"}


class Kernel:
    """A world (see Runner). m0 has the guest's first namespace for itself."""

    def __init__(self, mode, flags):
        for name in filter(None, _NETNS.values()):
            subprocess.run(["ip", "netns", "add", name], check=True)
        for command in (*links(mode, flags), *network()):
            self.ip(command)
        self.mouths = {party: Mouth(INTERFACES[party], netns) for party, netns in _NETNS.items()}
        self.ears = [Ear(party, interface=INTERFACES[party], netns=_NETNS[party])
                     for party in (WIRE, S1, S2)]
        self.ears += [Ear(PHY, ethertype) for ethertype in _ETHERTYPES]
        self.stacks = [Stack(party, family, protocol, _NETNS[party])
                       for party in (PHY, S1, S2)
                       for family, protocol in ((socket.AF_INET, EXPERIMENT),
                                                (socket.AF_INET6, EXPERIMENT),
                                                (socket.AF_INET6, ICMPV6))]

    @staticmethod
    def ip(arguments):
        names = {party: netns for party, netns in _NETNS.items() if netns}
        subprocess.run(["ip", *arguments.format(**names).split()], check=True)

    @staticmethod
    def drain():
        """A frame has gone its way when the sender's system call is over."""

    def remove(self):
        self.ip("link del m0")
        for name in filter(None, _NETNS.values()):
            subprocess.run(["ip", "netns", "del", name], check=True)


def main():
    mode, flags = sys.argv[1:]
    kernel = Kernel(mode, flags)
    try:
        runner = Runner(kernel, mode)
        runner.wait_ready()
        answers = {scenario.name: runner.run(scenario) for scenario in scenarios()}
    finally:
        kernel.remove()
    print(json.dumps(answers))


if __name__ == "__main__":
    main()
