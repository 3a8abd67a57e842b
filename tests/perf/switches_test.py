# SPDX-License-Identifier: BSD-3-Clause
"""What the switches print, and how they are configured."""

import tomllib

from harness.case import Load, Topology
from harness.generator import faults, loss
from harness.switches import ovs, testpmd
from harness.switches.switch import Work
from harness.switches.vswitch import config_of

PMD_STATS = """pmd thread numa_id 0 core_id 1:
  packets received: 480
  avg. packets per output batch: 1.22
  idle cycles: 58061690778 (98.69%)
  processing cycles: 769823072 (1.31%)
  avg processing cycles per packet: 1603798.07 (769823072/480)
pmd thread numa_id 0 core_id 2:
  packets received: 20
  idle cycles: 22 (98.69%)
  processing cycles: 8 (1.31%)
main thread:
  packets received: 7
  avg. packets per output batch: 0.00
"""


def test_cycles_of_open_vswitch():
    assert ovs.work_in(PMD_STATS) == Work(500, 769823080, 58061690800)


def test_cycles_of_testpmd():
    text = "CPU cycles/packet=97.50 (total cycles=9750 / total mac packets=100) at 2600 MHz Clock"
    assert testpmd.work_in(text) == Work(100, 9750)


def test_testpmd_has_done_nothing_before_the_first_packet():
    assert testpmd.work_in("RX-packets: 0") == Work(0, 0)


def test_work_since():
    assert Work(30, 20, 10) - Work(10, 5, 2) == Work(20, 15, 8)
    assert Work(30, None) - Work(10, 5) == Work(20, None)


def test_the_config_file_has_every_port():
    links = tomllib.loads(config_of(Topology(pairs=2, idle=3, mtu=9000)))["link"]
    ends = [end for link in links for end in (link, link["peer"])]
    assert [end["name"] for end in ends if "backend" in end] == [
        "p0", "p1", "p2", "p3", "i0", "i1", "i2"]
    assert all(end["up"] and end["mtu"] == 9000 for end in ends)


def test_options_of_a_load():
    assert Load().options() == ["--size", 64]
    assert Load("imix", "packed", "both", ("--flows", 7)).options() == [
        "--size", "imix", "--packed", "--both", "--flows", 7]


def directions(**counts):
    zero = dict.fromkeys(("lost", "missed", "duplicated", "reordered", "corrupted"), 0)
    return {"faults": [],
            "directions": [{**zero, "offered": 90}, {**zero, "offered": 100, **counts}]}


def test_what_had_no_room_is_lost():
    assert loss(directions(lost=10, missed=10)) == 20 / 200
    assert loss(directions()) == 0


def test_a_run_that_ended_too_early_is_a_fault():
    result = directions(lost=5)
    result["faults"] = ["A to B: 5 lost", "stalled: nothing moved for a second"]
    assert faults(result) == ["stalled: nothing moved for a second"]


def test_a_packet_that_came_wrong_is_a_fault():
    assert faults(directions(lost=5)) == []
    for name in ("duplicated", "reordered", "corrupted"):
        assert faults(directions(**{name: 1})) == [f"1 packets {name}"]
