# SPDX-License-Identifier: BSD-3-Clause
"""What the ipvlan oracle test does: commands and frames, the same for the kernel and for vswitch.

Two slaves, s1 and s2, share the lower device m0, a veth end; w0, its other end, is the wire, with
another host on it. Frames come from four parties: the wire, phy (the stack of m0) and the slaves'
stacks. Where and how each frame comes out is what is compared.
"""

import dataclasses
import hashlib

from support import raw_frames as raw
from support.raw_frames import arp, cut, discovery, ether, followed, ipv4, ipv6, payload, tagged

WIRE, PHY, S1, S2 = PARTIES = ("wire", "phy", "s1", "s2")
INTERFACES = {WIRE: "w0", PHY: "m0", S1: "s1", S2: "s2"}
MODES = ("l2", "l3", "l3s")
FLAGS = ("bridge", "private", "vepa")

PHY_MAC = "02:00:00:00:00:aa"  # of m0, so of the slaves too
OUTSIDE_MAC = "02:00:00:00:00:bb"  # of w0 and the other host
OTHER_MAC = "02:00:00:00:00:cc"  # of nobody, or of a host that appears later
NO_MAC = "00:00:00:00:00:00"

# What phy asks for neighbours with.
PHY_LINK_LOCAL = "fe80::1"

# A frame outside the multicast filter may come through, because the filter is a hash with a secret
# of 256 buckets, of which a few are set. So that many groups are tried.
TRIED_GROUPS = 4

# Padding that belongs to no packet.
TRAILER = bytes(range(1, 9))


@dataclasses.dataclass(frozen=True)
class Frame:
    """One thing that a party sends. Of several variants, only what happens to all is an answer.
    `asks`: the address that phy may have to ask for before it can send this on."""
    name: str
    sender: str
    variants: tuple
    asks: str = None

    def mark(self, variant):
        return hashlib.sha256(f"{self.name}#{variant}".encode()).digest()[:raw.MARK_BYTES]

    def data(self):
        """The variants as bytes."""
        return [build(self.mark(number)) for number, build in enumerate(self.variants)]


@dataclasses.dataclass(frozen=True)
class Scenario:
    """`before` and `after` are arguments of ip; `after` brings back the state of set_up()."""
    name: str
    before: tuple
    after: tuple
    frames: tuple


@dataclasses.dataclass(frozen=True)
class Family:
    """An address family with who has which address."""
    name: str
    ethertype: int
    packet: object  # builder of packets: packet(src, dst, …)
    phy: str
    s1: str
    s2: str
    outside: str
    newcomer: str  # on the link of m0, has to be asked for
    nobody: str  # on the link of m0
    far: str  # behind the outside host
    unrouted: str
    prohibited: str
    peer: str  # see ANOTHER_ADDRESS
    local: str
    all_nodes: str
    groups: tuple  # that nobody joined

    def frame(self, dst_mac, src_mac, src, dst, **how):
        return ether(dst_mac, src_mac, self.ethertype, self.packet(src, dst, **how))

    def multicast(self, src_mac, src, group, **how):
        return self.frame(raw.group_mac(group), src_mac, src, group, **how)


V4 = Family("v4", raw.IPV4, ipv4, "10.0.0.1", "10.0.0.11", "10.0.0.12", "10.0.0.9", "10.0.0.77",
            "10.0.0.99", "192.0.2.9", "198.51.100.9", "203.0.113.9", "10.0.0.6", "10.0.0.5",
            "224.0.0.1", tuple(f"239.1.{n}.3" for n in range(1, TRIED_GROUPS + 1)))
V6 = Family("v6", raw.IPV6, ipv6, "fd00::1", "fd00::11", "fd00::12", "fd00::9", "fd00::77",
            "fd00::99", "fd99::9", "2001:db8::9", "fdbb::9", "fd00::6", "fd00::5",
            "ff02::1", tuple(f"ff05::{n}:1234" for n in range(1, TRIED_GROUPS + 1)))
FAMILIES = (V4, V6)


# --- set-up ---

def phy_network():
    """What of m0 does not survive its being down."""
    return (
        "addr replace 10.0.0.1/24 dev m0",
        "addr replace fd00::1/64 dev m0 nodad",
        f"addr replace {PHY_LINK_LOCAL}/64 dev m0 nodad",
        f"neigh replace {V4.outside} lladdr {OUTSIDE_MAC} dev m0 nud permanent",
        f"neigh replace {V6.outside} lladdr {OUTSIDE_MAC} dev m0 nud permanent",
        # Where phy would send what it does not give to the slaves themselves.
        *(f"neigh replace {getattr(family, slave)} lladdr {OTHER_MAC} dev m0 nud permanent"
          for family in FAMILIES for slave in (S1, S2)),
        f"route replace 192.0.2.0/24 via {V4.outside}",
        f"route replace fd99::/64 via {V6.outside}",
        "route replace prohibit 203.0.113.0/24",
        "route replace prohibit fdbb::/64",
    )


def slave_network(slave):
    return (f"-n {{{slave}}} addr replace {getattr(V4, slave)}/24 dev {slave}",
            f"-n {{{slave}}} addr replace {getattr(V6, slave)}/64 dev {slave} nodad")


def links(mode, flags):
    """Makes the links. {wire}, {s1} and {s2} are network namespaces; m0 stays where the commands
    run."""
    yield f"link add m0 address {PHY_MAC} type veth peer name w0 address {OUTSIDE_MAC}"
    yield "link set m0 addrgenmode none"
    yield "link set w0 addrgenmode none"
    for slave in (S1, S2):
        yield f"link add {slave} link m0 type ipvlan mode {mode} {flags}"
        yield f"link set {slave} addrgenmode none"


def network():
    """Brings everything up, wherever it is now."""
    for party in (WIRE, S1, S2):
        yield f"link set {INTERFACES[party]} netns {{{party}}}"
        yield f"-n {{{party}}} link set {INTERFACES[party]} up"
    yield "link set m0 up"
    yield from phy_network()
    for slave in (S1, S2):
        yield from slave_network(slave)


# --- frames ---

class Frames:
    """Collects frames with names of the form "FAMILY SENDER: what"."""

    def __init__(self, family, sender):
        self.prefix = f"{family.name} {sender}: "
        self.sender = sender
        self.frames = []

    def add(self, what, *variants, asks=None):
        self.frames.append(Frame(self.prefix + what, self.sender, variants, asks))


def cut_and_lying(family):
    """Changes to a packet that break it: what, and arguments of the builder or a size to cut at."""
    if family is V4:
        yield "cut in the IP header", {}, 14 + 10
        yield "total length beyond the frame", {"lies": {2: b"\x02\x00"}}, None
        yield "total length below the header", {"lies": {2: b"\x00\x10"}}, None
        yield "total length that leaves a trailer", {"lies": {2: b"\x00\x2c"}}, None
        yield "header length 4 words", {"lies": {0: b"\x44"}}, None
        yield "header length beyond the packet", {"lies": {0: b"\x4f"}}, 14 + 40
        yield "version 5", {"lies": {0: b"\x55"}}, None
        yield "version 6", {"lies": {0: b"\x65"}}, None
        yield "wrong checksum", {"lies": {10: b"\xbe\xef"}}, None
    else:
        yield "cut in the IP header", {}, 14 + 30
        yield "payload length beyond the frame", {"lies": {4: b"\x02\x00"}}, None
        yield "payload length that leaves a trailer", {"lies": {4: b"\x00\x18"}}, None
        yield "payload length 0", {"lies": {4: b"\x00\x00"}}, None
        yield "version 4", {"lies": {0: b"\x40"}}, None
        yield "version 7", {"lies": {0: b"\x70"}}, None


def fragments(family):
    """Arguments of the builder for the pieces of a packet, and for one whose others never come."""
    if family is V4:
        whole = {4: b"\x12\x34"}
        yield "first fragment", {"fragment": 0x2000, "lies": whole}
        yield "last fragment", {"fragment": 0x0004, "lies": whole}
        yield "lonely middle fragment", {"fragment": 0x2004}
    else:
        for what, number, offset, more in (("first fragment", 1, 0, 1), ("last fragment", 1, 32, 0),
                                           ("lonely middle fragment", 2, 32, 1)):
            yield what, {"protocol": 44, "body": raw.fragment6(raw.EXPERIMENT, number, offset,
                                                               more, payload())}


def odd_but_right(family):
    if family is V4:
        yield "TTL 1", {"ttl": 1}
        yield "TTL 0", {"ttl": 0}
        yield "options", {"options": bytes([1, 1, 1, 0])}
        yield "type of service", {"lies": {1: b"\xb8"}}
        yield "don't fragment", {"fragment": 0x4000}
    else:
        yield "hop limit 1", {"hops": 1}
        yield "hop limit 0", {"hops": 0}
        for what, protocol in (("hop-by-hop options", 0), ("destination options", 60)):
            yield what, {"protocol": protocol,
                         "body": raw.options6(raw.EXPERIMENT, payload())}


def bent_packets(family, sender, dst_mac, src_mac, src, dst, to):
    """Frames from one to another that hardly look like an ordinary packet."""
    frames = Frames(family, sender)
    for what, how in (*odd_but_right(family), *fragments(family)):
        frames.add(f"{what}, to {to}", family.frame(dst_mac, src_mac, src, dst, **how))
    for what, how, size in cut_and_lying(family):
        frame = family.frame(dst_mac, src_mac, src, dst, **how)
        frames.add(f"{what}, to {to}", cut(frame, size) if size else frame)
    plain = family.frame(dst_mac, src_mac, src, dst)
    frames.add(f"trailer, to {to}", followed(plain, TRAILER))
    frames.add(f"VLAN 5, to {to}", tagged(plain, 5))
    frames.add(f"VLAN 0, to {to}", tagged(plain, 0))
    frames.add(f"802.1ad VLAN 5, to {to}", tagged(plain, 5, raw.QINQ))
    return frames.frames


def from_wire(family):
    add = (frames := Frames(family, WIRE)).add
    src = (OUTSIDE_MAC, family.outside)
    for party in (PHY, S1, S2):
        address = getattr(family, party)
        add(f"to {party}", family.frame(PHY_MAC, *src, address))
        add(f"to {party}, wrong MAC", family.frame(OTHER_MAC, *src, address))
        add(f"to {party}, broadcast MAC", family.frame(raw.BROADCAST, *src, address))
        add(f"to {party}, multicast MAC",
            family.frame(raw.group_mac(family.all_nodes), *src, address))
    add("to nobody", family.frame(PHY_MAC, *src, family.nobody))
    add("to nobody, wrong MAC", family.frame(OTHER_MAC, *src, family.nobody))
    add("to far away", family.frame(PHY_MAC, *src, family.far))
    add("multicast", family.multicast(*src, family.all_nodes))
    add("group that nobody joined", *(family.multicast(*src, group) for group in family.groups))
    add("group as unicast", family.frame(PHY_MAC, *src, family.all_nodes))
    add("nothing but the Ethernet header", cut(family.frame(PHY_MAC, *src, family.s2), 14))
    add("reflected: MAC of phy, to s2", family.frame(PHY_MAC, PHY_MAC, family.outside, family.s2))
    add("reflected: MAC of phy, s1 to s2", family.frame(PHY_MAC, PHY_MAC, family.s1, family.s2))
    add("reflected broadcast of s1", family.frame(raw.BROADCAST, PHY_MAC, family.s1, family.s2))
    add("reflected multicast of s1", family.multicast(PHY_MAC, family.s1, family.all_nodes))
    add("broadcast with the MAC of phy",
        family.frame(raw.BROADCAST, PHY_MAC, family.outside, family.s2))
    add("multicast with the MAC of phy",
        family.multicast(PHY_MAC, family.outside, family.all_nodes))
    add("spoofed as s1, to s2", family.frame(PHY_MAC, OUTSIDE_MAC, family.s1, family.s2))
    add("spoofed as s2, to s2", family.frame(PHY_MAC, OUTSIDE_MAC, family.s2, family.s2))
    add("spoofed as phy, to s2", family.frame(PHY_MAC, OUTSIDE_MAC, family.phy, family.s2))
    add("spoofed as s1, multicast", family.multicast(OUTSIDE_MAC, family.s1, family.all_nodes))
    return frames.frames + bent_packets(family, WIRE, PHY_MAC, *src, family.s2, S2)


def from_slave(family):
    add = (frames := Frames(family, S1)).add
    src = (PHY_MAC, family.s1)
    for to, address in ((S1, family.s1), (S2, family.s2), (PHY, family.phy),
                        ("outside", family.outside), ("far away", family.far),
                        ("a group", family.all_nodes)):
        add(f"to {to}", family.frame(PHY_MAC, *src, address))
        add(f"to {to}, MAC of outside", family.frame(OUTSIDE_MAC, *src, address))
    for to, address in (("nobody", family.nobody), ("nowhere", family.unrouted),
                        ("where it is prohibited", family.prohibited)):
        add(f"to {to}", family.frame(PHY_MAC, *src, address), asks=address)
    for to in (S2, "outside"):
        address = getattr(family, to)
        add(f"to {to}, wrong MAC", family.frame(OTHER_MAC, *src, address))
        add(f"to {to}, broadcast MAC", family.frame(raw.BROADCAST, *src, address))
        add(f"to {to}, other MAC in both places",
            family.frame(OTHER_MAC, OTHER_MAC, family.s1, address))
        add(f"to {to}, spoofed MAC", family.frame(PHY_MAC, OTHER_MAC, family.s1, address))
        add(f"to {to}, spoofed MAC, MAC of outside",
            family.frame(OUTSIDE_MAC, OTHER_MAC, family.s1, address))
        for whose in ("s2", "phy", "nobody", "far"):
            add(f"to {to}, spoofed as {whose}",
                family.frame(PHY_MAC, PHY_MAC, getattr(family, whose), address))
    add("multicast", family.multicast(*src, family.all_nodes))
    add("nothing but the Ethernet header", cut(family.frame(PHY_MAC, *src, family.s2), 14))
    add("multicast spoofed as s2", family.multicast(PHY_MAC, family.s2, family.all_nodes))
    add("group that nobody joined", *(family.multicast(*src, group) for group in family.groups))
    return (frames.frames + bent_packets(family, S1, PHY_MAC, *src, family.s2, S2) +
            bent_packets(family, S1, PHY_MAC, *src, family.outside, "outside"))


def from_phy(family):
    add = (frames := Frames(family, PHY)).add
    src = (PHY_MAC, family.phy)
    add("to outside", family.frame(OUTSIDE_MAC, *src, family.outside))
    add("to s2", family.frame(PHY_MAC, *src, family.s2))
    add("multicast", family.multicast(*src, family.all_nodes))
    return frames.frames


def broadcasts4(sender, mac, address):
    add = (frames := Frames(V4, sender)).add
    for where, target in (("everywhere", "255.255.255.255"), ("on the link", "10.0.0.255")):
        add(f"broadcast {where}", V4.frame(raw.BROADCAST, mac, address, target))
        add(f"broadcast {where} as unicast", V4.frame(PHY_MAC, mac, address, target))
    return frames.frames


def arps(sender, mac, address):
    add = (frames := Frames(V4, sender)).add

    def frame(dst, operation, sender_ip, target_mac, target, **how):
        return ether(dst, mac, raw.ARP, arp(operation, mac, sender_ip, target_mac, target, **how))

    for whom in ("phy", "s1", "s2", "outside", "nobody"):
        target = getattr(V4, whom)
        add(f"ARP request for {whom}", frame(raw.BROADCAST, raw.REQUEST, address, NO_MAC, target))
    for dst, what in ((PHY_MAC, ""), (OTHER_MAC, ", wrong MAC"), (OUTSIDE_MAC, ", MAC of outside")):
        add(f"ARP request for s2 to one{what}", frame(dst, raw.REQUEST, address, NO_MAC, V4.s2))
        add(f"ARP reply to s2{what}", frame(dst, raw.REPLY, address, PHY_MAC, V4.s2))
        add(f"ARP reply to outside{what}", frame(dst, raw.REPLY, address, OUTSIDE_MAC, V4.outside))
    add("ARP probe for s2", frame(raw.BROADCAST, raw.REQUEST, "0.0.0.0", NO_MAC, V4.s2))
    add("ARP announcement", frame(raw.BROADCAST, raw.REQUEST, address, NO_MAC, address))
    add("ARP announcement of s2's address",
        frame(raw.BROADCAST, raw.REQUEST, V4.s2, NO_MAC, V4.s2))
    add("cut ARP for s2", cut(frame(PHY_MAC, raw.REQUEST, address, NO_MAC, V4.s2), 14 + 26))
    add("ARP for s2 of another hardware",
        frame(PHY_MAC, raw.REQUEST, address, NO_MAC, V4.s2, lies={0: b"\x00\x06"}))
    add("ARP for s2 with long MACs",
        frame(PHY_MAC, raw.REQUEST, address, NO_MAC, V4.s2, lies={4: b"\x08"}))
    add("ARP for s2 of another protocol",
        frame(PHY_MAC, raw.REQUEST, address, NO_MAC, V4.s2, lies={2: b"\x12\x34"}))
    add("ARP for s2 in VLAN 5",
        tagged(frame(PHY_MAC, raw.REQUEST, address, NO_MAC, V4.s2), 5))
    return frames.frames


def discoveries(sender, mac, address):
    add = (frames := Frames(V6, sender)).add

    def to_group(group, src, kind, **how):
        return ether(raw.group_mac(group), mac, raw.IPV6, discovery(src, group, kind, **how))

    def to_one(dst_mac, dst, kind, src=address, **how):
        return ether(dst_mac, mac, raw.IPV6, discovery(src, dst, kind, **how))

    mine = {"option": (raw.SOURCE_ADDRESS, mac)}
    for whom in ("phy", "s1", "s2", "outside", "nobody"):
        target = getattr(V6, whom)
        group = raw.solicited_node(target)
        add(f"NS for {whom}", to_group(group, address, raw.SOLICITATION, target=target, **mine))
        add(f"DAD for {whom}", to_group(group, "::", raw.SOLICITATION, target=target))
    for dst_mac, what in ((PHY_MAC, ""), (OTHER_MAC, ", wrong MAC"),
                          (OUTSIDE_MAC, ", MAC of outside")):
        add(f"NS to s2{what}", to_one(dst_mac, V6.s2, raw.SOLICITATION, target=V6.s2, **mine))
        add(f"NA to s2{what}", to_one(dst_mac, V6.s2, raw.ADVERTISEMENT, target=address, flags=0x60,
                                      option=(raw.TARGET_ADDRESS, mac)))
        add(f"NA to outside{what}",
            to_one(dst_mac, V6.outside, raw.ADVERTISEMENT, target=address, flags=0x60,
                   option=(raw.TARGET_ADDRESS, mac)))
    add("DAD for s2 as unicast", to_one(PHY_MAC, V6.s2, raw.SOLICITATION, src="::", target=V6.s2))
    add("DAD for s2 as unicast to phy",
        to_one(PHY_MAC, V6.phy, raw.SOLICITATION, src="::", target=V6.s2))
    add("DAD as unicast, cut in the target",
        V6.frame(PHY_MAC, mac, "::", V6.s2, protocol=raw.ICMPV6,
                 body=lambda mark: bytes([raw.SOLICITATION] + [0] * 7) + mark))
    add("NA to all nodes", to_group("ff02::1", address, raw.ADVERTISEMENT, target=address,
                                    flags=0x20, option=(raw.TARGET_ADDRESS, mac)))
    add("NA of s2's address to all nodes",
        to_group("ff02::1", V6.s2, raw.ADVERTISEMENT, target=V6.s2, flags=0x20,
                 option=(raw.TARGET_ADDRESS, mac)))
    add("RS", to_group("ff02::2", address, raw.ROUTER_SOLICITATION, **mine))
    add("RS from nowhere", to_group("ff02::2", "::", raw.ROUTER_SOLICITATION))
    add("RS from nowhere as unicast to s2",
        to_one(PHY_MAC, V6.s2, raw.ROUTER_SOLICITATION, src="::"))
    add("NS for s2 in VLAN 5", tagged(to_group(raw.solicited_node(V6.s2), address, raw.SOLICITATION,
                                               target=V6.s2, **mine), 5))
    return frames.frames


def not_ip(sender, mac):
    """Neither family: these run with both."""
    add = (frames := Frames(V4, sender)).add
    for dst, what in ((PHY_MAC, "to phy"), (OUTSIDE_MAC, "to outside"), (OTHER_MAC, "to nobody"),
                      (raw.BROADCAST, "to all")):
        add(f"unknown ethertype {what}", ether(dst, mac, raw.UNKNOWN, payload(46)))
    bridges = [f"01:80:c2:00:00:0{digit}" for digit in "23ef"]
    add("unknown ethertype to bridges",
        *(ether(dst, mac, raw.UNKNOWN, payload(46)) for dst in bridges))
    add("PAUSE", ether("01:80:c2:00:00:01", mac, raw.PAUSE, followed(payload(8), bytes(38))))
    add("IEEE 802.2", *(ether(dst, mac, 43, lambda mark: b"\x42\x42\x03" + payload(40)(mark))
                        for dst in bridges))
    return frames.frames


def asked_for(family):
    """phy has to ask for the next hop; the answer lets go what waited."""
    frames = Frames(family, S1)
    frames.add("to a newcomer", family.frame(PHY_MAC, PHY_MAC, family.s1, family.newcomer),
               asks=family.newcomer)
    answer = Frames(family, WIRE)
    if family is V4:
        answer.add("ARP reply of the newcomer",
                   ether(PHY_MAC, OTHER_MAC, raw.ARP,
                         arp(raw.REPLY, OTHER_MAC, V4.newcomer, PHY_MAC, V4.phy)))
    else:
        answer.add("NA of the newcomer",
                   ether(PHY_MAC, OTHER_MAC, raw.IPV6,
                         discovery(V6.newcomer, V6.phy, raw.ADVERTISEMENT, target=V6.newcomer,
                                   flags=0x60, option=(raw.TARGET_ADDRESS, OTHER_MAC))))
    later = Frames(family, S1)
    later.add("to a newcomer once more",
              family.frame(PHY_MAC, PHY_MAC, family.s1, family.newcomer))
    return frames.frames + answer.frames + later.frames


def ordinary_frames():
    frames = []
    for family in FAMILIES:
        frames += from_wire(family) + from_slave(family) + from_phy(family)
    for sender, mac, own in ((WIRE, OUTSIDE_MAC, "outside"), (S1, PHY_MAC, "s1")):
        frames += broadcasts4(sender, mac, getattr(V4, own))
        frames += arps(sender, mac, getattr(V4, own))
        frames += discoveries(sender, mac, getattr(V6, own))
        frames += not_ip(sender, mac)
    return frames


def few_frames(prefix):
    """From everybody to everybody, and to groups."""
    frames = []
    for family in FAMILIES:
        wire, s1 = Frames(family, WIRE), Frames(family, S1)
        for whom in ("phy", "s1", "s2"):
            address = getattr(family, whom)
            wire.add(f"to {whom}", family.frame(PHY_MAC, OUTSIDE_MAC, family.outside, address))
            s1.add(f"to {whom}", family.frame(PHY_MAC, PHY_MAC, family.s1, address))
        s1.add("to outside", family.frame(OUTSIDE_MAC, PHY_MAC, family.s1, family.outside))
        for what, groups in (("multicast", (family.all_nodes,)),
                             ("group that nobody joined", family.groups)):
            wire.add(what, *(family.multicast(OUTSIDE_MAC, family.outside, group)
                             for group in groups))
            s1.add(what, *(family.multicast(PHY_MAC, family.s1, group) for group in groups))
        frames += wire.frames + s1.frames
    return tuple(dataclasses.replace(frame, name=f"{prefix}: {frame.name}") for frame in frames)


def addressed_frames(prefix):
    """To s2's ordinary addresses and to those of ANOTHER_ADDRESS."""
    frames = []
    for family in FAMILIES:
        for sender, mac, own in ((WIRE, OUTSIDE_MAC, family.outside), (S1, PHY_MAC, family.s1)):
            add = (some := Frames(family, sender)).add
            for what in ("s2", "local", "peer"):
                add(f"to {what}", family.frame(PHY_MAC, mac, own, getattr(family, what)))
            frames += some.frames
    return tuple(dataclasses.replace(frame, name=f"{prefix}: {frame.name}") for frame in frames)


def large_frames(prefix):
    """At an MTU of 1300, at what it lets by because it may be a VLAN tag, and above."""
    frames = []
    for family in FAMILIES:
        header = 20 if family is V4 else 40
        for sender, mac, own in ((WIRE, OUTSIDE_MAC, family.outside), (S1, PHY_MAC, family.s1)):
            add = (some := Frames(family, sender)).add
            for size in (1300, 1304, 1305, 1500):
                body = payload(size - header)
                add(f"{size} bytes to s2",
                    family.frame(PHY_MAC, mac, own, family.s2, body=body))
                add(f"{size} bytes to all nodes",
                    family.multicast(mac, own, family.all_nodes, body=body))
            frames += some.frames
    return tuple(dataclasses.replace(frame, name=f"{prefix}: {frame.name}") for frame in frames)


def scenarios():
    two = f"-n {{{S2}}} "
    return (
        Scenario("all up", (), (), tuple(ordinary_frames())),
        *(Scenario(f"newcomer {family.name}", (), (), tuple(asked_for(family)))
          for family in FAMILIES),
        Scenario("s2 down", (two + "link set s2 down",),
                 (two + "link set s2 up", *slave_network(S2)), few_frames("s2 down")),
        Scenario("phy down", ("link set m0 down",), ("link set m0 up", *phy_network()),
                 few_frames("phy down")),
        Scenario("s2 allmulti", (two + "link set s2 allmulticast on",),
                 (two + "link set s2 allmulticast off",), few_frames("s2 allmulti")),
        Scenario("s2 promisc", (two + "link set s2 promisc on",),
                 (two + "link set s2 promisc off",), few_frames("s2 promisc")),
        # A slave answers for the other end of an address with one.
        Scenario("s2 with other addresses",
                 (two + "addr flush dev s2", two + "addr add 10.0.0.5 peer 10.0.0.6 dev s2",
                  two + "addr add fd00::5 peer fd00::6 dev s2 nodad"),
                 (two + "addr flush dev s2", *slave_network(S2)),
                 addressed_frames("s2 with other addresses")),
        Scenario("s2 with a small MTU", (two + "link set s2 mtu 1300",),
                 (two + "link set s2 mtu 1500",), large_frames("s2 with a small MTU")),
    )


# --- frames whose way is known, to know when all others have gone theirs ---

def scouts(mode, number):
    """Frames with the parties where they come out in any case, once everything is up. `number`
    tells one round of them from the next."""
    def scout(what, sender, frame, *parties):
        return Frame(f"scout {number} {what}", sender, (frame,)), parties

    for family in FAMILIES:
        outside = (OUTSIDE_MAC, family.outside)
        for party in (PHY, S1, S2):
            yield scout(f"{family.name} to {party}", WIRE,
                        family.frame(PHY_MAC, *outside, getattr(family, party)), party)
        for slave in (S1, S2):
            yield scout(f"{family.name} from {slave}", slave,
                        family.frame(OUTSIDE_MAC, PHY_MAC, getattr(family, slave), family.outside),
                        WIRE)
    if mode == "l2":
        for sender, mac, address, parties in ((WIRE, OUTSIDE_MAC, V4.outside, (PHY, S1, S2)),
                                              (S1, PHY_MAC, V4.s1, (WIRE, S2))):
            yield scout(f"of {sender} to all", sender,
                        V4.frame(raw.BROADCAST, mac, address, "255.255.255.255"), *parties)


def last_multicast(number):
    """Queued behind all other multicast of the lower device (in mode l2); comes out at one of the
    parties at least, whatever is down."""
    return Frame(f"last multicast {number}", S1,
                 (V4.frame(raw.BROADCAST, PHY_MAC, V4.s1, "255.255.255.255"),))
