# SPDX-License-Identifier: BSD-3-Clause
"""Watching ipvlan: what rte_trace records of links and packets, and where perf and bpftrace can
attach."""

import pathlib

import pytest

from support.netns import Netns, unique_name
from support.trace_reader import saved_events, static_probes
from support.vswitch_process import VswitchProcess, default_build_dir

SIBLING, WIRE, GROUP = 1, 2, 4  # IpvlanWay
NOBODY = 0xffffffff
ADDRESSES = {"i0": "10.0.0.1", "i1": "10.0.0.2", "m1": "10.0.0.3"}


def start(directory):
    return VswitchProcess(eal_args=("--trace=vswitch.ipvlan.*", f"--trace-dir={directory}"))


def make_links(vswitch):
    vswitch.add_veth("m0", "m1")
    for slave in ("i0", "i1"):
        vswitch.ip("link", "add", "link", "m0", "name", slave, "type", "ipvlan", "mode", "l2")
        vswitch.ip("link", "set", slave, "addrgenmode", "none")
        vswitch.ip("link", "set", slave, "up")
        vswitch.ip("addr", "add", f"{ADDRESSES[slave]}/24", "dev", slave)


def talk(vswitch):
    """i0 with its sibling and with a host outside; that host with i0."""
    with Netns() as one, Netns() as two, Netns() as outside:
        for host, device in ((one, "i0"), (two, "i1"), (outside, "m1")):
            tap = unique_name("tr")
            rewrite = ["mac=rewrite"] if device != "m1" else []
            vswitch.vsctl("attach", device, "tap", f"ifname={tap}", *rewrite)
            host.take(tap, f"{ADDRESSES[device]}/24")
        outside.ping(ADDRESSES["i0"])
        one.ping(ADDRESSES["m1"])
        one.ping(ADDRESSES["i1"])


@pytest.fixture(scope="module")
def events(tmp_path_factory):
    """By name of the event."""
    directory = pathlib.Path(tmp_path_factory.mktemp("trace"))
    with start(directory) as vswitch:
        make_links(vswitch)
        talk(vswitch)
        vswitch.ip("link", "del", "i1")
    by_name = {}
    for name, fields in saved_events(directory):
        by_name.setdefault(name.removeprefix("vswitch.ipvlan."), []).append(fields)
    return by_name


def test_links_and_addresses_are_recorded(events):
    assert len(events["setup"]) == 2
    assert [(event["name"], event["phy"]) for event in events["newlink"]] == [
        ("i0", "m0"), ("i1", "m0")]
    assert [event["name"] for event in events["address"]] == ["i0", "i1"]
    assert [event["name"] for event in events["dellink"]] == ["i1"]


def slots(events):
    """By name of the slave; and that of the lower device."""
    return {event["name"]: event["slot"] for event in events["newlink"]} | {
        event["phy"]: event["phy_slot"] for event in events["newlink"]}


def test_verdicts_on_what_is_sent_are_recorded(events):
    number = slots(events)
    sent = [event for event in events["transmit"] if event["slave"] == number["i0"]]
    assert {event["way"] for event in sent} >= {SIBLING, WIRE, GROUP}
    siblings = {event["sibling"] for event in sent if event["way"] == SIBLING}
    assert siblings == {number["i1"]}
    assert all(1 <= event["packets"] <= 32 for event in sent)


def test_verdicts_on_what_is_received_are_recorded(events):
    number = slots(events)
    assert {event["phy"] for event in events["receive"]} == {number["m0"]}
    assert {event["slave"] for event in events["receive"]} == {number["i0"], NOBODY}


def test_nothing_is_recorded_unasked(tmp_path):
    with VswitchProcess(eal_args=(f"--trace-dir={tmp_path}",)) as vswitch:
        make_links(vswitch)
    assert not list(tmp_path.iterdir()) or not saved_events(tmp_path)


def test_program_has_static_probes():
    probes = static_probes(default_build_dir() / "vswitch")
    assert {name: count for name, count in probes.items() if name.startswith("vswitch:")} == {
        "vswitch:ipvlan_setup": 1, "vswitch:ipvlan_newlink": 5, "vswitch:ipvlan_dellink": 3,
        "vswitch:ipvlan_address": 3, "vswitch:ipvlan_transmit": 5, "vswitch:ipvlan_receive": 3}
