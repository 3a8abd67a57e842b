#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Sends one raw datagram on a NETLINK_ROUTE socket and prints one line per reply message.

Needs nothing but the standard library, and only socket calls that libvswitch-ip.so intercepts."""

import argparse
import socket
import struct
import sys

SOL_NETLINK = 270
NETLINK_CAP_ACK = 10
NETLINK_EXT_ACK = 11
NETLINK_GET_STRICT_CHK = 12

NLMSG_ERROR = 2
NLMSG_DONE = 3
NAMES = {NLMSG_ERROR: "ERROR", NLMSG_DONE: "DONE", 16: "NEWLINK", 17: "DELLINK"}

NLM_F_CAPPED = 0x100
NLM_F_ACK_TLVS = 0x200
TYPE_MASK = 0x3FFF

ATTR_MSG = 1
ATTR_OFFS = 2
ATTR_POLICY = 4
IFLA_IFNAME = 3

HEADER = struct.Struct("=IHHII")  # nlmsghdr
IFINFO = struct.Struct("=BxHiII")  # ifinfomsg

# How long to wait for the next reply. The kernel and vswitch have queued all that a request causes
# by the time send() returns; the wait is for what they queue later, such as a slow dump.
TIMEOUT_S = 0.3


def align(length):
    return (length + 3) & ~3


def attributes(data):
    """Pairs (type, payload), up to the first malformed one."""
    while len(data) >= 4:
        length, kind = struct.unpack_from("=HH", data)
        if length < 4 or length > len(data):
            return
        yield kind & TYPE_MASK, data[4:length]
        data = data[align(length):]


def text(value):
    return value.split(b"\0")[0].decode(errors="backslashreplace")


def extack(data):
    """What NETLINK_EXT_ACK adds to an error, as words of the line."""
    words = []
    for kind, value in attributes(data):
        if kind == ATTR_MSG:
            words.append(f'msg="{text(value)}"')
        elif kind == ATTR_OFFS:
            words.append(f"offs={struct.unpack('=I', value)[0]}")
        elif kind == ATTR_POLICY:
            words.append(f"policy({len(value)})")
    return words


def describe_error(payload, flags):
    words = [f"error={struct.unpack_from('=i', payload)[0]}"]
    if flags & NLM_F_ACK_TLVS:
        echoed = HEADER.size if flags & NLM_F_CAPPED else struct.unpack_from("=I", payload, 4)[0]
        words += extack(payload[4 + align(echoed):])
    return words


def describe_done(payload, flags):
    words = [f"done={struct.unpack_from('=i', payload)[0]}"]
    return words + (extack(payload[4:]) if flags & NLM_F_ACK_TLVS else [])


def describe_link(payload):
    _, kind, index, _, _ = IFINFO.unpack_from(payload)
    names = dict(attributes(payload[IFINFO.size:]))
    return [f"idx={index}", f"type={kind}", f"name={text(names.get(IFLA_IFNAME, b''))}"]


def describe(message):
    length, kind, flags, seq, _ = HEADER.unpack_from(message)
    payload = message[HEADER.size:]
    words = [NAMES.get(kind, f"TYPE{kind}"), f"len={length}", f"flags={flags:#x}", f"seq={seq}"]
    if kind == NLMSG_ERROR:
        words += describe_error(payload, flags)
    elif kind == NLMSG_DONE:
        words += describe_done(payload, flags)
    elif kind in NAMES:
        words += describe_link(payload)
    return " ".join(words)


def messages(datagram):
    while len(datagram) >= HEADER.size:
        length = HEADER.unpack_from(datagram)[0]
        if length < HEADER.size or length > len(datagram):
            sys.exit(f"nlraw: a reply of {len(datagram)} bytes claims to be {length} long")
        yield datagram[:length]
        datagram = datagram[align(length):]


def replies(sock):
    """Every reply message until nothing comes for a while."""
    sock.settimeout(TIMEOUT_S)
    while True:
        try:
            datagram = sock.recv(1 << 20)
        except TimeoutError:
            return
        if not datagram:
            sys.exit("nlraw: the far end closed the socket")
        yield from messages(datagram)


def open_socket(options):
    sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
    for name, wanted in ((NETLINK_EXT_ACK, not options.no_extack),
                         (NETLINK_CAP_ACK, options.cap_ack),
                         (NETLINK_GET_STRICT_CHK, options.strict)):
        if wanted:
            sock.setsockopt(SOL_NETLINK, name, 1)
    sock.bind((0, 0))
    return sock


def parse_options():
    parser = argparse.ArgumentParser(prog="nlraw", description=__doc__)
    parser.add_argument("-S", dest="strict", action="store_true",
                        help="set NETLINK_GET_STRICT_CHK")
    parser.add_argument("-C", dest="cap_ack", action="store_true", help="set NETLINK_CAP_ACK")
    parser.add_argument("-n", dest="no_extack", action="store_true",
                        help="leave NETLINK_EXT_ACK off")
    parser.add_argument("datagram", metavar="HEX", type=bytes.fromhex)
    return parser.parse_args()


def main():
    options = parse_options()
    with open_socket(options) as sock:
        sock.send(options.datagram)
        lines = [describe(message) for message in replies(sock)]
    print("\n".join(lines or ["no reply"]))


if __name__ == "__main__":
    main()
