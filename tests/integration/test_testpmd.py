# SPDX-License-Identifier: BSD-3-Clause
"""Ten million packets each way through a guest on virtio-user ports: generator, switch and guest
agree on every one of them."""

import os

import pytest

from support.testpmd import Testpmd, virtio_user
from support.traffic import send
from support.vswitch_process import VswitchProcess, other_cpus

COUNT = 10_000_000
# The generator and the guest share the CPU that the switch's worker leaves free, and each is
# preempted for longer than it takes to fill a ring of 1024. So that this says something about the
# switch and not about the scheduler, fewer packets are under way than a ring holds, and the
# generator sleeps when it has nothing to do, which lets the guest run.
SHARING = ("--both", "--queue-size", 1024, "--window", 512, "--sleep-us", 50)

FAULTS = ("lost", "duplicated", "reordered", "corrupted", "foreign")


def spare_cpu():
    return other_cpus().split(",")[0]


def attach_pairs(vswitch, *pairs):
    for one, other in pairs:
        vswitch.add_veth(one, other)
        for device in (one, other):
            vswitch.vsctl("attach", device, "vhost")


def stats(vswitch, device):
    """Packets in a device's kernel counters: (rx, tx, tx with those dropped)."""
    counters = vswitch.links()[device]["stats64"]
    sent = counters["tx"]["packets"]
    return counters["rx"]["packets"], sent, sent + counters["tx"]["dropped"]


def total(runs, direction, *names):
    return sum(run["directions"][direction][name] for run in runs for name in names)


def assert_flawless(run, count):
    for direction in run["directions"]:
        assert direction["offered"] == direction["received"] == count
        assert {fault: direction[fault] for fault in FAULTS} == dict.fromkeys(FAULTS, 0)


@pytest.mark.parametrize("ring", ["split", "packed"])
def test_ten_million_packets_each_way_through_a_guest(vswitch, ring):
    """generator A - pair a - guest's port 0, guest's port 1 - pair b - generator B, both ways. Half
    load is half of what the same path carried just before with nothing but the window to limit it.
    """
    packed = ring == "packed"
    options = SHARING + (("--packed",) if packed else ())
    attach_pairs(vswitch, ("a0", "a1"), ("b0", "b1"))
    sockets = [vswitch.vhost_path("a0"), vswitch.vhost_path("b1")]
    nics = [virtio_user(i, vswitch.vhost_path(device), packed)
            for i, device in enumerate(("a1", "b0"))]
    with Testpmd(nics, spare_cpu()) as guest:
        for device in ("a1", "b0"):
            vswitch.wait_backend(device, "connected")
        full = send(sockets, spare_cpu(), "--seconds", 2, *options)
        rate = int(min(direction["pps"] for direction in full["directions"]) / 2)
        # Half a minute at most where nobody else needs the CPUs, many where somebody does.
        half = send(sockets, spare_cpu(), "--count", COUNT, "--rate", rate, *options, timeout=900)
        runs = [full, half]
        print(f"{ring}: half load is {rate} packets/s each way, {half['seconds']:.1f} s")
        assert_flawless(half, COUNT)
        assert_counts_agree(vswitch, guest, runs, 0, ["a0", "a1", "b0", "b1"], (0, 1))
        assert_counts_agree(vswitch, guest, runs, 1, ["b1", "b0", "a1", "a0"], (1, 0))


def assert_counts_agree(vswitch, guest, runs, direction, path, ports):
    """`path`: the devices in the order the packets see them; `ports`: where they enter and leave
    the guest."""
    first, into_guest, out_of_guest, last = (stats(vswitch, device) for device in path)
    entry, exit_ = (guest.port_stats(port) for port in ports)
    # Probes count in the switch as well; the first ones may find the far generator port not ready.
    assert first[2] == total(runs, direction, "offered", "probes_offered")
    assert first[1] == into_guest[0] == entry["RX-packets"]
    assert exit_["TX-packets"] == out_of_guest[2]
    assert out_of_guest[1] == last[0] == total(runs, direction, "received", "probes_received")


def test_two_workers_keep_order_and_lose_nothing():
    """The two ends of a pair on different cores, so every packet crosses a mailbox."""
    cores = sorted(os.sched_getaffinity(0))[:2]
    with VswitchProcess(cores=",".join(map(str, cores))) as vswitch:
        attach_pairs(vswitch, ("a", "b"))
        for packed in ((), ("--packed",)):
            run = send([vswitch.vhost_path("a"), vswitch.vhost_path("b")], cores[0], "--both",
                       "--count", 1_000_000, "--window", 128, "--sleep-us", 50, "--flows", 8,
                       *packed)
            assert_flawless(run, 1_000_000)
        # Two runs: each worker received a million packets in each and drained as many letters.
        for worker in vswitch.workers():
            assert worker["packets"] >= 4_000_000, worker


def test_frames_of_every_size_arrive_whole(vswitch):
    """Every byte is checked; 1518 bytes is what an MTU of 1500 lets through (with a VLAN tag)."""
    attach_pairs(vswitch, ("a", "b"))
    for size in (64, 65, 300, 1514, 1518):
        run = send([vswitch.vhost_path("a"), vswitch.vhost_path("b")], spare_cpu(), "--both",
                   "--count", 100_000, "--window", 128, "--size", size)
        assert_flawless(run, 100_000)
