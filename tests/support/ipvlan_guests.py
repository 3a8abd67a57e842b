# SPDX-License-Identifier: BSD-3-Clause
"""Guests behind the slaves of one lower device, and who is outside of it.

    far -- outside -- wire | m0 - i1 … i5 -- guests

The wire ends in the namespace `outside`, which is a router, too: `far` is behind it.

    with ipvlan_world(vswitch, veth_wire) as world:
        one, two = tap_guests(world, 2)
        world.set_mode("l3")
        one.reach(two.addresses, OUTSIDE, FAR)
"""

import contextlib
import json
import re

from support.netns import Netns, run, unique_name, veth_for_dpdk

# Addresses by family, IPv4 first.
PHY = ("10.0.0.1", "fd00::1")
OUTSIDE = ("10.0.0.2", "fd00::2")
ROUTER = ("10.9.0.1", "fd09::1")
FAR = ("10.9.0.2", "fd09::2")
GUESTS = ("10.0.0.16/28", "fd00::10/124")
EVERYTHING = ("0.0.0.0/0", "::/0")
LENGTHS = (24, 64)

MODES = ("l2", "l3", "l3s")

# A new host says nothing by itself, uses IPv6 addresses at once and believes no redirect. The names
# are below /proc/sys/net.
_QUIET = {"ipv4/conf/all/accept_redirects": 0, "ipv4/conf/all/send_redirects": 0,
          "ipv4/conf/default/accept_redirects": 0, "ipv4/conf/default/send_redirects": 0,
          "ipv6/conf/default/accept_dad": 0, "ipv6/conf/default/accept_ra": 0,
          "ipv6/conf/default/accept_redirects": 0, "ipv6/conf/default/router_solicitations": 0}
_FORWARDING = {"ipv4/ip_forward": 1, "ipv6/conf/all/forwarding": 1}


def guest_addresses(number):
    """Of the guest behind slave i<number>, and of that slave."""
    return (f"10.0.0.{16 + number}", f"fd00::{16 + number:x}")


class Host(Netns):
    """A namespace with a stack for both families."""

    addresses = ()
    mac = None
    link_local = False  # makes an address of that kind; routers ask for IPv6 neighbours with it

    def __enter__(self):
        super().__enter__()
        self.sysctl(_QUIET)
        return self

    def sysctl(self, values):
        self.run("sh", "-ec", "; ".join(f"echo {value} >/proc/sys/net/{name}"
                                        for name, value in values.items()))

    def set_up(self, interface, addresses, mac=None):
        """Gives an interface that is here its addresses."""
        self.addresses = addresses
        self.ip("link", "set", interface, "addrgenmode", "eui64" if self.link_local else "none",
                *(["address", mac] if mac else []))
        self.sysctl({f"ipv6/conf/{interface}/disable_ipv6": 0})
        for address, length in zip(addresses, LENGTHS):
            self.ip("addr", "add", f"{address}/{length}", "dev", interface)
        self.ip("link", "set", interface, "up")
        self.mac = json.loads(self.ip("-j", "link", "show", interface).stdout)[0]["address"]

    def route(self, action, nets, gateways):
        for net, gateway in zip(nets, gateways):
            self.ip("route", action, net, "via", gateway)

    def reach(self, *peers, ttl=64):
        """Pings all addresses of all peers at once. Every answer has to come, with this TTL."""
        for child in self._ping(peers, "-c", 2, "-i", "0.1", "-W", 10):
            assert child.wait(60) == 0, child.output()
            assert re.findall(r"ttl=(\d+)", child.output()) == [str(ttl)] * 2, child.output()

    def miss(self, *peers):
        """The same, and no answer may come."""
        for child in self._ping(peers, "-c", 3, "-i", "0.2", "-W", 1):
            assert child.wait(60) == 1 and " 0 received" in child.output(), child.output()

    def _ping(self, peers, *options):
        return [self.spawn("ping", *options, address) for peer in peers for address in peer]

    def serve_iperf(self):
        """A server for one client; see iperf()."""
        server = self.spawn("iperf3", "--server", "--one-off", "--forceflush")
        server.wait_for("Server listening", 20)
        return server

    def iperf(self, address, size):
        """Lets the server there send so much; returns the bytes that came."""
        result = self.run("iperf3", "--client", address, "--reverse", "--json", "--bytes", size,
                          timeout=90)
        return json.loads(result.stdout)["end"]["sum_received"]["bytes"]

    def mac_of(self, address):
        """What this host takes for the MAC address of a neighbour."""
        return json.loads(self.ip("-j", "neigh", "show", address).stdout)[0].get("lladdr")


class Outside(Host):
    """The host at the wire. Between it and the wire is a bridge, whose port may send back what came
    by it, as VEPA wants it of the next switch."""

    link_local = True

    def __init__(self, far):
        super().__init__()
        self.far = far
        self.wire = None

    def plug_in(self, wire):
        """Takes the interface that is the wire's end."""
        self.wire = wire
        self.sysctl(_FORWARDING)
        run("ip", "link", "set", wire, "netns", self.name)
        self.ip("link", "add", "br0", "type", "bridge", "mcast_snooping", 0)
        self.ip("link", "set", wire, "master", "br0", "up")
        self.ip("link", "add", "to-far", "type", "veth", "peer", "name", "to-near", "netns",
                self.far.name)
        self.set_up("to-far", ROUTER)
        self.set_up("br0", OUTSIDE)
        self.far.set_up("to-near", FAR)
        self.far.route("add", EVERYTHING, ROUTER)

    def reflect(self, on):
        self.ip("link", "set", self.wire, "type", "bridge_slave", "hairpin", "on" if on else "off")


class IpvlanWorld:
    """vswitch with m0, in a mode that is changed for all slaves at once."""

    def __init__(self, vswitch, outside):
        self.vswitch, self.outside = vswitch, outside
        self.guests = []
        self.routed = False

    def add_slave(self, number):
        """i<number>, up, with the addresses of its guest; returns its name."""
        name = f"i{number}"
        self.vswitch.ip("link", "add", "link", "m0", "name", name, "type", "ipvlan", "mode", "l2")
        give_addresses(self.vswitch, name, guest_addresses(number))
        self.vswitch.ip("link", "set", name, "up")
        return name

    def set_mode(self, mode, flags="bridge"):
        """In L3 nobody answers for guests at the wire: the outside has to know where they are."""
        self.vswitch.ip("link", "set", "i1", "type", "ipvlan", "mode", mode, flags)
        if self.routed != (mode != "l2"):
            self.routed = not self.routed
            self.outside.route("add" if self.routed else "del", GUESTS, PHY)

    def link_local(self, number):
        """The address that IPv6 gave to i<number>: its number makes it differ from those of other
        devices with the same MAC address."""
        shown = self.vswitch.ip("-6", "-j", "addr", "show", "dev", f"i{number}", "scope", "link")
        return next(address["local"] for link in json.loads(shown.stdout)
                    for address in link.get("addr_info", ()) if "local" in address)

    def drops(self, reason):
        """Of all slaves."""
        return sum(self.vswitch.show(f"i{guest.number}")["drops"][reason] for guest in self.guests)


def give_addresses(vswitch, device, addresses):
    for address, length in zip(addresses, LENGTHS):
        nodad = ["nodad"] if ":" in address else []
        vswitch.ip("addr", "add", f"{address}/{length}", "dev", device, *nodad)


def veth_wire(vswitch, stack):
    """m0 is a veth end, whose other end has a kernel tap. Returns the tap's name."""
    tap = unique_name("tw")
    vswitch.add_veth("m0", "w0")
    vswitch.vsctl("attach", "w0", "tap", f"ifname={tap}")
    return tap


def ethdev_wire(vswitch, stack):
    """m0 is a DPDK port, on one end of a kernel's veth pair."""
    near, far = veth_for_dpdk(stack)
    vswitch.vsctl("link", "add", "m0", "type", "ethdev", "devargs", f"net_af_packet0,iface={near}")
    vswitch.ip("link", "set", "m0", "addrgenmode", "none", "up")
    return far


@contextlib.contextmanager
def ipvlan_world(vswitch, make_wire):
    """m0 and what is at its wire; slaves and guests are to be added."""
    with contextlib.ExitStack() as stack:
        far = stack.enter_context(Host())
        outside = stack.enter_context(Outside(far))
        world = IpvlanWorld(vswitch, outside)
        world.stack = stack
        outside.plug_in(make_wire(vswitch, stack))
        give_addresses(vswitch, "m0", PHY)
        # What it asks for IPv6 neighbours with.
        vswitch.ip("addr", "add", "fe80::1/64", "dev", "m0", "nodad")
        for gateway, everything in zip(OUTSIDE, EVERYTHING):
            vswitch.ip("route", "add", everything, "via", gateway, "dev", "m0")
        yield world


def tap_guests(world, count):
    """Guests behind kernel taps. Those of even number keep a MAC address of their own."""
    for number in range(len(world.guests) + 1, len(world.guests) + count + 1):
        name = world.add_slave(number)
        guest = world.stack.enter_context(Host())
        guest.number, guest.tap = number, unique_name("tg")
        guest.rewrites = number % 2 == 0
        options = ["mac=rewrite"] if guest.rewrites else []
        world.vswitch.vsctl("attach", name, "tap", f"ifname={guest.tap}", *options)
        mac = world.vswitch.show(name)["backend"]["mac"]
        run("ip", "link", "set", guest.tap, "netns", guest.name)
        guest.set_up(guest.tap, guest_addresses(number), mac=None if mac == "any" else mac)
        guest.route("add", EVERYTHING, OUTSIDE)
        world.guests.append(guest)
    return world.guests
