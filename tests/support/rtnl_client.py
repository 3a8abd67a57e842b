# SPDX-License-Identifier: BSD-3-Clause
"""A client of rtnl.sock that sends whatever bytes a test wants (control/protocol.h)."""

import os
import select
import socket
import struct

NLM_F_REQUEST, NLM_F_MULTI, NLM_F_ACK, NLM_F_DUMP = 1, 2, 4, 0x300
NLM_F_EXCL, NLM_F_CREATE = 0x200, 0x400
NLMSG_ERROR, NLMSG_DONE = 2, 3
RTM_NEWLINK, RTM_DELLINK, RTM_GETLINK = 16, 17, 18
IFLA_IFNAME, IFLA_MTU, IFLA_LINKINFO = 3, 4, 18
MSG_OPTION, MSG_HELLO = 14, 15
MSG_ATTACH, MSG_DETACH, MSG_SHOW, MSG_WORKERS = 0x7600, 0x7601, 0x7602, 0x7603
_HEADER = struct.Struct("=IHHII")
_SO_SNDBUFFORCE = 32


def message(kind, flags=NLM_F_REQUEST | NLM_F_ACK, payload=b"", seq=1, length=None):
    length = _HEADER.size + len(payload) if length is None else length
    return _HEADER.pack(length, kind, flags, seq, 0) + payload


def attribute(kind, value=b""):
    if isinstance(value, str):
        value = value.encode() + b"\0"
    padding = b"\0" * (-len(value) % 4)
    return struct.pack("=HH", 4 + len(value), kind) + value + padding


def attributes(data):
    """The (type, payload) of every attribute, up to the first malformed one."""
    while len(data) >= 4:
        length, kind = struct.unpack_from("=HH", data)
        if length < 4 or length > len(data):
            return
        yield kind & 0x3fff, data[4:length]
        data = data[(length + 3) & ~3:]


def link_header(index=0, flags=0, change=0):
    return struct.pack("=BxHiII", 0, 0, index, flags, change)


def new_veth(name, peer):
    """RTM_NEWLINK of a pair, as ip sends it."""
    peer_info = link_header() + attribute(IFLA_IFNAME, peer)
    info = attribute(1, b"veth") + attribute(2, attribute(1, peer_info))
    return message(RTM_NEWLINK, NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL,
                   link_header() + attribute(IFLA_IFNAME, name) + attribute(IFLA_LINKINFO, info))


def del_link(name):
    return message(RTM_DELLINK, payload=link_header() + attribute(IFLA_IFNAME, name))


def dump_links():
    return message(RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP, link_header())


def split(datagram):
    """The (type, flags, payload) of every message in a datagram."""
    messages, offset = [], 0
    while offset + _HEADER.size <= len(datagram):
        length, kind, flags, _, _ = _HEADER.unpack_from(datagram, offset)
        assert _HEADER.size <= length <= len(datagram) - offset, "malformed answer"
        messages.append((kind, flags, datagram[offset + _HEADER.size:offset + length]))
        offset += (length + 3) & ~3
    return messages


class RtnlClient:
    def __init__(self, run_dir, hello=True, timeout=10):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.setsockopt(socket.SOL_SOCKET, _SO_SNDBUFFORCE, 16 << 20)
        self.socket.settimeout(timeout)
        self.timeout = timeout
        self.socket.connect(str(run_dir / "rtnl.sock"))
        self.barrier = None
        if hello:
            self.say_hello()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()
        if self.barrier is not None:
            os.close(self.barrier)
            self.barrier = None

    def say_hello(self):
        self.barrier = os.eventfd(0, os.EFD_CLOEXEC)
        netns = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            self.send_with_fds(self.hello_message(), [self.barrier, netns])
        finally:
            os.close(netns)
        self.wait()

    @staticmethod
    def hello_message(port_id=None):
        return message(MSG_HELLO, 0, struct.pack("=II", 1, os.getpid() if port_id is None
                                                 else port_id))

    def send(self, datagram):
        self.socket.send(datagram)

    def send_with_fds(self, datagram, fds):
        socket.send_fds(self.socket, [datagram], fds)

    def wait(self):
        """Until all that was sent has been executed, or at least one datagram more."""
        poll = select.poll()
        poll.register(self.barrier, select.POLLIN)
        poll.register(self.socket, 0)  # hang-ups are always told
        ready = dict(poll.poll(self.timeout * 1000))
        if self.barrier in ready:
            os.eventfd_read(self.barrier)
        elif ready:
            raise ConnectionResetError("the server hung up")
        else:
            raise TimeoutError("a request was not executed in time")

    def option(self, option, value):
        self.send(message(MSG_OPTION, 0, struct.pack("=II", option, value)))
        self.wait()

    def receive(self):
        return split(self.socket.recv(1 << 20))

    def drain(self):
        """Throws away what has arrived."""
        self.socket.setblocking(False)  # a timeout would make recv wait whatever its flags say
        try:
            while self.socket.recv(1):
                pass
        except BlockingIOError:
            self.socket.settimeout(self.timeout)

    def request(self, datagram):
        """Sends one request and returns the errno of its answer, 0 for success."""
        self.send(datagram)
        while True:
            for kind, _, payload in self.receive():
                if kind == NLMSG_ERROR:
                    return -struct.unpack_from("=i", payload)[0]

    def dump(self):
        """The links of a dump, as raw payloads."""
        self.send(dump_links())
        links = []
        while True:
            for kind, flags, payload in self.receive():
                assert flags & NLM_F_MULTI
                if kind == NLMSG_DONE:
                    return links
                links.append(payload)

    def closed_by_server(self):
        """True when the server hung up, after what it still sent was read."""
        try:
            while self.socket.recv(1 << 20):
                pass
            return True
        except ConnectionError:
            return True
        except TimeoutError:
            return False
