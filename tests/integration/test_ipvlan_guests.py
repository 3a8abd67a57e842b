# SPDX-License-Identifier: BSD-3-Clause
"""Kernel taps, each in a namespace of its own, as the guests of ipvlans on one lower device."""

import contextlib
import os

import pytest

from support.ipvlan_guests import (FAR, GUESTS, MODES, OUTSIDE, PHY, ethdev_wire, ipvlan_world,
                                   tap_guests, veth_wire)
from support.vswitch_process import VswitchProcess

LARGEST_FRAME = 1514  # without segmentation requests, at the MTU of the guests
FAMILIES = {"ipv4": 0, "ipv6": 1}


@contextlib.contextmanager
def guests(mode, count, make_wire=veth_wire, **process):
    with VswitchProcess(**process) as vswitch, ipvlan_world(vswitch, make_wire) as world:
        tap_guests(world, count)
        world.mode = mode
        world.set_mode(mode)
        yield world


@pytest.fixture(scope="module", params=MODES)
def world(request):
    """Four guests. Every test leaves the mode, and no flags."""
    with guests(request.param, 4) as world:
        yield world


@pytest.fixture
def flags(world):
    """Sets the flags of all slaves, for the test."""
    yield lambda flags: world.set_mode(world.mode, flags)
    world.set_mode(world.mode)


def addresses(world):
    return [guest.addresses for guest in world.guests]


def others(world, guest):
    return [other.addresses for other in world.guests if other is not guest]


def everybody_reaches_the_outside(world):
    for guest in world.guests:
        guest.reach(OUTSIDE)
    world.outside.reach(*addresses(world))


def everybody_reaches_everybody(world, ttl=64):
    for guest in world.guests:
        guest.reach(*others(world, guest), ttl=ttl)
    everybody_reaches_the_outside(world)


def nobody_reaches_a_sibling(world):
    """Afterwards no stack keeps what comes next waiting for an answer that was dropped."""
    for guest in world.guests:
        guest.miss(*others(world, guest))
    for guest in world.guests:
        guest.ip("neigh", "flush", "dev", guest.tap)


def count(world, device, direction):
    """Packets and bytes."""
    stats = world.vswitch.links()[device]["stats64"][direction]
    return stats["packets"], stats["bytes"]


def send(sender, receiver, family):
    """A TCP stream; the receiver asks for it."""
    server = sender.serve_iperf()
    try:
        assert receiver.iperf(sender.addresses[family], "20M") >= 20 << 20
        assert server.wait(20) == 0, server.output()
    finally:
        server.kill()


def send_large(world, sender, receiver, family, device, direction):
    """The same, and `device` counts large frames, as only a segmentation request can explain."""
    packets_before, bytes_before = count(world, device, direction)
    send(sender, receiver, family)
    packets, octets = count(world, device, direction)
    assert octets - bytes_before >= 20 << 20
    assert (octets - bytes_before) / (packets - packets_before) > LARGEST_FRAME


def test_everybody_reaches_everybody(world):
    everybody_reaches_everybody(world)


@pytest.mark.parametrize("family", FAMILIES)
def test_tcp_between_guests(world, family):
    one, two, three, four = world.guests
    for sender, receiver in ((one, two), (two, one), (two, four), (three, one)):
        send_large(world, sender, receiver, FAMILIES[family], f"i{receiver.number}", "rx")


@pytest.mark.parametrize("family", FAMILIES)
def test_tcp_with_the_outside(world, family):
    for guest in world.guests[:2]:
        send_large(world, guest, world.outside, FAMILIES[family], "m0", "tx")
        send_large(world, world.outside, guest, FAMILIES[family], f"i{guest.number}", "rx")


def test_whoever_is_behind_a_router_is_reached(world):
    """In L2 by the guests' routes, in L3 by those of the lower device. Only the router outside
    counts hops."""
    for guest in world.guests:
        guest.reach(FAR, ttl=63)
    world.outside.far.reach(*addresses(world), ttl=63)


def test_private_slaves_do_not_reach_each_other(world, flags):
    everybody_reaches_everybody(world)
    isolated = world.drops("isolated")
    flags("private")
    nobody_reaches_a_sibling(world)
    assert world.drops("isolated") > isolated
    everybody_reaches_the_outside(world)
    flags("bridge")
    everybody_reaches_everybody(world)


@contextlib.contextmanager
def reflected(world):
    """Somebody outside sends back what siblings say to each other: in L2 the switch by which it
    came, in L3 the router by which it had better go."""
    if world.mode == "l2":
        world.outside.reflect(True)
        yield 64
        world.outside.reflect(False)
    else:
        routes = [(net, "via", gateway, "dev", "m0") for net, gateway in zip(GUESTS, OUTSIDE)]
        for route in routes:
            world.vswitch.ip("route", "add", *route)
        yield 63
        for route in routes:
            world.vswitch.ip("route", "del", *route)


def test_vepa_slaves_reach_each_other_by_reflection(world, flags):
    everybody_reaches_everybody(world)
    flags("vepa")
    nobody_reaches_a_sibling(world)
    everybody_reaches_the_outside(world)
    with reflected(world) as ttl:
        for guest in world.guests:
            sent_before = count(world, "m0", "tx")[0]
            guest.reach(*others(world, guest), ttl=ttl)
            # Two questions and two answers of each family.
            assert count(world, "m0", "tx")[0] >= sent_before + 8 * len(others(world, guest))
    nobody_reaches_a_sibling(world)
    flags("bridge")
    everybody_reaches_everybody(world)


def test_the_lower_device_has_the_only_mac_address(world):
    """On the wire, among the guests; and in L3 it is all that guests see."""
    everybody_reaches_everybody(world)
    shared = world.vswitch.show("m0")["address"]
    for guest in world.guests:
        for other in others(world, guest):
            assert [guest.mac_of(address) for address in other] == [shared] * 2
        beyond = world.outside.mac if world.mode == "l2" else shared
        assert [guest.mac_of(address) for address in OUTSIDE] == [beyond] * 2
    for neighbour in addresses(world) if world.mode == "l2" else [PHY]:
        assert [world.outside.mac_of(address) for address in neighbour] == [shared] * 2


def test_which_mac_address_a_guest_needs_is_shown(world):
    shared = world.vswitch.show("m0")["address"]
    for guest in world.guests:
        shown = world.vswitch.show(f"i{guest.number}")["backend"]["mac"]
        assert shown == ("any" if guest.rewrites else shared)
        assert (guest.mac == shared) == (not guest.rewrites)


def test_only_a_guest_whose_mac_address_is_rewritten_may_change_it(world):
    for guest in world.guests[:2]:
        guest.ip("link", "set", guest.tap, "address", "02:00:00:00:77:01")
        if guest.rewrites:
            guest.reach(*others(world, guest), OUTSIDE)
            world.outside.reach(guest.addresses)
        else:
            guest.miss(*others(world, guest))
        guest.ip("link", "set", guest.tap, "address", guest.mac)
        guest.reach(*others(world, guest), OUTSIDE)


def test_link_local_addresses_are_those_of_slaves(world):
    """Either the guest takes its slave's, or the slave its guest's."""
    local = {guest: "fe80::77" if guest.number == 2 else world.link_local(guest.number)
             for guest in world.guests}
    world.vswitch.ip("addr", "add", "fe80::77/64", "dev", "i2")
    for guest, address in local.items():
        guest.ip("addr", "add", f"{address}/64", "dev", guest.tap)
    assert len(set(local.values())) == len(world.guests)
    for guest in world.guests:
        guest.reach([f"{address}%{guest.tap}" for other, address in local.items()
                     if other is not guest])


@pytest.mark.parametrize("mode", MODES)
def test_another_worker_has_the_fifth_guest(mode):
    cpus = sorted(os.sched_getaffinity(0))
    with guests(mode, 5, cores=f"{cpus[0]},{cpus[-1]}") as world:
        owner = {device: worker["worker"] for worker in world.vswitch.workers()
                 for device in worker["devices"]}
        fourth, fifth = world.guests[3:]
        assert owner["w0"] == owner["i4"] != owner["i5"]
        everybody_reaches_everybody(world)
        for family in FAMILIES.values():
            send_large(world, fourth, fifth, family, "i5", "rx")
            send_large(world, fifth, fourth, family, "i4", "rx")
            send_large(world, fifth, world.outside, family, "m0", "tx")
            send_large(world, world.outside, fifth, family, "i5", "rx")
        assert all(worker["packets"] > 1000 for worker in world.vswitch.workers())


@pytest.mark.parametrize("mode", MODES)
def test_a_dpdk_port_is_the_lower_device(mode):
    """It can neither cut frames nor fill in checksums."""
    with guests(mode, 2, make_wire=ethdev_wire) as world:
        everybody_reaches_everybody(world)
        for guest in world.guests:
            for family in FAMILIES.values():
                send(guest, world.outside, family)
                send(world.outside, guest, family)
