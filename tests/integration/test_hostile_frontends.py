# SPDX-License-Identifier: BSD-3-Clause
"""VMMs that do their worst over the socket and in the memory they share: other guests notice
nothing, and their own ports serve whoever comes next."""

import os
import socket
import struct

from support.children import Child, wait_until
from support.traffic import send
from support.vswitch_process import default_build_dir, other_cpus

SECONDS = int(os.environ.get("VSWITCH_HOSTILE_SECONDS", 6))
FAULTS = ("lost", "duplicated", "reordered", "corrupted", "foreign")
GET_FEATURES, SET_VRING_ADDR, VERSION = 1, 9, 1


def attach_pair(vswitch, *devices):
    vswitch.add_veth(*devices)
    for device in devices:
        vswitch.vsctl("attach", device, "vhost")
    return [vswitch.vhost_path(device) for device in devices]


def send_flawlessly(sockets, *options):
    """The generator shares a CPU with others: see test_testpmd.py."""
    run = send(sockets, other_cpus().split(",")[0], "--both", "--window", 128, "--sleep-us", 50,
               *options, timeout=SECONDS + 120)
    for direction in run["directions"]:
        assert direction["received"] == direction["offered"] > 0
        assert {fault: direction[fault] for fault in FAULTS} == dict.fromkeys(FAULTS, 0)


def test_frontends_do_their_worst(vswitch):
    seed = os.environ.get("VSWITCH_HOSTILE_SEED", "1")
    print(f"VSWITCH_HOSTILE_SEED={seed}")
    honest = attach_pair(vswitch, "a", "b")
    victims = attach_pair(vswitch, "h0", "h1")
    binary = default_build_dir() / "tests" / "hostile" / "hostile_frontend"
    hostile = Child([binary, *victims, "--seconds", SECONDS, "--seed", seed], cpus=other_cpus())
    try:
        send_flawlessly(honest, "--seconds", SECONDS)
        assert hostile.wait(60) == 0, hostile.output()
    finally:
        hostile.kill()
    print(hostile.output())
    counters = [vswitch.show(device)["counters"] for device in ("h0", "h1")]
    assert sum(one["rx_packets"] for one in counters) > 0, "the attack did not get far"
    assert sum(one["rx_dropped"] for one in counters) > 0, "the attack was none"
    send_flawlessly(victims, "--count", 10000)


class Frontend:
    """A connection without a guest behind it."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(20)
        wait_until(lambda: self.connect(path), 10, f"a listener at {path}")

    def connect(self, path):
        self.socket.connect(str(path))
        return True

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def header(self, request, size=0):
        self.socket.sendall(struct.pack("<III", request, VERSION, size))

    def features(self):
        self.header(GET_FEATURES)
        reply = self.socket.recv(20, socket.MSG_WAITALL)
        return struct.unpack("<IIIQ", reply)[3]


def test_a_message_without_an_end_holds_up_nobody(vswitch):
    one, other = attach_pair(vswitch, "h0", "h1")
    with Frontend(one) as half, Frontend(other) as whole:
        assert half.features() == whole.features() != 0
        half.header(SET_VRING_ADDR, 40)
        assert whole.features() != 0
        assert half.socket.recv(1) == b"", "it should have been hung up on"
    with Frontend(one) as half:
        half.features()
        half.header(SET_VRING_ADDR, 40)
        vswitch.ip("link", "del", "h0")


def test_a_frontend_that_does_not_listen_holds_up_nobody(vswitch):
    one, other = attach_pair(vswitch, "h0", "h1")
    with Frontend(one) as deaf, Frontend(other) as whole:
        assert deaf.features() != 0
        try:
            while True:
                deaf.header(GET_FEATURES)
        except (BrokenPipeError, ConnectionResetError):
            pass
        assert whole.features() != 0
        vswitch.ip("link", "del", "h0")
