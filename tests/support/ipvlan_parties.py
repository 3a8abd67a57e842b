# SPDX-License-Identifier: BSD-3-Clause
"""Sends the frames of ipvlan_scenarios and says where they came out; in a guest's kernel and on the
host in the same way. It needs nothing but Python's standard library.

An answer is a list of what happened to a frame, sorted, each entry one of
    "PARTY TYPE"            came out there, byte for byte as it was sent
    "PARTY TYPE untagged"   came out without its VLAN tag (a kernel takes it off for its stack)
    "PARTY TYPE l2 HEX"     came out with this Ethernet header instead
    "PARTY TYPE HEX"        came out as these bytes, which differ in more than that
    "wire asks HEX"         what phy asks for the next hop
    "sender ERROR"          the sender was told
with the type a kernel gives a frame: host, broadcast, multicast or otherhost.
"""

import collections
import ctypes
import errno
import os
import select
import socket
import struct
import time

from support.ipvlan_scenarios import (PHY, PHY_LINK_LOCAL, PHY_MAC, S2, V4, WIRE, last_multicast,
                                      scouts)
from support.raw_frames import (ARP, ICMPV6, IPV4, IPV6, MARK_BYTES, REQUEST, SOLICITATION,
                                mac_bytes)

# Socket protocols that are no ethertype: ETH_P_ALL, ETH_P_802_2.
EVERYTHING = 3
IEEE_802_2 = 4
_SMALLEST_ETHERTYPE = 0x600  # what is less is a length
_SOL_PACKET, _PACKET_AUXDATA, _PACKET_IGNORE_OUTGOING = 263, 8, 23
_VLAN_VALID = 0x10
_TYPES = {0: "host", 1: "broadcast", 2: "multicast", 3: "otherhost"}
_CLONE_NEWNET = 0x40000000
_PATIENCE = 60  # seconds for what is sure to happen
_AT_ONCE = 50  # frames: a tap holds 500, the queue for multicast 1000

_libc = ctypes.CDLL(None, use_errno=True)


def in_netns(name, function):
    """Runs the function in a named network namespace, or here when the name is None."""
    if name is None:
        return function()
    here = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    there = os.open(f"/run/netns/{name}", os.O_RDONLY)
    try:
        _enter(there)
        try:
            return function()
        finally:
            _enter(here)
    finally:
        os.close(here)
        os.close(there)


def _enter(namespace):
    if _libc.setns(namespace, _CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


class Mouth:
    """Where a party sends."""

    def __init__(self, interface, netns=None):
        self.socket = in_netns(netns, lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0))
        self._interface = interface
        self.sent = 0  # without errors

    def send(self, data):
        """Returns None, or the name of the error. The kernel is told the ethertype as by its own
        stack: on an ipvlan device it does not look for it in the frame."""
        ethertype = int.from_bytes(data[12:14], "big")
        if ethertype < _SMALLEST_ETHERTYPE:
            ethertype = IEEE_802_2
        try:
            self.socket.sendto(data, (self._interface, ethertype))
        except OSError as error:
            return errno.errorcode[error.errno]
        self.sent += 1
        return None


class Ear:
    """Hears what arrives at a party: on one interface, or wherever in a namespace a stack gets
    packets of an ethertype from."""

    def __init__(self, party, ethertype=EVERYTHING, interface=None, netns=None):
        self.party = party
        self.socket = in_netns(netns, lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW,
                                                            socket.htons(ethertype)))
        if interface:
            self.socket.bind((interface, ethertype))
        self.socket.setsockopt(_SOL_PACKET, _PACKET_AUXDATA, 1)
        if ethertype == EVERYTHING:
            self.socket.setsockopt(_SOL_PACKET, _PACKET_IGNORE_OUTGOING, 1)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.socket.setblocking(False)

    def fileno(self):
        return self.socket.fileno()

    def hear(self):
        """Yields (type, frame) of all that is there."""
        while True:
            try:
                data, ancillary, _, address = self.socket.recvmsg(4096, 64)
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno == errno.ENETDOWN:  # said once, when the interface goes down
                    continue
                raise
            if address[2] == socket.PACKET_OUTGOING:  # from before the option was set
                continue
            for level, kind, value in ancillary:
                if (level, kind) == (_SOL_PACKET, _PACKET_AUXDATA):
                    data = _with_tag(data, value)
            if address[0] == "lo":
                # Only inside a kernel: whoever stands behind phy gets a frame with its MAC.
                data = mac_bytes(PHY_MAC) * 2 + data[12:]
            yield _TYPES[address[2]], data


def _with_tag(data, auxdata):
    """The frame with the VLAN tag that the kernel keeps beside it (struct tpacket_auxdata)."""
    status, tci, tpid = struct.unpack_from("=I12xHH", auxdata)
    return data[:12] + struct.pack("!HH", tpid, tci) + data[12:] if status & _VLAN_VALID else data


class Stack:
    """Learns which packets the IP layer of a namespace takes for its own. That it listens also
    keeps the stack from refusing them aloud."""

    def __init__(self, party, family, protocol, netns=None):
        self.party = party
        self.socket = in_netns(netns, lambda: socket.socket(family, socket.SOCK_RAW, protocol))
        self.socket.setblocking(False)

    def fileno(self):
        return self.socket.fileno()

    def take(self):
        while True:
            try:
                yield self.socket.recv(4096)
            except BlockingIOError:
                return


class Marks:
    """Finds the frame that some bytes belong to."""

    def __init__(self, frames):
        self._by_mark, self._whole = {}, {}
        for frame in frames:
            for variant, data in enumerate(frame.data()):
                mark = frame.mark(variant)
                if mark in data:
                    self._by_mark[mark] = (frame, variant)
                else:
                    assert data not in self._whole, f"{frame.name} is the same as another frame"
                    self._whole[data] = (frame, variant)

    def find_all(self, data):
        """(frame, variant) of each mark in the data."""
        if data in self._whole:
            return [self._whole[data]]
        return [self._by_mark[data[at:at + MARK_BYTES]]
                for at in range(len(data) - MARK_BYTES + 1)
                if data[at:at + MARK_BYTES] in self._by_mark]

    def find(self, data):
        found = self.find_all(data)
        return found[0] if found else None


class Runner:
    """Runs scenarios in a world that is set up. A world has
        mouths           by party
        ears, stacks     lists
        ip(arguments)    runs ip
        drain()          waits until the frames that were sent are on their way
    `mode` is that of the ipvlan port."""

    def __init__(self, world, mode):
        self._world = world
        self._mode = mode
        self._round = 0
        self._arrivals = []  # (party, type, frame)
        self._taken = []  # (party, packet)

    def wait_ready(self):
        """Until every scout arrives."""
        deadline = time.monotonic() + _PATIENCE
        while missing := self._scout(0.5):
            if time.monotonic() > deadline:
                raise TimeoutError(f"scouts did not arrive: {missing}")

    def run(self, scenario):
        """Returns the answers by name of the frame."""
        self._arrivals, self._taken = [], []
        for command in scenario.before:
            self._world.ip(command)
        refused = self._send_all(scenario.frames)
        self._flush()
        for command in scenario.after:
            self._world.ip(command)
        if missing := self._scout(_PATIENCE):
            raise TimeoutError(f"scouts did not arrive after {scenario.name}: {missing}")
        return self._answers(scenario.frames, refused)

    def _send_all(self, frames):
        """Returns what the senders were told, by (frame, variant)."""
        refused = {}
        for number, frame in enumerate(frames, 1):
            for variant, data in enumerate(frame.data()):
                refused[frame.name, variant] = self._world.mouths[frame.sender].send(data)
            self._listen(0)
            # Nobody answers a question before it was asked.
            if frame.asks or number % _AT_ONCE == 0 or number == len(frames):
                self._world.drain()
        return refused

    def _flush(self):
        """Returns when the queue for multicast holds nothing any more that was sent before."""
        if self._mode != "l2":
            return
        self._round += 1
        frame = last_multicast(self._round)
        self._await([(frame, (S2, WIRE))], any)

    def _scout(self, patience):
        """Returns the scouts that did not arrive in time."""
        self._round += 1
        return self._await(list(scouts(self._mode, self._round)), all, patience)

    def _await(self, expected, enough, patience=_PATIENCE):
        """Sends frames, given with parties, until they came out at `enough` (all, any) of these.
        Returns the names of those that did not."""
        marks = Marks([frame for frame, _ in expected])
        for frame, _ in expected:
            self._world.mouths[frame.sender].send(frame.data()[0])
        deadline = time.monotonic() + patience
        while True:
            self._listen(0.05)
            seen = {(party, found[0].name) for party, _, _, found in self._located(marks) if found}
            missing = [frame.name for frame, parties in expected
                       if not enough((party, frame.name) in seen for party in parties)]
            if not missing or time.monotonic() > deadline:
                return missing

    def _listen(self, timeout):
        """Takes what has come."""
        ready, _, _ = select.select([*self._world.ears, *self._world.stacks], [], [], timeout)
        for one in ready:
            if isinstance(one, Stack):
                self._taken += [(one.party, packet) for packet in one.take()]
            else:
                self._arrivals += [(one.party, *heard) for heard in one.hear()]

    def _located(self, marks):
        """Yields what arrived as (party, type, bytes, (frame, variant) or None). In mode l3s a
        packet for a slave passes the IP layer of phy, where it is seen, and changes to the slave
        where only the slave's own IP layer sees it."""
        owners = {}
        if self._mode == "l3s":
            owners = {found: party for party, packet in self._taken if party != PHY
                      for found in marks.find_all(packet)}
        for party, kind, data in self._arrivals:
            found = marks.find(data)
            yield owners.get(found, party) if party == PHY else party, kind, data, found

    def _answers(self, frames, refused):
        answers = {key: [f"sender {error}"] if error else [] for key, error in refused.items()}
        questions = {frame.asks: frame for frame in frames if frame.asks}
        for party, kind, data, found in self._located(Marks(frames)):
            if found and not _is_error(data):
                frame, variant = found
                answers[frame.name, variant].append(
                    " ".join([party, kind, *_change(frame.data()[variant], data)]))
            elif party == WIRE and (frame := questions.get(_question(data))):
                entry = f"wire asks {data.hex()}"
                answers[frame.name, 0] = sorted({*answers[frame.name, 0], entry})
        return {frame.name: _common(answers[frame.name, variant]
                                    for variant in range(len(frame.variants)))
                for frame in frames}


def _common(answers):
    """What several answers have in common, sorted."""
    first, *others = map(collections.Counter, answers)
    for other in others:
        first &= other
    return sorted(first.elements())


def _change(sent, received):
    if received == sent:
        return []
    if received == sent[:12] + sent[16:]:
        return ["untagged"]
    if received[14:] == sent[14:]:
        return ["l2", received[:14].hex()]
    return [received.hex()]


def _is_error(data):
    """Whether this is an ICMP error, which quotes the packet that caused it."""
    ethertype = int.from_bytes(data[12:14], "big")
    if ethertype == IPV4 and len(data) > 34:
        return data[23] == socket.IPPROTO_ICMP and data[34] in (3, 11, 12)
    return ethertype == IPV6 and len(data) > 54 and data[20] == ICMPV6 and data[54] < 128


def _question(data):
    """The address that phy asks for with this frame, or None."""
    ethertype = int.from_bytes(data[12:14], "big")
    if data[6:12] != mac_bytes(PHY_MAC):
        return None
    if (ethertype == ARP and len(data) >= 42 and int.from_bytes(data[20:22], "big") == REQUEST and
            socket.inet_ntoa(data[28:32]) == V4.phy):
        return socket.inet_ntoa(data[38:42])
    if (ethertype == IPV6 and len(data) >= 78 and data[20] == ICMPV6 and
            data[54] == SOLICITATION and
            socket.inet_ntop(socket.AF_INET6, data[22:38]) == PHY_LINK_LOCAL):
        return socket.inet_ntop(socket.AF_INET6, data[62:78])
    return None
