# SPDX-License-Identifier: BSD-3-Clause
"""Five real virtual machines behind ipvlans on one lower device, polled by two workers. They boot
once; the mode is changed under them."""

import contextlib
import json
import os

import pytest

from support.children import wait_until
from support.ipvlan_guests import (EVERYTHING, FAR, LENGTHS, MODES, OUTSIDE, guest_addresses,
                                   ipvlan_world, veth_wire)
from support.vm import Vm
from support.vswitch_process import VswitchProcess

MACHINES = 5
SIZE = 2 << 20


def power_on(world, number):
    """Behind i<number>. Machines of even number keep a MAC address of their own."""
    name = world.add_slave(number)
    rewrites = number % 2 == 0
    world.vswitch.vsctl("attach", name, "vhost", *(["mac=rewrite"] if rewrites else []))
    needed = world.vswitch.show(name)["backend"]["mac"]
    vm = Vm(f"vm{number}", world.vswitch.vhost_path(name),
            f"52:54:00:00:00:{number:02x}" if rewrites else needed,
            cpus=",".join(map(str, sorted(os.sched_getaffinity(0)))))
    vm.number, vm.addresses = number, guest_addresses(number)
    return world.stack.enter_context(vm)


def configure(world, vm):
    """As any guest, but that its link-local address is its slave's: those with the same MAC address
    would make the same."""
    vm.wait_ready(timeout=120)
    vm.run("echo 1 >/proc/sys/net/ipv6/conf/eth0/addr_gen_mode")
    vm.configure(f"{world.link_local(vm.number)}/64",
                 *(f"{address}/{length}" for address, length in zip(vm.addresses, LENGTHS)))
    for everything, gateway in zip(EVERYTHING, OUTSIDE):
        family = "-6" if ":" in gateway else "-4"
        vm.run(f"ip {family} route add {everything} via {gateway}")
    vm.run("iperf3 -s -D >/dev/null")


@pytest.fixture(scope="module")
def world():
    cpus = sorted(os.sched_getaffinity(0))
    with contextlib.ExitStack() as stack:
        vswitch = stack.enter_context(VswitchProcess(cores=f"{cpus[0]},{cpus[-1]}"))
        world = stack.enter_context(ipvlan_world(vswitch, veth_wire))
        world.guests = [power_on(world, number) for number in range(1, MACHINES + 1)]
        for vm in world.guests:
            configure(world, vm)
        yield world


def enter(world, mode, flags="bridge"):
    """What machines learned in L3 of the MAC address of the outside is wrong in L2; and what they
    asked for in vain, they would keep other packets waiting for."""
    world.set_mode(mode, flags)
    for vm in world.guests:
        vm.run("ip neigh flush dev eth0")


def ping(vm, peers, wait):
    """Pings all addresses of all peers at once; returns the addresses and who did not answer."""
    addresses = [address for peer in peers for address in peer]
    script = "\n".join(f"ping -c 2 -i 0.1 -W {wait} {address} >/tmp/{number} &"
                       for number, address in enumerate(addresses))
    output = vm.run(script + "\nwait\n" + "\n".join(
        f"sed 's/^/{number}: /' /tmp/{number}" for number in range(len(addresses))), timeout=90)
    return addresses, [address for number, address in enumerate(addresses)
                       if f"{number}: 2 packets transmitted, 2 packets received" not in output]


def reach(vm, *peers):
    assert ping(vm, peers, wait=20)[1] == []


def miss(vm, *peers):
    addresses, silent = ping(vm, peers, wait=1)
    assert silent == addresses


def others(world, vm):
    return [other.addresses for other in world.guests if other is not vm]


def fetch(vm, address):
    """Lets the server there send; the machine counts what comes."""
    output = vm.run(f"iperf3 -c {address} --reverse -n {SIZE >> 20}M --json", timeout=120)
    assert json.loads(output)["end"]["sum_received"]["bytes"] >= SIZE


def test_both_workers_have_machines(world):
    owner = {device: worker["worker"] for worker in world.vswitch.workers()
             for device in worker["devices"]}
    assert owner["w0"] == owner["i4"] != owner["i5"]


@pytest.mark.parametrize("mode", MODES)
def test_machines_reach_each_other_and_the_outside(world, mode):
    enter(world, mode)
    for vm in world.guests:
        reach(vm, *others(world, vm), OUTSIDE, FAR)
    world.outside.reach(*(vm.addresses for vm in world.guests))


@pytest.mark.parametrize("mode", MODES)
def test_tcp(world, mode):
    enter(world, mode)
    *_, three, four, fifth = world.guests
    for receiver, sender in ((fifth, four), (four, fifth), (three, four)):
        for address in sender.addresses:
            fetch(receiver, address)
    for vm in (four, fifth):
        for address, beyond in zip(vm.addresses, OUTSIDE):
            assert world.outside.iperf(address, SIZE) >= SIZE
            server = world.outside.serve_iperf()
            fetch(vm, beyond)
            assert server.wait(30) == 0, server.output()


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("flags", ["private", "vepa"])
def test_machines_are_kept_apart(world, mode, flags):
    """Nobody reflects what VEPA sends out."""
    enter(world, mode, flags)
    for vm in world.guests[-2:]:
        miss(vm, *others(world, vm))
        reach(vm, OUTSIDE)
    enter(world, mode)
    reach(world.guests[-1], *others(world, world.guests[-1]))


def received(world, device):
    return world.vswitch.links()[device]["stats64"]["rx"]["bytes"]


def test_a_stream_goes_on_when_the_mode_changes(world):
    one, two = world.guests[:2]
    enter(world, "l2")
    reach(one, two.addresses)
    one.run(f"iperf3 -c {two.addresses[0]} -t 3600 >/dev/null 2>&1 & echo $! >/tmp/pid")
    for mode in ("l2", "l3", "l3s", "l2", "l3"):
        world.set_mode(mode)
        before = received(world, "i2")
        wait_until(lambda before=before: received(world, "i2") > before + SIZE, 60,
                   f"the stream in {mode}")
    one.run("kill $(cat /tmp/pid)")


def test_a_machine_that_says_nothing_by_itself_is_found(world):
    """No IPv6, and in L3 nobody on the wire asks for it: a connection from outside comes first."""
    vm = power_on(world, MACHINES + 1)
    enter(world, "l3")
    vm.wait_ready(timeout=120)
    vm.run("echo 1 >/proc/sys/net/ipv6/conf/eth0/disable_ipv6; iperf3 -s -D >/dev/null")
    vm.configure(f"{vm.addresses[0]}/24")
    assert world.outside.iperf(vm.addresses[0], SIZE) >= SIZE
