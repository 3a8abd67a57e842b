# SPDX-License-Identifier: BSD-3-Clause
"""Whoever may open rtnl.sock may send anything; the process serves the others all the same."""

import os
import pathlib
import random
import resource
import socket
import struct
import subprocess
import time

import pytest

from support.children import wait_until
from support.rtnl_client import (IFLA_IFNAME, IFLA_MTU, MSG_ATTACH, MSG_DETACH, MSG_HELLO,
                                 MSG_OPTION, MSG_SHOW, MSG_WORKERS, NLM_F_ACK, NLM_F_DUMP,
                                 NLM_F_REQUEST, RTM_DELLINK, RTM_NEWLINK, RtnlClient, attribute,
                                 attributes, del_link, dump_links, link_header, message, new_veth)


@pytest.fixture
def guarded(vswitch):
    """A vswitch that must give every descriptor back and still work afterwards."""
    vswitch.add_veth("v0", "v1")
    before = len(os.listdir(f"/proc/{vswitch.pid}/fd"))
    yield vswitch
    assert set(vswitch.links()) == {"lo", "v0", "v1"}
    wait_until(lambda: len(os.listdir(f"/proc/{vswitch.pid}/fd")) <= before + 1, 10,
               "descriptors of clients that left are closed")


def assert_serves(vswitch, within=5):
    """Another client gets its answer in time."""
    assert "v0" in vswitch.ip("-o", "link", timeout=within).stdout


def memory_mib(vswitch):
    status = pathlib.Path(f"/proc/{vswitch.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) // 1024


def seeded():
    seed = int(os.environ.get("VSWITCH_CHAOS_SEED", 1))
    print(f"VSWITCH_CHAOS_SEED={seed}")
    return random.Random(seed)


def drain(client):
    """Reads what there is."""
    client.socket.setblocking(False)
    try:
        while client.socket.recv(1 << 20):
            pass
    except BlockingIOError:
        pass
    finally:
        client.socket.settimeout(10)


def survive(vswitch, datagrams):
    """Sends every datagram, by a new client whenever the server hangs up on the old."""
    client = RtnlClient(vswitch.run_dir)
    for datagram in datagrams:
        try:
            client.send(datagram)
            client.wait()
            drain(client)
        except ConnectionError:
            client.close()
            client = RtnlClient(vswitch.run_dir)
    client.close()


def test_random_bytes(guarded):
    chance = seeded()
    survive(guarded, (chance.randbytes(chance.choice([1, 15, 16, 17, 31, 200, 5000, 60000]))
                      for _ in range(2000)))
    assert_serves(guarded)


def test_descriptors_in_an_empty_datagram(guarded):
    for _ in range(5):
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as client:
            client.connect(str(guarded.run_dir / "rtnl.sock"))
            socket.send_fds(client, [b""], [client.fileno()] * 20)
    assert_serves(guarded)


def test_random_payloads(guarded):
    chance = seeded()
    kinds = [*range(0, 40), *range(0x75fe, 0x7608), 0xffff]
    survive(guarded, (message(chance.choice(kinds), chance.randrange(1 << 16),
                              chance.randbytes(chance.randrange(200)),
                              length=chance.choice([None, None, None, 0, 17, 4096, 0x80000000,
                                                    0xffffffff]))
                      for _ in range(3000)))
    assert_serves(guarded)


def test_damaged_requests(guarded):
    """Requests that are nearly right: a few bytes of a good one changed or cut off."""
    chance = seeded()
    good = [new_veth("h0", "h1"), del_link("h0"), dump_links(),
            message(RTM_NEWLINK, payload=link_header(0, 1, 1) + attribute(3, "h0")),
            message(MSG_ATTACH, payload=attribute(1, "h0") + attribute(2, "ring")),
            message(MSG_DETACH, payload=attribute(1, "h0")),
            message(MSG_SHOW, NLM_F_REQUEST | NLM_F_DUMP), message(MSG_WORKERS)]

    def damaged():
        data = bytearray(b"".join(chance.choice(good) for _ in range(chance.randrange(1, 4))))
        for _ in range(chance.randrange(4)):
            # Types and flags of the header stay, or most of it would never be looked at.
            data[chance.randrange(8, len(data))] = chance.choice([0, 1, 4, 0x7f, 0x80, 0xff])
        return bytes(data[:chance.choice([len(data), len(data), chance.randrange(1, len(data))])])

    protected = (b"v0\0", b"v1\0", b"lo\0")
    survive(guarded, (data for data in (damaged() for _ in range(4000))
                      if not any(name in data for name in protected)))
    # What came out of it may have any name: the bytes are legal as far as the kernel goes.
    guarded.show()
    delete_all_but(guarded, protected)


def delete_all_but(vswitch, names):
    """By index, through raw messages. `lo` may have got another name and is given its own."""
    with RtnlClient(vswitch.run_dir) as client:
        client.request(message(RTM_NEWLINK, payload=link_header(1, 0, 1)))
        client.request(message(RTM_NEWLINK, payload=link_header(1) + attribute(IFLA_IFNAME, "lo")))
        for index, name in link_names(client.dump()).items():
            if name not in names:
                client.request(message(RTM_DELLINK, payload=link_header(index)))


def link_names(links):
    """Names with their NUL by index."""
    return {struct.unpack_from("=i", link, 4)[0]:
            next(value for kind, value in attributes(link[16:]) if kind == IFLA_IFNAME)
            for link in links}


@pytest.mark.parametrize("name", [b"\xff\xfe", b'q"\\', b"\x01\x1b[2J", "\u00fc".encode()])
def test_names_of_any_bytes(guarded, name):
    """The kernel takes them; vsctl's JSON stays JSON."""
    with RtnlClient(guarded.run_dir) as client:
        assert client.request(new_veth(name, "peer")) == 0
        devices = guarded.show()
        assert devices["peer"]["link"] in devices
        assert "peer" in guarded.vsctl("show").stdout
        assert client.request(del_link("peer")) == 0


@pytest.mark.parametrize("size", [65536, 1 << 20, 4 << 20])
def test_oversized_datagrams(guarded, size):
    with RtnlClient(guarded.run_dir) as client:
        for first in (b"", new_veth("v0", "v1"), message(RTM_NEWLINK, length=size)):
            try:
                client.send(first + b"\0" * (size - len(first)))
            except OSError:
                client = RtnlClient(guarded.run_dir)
        assert_serves(guarded)
        client.close()


def test_thousands_of_requests_in_a_datagram(guarded):
    get = message(RTM_NEWLINK, payload=link_header(99999))
    with RtnlClient(guarded.run_dir) as client:
        client.send(get * 2000)
        client.wait()
        answers = 0
        while answers < 2000:
            answers += len(client.receive())
        assert client.request(get) == 19  # ENODEV


def test_hundreds_of_connections(guarded):
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(8192, hard), hard))
    clients = [RtnlClient(guarded.run_dir) for _ in range(300)]
    silent = [RtnlClient(guarded.run_dir, hello=False) for _ in range(300)]
    assert_serves(guarded)
    for client in clients[::2]:
        client.send(dump_links())
    assert_serves(guarded)
    for client in clients + silent:
        client.close()


def test_more_connections_than_descriptors(guarded):
    """When the process runs out of descriptors it refuses, and recovers."""
    subprocess.run(["prlimit", "--pid", str(guarded.pid), "--nofile=256:4096"], check=True)
    clients = []
    for _ in range(400):
        client = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        client.settimeout(0.2)
        try:
            client.connect(str(guarded.run_dir / "rtnl.sock"))
        except OSError:
            pass
        clients.append(client)
    for client in clients:
        client.close()
    wait_until(lambda: guarded.ip("link", check=False, timeout=20).returncode == 0, 20,
               "requests are served again")


def test_client_that_never_reads_its_dumps(guarded):
    before = memory_mib(guarded)
    with RtnlClient(guarded.run_dir, timeout=0.5) as client:
        try:
            for _ in range(100000):
                client.send(dump_links())
        except OSError:
            pass  # its queue is full, or the server hung up
        assert_serves(guarded)
        assert memory_mib(guarded) < before + 200
    assert_serves(guarded)


def test_member_that_never_reads_notifications(guarded):
    before = memory_mib(guarded)

    def set_mtu(mtu):
        return message(RTM_NEWLINK, NLM_F_REQUEST, link_header() + attribute(IFLA_IFNAME, "v0") +
                       attribute(IFLA_MTU, struct.pack("=I", mtu)))

    with RtnlClient(guarded.run_dir) as member, RtnlClient(guarded.run_dir) as other:
        member.option(0, 1)  # kGroups: RTNLGRP_LINK
        for _ in range(200):
            other.send((set_mtu(1400) + set_mtu(1500)) * 500)
            other.wait()
        # 200,000 notifications of more than a kilobyte each were due.
        assert memory_mib(guarded) < before + 100
        assert_serves(guarded)


def test_clients_that_leave_in_the_middle(guarded):
    for datagram in (new_veth("m0", "m1"), dump_links(), del_link("m0"), new_veth("m0", "m1")[:40],
                     message(MSG_SHOW, NLM_F_REQUEST | NLM_F_DUMP), del_link("m0")):
        for _ in range(20):
            client = RtnlClient(guarded.run_dir)
            client.send(datagram)
            client.close()
    guarded.ip("link", "del", "dev", "m0", check=False)


# --- descriptors ---


def test_barrier_that_is_full(guarded):
    """An eventfd whose counter is full, in blocking mode: whoever writes to it sleeps for ever."""
    barrier = os.eventfd(0, os.EFD_CLOEXEC)
    os.eventfd_write(barrier, (1 << 64) - 2)
    netns = os.open("/proc/self/ns/net", os.O_RDONLY)
    with RtnlClient(guarded.run_dir, hello=False) as client:
        client.send_with_fds(client.hello_message(), [barrier, netns])
        for _ in range(5):
            client.send(dump_links())
        assert_serves(guarded)
    os.close(barrier)
    os.close(netns)


def test_descriptors_of_other_kinds(guarded, tmp_path):
    pipe = os.pipe()
    full = os.pipe()
    os.set_blocking(full[1], False)
    try:
        while os.write(full[1], bytes(65536)):
            pass
    except BlockingIOError:
        os.set_blocking(full[1], True)
    file = os.open(tmp_path, os.O_RDONLY)
    mount_ns = os.open("/proc/self/ns/mnt", os.O_RDONLY)
    netns = os.open("/proc/self/ns/net", os.O_RDONLY)
    barrier = os.eventfd(0)
    for descriptors in ([pipe[1], netns], [full[1], netns], [barrier, mount_ns], [barrier, file],
                        [netns, barrier], [barrier], [netns], [pipe[0]] * 100):
        for payload in (RtnlClient.hello_message(), dump_links(), new_veth("v0", "v1")):
            client = RtnlClient(guarded.run_dir, hello=False)
            client.send_with_fds(payload, descriptors)
            try:
                client.send_with_fds(dump_links(), descriptors)
            except OSError:
                pass  # hung up on
            client.close()
        assert_serves(guarded)
    for descriptor in (*pipe, *full, file, mount_ns, netns, barrier):
        os.close(descriptor)


def test_hellos_and_options_out_of_place(guarded):
    with RtnlClient(guarded.run_dir) as client:
        for payload in (b"", b"\1", b"\xff" * 8, struct.pack("=II", 2, 1), b"\0" * 4000):
            for kind in (MSG_HELLO, MSG_OPTION):
                try:
                    client.send(message(kind, 0, payload))
                except OSError:
                    client.close()
                    client = RtnlClient(guarded.run_dir)
        for option in (0, 1, 2, 5, 9, 10, 11, 12, 13, 0xffffffff):
            for value in (0, 1, 33, 1 << 31, 0xffffffff):
                try:
                    client.option(option, value)
                except OSError:
                    client.close()
                    client = RtnlClient(guarded.run_dir)
        assert_serves(guarded)
        client.close()


# --- permissions ---


def as_nobody(vswitch, *args):
    nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all",
              "--bounding-set=-all"]
    return subprocess.run(nobody + vswitch.vsctl_argv(*args), capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, timeout=30)


@pytest.mark.parametrize("args", [
    ["ip", "link", "add", "x", "type", "veth"], ["ip", "link", "del", "v0"],
    ["ip", "link", "set", "v0", "down"], ["attach", "v0", "ring"], ["detach", "v0"],
    ["link", "add", "x", "type", "ethdev", "devargs", "net_null0"]], ids=" ".join)
def test_others_may_not_change_anything(guarded, args):
    before = guarded.show()
    result = as_nobody(guarded, *args)
    assert result.returncode in (1, 2)
    assert "operation not permitted" in result.stderr.lower()
    assert guarded.show() == before


def test_others_may_look(guarded):
    assert "v0" in as_nobody(guarded, "ip", "link").stdout
    assert "v0" in as_nobody(guarded, "show").stdout


# --- barrier ---


def test_answer_is_there_when_the_barrier_says_so(guarded):
    """What a non-blocking client relies on (ip addr flush): a request that was executed has its
    answer queued."""
    with RtnlClient(guarded.run_dir) as client:
        client.socket.setblocking(False)
        deadline = time.monotonic() + 2
        while time.monotonic() < deadline:
            client.send(message(RTM_NEWLINK, NLM_F_REQUEST | NLM_F_ACK, link_header()))
            client.wait()
            assert client.receive()[0][0] == 2
