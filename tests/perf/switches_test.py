# SPDX-License-Identifier: BSD-3-Clause
"""What the switches print, and how they are configured."""

import tomllib

from harness.case import FULL, QUICK, Load, Topology
from harness.generator import faults, loss
from harness.switches import ipvlan, ovs, testpmd
from harness.switches.switch import Setup, Work
from harness.switches.vswitch import Vswitch, VswitchOnePair, config_of

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
    guests = ["/g0", "/g1", "/g2"]
    links = tomllib.loads(config_of(Topology(pairs=2, idle=3, mtu=9000), guests))["link"]
    ends = [end for link in links for end in (link, link["peer"])]
    assert [end["name"] for end in ends if "backend" in end] == [
        "p0", "p1", "p2", "p3", "i0", "i1", "i2"]
    assert all(end["up"] and end["mtu"] == 9000 for end in ends)
    dialled = [end["backend"] for end in ends if end.get("backend", {}).get("mode") == "client"]
    assert [backend["path"] for backend in dialled] == guests


def test_every_address_that_is_sent_to_is_the_second_slaves():
    lines = list(ipvlan.batch_of("l3", 70_000))
    slaves = [line for line in lines[0].splitlines() if "type ipvlan" in line]
    assert [line.split("name ")[1] for line in slaves] == [
        "p0 type ipvlan mode l3", "p1 type ipvlan mode l3"]
    assert f"address {ipvlan.MAC} type dummy" in lines[0]
    assert len(set(lines[1:])) == 70_000 and all(line.endswith("/32 dev p1\n")
                                                 for line in lines[1:])
    options = dict(zip(*[iter(map(str, ipvlan.load_to(70_000).options()))] * 2))
    assert options["--src-mac"] == options["--dst-mac"] == ipvlan.MAC
    assert options["--dst-ip"] == lines[1].split()[2].removesuffix("/32") + "/70000"
    assert f"addr add {options['--src-ip']}/32 dev p0" in lines[0]


def test_ipvlan_is_compared_with_a_veth_pair_and_with_testpmd():
    for plan, counts in ((QUICK, [2, 100_000]), (FULL, [2, 1_000, 100_000, 1_000_000])):
        groups = list(ipvlan.groups("l2", plan))
        assert [case.where["addresses"] for group in groups for case in group.cases] == counts
        for group, count in zip(groups, counts):
            kinds = [kind(Setup(None, None, group.topology)) for kind in group.switches]
            assert [kind.name for kind in kinds] == ["vswitch", "vswitch veth", "testpmd io"]
            assert (kinds[0].mode, kinds[0].addresses) == ("l2", count)
            assert group.cases[0].method.load == ipvlan.load_to(count)


def test_options_of_a_load():
    assert Load().options() == ["--size", 64, "--queue-size", 256]
    assert Load("imix", "packed", "both", 512, ("--flows", 7)).options() == [
        "--size", "imix", "--queue-size", 512, "--packed", "--both", "--flows", 7]


def test_small_packets_come_in_bursts_of_half_the_ring():
    assert [Load(size).burst for size in (64, 256, 570, "imix")] == [128, 128, None, None]
    assert Load(ring_size=1024).burst == 512
    assert Load(bursts_a_ring=4).burst == 64


def test_one_pair_stays_alone_where_another_has_more(tmp_path):
    setup = Setup(tmp_path, None, Topology(pairs=8, idle=3, mtu=9000))
    assert Vswitch(setup).idle_sockets == [f"listen:{tmp_path}/g{i}" for i in range(3)]
    alone = VswitchOnePair(setup)
    assert alone.setup.topology == Topology(pairs=1, idle=0, mtu=9000)
    assert alone.idle_sockets == [] and alone.name != Vswitch.name


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
