# SPDX-License-Identifier: BSD-3-Clause
"""Ethernet frames byte by byte, right or wrong on purpose.

Every function returns a builder: called with a mark (eight bytes), it makes the frame that has the
mark in it, which tells the frame wherever it comes out:

    ether(PHY, WIRE, IPV4, ipv4("10.0.0.9", "10.0.0.1"))(b"12345678")
"""

import socket
import struct

IPV4, ARP, IPV6 = 0x0800, 0x0806, 0x86dd
VLAN, QINQ, PAUSE, UNKNOWN = 0x8100, 0x88a8, 0x8808, 0x88b5  # the last: for local experiments
EXPERIMENT = 253  # an IP protocol that nothing answers (RFC 3692)
ICMPV6 = 58
BROADCAST = "ff:ff:ff:ff:ff:ff"
MARK_BYTES = 8
# ARP and neighbour discovery
REQUEST, REPLY = 1, 2
ROUTER_SOLICITATION, ROUTER_ADVERTISEMENT, SOLICITATION, ADVERTISEMENT = 133, 134, 135, 136
SOURCE_ADDRESS, TARGET_ADDRESS = 1, 2


def mac_bytes(mac):
    return bytes.fromhex(mac.replace(":", ""))


def checksum(data):
    """The Internet checksum (RFC 1071)."""
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return struct.pack("!H", ~total & 0xffff)


def payload(size=32):
    return lambda mark: mark + bytes(size - len(mark))


# --- changes to what another builder makes ---

def cut(frame, size):
    """Only the first bytes."""
    return lambda mark: frame(mark)[:size]


def followed(frame, trailer):
    return lambda mark: frame(mark) + trailer


def tagged(frame, tci, tpid=VLAN):
    """With a VLAN tag behind the MAC addresses."""
    return lambda mark: frame(mark)[:12] + struct.pack("!HH", tpid, tci) + frame(mark)[12:]


def patch(data, changes):
    """`data` with other bytes at some offsets."""
    for offset, value in changes.items():
        data = data[:offset] + value + data[offset + len(value):]
    return data


# --- layers ---

def ether(dst, src, ethertype, body):
    header = mac_bytes(dst) + mac_bytes(src) + struct.pack("!H", ethertype)
    return lambda mark: header + body(mark)


def ipv4(src, dst, ttl=64, protocol=EXPERIMENT, options=b"", fragment=0, lies=None, body=payload()):
    """`fragment` is the 16-bit field of flags and offset; `lies` are bytes by offset in the header,
    of which only a lie about the checksum (offset 10) makes the checksum wrong."""
    def build(mark):
        content = body(mark)
        size = 20 + len(options)
        header = struct.pack("!BBHHHBBH4s4s", 0x40 | size // 4, 0, size + len(content),
                             int.from_bytes(mark[:2], "big"), fragment, ttl, protocol, 0,
                             socket.inet_aton(src), socket.inet_aton(dst)) + options
        header = patch(header, lies or {})
        if not lies or 10 not in lies:
            header = patch(header, {10: checksum(header)})
        return header + content
    return build


def ipv6(src, dst, hops=64, protocol=EXPERIMENT, lies=None, body=payload()):
    """`lies` are bytes by offset in the header."""
    def build(mark):
        content = body(mark)
        label = int.from_bytes(mark[:3], "big") & 0xfffff
        header = struct.pack("!IHBB16s16s", 6 << 28 | label, len(content), protocol, hops,
                             socket.inet_pton(socket.AF_INET6, src),
                             socket.inet_pton(socket.AF_INET6, dst))
        return patch(header, lies or {}) + content
    return build


def fragment6(protocol, number, offset, more, body):
    """An IPv6 fragment header (RFC 8200, 4.5); `number` of the packet, `offset` in bytes."""
    return lambda mark: struct.pack("!BBHI", protocol, 0, offset | more, number) + body(mark)


def options6(protocol, body):
    """An IPv6 header of hop-by-hop or destination options, padding only."""
    return lambda mark: struct.pack("!BBBB4x", protocol, 0, 1, 4) + body(mark)


def arp(operation, sender_mac, sender, target_mac, target, lies=None):
    """An ARP packet padded to the smallest frame of Ethernet, the mark in the padding."""
    def build(mark):
        packet = struct.pack("!HHBBH6s4s6s4s", 1, IPV4, 6, 4, operation,
                             mac_bytes(sender_mac), socket.inet_aton(sender),
                             mac_bytes(target_mac), socket.inet_aton(target))
        return patch(packet, lies or {}) + bytes(10) + mark
    return build


def discovery(src, dst, kind, target=None, flags=0, option=None):
    """An IPv6 neighbour discovery message. `option` is (type, MAC). The mark is in an option of
    an unknown type, which receivers ignore (RFC 4861, 4.6)."""
    def build(mark):
        message = struct.pack("!BBHI", kind, 0, 0, flags << 24)
        if kind == ROUTER_ADVERTISEMENT:
            message += bytes(8)  # lifetime 0: not a default router
        if target is not None:
            message += socket.inet_pton(socket.AF_INET6, target)
        if option is not None:
            message += struct.pack("!BB", option[0], 1) + mac_bytes(option[1])
        message += struct.pack("!BB6x", 253, 2) + mark
        pseudo = (socket.inet_pton(socket.AF_INET6, src) + socket.inet_pton(socket.AF_INET6, dst) +
                  struct.pack("!II", len(message), ICMPV6))
        message = patch(message, {2: checksum(pseudo + message)})
        return ipv6(src, dst, hops=255, protocol=ICMPV6, body=lambda _: message)(mark)
    return build


def group_mac(group):
    """The MAC address of a multicast group (RFC 1112, RFC 2464)."""
    if ":" in group:
        address = socket.inet_pton(socket.AF_INET6, group)[-4:]
        prefix = b"\x33\x33"
    else:
        low = int.from_bytes(socket.inet_aton(group), "big") & 0x7fffff
        address = low.to_bytes(3, "big")
        prefix = b"\x01\x00\x5e"
    return (prefix + address).hex(":")


def solicited_node(address):
    """The group in which the owner of an address is asked (RFC 4291, 2.7.1)."""
    low = socket.inet_pton(socket.AF_INET6, address)[-3:]
    return socket.inet_ntop(socket.AF_INET6, bytes.fromhex("ff0200000000000000000001ff") + low)
