# SPDX-License-Identifier: BSD-3-Clause
"""vswitch's half of the ipvlan oracle test: the same links, with a tap as the stack of each."""

import contextlib

from support.children import wait_until
from support.ipvlan_parties import Ear, Mouth
from support.ipvlan_scenarios import (INTERFACES, OUTSIDE_MAC, PARTIES, PHY_MAC, S1, S2, WIRE,
                                      links, network)
from support.netns import Netns, run, unique_name


class Switch:
    """A world (see ipvlan_parties.Runner); in a `with`."""

    stacks = ()

    def __init__(self, vswitch, mode, flags):
        self._vswitch = vswitch
        self._mode, self._flags = mode, flags
        self._stack = contextlib.ExitStack()
        self._names, self._taps = {}, {}  # by party: network namespaces, taps
        self._host = Netns()
        self.mouths, self.ears = {}, []

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            self._names = {party: stack.enter_context(Netns()).name for party in (WIRE, S1, S2)}
            stack.enter_context(self._host)
            for command in links(self._mode, self._flags):
                self.ip(command)
            for party in PARTIES:
                self._attach(party)
            for command in network():
                self.ip(command)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *exc):
        self._stack.close()

    def _attach(self, party):
        """The tap has the MAC of its device, so that the host's kernel gives a frame the same type
        as a stack of the device would."""
        host = self._host
        tap = self._taps[party] = unique_name("to")
        self._vswitch.vsctl("attach", INTERFACES[party], "tap", f"ifname={tap}")
        run("ip", "link", "set", tap, "netns", host.name)
        host.ip("link", "set", tap, "address", OUTSIDE_MAC if party == WIRE else PHY_MAC, "up")
        self.mouths[party] = Mouth(tap, host.name)
        self.ears.append(Ear(party, interface=tap, netns=host.name))

    def ip(self, arguments):
        self._vswitch.ip(*arguments.format(**self._names).split())

    def counters(self, party):
        return self._vswitch.show(INTERFACES[party])["counters"]

    def drain(self):
        """Once all frames are read, a round without any means that they have been forwarded. What a
        worker leaves to the control thread is done between two requests."""
        for party, tap in self._taps.items():
            wait_until(lambda tap=tap, sent=self.mouths[party].sent:
                       self._host.stats(tap)["tx"]["packets"] >= sent, 30, f"{tap} to be read")
        idle_before = self._idle()
        wait_until(lambda: self._idle() > idle_before, 30, "a round without frames")
        self._idle()

    def _idle(self):
        return sum(worker["idle_cycles"] for worker in self._vswitch.workers())
