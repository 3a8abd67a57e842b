# SPDX-License-Identifier: BSD-3-Clause
"""Two kernel taps in network namespaces of their own, a veth pair of vswitch between them."""

import contextlib
import json
import types

import pytest

from support.children import wait_until
from support.netns import Netns, run, unique_name

MTU = 9000


@pytest.fixture
def hosts(vswitch):
    """Namespaces `left` (10.0.0.1) and `right` (10.0.0.2) behind the veth ends a and b."""
    with contextlib.ExitStack() as stack:
        left, right = stack.enter_context(Netns()), stack.enter_context(Netns())
        left.tap, right.tap = unique_name("tl"), unique_name("tr")
        vswitch.add_veth("a", "b")
        for device, host, address in (("a", left, "10.0.0.1/24"), ("b", right, "10.0.0.2/24")):
            vswitch.ip("link", "set", "dev", device, "mtu", MTU)
            vswitch.vsctl("attach", device, "tap", f"ifname={host.tap}")
            host.take(host.tap, address)
        yield types.SimpleNamespace(left=left, right=right)


def test_tap_gets_the_mtu_of_its_device(hosts):
    for host in (hosts.left, hosts.right):
        assert json.loads(host.ip("-j", "link", "show", host.tap).stdout)[0]["mtu"] == MTU


def test_tap_follows_the_mtu_of_its_device_wherever_it_is(vswitch, hosts):
    vswitch.ip("link", "set", "dev", "a", "mtu", 3000)
    assert json.loads(hosts.left.ip("-j", "link", "show", hosts.left.tap).stdout)[0]["mtu"] == 3000
    # More than a tap can have: refused by both.
    refused = vswitch.ip("link", "set", "dev", "a", "mtu", 65535, check=False)
    assert refused.returncode == 2
    assert "mtu" in refused.stderr
    assert vswitch.links()["a"]["mtu"] == 3000


@pytest.mark.parametrize("size", [56, 8000])
def test_ping(hosts, size):
    hosts.left.ping("10.0.0.2", size=size)
    hosts.right.ping("10.0.0.1", size=size)


def test_frame_above_the_mtu_of_the_receiver_is_dropped_with_a_reason(vswitch, hosts):
    hosts.left.ping("10.0.0.2")
    vswitch.ip("link", "set", "dev", "b", "mtu", 1500)
    refused = hosts.left.run("ping", "-c", "1", "-W", "1", "-M", "do", "-s", "8000", "10.0.0.2",
                             check=False)
    assert refused.returncode == 1
    assert vswitch.show("a")["drops"]["too_big"] >= 1
    hosts.left.ping("10.0.0.2", size=1472)


def iperf(host, server, *options):
    """Sums of an iperf3 run from `host` to 10.0.0.2, where a one-off server is started."""
    listener = server.spawn("iperf3", "--server", "--one-off", "--forceflush")
    try:
        listener.wait_for("Server listening", 10)
        result = host.run("iperf3", "--client", "10.0.0.2", "--json", *options)
        assert listener.wait(10) == 0, listener.output()
        return json.loads(result.stdout)["end"]
    finally:
        listener.kill()


@pytest.mark.parametrize("direction", [[], ["--reverse"]], ids=["forth", "back"])
def test_tcp(hosts, direction):
    end = iperf(hosts.left, hosts.right, "--bytes", "200M", *direction)
    # What is still in the sockets when the sender has finished is not counted.
    assert end["sum_received"]["bytes"] >= 180e6
    print(f"{end['sum_received']['bits_per_second'] / 1e9:.2f} Gbit/s")


def drops(vswitch):
    """What every device has dropped, by reason, without the reasons that never happened."""
    return {name: {reason: count for reason, count in device["drops"].items() if count}
            for name, device in vswitch.show().items()}


def paths(vswitch, hosts):
    """Packets and bytes at the four places that a frame passes: the first for frames from left to
    right, the second back."""
    links = vswitch.links()
    left, right = hosts.left.stats(hosts.left.tap), hosts.right.stats(hosts.right.tap)
    a, b = links["a"]["stats64"], links["b"]["stats64"]
    return [[(side["packets"], side["bytes"]) for side in path] for path in (
        (left["tx"], a["tx"], b["rx"], right["rx"]), (right["tx"], b["tx"], a["rx"], left["rx"]))]


def test_counters_add_up(vswitch, hosts):
    """What left one tap was sent by its device, received by the peer and given to the other tap,
    packet for packet and byte for byte."""
    # The first tap spoke before the second was there.
    hosts.left.ping("10.0.0.2")
    dropped_before, before = drops(vswitch), paths(vswitch, hosts)
    hosts.left.ping("10.0.0.2", count=10, size=1000)
    iperf(hosts.left, hosts.right, "--udp", "--bitrate", "50M", "--length", "1000",
          "--bytes", "2M")
    iperf(hosts.left, hosts.right, "--bytes", "2M")

    def since():
        return [[(now[0] - then[0], now[1] - then[1]) for now, then in zip(path, path_before)]
                for path, path_before in zip(paths(vswitch, hosts), before)]

    with contextlib.suppress(TimeoutError):
        wait_until(lambda: all(len(set(path)) == 1 for path in since()), 3, "equal counters")
    forth, back = since()
    assert drops(vswitch) == dropped_before
    assert len(set(forth)) == 1, forth
    assert len(set(back)) == 1, back
    assert forth[0][0] > 2000 and back[0][0] > 10


def test_taps_are_gone_after_a_detach(vswitch, hosts):
    vswitch.vsctl("detach", "a")
    wait_until(lambda: hosts.left.ip("link", "show", hosts.left.tap, check=False).returncode, 5,
               "tap removed")
    assert vswitch.show("a")["backend"] is None


def test_tap_in_use_is_refused(vswitch):
    name = unique_name("tu")
    vswitch.add_veth("a", "b")
    vswitch.vsctl("attach", "a", "tap", f"ifname={name}")
    refused = vswitch.vsctl("attach", "b", "tap", f"ifname={name}", check=False)
    assert refused.returncode == 1
    assert "busy" in refused.stderr.lower(), refused.stderr
    assert vswitch.show("b")["backend"] is None
    run("ip", "link", "show", name)
