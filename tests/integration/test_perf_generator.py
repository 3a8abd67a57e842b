# SPDX-License-Identifier: BSD-3-Clause
"""vswitch-perf against a real vswitch: every kind of port and pattern carries its packets."""

import json
import os
import subprocess

import pytest

from support.children import wait_until
from support.traffic import send
from support.vswitch_process import VswitchProcess, default_build_dir, last_cpu, other_cpus

# Generator and vswitch's other threads share a CPU. Nothing here depends on speed.
SHARING = ("--window", 128, "--sleep-us", 50, "--no-huge")
FAULTS = ("lost", "duplicated", "reordered", "corrupted", "foreign", "misdelivered")


@pytest.fixture
def vswitch():
    with VswitchProcess(no_huge=True) as process:
        yield process


def spare_cpu():
    return other_cpus().split(",")[0]


def pairs(vswitch, count, *options):
    """`count` veth pairs with a guest's socket at each end; the sockets in order."""
    sockets = []
    for number in range(count):
        ends = [f"p{number}a", f"p{number}b"]
        vswitch.add_veth(*ends)
        for end in ends:
            vswitch.vsctl("attach", end, "vhost", *options)
            sockets.append(vswitch.vhost_path(end))
    return sockets


def pair_that_dials(vswitch, number, directory):
    """A veth pair whose ends connect to guests that listen; where those do."""
    ends = [f"p{number}a", f"p{number}b"]
    vswitch.add_veth(*ends)
    for end in ends:
        vswitch.vsctl("attach", end, "vhost", "mode=client", f"path={directory / end}")
    return [f"listen:{directory / end}" for end in ends]


def packets(vswitch, device):
    """What the device received and transmitted."""
    stats = vswitch.links()[device]["stats64"]
    return stats["rx"]["packets"], stats["tx"]["packets"]


def assert_flawless(result, count):
    for direction in result["directions"]:
        assert direction["offered"] == direction["received"] == count, direction
        assert {fault: direction[fault] for fault in FAULTS} == dict.fromkeys(FAULTS, 0)


RINGS = [(), ("--packed",), ("--no-in-order",), ("--packed", "--no-in-order"), ("--no-mergeable",)]


def ring_id(ring):
    return "".join(ring) or "split"


@pytest.mark.parametrize("ring", RINGS, ids=ring_id)
def test_every_kind_of_ring(vswitch, ring):
    result = send(pairs(vswitch, 1), spare_cpu(), "--both", "--count", 50_000, *SHARING, *ring)
    assert_flawless(result, 50_000)


def test_two_pairs_at_once_with_a_mix_of_sizes(vswitch):
    one, other, *second_pair = pairs(vswitch, 2)
    result = send([one, other], spare_cpu(), "--port", second_pair[0], "--port", second_pair[1],
                  "--both", "--count", 60_000, "--size", "imix", "--flows", 10, *SHARING)
    assert [(d["from"], d["to"]) for d in result["directions"]] == [(0, 1), (1, 0), (2, 3), (3, 2)]
    assert_flawless(result, 60_000)
    assert all(d["bytes"] == 60_000 / 12 * (7 * 64 + 4 * 570 + 1518) for d in result["directions"])


# A ring has room for fewer of them: each takes some descriptors.
FEW = ("--window", 16, "--sleep-us", 50, "--no-huge")


@pytest.mark.parametrize("ring", RINGS, ids=ring_id)
def test_jumbo_frames(vswitch, ring):
    sockets = pairs(vswitch, 1)
    for end in ("p0a", "p0b"):
        vswitch.ip("link", "set", "dev", end, "mtu", 9000)
    result = send(sockets, spare_cpu(), "--both", "--count", 10_000, "--size", 9000, *FEW, *ring)
    assert_flawless(result, 10_000)
    assert [d["bytes"] for d in result["directions"]] == 2 * [10_000 * 9000]


def test_everybody_to_everybody_over_pairs(vswitch):
    """A pair is no switch: of what port 0 sends only what is for port 1 can arrive."""
    one, other, *second_pair = pairs(vswitch, 2)
    with pytest.raises(RuntimeError, match="no packet came through within 1 s"):
        send([one, other], spare_cpu(), "--port", second_pair[0], "--port", second_pair[1],
             "--pattern", "mesh", "--count", 10, "--wait", 1, *SHARING)


def test_several_queues(vswitch):
    sockets = pairs(vswitch, 1, "queues=4")
    result = send(sockets, spare_cpu(), "--both", "--count", 40_000, "--queues", 4, "--flows", 16,
                  *SHARING)
    assert result["queues"] == 4
    assert_flawless(result, 40_000)


def test_a_hundred_thousand_addresses(vswitch):
    result = send(pairs(vswitch, 1), spare_cpu(), "--count", 300_000,
                  "--dst-mac", "02:00:00:00:00:00/50000", "--dst-ip", "10.0.0.1/100000", *SHARING)
    assert result["flows"] == 100_000
    # Each direction announced its addresses; the way there carried the packets as well.
    assert result["directions"][0]["probes_received"] >= 100_000
    assert_flawless(result, 300_000)


def test_idle_guests_stay_connected_and_send_nothing(vswitch, tmp_path):
    sockets = pairs(vswitch, 5)
    guests = sockets[2:] + pair_that_dials(vswitch, 5, tmp_path)
    idle = [option for socket in guests for option in ("--idle-port", socket)]
    names = [f"p{number}{end}" for number in range(1, 6) for end in "ab"]
    argv = [default_build_dir() / "vswitch-perf", "--port", sockets[0], "--port", sockets[1],
            *idle, "--seconds", 60, "--core", spare_cpu(), "--json", "--progress", 0, *SHARING]
    generator = subprocess.Popen(list(map(str, argv)), stdout=subprocess.PIPE, text=True)
    try:
        for name in names:
            vswitch.wait_backend(name, "connected")
        wait_until(lambda: packets(vswitch, "p0b")[0] > 1000, 20, "traffic")
        generator.terminate()
        result = json.loads(generator.communicate(timeout=20)[0])
    finally:
        generator.kill()
        generator.wait()
    assert result["idle_ports"] == 10
    assert generator.returncode == 1 and "interrupted" in result["faults"]
    assert {packets(vswitch, name) for name in names} == {(0, 0)}
    assert not list(tmp_path.iterdir())


def test_ring_to_ring_over_the_real_data_path():
    cpus = sorted(os.sched_getaffinity(0))
    argv = [default_build_dir() / "vswitch-perf", "--ring-pairs", 2, "--core", cpus[0],
            "--switch-core", last_cpu(), "--both", "--count", 200_000, "--window", 512, "--json",
            "--progress", 0, "--no-huge"]
    done = subprocess.run(list(map(str, argv)), capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    result = json.loads(done.stdout)
    assert_flawless(result, 200_000)
    assert len(result["directions"]) == 4
    assert result["switch"]["packets"] >= 800_000
    assert result["switch"]["cycles_per_packet"] > 0


def test_jumbo_frames_from_ring_to_ring():
    argv = [default_build_dir() / "vswitch-perf", "--ring-pairs", 1, "--core",
            spare_cpu(), "--switch-core", last_cpu(), "--both", "--count", 20_000, "--window", 64,
            "--size", 9000, "--json", "--progress", 0, "--no-huge"]
    done = subprocess.run(list(map(str, argv)), capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert_flawless(json.loads(done.stdout), 20_000)


def test_overload_and_recovery_over_time(vswitch):
    result = send(pairs(vswitch, 1), spare_cpu(), "--phases", "20000:0.3,40000:0.3",
                  "--warmup", 0.1, "--interval-ms", 50, "--max-lost", 1_000_000, "--sleep-us", 50,
                  "--no-huge")
    assert [phase["rate"] for phase in result["phases"]] == [20000, 40000]
    direction, = result["directions"]
    assert sum(phase["offered"] for phase in result["phases"]) == direction["offered"]
    seconds = [sample["seconds"] for sample in result["samples"]]
    assert len(seconds) >= 10 and seconds == sorted(seconds)
    assert result["latency_ns"]["count"] == direction["received"]


def test_the_ceiling_needs_no_switch():
    argv = [default_build_dir() / "vswitch-perf", "--ceiling", "--no-huge", "--core", spare_cpu()]
    done = subprocess.run(list(map(str, argv)), capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["ceiling"]["pps"] > 0


def test_no_switch_is_status_one():
    argv = [default_build_dir() / "vswitch-perf", "--port", "/nowhere/a", "--port", "/nowhere/b",
            "--count", 1, "--no-huge", "--core", spare_cpu()]
    done = subprocess.run(list(map(str, argv)), capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "no switch serves /nowhere/a" in done.stderr
