# SPDX-License-Identifier: BSD-3-Clause
"""Two machines with a vswitch each, as a guest sees them that moves from one to the other. Their
uplinks are ports of one switch, a bridge of the kernel, which is a host as well."""

import contextlib
import json
import socket

from support.ipvlan_parties import in_netns
from support.netns import Netns, unique_name
from support.vswitch_process import VswitchProcess

BRIDGE = "bridge"


class TwoHosts:
    """`hosts` are vswitch processes; the guest's device is `a`, and `uplink` the name of the tap in
    the bridge. `outside` is the namespace of the bridge, whose address is `address`."""

    def __init__(self, address, queues=1):
        self.address = address
        self.queues = queues
        self.hosts = []
        self._stack = contextlib.ExitStack()

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            self.outside = stack.enter_context(Netns())
            self.outside.ip("link", "add", BRIDGE, "type", "bridge", "mcast_snooping", 0)
            self.outside.ip("addr", "add", f"{self.address}/24", "dev", BRIDGE)
            self.outside.ip("link", "set", BRIDGE, "up")
            # So the guest gets frames of its MTU.
            self.outside.run("ethtool", "-K", BRIDGE, "tso", "off", "gso", "off")
            for _ in range(2):
                self.hosts.append(self._add_host(stack))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *exc):
        return self._stack.__exit__(*exc)

    def _add_host(self, stack):
        # They share a CPU, and one of them has nothing to do.
        vswitch = stack.enter_context(VswitchProcess(no_huge=True, options=["--sleep"]))
        vswitch.uplink = unique_name("up")
        vswitch.add_veth("a", "w")
        vswitch.vsctl("attach", "a", "vhost", f"queues={self.queues}")
        vswitch.vsctl("attach", "w", "tap", f"ifname={vswitch.uplink}")
        self.outside.adopt(vswitch.uplink)
        self.outside.ip("link", "set", vswitch.uplink, "master", BRIDGE, "up")
        return vswitch

    def host_of(self, mac):
        """The one where the bridge has seen this address last, or None."""
        entries = json.loads(self.outside.run("bridge", "-j", "fdb", "show").stdout)
        ports = {entry["ifname"] for entry in entries if entry["mac"] == mac}
        return next((host for host in self.hosts if host.uplink in ports), None)


class Broadcasts:
    """Frames of one ethertype to everybody, from now on."""

    def __init__(self, two_hosts, ethertype):
        self._socket = in_netns(two_hosts.outside.name,
                                lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0))
        self._socket.bind((BRIDGE, ethertype))
        self._socket.settimeout(20)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self._socket.close()

    def wait_for(self, frame):
        """Until this one comes; it may be padded."""
        while not self._socket.recv(2048).startswith(frame):
            pass
