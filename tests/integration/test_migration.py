# SPDX-License-Identifier: BSD-3-Clause
"""A guest moves to another machine while it talks (QEMU's live migration): from one vswitch to
another one, whose uplinks meet in a switch with the host that it talks to."""

import contextlib
import hashlib
import random
import re
import struct

import pytest

from support.children import wait_until
from support.raw_frames import ARP, BROADCAST, mac_bytes
from support.tcp_streams import Echo, connect, leave_unread
from support.two_hosts import Broadcasts, TwoHosts
from support.vm import Vm

GUEST, OUTSIDE = "10.0.0.1", "10.0.0.2"
MAC = "52:54:00:00:00:01"
# MiB. QEMU 7.2 without KVM loses what the guest's CPUs write while it moves if their memory is a
# multiple of 256 KiB: clearing 64 marks at once, it forgets that CPUs must see that.
MEMORY = 144 + 8 / 1024
ECHO_PORT, UNREAD_PORT = 5000, 6000
UNREAD = random.Random(2).randbytes(192 << 10)
# Who tells the network where the guest is now: its driver, or vswitch, which QEMU asks to.
BY_DRIVER, BY_VSWITCH = "on", "off"
GUESTS = {"split": (1, {"guest_announce": BY_VSWITCH}),
          "packed": (1, {"packed": "on", "guest_announce": BY_DRIVER}),
          "packed_two_queues": (2, {"packed": "on", "guest_announce": BY_VSWITCH})}


def announcement(options):
    """A frame's ethertype, and the frame: the guest asks for itself (RFC 826, 903)."""
    mac = mac_bytes(MAC)
    if options["guest_announce"] == BY_DRIVER:
        ip = bytes(map(int, GUEST.split(".")))
        ethertype, operation, asked = ARP, 1, ip + bytes(6) + ip
    else:
        ethertype, operation, asked = 0x8035, 3, bytes(4) + mac + bytes(4)
    return ethertype, struct.pack("!6s6s4HH", mac_bytes(BROADCAST), mac, ethertype, 1, 0x0800,
                                  0x0604, operation) + mac + asked


@contextlib.contextmanager
def departure(queues, options):
    """Two hosts, the guest on the first one, and an empty machine for it on the second."""
    with TwoHosts(OUTSIDE, queues) as world:
        def machine(host, incoming):
            return Vm("guest", world.hosts[host].vhost_path("a"), MAC, queues, options=options,
                      memory=MEMORY, incoming=incoming)
        with machine(0, False) as here, machine(1, True) as there:
            here.wait_ready()
            here.configure(f"{GUEST}/24")
            yield world, here, there


def be_busy(guest):
    """The guest overwrites memory faster than it will be copied, so that moving does not come to an
    end by itself."""
    guest.run("dd if=/dev/urandom of=/tmp/original bs=1M count=12 2>/dev/null")
    guest.run("while [ ! -e /tmp/stop ]; do cat /tmp/original >/tmp/copy; done &"
              "echo $! >/tmp/busy")
    return digest_of(guest, "original")


def have_rest(guest):
    guest.run(": >/tmp/stop; while [ -d /proc/$(cat /tmp/busy) ]; do sleep 0.1; done")
    return digest_of(guest, "copy")


def digest_of(guest, file):
    return guest.run(f"sha256sum </tmp/{file}").split()[0]


def serve(guest, port, window, action):
    """What the guest does for who connects, whose bytes it may keep waiting up to a window."""
    guest.run(f"echo 4096 {window} {window} >/proc/sys/net/ipv4/tcp_rmem;"
              f"nc -l -p {port} {action} & echo $! >/tmp/{port}")


def signal(guest, port, name):
    guest.run(f"kill -{name} $(cat /tmp/{port})")


def rounds(guest):
    """How often all was copied that had changed since the last time."""
    state = guest.migration()
    assert state["status"] in ("setup", "active"), state
    return state.get("ram", {}).get("dirty-sync-count", 1) - 1


def wait_rounds(guest, more):
    """Until whatever changed before is copied, and so many rounds but one besides."""
    goal = rounds(guest) + more + 1
    wait_until(lambda: rounds(guest) >= goal, 60, f"{more} rounds")


def finish(guest):
    """Lets the guest stop, and the rest be copied."""
    guest.qmp("migrate-set-parameters", **{"downtime-limit": 60_000, "max-bandwidth": 1 << 30})
    wait_until(lambda: guest.migration()["status"] not in ("active", "device"), 60, "an end")
    assert guest.migration()["status"] == "completed", guest.migration()


def answered(ping):
    return [int(number) for number in re.findall(r"icmp_seq=(\d+) ttl", ping.output())]


def wait_answers(ping, more):
    before = len(answered(ping))
    wait_until(lambda: len(answered(ping)) >= before + more, 30, f"{more} answers")


def gaps(ping, first):
    """Where answers are missing, from this one on."""
    numbers = [number for number in answered(ping) if number >= first]
    return [(last, then) for last, then in zip(numbers, numbers[1:]) if then != last + 1]


def drop_reasons(world):
    return {reason for host in world.hosts for device in host.show().values()
            for reason, count in device["drops"].items() if count > 0}


@pytest.mark.parametrize("queues, options", GUESTS.values(), ids=GUESTS)
def test_guest_moves_while_it_talks(queues, options):
    with departure(queues, options) as (world, here, there):
        original = be_busy(here)
        serve(here, UNREAD_PORT, 1 << 20, ">/tmp/read")
        serve(here, ECHO_PORT, 1 << 16, "-e cat")  # the last, as its limit is everybody's
        echo = Echo(world.outside, GUEST, ECHO_PORT)
        unread = connect(world.outside, GUEST, UNREAD_PORT)
        signal(here, UNREAD_PORT, "STOP")
        ping = world.outside.spawn("ping", "-i", "0.02", GUEST)
        wait_answers(ping, 20)
        assert world.host_of(MAC) is world.hosts[0]

        ethertype, frame = announcement(options)
        with Broadcasts(world, ethertype) as broadcasts:
            here.qmp("migrate-set-parameters", **{"downtime-limit": 1, "max-bandwidth": 32 << 20})
            here.migrate_to(there)
            wait_rounds(here, 1)
            wait_answers(ping, 1)
            settled = answered(ping)[-1]  # without what was lost when the log was switched on
            echo.pause()
            wait_rounds(here, 1)
            # Into buffers that were copied already, and that only vswitch writes to.
            leave_unread(unread, UNREAD)
            echo.resume()
            echo.wait_progress()
            wait_rounds(here, 1)
            assert gaps(ping, settled) == []
            finish(here)
            broadcasts.wait_for(frame)

        echo.wait_progress()
        echo.stop()
        wait_answers(ping, 50)
        assert len(gaps(ping, settled)) <= 1  # while the guest stood still
        assert drop_reasons(world) <= {"backend_down"}
        assert world.host_of(MAC) is world.hosts[1]
        signal(there, UNREAD_PORT, "CONT")
        unread.close()
        there.run(f"while [ -d /proc/$(cat /tmp/{UNREAD_PORT}) ]; do sleep 0.1; done")
        assert digest_of(there, "read") == hashlib.sha256(UNREAD).hexdigest()
        assert have_rest(there) == original
