# SPDX-License-Identifier: BSD-3-Clause
"""DPDK ports as backends: the wire of an `ethdev` link, and the stack behind a veth end."""

import contextlib
import json

import pytest

from support.children import wait_until
from support.netns import Netns, run, unique_name, veth_for_dpdk

# Frames of an experimental protocol that no stack answers.
SEND_FRAMES = """
import socket, sys
wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
wire.bind((sys.argv[1], 0))
for _ in range(int(sys.argv[2])):
    wire.send(bytes.fromhex("ffffffffffff 020000000099 88b5") + bytes(100))
"""


@pytest.fixture
def host():
    with Netns() as namespace:
        yield namespace


def received(vswitch, link):
    return vswitch.links()[link]["stats64"]["rx"]


def interface_exists(name):
    return run("ip", "link", "show", name, check=False).returncode == 0


def test_link_on_a_dpdk_port_counts_what_comes_from_its_wire(vswitch, host):
    """Nothing takes what an ethdev link receives yet, so it is counted and dropped by name."""
    tap = unique_name("te")
    vswitch.vsctl("link", "add", "up0", "type", "ethdev", "devargs", f"net_tap0,iface={tap}")
    vswitch.ip("link", "set", "dev", "up0", "up")
    link = vswitch.links()["up0"]
    assert link["linkinfo"]["info_kind"] == "ethdev"
    assert link["parentbus"] == "ethdev"
    assert "UP" in link["flags"]
    host.take(tap, "10.0.0.1/24")
    # What the host's IPv6 said on the tap before it moved into the silent namespace.
    before, no_handler = received(vswitch, "up0"), vswitch.show("up0")["drops"]["no_handler"]
    host.run("/usr/bin/python3", "-c", SEND_FRAMES, tap, 500)
    wait_until(lambda: received(vswitch, "up0")["packets"] == before["packets"] + 500, 5,
               "500 frames received")
    assert received(vswitch, "up0")["bytes"] == before["bytes"] + 500 * 114
    assert vswitch.show("up0")["drops"]["no_handler"] == no_handler + 500


def test_link_has_the_carrier_address_and_mtu_limits_of_its_port(vswitch):
    tap = unique_name("tc")
    vswitch.vsctl("link", "add", "up0", "type", "ethdev", "devargs",
                  f"net_tap0,iface={tap},mac=02:00:00:00:00:07")
    vswitch.ip("link", "set", "dev", "up0", "up")
    link = vswitch.links()["up0"]
    assert (link["address"], link["operstate"]) == ("02:00:00:00:00:07", "UP")
    assert link["max_mtu"] == 1504
    for state, operstate in (("down", "DOWN"), ("up", "UP")):
        run("ip", "link", "set", tap, state)
        wait_until(lambda: vswitch.links()["up0"]["operstate"] == operstate, 5, operstate)
        assert ("NO-CARRIER" in vswitch.links()["up0"]["flags"]) == (state == "down")
    vswitch.ip("link", "set", "dev", "up0", "address", "02:00:00:00:00:08", "mtu", 1400)
    kernel = json.loads(run("ip", "-j", "link", "show", tap).stdout)[0]
    assert (kernel["address"], kernel["mtu"]) == ("02:00:00:00:00:08", 1400)
    refused = vswitch.ip("link", "set", "dev", "up0", "mtu", 1505, check=False)
    assert "mtu greater than device maximum" in refused.stderr


def test_deleted_link_gives_its_port_back(vswitch):
    """More often than DPDK has ports (32)."""
    tap = unique_name("td")
    for _ in range(40):
        vswitch.vsctl("link", "add", "up0", "type", "ethdev", "devargs", f"net_tap0,iface={tap}")
        assert interface_exists(tap)
        vswitch.ip("link", "del", "dev", "up0")
        assert not interface_exists(tap)


@pytest.mark.parametrize("devargs", ["", "net_nosuch0", "net_tap0,iface=" + 40 * "x",
                                     "0000:ff:1f.7"])
def test_bad_devargs_leave_nothing(vswitch, devargs):
    refused = vswitch.vsctl("link", "add", "up0", "type", "ethdev", "devargs", devargs, check=False)
    assert refused.returncode in (1, 2)
    assert refused.stderr.strip()
    assert "up0" not in vswitch.links()


def test_dpdk_says_nothing_of_what_is_in_order_or_reported(vswitch):
    before = vswitch.log()
    vswitch.add_veth("a", "b")
    vswitch.vsctl("link", "add", "up0", "type", "ethdev", "devargs",
                  f"net_tap0,iface={unique_name('tq')}")
    vswitch.vsctl("attach", "a", "ring", "name=taken")
    refused = vswitch.vsctl("attach", "b", "ring", "name=taken", check=False)
    assert refused.returncode == 1
    vswitch.ip("link", "del", "dev", "up0")
    assert vswitch.log() == before


def attach_net_tap(stack, vswitch, device, host, address):
    tap = unique_name("tv")
    vswitch.vsctl("attach", device, "ethdev", f"devargs=net_tap_{device},iface={tap}")
    host.take(tap, address)


def attach_af_packet(stack, vswitch, device, host, address):
    """A kernel veth pair: one end stays here as the wire of a DPDK port, one goes to the host."""
    near, far = veth_for_dpdk(stack)
    vswitch.vsctl("attach", device, "ethdev", f"devargs=net_af_packet_{device},iface={near}")
    host.take(far, address)


@pytest.mark.parametrize("attach", [attach_net_tap, attach_af_packet])
def test_dpdk_ports_behind_a_veth_pair(vswitch, attach):
    vswitch.add_veth("a", "b")
    with contextlib.ExitStack() as stack:
        left, right = stack.enter_context(Netns()), stack.enter_context(Netns())
        attach(stack, vswitch, "a", left, "10.0.0.1/24")
        attach(stack, vswitch, "b", right, "10.0.0.2/24")
        backend = vswitch.show("a")["backend"]
        assert backend["type"] == "ethdev"
        left.ping("10.0.0.2", count=5, size=1400)
        right.ping("10.0.0.1", count=5)
        listener = right.spawn("iperf3", "--server", "--one-off", "--forceflush")
        stack.callback(listener.kill)
        listener.wait_for("Server listening", 10)
        end = json.loads(left.run("iperf3", "--client", "10.0.0.2", "--json", "--bytes", "20M")
                         .stdout)["end"]
        # What is still in the sockets when the sender has finished is not counted.
        assert end["sum_received"]["bytes"] >= 10e6
        for device in ("a", "b"):
            vswitch.vsctl("detach", device)
            assert vswitch.show(device)["backend"] is None
