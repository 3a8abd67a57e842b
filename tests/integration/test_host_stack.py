# SPDX-License-Identifier: BSD-3-Clause
"""The host stack answers for addresses of devices with nothing attached: to a real kernel."""

import json

import pytest

from support.bystander import Bystander
from support.children import wait_until
from support.netns import Netns, run, unique_name

MAC = "02:00:00:00:00:a1"  # of the device with the addresses

# As many frames a second as the socket takes, until killed: ARP and echo requests for 10.0.0.1.
FLOOD = """
import socket, sys
wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
wire.bind((sys.argv[1], 0))
macs = bytes.fromhex("0200000000a1 0200000000b2")
arp = macs + bytes.fromhex("0806 0001080006040001 0200000000b2 0a000002 000000000000 0a000001")
echo = macs + bytes.fromhex("0800 4500001c00004000400126df 0a000002 0a000001 0800f7ff00000000")
print("flooding", flush=True)
while True:
    for frame in (arp, echo) * 50:
        try:
            wire.send(frame)
        except OSError:
            pass
"""


def let_ipv6_speak(host, interface):
    host.run("sh", "-c", f"echo 0 >/proc/sys/net/ipv6/conf/{interface}/disable_ipv6")


@pytest.fixture
def host(vswitch):
    """A namespace with a tap behind b, the peer of a. The tap has 10.0.0.2 and fd00::2; a has no
    address but its link-local one."""
    with Netns() as namespace:
        namespace.tap = unique_name("th")
        vswitch.add_veth("a", "b", up=False)
        vswitch.ip("link", "set", "dev", "a", "address", MAC)
        vswitch.vsctl("attach", "b", "tap", f"ifname={namespace.tap}")
        for end in ("a", "b"):
            vswitch.ip("link", "set", "dev", end, "up")
        namespace.take(namespace.tap, "10.0.0.2/24")
        let_ipv6_speak(namespace, namespace.tap)
        namespace.ip("addr", "add", "fd00::2/64", "dev", namespace.tap, "nodad")
        # Its link-local address is usable: nothing else talks to those of others.
        wait_until(lambda: "scope link" in usable_ipv6(namespace), 10, "link-local address")
        yield namespace


def usable_ipv6(host):
    return host.ip("-6", "addr", "show", "dev", host.tap, "-tentative").stdout


def neighbours(vswitch, device="a"):
    """Entries by address, as `ip -j neigh` shows them."""
    entries = json.loads(vswitch.ip("-j", "neigh", "show", "dev", device).stdout or "[]")
    return {entry["dst"]: entry for entry in entries}


def is_in_state(vswitch, address, state):
    entry = neighbours(vswitch).get(address)
    return entry is not None and entry["state"] == [state]


def mac_of(host):
    return json.loads(host.ip("-j", "link", "show", host.tap).stdout)[0]["address"]


def addresses(vswitch, device="a"):
    """Of one device, by address."""
    infos = json.loads(vswitch.ip("-j", "addr", "show", "dev", device).stdout)[0]["addr_info"]
    return {info["local"]: info for info in infos}


def wait_usable(vswitch, address, device="a"):
    """Until duplicate address detection is over."""
    wait_until(lambda: address in addresses(vswitch, device) and
               not addresses(vswitch, device)[address].get("tentative"), 10, f"{address} usable")


def link_local(vswitch, device="a"):
    return next(address for address in addresses(vswitch, device) if address.startswith("fe80"))


def test_ping_and_both_sides_know_each_other(vswitch, host):
    vswitch.ip("addr", "add", "10.0.0.1/24", "dev", "a")
    before = vswitch.links()["a"]["stats64"]
    host.ping("10.0.0.1", count=5)
    host.ping("10.0.0.1", size=1400)
    entry = json.loads(host.ip("-j", "neigh", "show", "10.0.0.1").stdout)[0]
    assert entry["lladdr"] == MAC
    assert neighbours(vswitch)["10.0.0.2"]["lladdr"] == mac_of(host)
    # Nobody confirms what an answer was sent to: after a while the stack asks.
    wait_until(lambda: is_in_state(vswitch, "10.0.0.2", "REACHABLE"), 10, "REACHABLE")
    after = vswitch.links()["a"]["stats64"]
    for way in ("rx", "tx"):
        assert after[way]["packets"] >= before[way]["packets"] + 9


def test_stack_asks_for_a_neighbour_that_it_does_not_know(vswitch, host):
    vswitch.ip("addr", "add", "10.0.0.1/24", "dev", "a")
    host.ip("neigh", "add", "10.0.0.1", "lladdr", MAC, "dev", host.tap, "nud", "permanent")
    host.ping("10.0.0.1")
    entry = neighbours(vswitch)["10.0.0.2"]
    assert (entry["lladdr"], entry["state"]) == (mac_of(host), ["REACHABLE"])


def test_neighbour_that_does_not_answer_fails(vswitch, host):
    vswitch.ip("addr", "add", "10.0.0.1/24", "dev", "a")
    vswitch.ip("neigh", "add", "10.0.0.77", "dev", "a", "use")
    wait_until(lambda: is_in_state(vswitch, "10.0.0.77", "FAILED"), 10, "FAILED")


def test_ping_through_a_gateway(vswitch, host):
    vswitch.ip("addr", "add", "10.0.0.1/24", "dev", "a")
    host.ip("addr", "add", "192.0.2.2/32", "dev", "lo")
    ping = ("ping", "-c", "2", "-W", "1", "-i", "0.2", "-I", "192.0.2.2", "10.0.0.1")
    assert host.run(*ping, check=False).returncode == 1, "answered without a route"
    vswitch.ip("route", "add", "192.0.2.0/24", "via", "10.0.0.2")
    host.run(*ping)


def test_removed_address_is_silent(vswitch, host):
    vswitch.ip("addr", "add", "10.0.0.1/24", "dev", "a")
    host.ping("10.0.0.1")
    vswitch.ip("addr", "del", "10.0.0.1/24", "dev", "a")
    assert host.run("ping", "-c", "1", "-W", "1", "10.0.0.1", check=False).returncode == 1


def test_broadcast_is_not_answered(vswitch, host):
    vswitch.ip("addr", "add", "10.0.0.1/24", "brd", "+", "dev", "a")
    host.ping("10.0.0.1")
    assert host.run("ping", "-b", "-c", "2", "-i", "0.2", "-W", "1", "10.0.0.255",
                    check=False).returncode == 1


def test_ping_ipv6(vswitch, host):
    vswitch.ip("addr", "add", "fd00::1/64", "dev", "a")
    wait_usable(vswitch, "fd00::1")
    host.ping("fd00::1", count=5)
    host.ping("fd00::1", size=1400)
    assert neighbours(vswitch)["fd00::2"]["lladdr"] == mac_of(host)
    wait_until(lambda: is_in_state(vswitch, "fd00::2", "REACHABLE"), 10, "REACHABLE")


def test_ping_link_local_and_all_nodes(vswitch, host):
    wait_usable(vswitch, link_local(vswitch))
    host.ping(f"{link_local(vswitch)}%{host.tap}")
    answers = host.run("ping", "-c", "2", "-i", "0.2", "-L", f"ff02::1%{host.tap}").stdout
    assert link_local(vswitch) in answers


def test_address_that_the_host_has_is_a_duplicate(vswitch, host):
    vswitch.ip("addr", "add", "fd00::2/64", "dev", "a")
    wait_until(lambda: addresses(vswitch)["fd00::2"].get("dadfailed"), 10, "dadfailed")


def test_address_that_the_stack_has_is_a_duplicate(vswitch, host):
    vswitch.ip("addr", "add", "fd00::1/64", "dev", "a")
    wait_usable(vswitch, "fd00::1")
    host.ip("addr", "add", "fd00::1/64", "dev", host.tap)
    wait_until(lambda: "dadfailed" in host.ip("addr", "show", "dev", host.tap).stdout, 10,
               "dadfailed")


def test_two_devices_of_the_switch_detect_duplicates(vswitch):
    vswitch.add_veth("a", "b", up=False)
    for end in ("a", "b"):
        vswitch.ip("link", "set", "dev", end, "up")
    for end in ("a", "b"):
        wait_usable(vswitch, link_local(vswitch, end), end)
    vswitch.ip("addr", "add", "fd00::1/64", "dev", "a")
    wait_usable(vswitch, "fd00::1")
    vswitch.ip("addr", "add", "fd00::1/64", "dev", "b")
    wait_until(lambda: addresses(vswitch, "b")["fd00::1"].get("dadfailed"), 10, "dadfailed")


def test_attached_stack_takes_over(vswitch, host):
    """With a tap behind a, it is the tap that answers, and the switch keeps quiet."""
    vswitch.ip("addr", "add", "10.0.0.1/24", "dev", "a")
    host.ping("10.0.0.1")
    with Netns() as other:
        tap = unique_name("to")
        vswitch.vsctl("attach", "a", "tap", f"ifname={tap}")
        other.take(tap, "10.0.0.3/24")
        assert host.run("ping", "-c", "1", "-W", "1", "10.0.0.1", check=False).returncode == 1
        host.ping("10.0.0.3")
        vswitch.vsctl("detach", "a")
    host.ping("10.0.0.1")


def test_address_of_a_dpdk_port(vswitch):
    tap = unique_name("te")
    vswitch.vsctl("link", "add", "up0", "type", "ethdev", "devargs", f"net_tap0,iface={tap}")
    vswitch.ip("link", "set", "dev", "up0", "address", MAC)
    vswitch.ip("link", "set", "dev", "up0", "up")
    vswitch.ip("addr", "add", "10.0.0.1/24", "dev", "up0")
    with Netns() as host:
        host.take(tap, "10.0.0.2/24")
        host.ping("10.0.0.1", count=5)
        assert neighbours(vswitch, "up0")["10.0.0.2"]["state"] != ["FAILED"]
        stats = vswitch.links()["up0"]["stats64"]
        assert stats["rx"]["packets"] >= 6 and stats["tx"]["packets"] >= 6
        # Back to where the switch can take it away with its port.
        host.ip("link", "set", tap, "netns", "1")


def test_flood_harms_neither_forwarding_nor_requests(vswitch, host):
    vswitch.ip("addr", "add", "10.0.0.1/24", "dev", "a")
    with Bystander(vswitch) as bystander:
        flood = host.spawn("/usr/bin/python3", "-c", FLOOD, host.tap)
        try:
            flood.wait_for("flooding", 10)
            with bystander.traffic():
                for number in range(20):
                    vswitch.add_veth(f"x{number}", f"y{number}")
                for number in range(20):
                    vswitch.ip("link", "del", "dev", f"x{number}")
                before = vswitch.links()["a"]["stats64"]["tx"]["packets"]
                wait_until(lambda: vswitch.links()["a"]["stats64"]["tx"]["packets"] >
                           before + 10000, 30, "answers to the flood")
        finally:
            flood.kill()
    host.ping("10.0.0.1")
