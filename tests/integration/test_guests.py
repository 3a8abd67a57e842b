# SPDX-License-Identifier: BSD-3-Clause
"""Two real virtual machines (QEMU, Debian's kernel) on the two ends of a veth pair."""

import collections
import contextlib
import os
import types

import pytest

from support.vm import Vm
from support.vswitch_process import VswitchProcess

ONE = ("10.0.0.1", "fd00::1", "52:54:00:00:00:01")
TWO = ("10.0.0.2", "fd00::2", "52:54:00:00:00:02")
LARGEST_FRAME = 1514  # without segmentation requests, at the MTU of the guests
LAYOUTS = {"split": {}, "packed": {"packed": "on"}}


def configure(vm, host):
    vm.configure(f"{host[0]}/24", f"{host[1]}/64")


@contextlib.contextmanager
def guests(options_one=None, options_two=None, vm_arguments=None, attach=(), **process):
    """A vswitch, the pair a and b, and a guest behind each, booted and with addresses."""
    arguments = vm_arguments or {}
    with VswitchProcess(**process) as vswitch:
        vswitch.add_veth("a", "b")
        for device in ("a", "b"):
            vswitch.vsctl("attach", device, "vhost", *attach)
        with Vm("one", vswitch.vhost_path("a"), ONE[2], options=options_one, **arguments) as one, \
                Vm("two", vswitch.vhost_path("b"), TWO[2], options=options_two, **arguments) as two:
            for vm, host in ((one, ONE), (two, TWO)):
                vm.wait_ready()
                configure(vm, host)
            yield types.SimpleNamespace(vswitch=vswitch, one=one, two=two)


@pytest.fixture(scope="module", params=LAYOUTS)
def pair(request):
    """Guests with either ring layout. Every test leaves both running with their addresses."""
    with guests(LAYOUTS[request.param], LAYOUTS[request.param]) as pair:
        pair.layout = request.param
        yield pair


def ping_both_ways(pair):
    for address in TWO[:2]:
        pair.one.ping(address)
    for address in ONE[:2]:
        pair.two.ping(address)


def transfer(source, sink, address, mebibytes):
    """Sends random bytes over TCP and compares what arrived."""
    sink.run("nc -l -p 5000 -e sh -c 'cat >/tmp/got' >/dev/null 2>&1 & echo $! >/tmp/pid")
    sent = source.run(f"dd if=/dev/urandom of=/tmp/sent bs=1M count={mebibytes} 2>/dev/null;"
                      f"until nc {address} 5000 </tmp/sent; do sleep 0.1; done;"
                      "sha256sum </tmp/sent; rm /tmp/sent", timeout=60)
    got = sink.run("while [ -d /proc/$(cat /tmp/pid) ]; do sleep 0.1; done;"
                   "sha256sum </tmp/got; rm /tmp/got", timeout=60)
    assert got == sent, (got, sent)


def received(pair, device):
    stats = pair.vswitch.links()[device]["stats64"]["rx"]
    return stats["packets"], stats["bytes"]


def drops(vswitch):
    """Total by reason. What TCP loses by filling the ring of the slower guest is left out."""
    total = collections.Counter()
    for device in vswitch.show().values():
        total.update(device["drops"])
    del total["backend_full"]
    return total


def test_driver_and_device_agree_on_features(pair):
    wanted = {"csum", "guest_csum", "host_tso4", "host_tso6", "guest_tso4", "guest_tso6",
              "mrg_rxbuf", "indirect_desc", "version_1"}
    for vm in (pair.one, pair.two):
        features = vm.features()
        assert wanted <= features
        assert ("ring_packed" in features) == (pair.layout == "packed")


def test_ping(pair):
    ping_both_ways(pair)
    pair.one.ping(TWO[0], size=1472)
    pair.two.ping(ONE[1], size=1400)


def test_jumbo_frames(pair):
    for device in ("a", "b"):
        pair.vswitch.ip("link", "set", "dev", device, "mtu", 9000)
    for vm in (pair.one, pair.two):
        vm.run("ip link set eth0 mtu 9000")
    pair.one.ping(TWO[0], size=8972)
    pair.two.ping(ONE[1], size=8952)
    pair.vswitch.ip("link", "set", "dev", "b", "mtu", 1500)
    assert pair.one.run(f"ping -c 1 -W 2 -s 8972 {TWO[0]}", check=False)[0] != 0
    pair.vswitch.ip("link", "set", "dev", "a", "mtu", 1500)
    for vm in (pair.one, pair.two):
        vm.run("ip link set eth0 mtu 1500")
    pair.one.ping(TWO[0])


def test_backends_are_shown_connected(pair):
    for device in ("a", "b"):
        backend = pair.vswitch.show(device)["backend"]
        assert backend["type"] == "vhost-user"
        assert backend["state"] == "connected"
        assert backend["path"] == str(pair.vswitch.vhost_path(device))


@pytest.mark.parametrize("address", TWO[:2], ids=["ipv4", "ipv6"])
def test_large_frames_and_unfinished_checksums_travel_untouched(pair, address):
    """A TCP stream crosses as frames that only a segmentation request can explain (the MTU is
    1500), and arrives whole. The receiver's window keeps what is under way below what its ring
    holds: after a loss TCP would send smaller frames."""
    pair.two.run("echo 4096 131072 131072 >/proc/sys/net/ipv4/tcp_rmem")
    packets_before, bytes_before = received(pair, "b")
    dropped_before = drops(pair.vswitch)
    transfer(pair.one, pair.two, address, mebibytes=16)
    packets, octets = received(pair, "b")
    assert (octets - bytes_before) / (packets - packets_before) > LARGEST_FRAME
    assert octets - bytes_before >= 16 << 20
    assert drops(pair.vswitch) == dropped_before


def test_guest_reboots(pair):
    pair.two.reboot()
    pair.two.wait_ready()
    configure(pair.two, TWO)
    ping_both_ways(pair)


def test_guest_is_reset_while_packets_come(pair):
    """The reset takes the rings away under a flood."""
    pair.one.run(f"ping -q -i 0.001 -c 100000 {TWO[0]} >/dev/null 2>&1 & echo $! >/tmp/flood")
    pair.two.qmp("system_reset")
    pair.two.wait_ready()
    pair.one.run("kill $(cat /tmp/flood)")
    configure(pair.two, TWO)
    ping_both_ways(pair)


def test_guest_is_killed_and_another_takes_its_place(pair):
    pair.one.run(f"ping -q -i 0.001 -c 100000 {TWO[0]} >/dev/null 2>&1 & echo $! >/tmp/flood")
    pair.two.kill()
    pair.vswitch.wait_backend("b", "disconnected")
    pair.two.start()
    pair.two.wait_ready()
    pair.one.run("kill $(cat /tmp/flood)")
    pair.vswitch.wait_backend("b", "connected")
    configure(pair.two, TWO)
    ping_both_ways(pair)


def test_link_goes_down_and_up_under_the_guests(pair):
    pair.vswitch.ip("link", "set", "dev", "a", "down")
    assert pair.one.run(f"ping -c 1 -W 1 {TWO[0]}", check=False)[0] != 0
    pair.vswitch.ip("link", "set", "dev", "a", "up")
    ping_both_ways(pair)


def test_guest_without_offloads_gets_finished_frames():
    """One guest asks for checksums and segmentation, the other accepts neither: vswitch completes
    them. The other direction has nothing to complete."""
    plain = {name: "off" for name in ("csum", "guest_csum", "gso", "host_tso4", "host_tso6",
                                      "host_ecn", "host_ufo", "guest_tso4", "guest_tso6",
                                      "guest_ecn", "guest_ufo", "mrg_rxbuf", "indirect_desc",
                                      "event_idx")}
    with guests(options_two=plain) as pair:
        assert pair.two.features() == {"version_1"}
        ping_both_ways(pair)
        for address in TWO[:2]:
            transfer(pair.one, pair.two, address, mebibytes=4)
        for address in ONE[:2]:
            transfer(pair.two, pair.one, address, mebibytes=4)


def test_two_workers_and_no_hugepages():
    """The ends of the pair are polled by different cores; and one guest takes large frames in
    large buffers instead of many small ones."""
    cpus = sorted(os.sched_getaffinity(0))
    with guests(options_two={"mrg_rxbuf": "off"}, cores=f"{cpus[0]},{cpus[-1]}",
                no_huge=True) as pair:
        assert "guest_tso4" in pair.two.features() and "mrg_rxbuf" not in pair.two.features()
        ping_both_ways(pair)
        transfer(pair.one, pair.two, TWO[0], mebibytes=4)
        transfer(pair.two, pair.one, ONE[1], mebibytes=4)
        workers = pair.vswitch.workers()
        assert len(workers) == 2
        assert all(worker["packets"] > 100 for worker in workers), workers


def test_guests_wait_for_a_restarted_vswitch(tmp_path):
    """QEMU with reconnect=1 finds the socket of the next vswitch in the same run dir."""
    with contextlib.ExitStack() as stack:
        run_dir = tmp_path / "run"
        first = stack.enter_context(VswitchProcess(run_dir=run_dir))
        prepare(first)
        one = stack.enter_context(Vm("one", first.vhost_path("a"), ONE[2], reconnect=1))
        two = stack.enter_context(Vm("two", first.vhost_path("b"), TWO[2], reconnect=1))
        for vm, host in ((one, ONE), (two, TWO)):
            vm.wait_ready()
            configure(vm, host)
        one.ping(TWO[0])
        first.kill()
        second = stack.enter_context(VswitchProcess(run_dir=run_dir))
        prepare(second)
        for device in ("a", "b"):
            second.wait_backend(device, "connected", timeout=20)
        one.ping(TWO[0])


def prepare(vswitch):
    vswitch.add_veth("a", "b")
    for device in ("a", "b"):
        vswitch.vsctl("attach", device, "vhost")


def test_qemu_is_the_server():
    """vswitch connects (mode=client) to the socket that QEMU made, and again after a kill."""
    with VswitchProcess() as vswitch:
        vswitch.add_veth("a", "b")
        with contextlib.ExitStack() as stack:
            machines = []
            for device, host in (("a", ONE), ("b", TWO)):
                path = vswitch.run_dir / f"qemu-{device}.sock"
                vswitch.vsctl("attach", device, "vhost", f"path={path}", "mode=client")
                machines.append(stack.enter_context(Vm(device, path, host[2], server=True)))
            one, two = machines
            for vm, host in ((one, ONE), (two, TWO)):
                vm.wait_ready()
                configure(vm, host)
            one.ping(TWO[0])
            two.kill()
            vswitch.wait_backend("b", "disconnected")
            two.start().wait_ready()
            configure(two, TWO)
            one.ping(TWO[0])


def test_several_queues():
    with guests(vm_arguments={"queues": 2}, attach=["queues=2"]) as pair:
        assert "mq" in pair.one.features()
        ping_both_ways(pair)
        transfer(pair.one, pair.two, TWO[0], mebibytes=4)
        assert pair.vswitch.show("a")["backend"]["queues"] == 2
