# SPDX-License-Identifier: BSD-3-Clause
"""Links and backends come and go, guests and clients die, and nobody else notices."""

import os
import random
import time

import pytest

from support.bystander import Bystander
from support.children import Child, wait_until
from support.vswitch_process import VswitchProcess, last_cpu, other_cpus

CHAOS_S, MIN_STEPS = 12, 30


def fds(process):
    return len(os.listdir(f"/proc/{process.pid}/fd"))


# --- links and backends come and go ---


class Chaos:
    """Random requests, with a model of what the switch must look like after each."""

    MAX_PAIRS = 8

    def __init__(self, vswitch, seed):
        self.vswitch = vswitch
        self.random = random.Random(seed)
        self.peers = {}  # by name, both ways
        self.backends = {}  # type by name
        self.mtus = {}
        self.made = 0
        self.count = 0

    def step(self):
        actions = [self.add] * (len(self.peers) < 2 * self.MAX_PAIRS)
        if self.peers:
            actions += [self.delete, self.attach, self.attach, self.detach, self.set_mtu,
                        self.set_state, self.refused]
        self.random.choice(actions)()
        self.count += 1

    def any_link(self):
        return self.random.choice(sorted(self.peers))

    def add(self):
        one, other = f"c{self.made}", f"d{self.made}"
        self.made += 1
        self.vswitch.add_veth(one, other, up=self.random.random() < 0.7)
        self.peers.update({one: other, other: one})
        self.mtus.update({one: 1500, other: 1500})

    def delete(self):
        name = self.any_link()
        self.vswitch.ip("link", "del", name)
        for end in (name, self.peers[name]):
            del self.peers[end], self.mtus[end]
            self.backends.pop(end, None)

    def attach(self):
        free = sorted(set(self.peers) - set(self.backends))
        if free:
            name = self.random.choice(free)
            kind = self.random.choice(["vhost", "ring", "tap"])
            self.vswitch.vsctl("attach", name, kind)
            self.backends[name] = kind

    def detach(self):
        if self.backends:
            name = self.random.choice(sorted(self.backends))
            self.vswitch.vsctl("detach", name)
            del self.backends[name]

    def set_mtu(self):
        name = self.any_link()
        mtu = self.random.choice([68, 1400, 1500, 9000])
        self.vswitch.ip("link", "set", name, "mtu", mtu)
        self.mtus[name] = mtu

    def set_state(self):
        self.vswitch.ip("link", "set", self.any_link(), self.random.choice(["up", "down"]))

    def refused(self):
        name = self.any_link()
        for args in (["ip", "link", "add", name, "type", "veth"],
                     ["ip", "link", "set", name, "mtu", 1],
                     ["attach", "nosuch", "vhost"]):
            assert self.vswitch.vsctl(*args, check=False).returncode in (1, 2)

    def check(self):
        shown = self.vswitch.show()
        ours = {name for name in shown if name not in ("lo", "by-x", "by-y")}
        assert ours == set(self.peers)
        for name in ours:
            assert shown[name]["mtu"] == self.mtus[name], name
            backend = shown[name]["backend"]
            assert (backend["type"] if backend else None) in \
                ((None, "none") if name not in self.backends else
                 (self.backends[name], f"{self.backends[name]}-user")), name
        sockets = {path.name for path in (self.vswitch.run_dir / "vhost").glob("*.sock")}
        assert sockets == {f"{name}.sock" for name, kind in self.backends.items()
                           if kind == "vhost"}

    def clean_up(self):
        while self.peers:
            self.delete()


def all_cpus():
    return ",".join(map(str, sorted(os.sched_getaffinity(0))))


@pytest.mark.parametrize("cores", [str(last_cpu()), all_cpus()],
                         ids=["one worker", "a worker per CPU"])
def test_links_and_backends_come_and_go(cores):
    seed = int(os.environ.get("VSWITCH_CHAOS_SEED", 1))
    print(f"VSWITCH_CHAOS_SEED={seed}")
    with VswitchProcess(cores=cores) as vswitch, Bystander(vswitch) as bystander:
        chaos = Chaos(vswitch, seed)
        idle_fds = fds(vswitch)
        with bystander.traffic():
            end = time.monotonic() + CHAOS_S
            while chaos.count < MIN_STEPS or time.monotonic() < end:
                chaos.step()
                if chaos.count % 20 == 0:
                    chaos.check()
            chaos.check()
            chaos.clean_up()
        print(f"{chaos.count} steps")
        assert set(vswitch.links()) == {"lo", "by-x", "by-y"}
        wait_until(lambda: fds(vswitch) <= idle_fds + 2, 5, "descriptors given back")


def test_delete_under_load(vswitch):
    """The pair that carries the traffic goes away, again and again."""
    for round_ in range(5):
        with Bystander(vswitch) as bystander:
            source, target = bystander.both_ways()[0]
            stream = bystander.stream(source, "send", target.address, 7000, 20000)
            wait_until(lambda: vswitch.show("by-y")["counters"]["rx_packets"] > 100, 10,
                       f"traffic in round {round_}")
            vswitch.ip("link", "del", "by-x")
            assert set(vswitch.links()) == {"lo"}
            stream.kill()


# --- guests die ---


class Guest:
    """testpmd behind a virtio-user port: sends every frame it receives back, endlessly."""

    def __init__(self, name, path):
        self.child = Child(
            ["dpdk-testpmd", "--in-memory", "--single-file-segments", "-m", "64", "--no-pci",
             "--no-telemetry", f"--file-prefix=vsw-{os.getpid()}-{name}",
             f"--lcores=0@({other_cpus()}),1@({other_cpus()})",
             f"--vdev=net_virtio_user0,path={path},queue_size=256", "--",
             "--total-num-mbufs=4096", "--forward-mode=io", "--tx-first", "--stats-period=3600",
             "--no-flush-rx"],
            name=f"testpmd {name}", cpus=other_cpus())

    def kill(self):
        self.child.kill()


def rx_packets(vswitch, name):
    return vswitch.show(name)["counters"]["rx_packets"]


def wait_traffic(vswitch, name, packets=100):
    start = rx_packets(vswitch, name)
    wait_until(lambda: rx_packets(vswitch, name) > start + packets, 60, f"packets through {name}")


def test_killed_guest_hurts_nobody_and_comes_back(vswitch):
    vswitch.add_veth("g0", "g1")
    for name in ("g0", "g1"):
        vswitch.vsctl("attach", name, "vhost")
    guests = {}
    try:
        with Bystander(vswitch) as bystander, bystander.traffic():
            for name in ("g0", "g1"):
                guests[name] = Guest(name, vswitch.vhost_path(name))
                vswitch.wait_backend(name, "connected", 30)
            wait_traffic(vswitch, "g0")
            for victim, other in (("g0", "g1"), ("g1", "g0"), ("g0", "g1")):
                guests[victim].kill()
                wait_until(lambda: vswitch.show(victim)["backend"]["state"] != "connected", 10,
                           f"{victim} gone")
                assert vswitch.show(other)["backend"]["state"] == "connected"
                guests[victim] = Guest(victim, vswitch.vhost_path(victim))
                vswitch.wait_backend(victim, "connected", 30)
                wait_traffic(vswitch, "g0")
                wait_traffic(vswitch, "g1")
    finally:
        for guest in guests.values():
            guest.kill()


def test_device_deleted_under_a_guest(vswitch):
    for _ in range(3):
        vswitch.add_veth("g0", "g1")
        vswitch.vsctl("attach", "g0", "vhost")
        vswitch.vsctl("attach", "g1", "vhost")
        guests = [Guest(name, vswitch.vhost_path(name)) for name in ("g0", "g1")]
        try:
            wait_until(lambda: rx_packets(vswitch, "g0") > 100, 60, "traffic")
            vswitch.ip("link", "del", "g1")
            assert set(vswitch.links()) == {"lo"}
            assert not list((vswitch.run_dir / "vhost").glob("*"))
        finally:
            for guest in guests:
                guest.kill()


# --- clients die ---


def test_client_killed_in_the_middle_of_a_batch(vswitch, tmp_path):
    batch = tmp_path / "batch"
    batch.write_text("".join(f"link add p{i} group 9 type veth peer name q{i} group 9\n"
                             f"link set p{i} up\n" for i in range(20000)))
    with Bystander(vswitch) as bystander, bystander.traffic():
        seen = 0
        for delay in (0.05, 0.2, 0.5):
            client = Child(vswitch.vsctl_argv("ip", "-force", "-batch", batch), name="ip")
            time.sleep(delay)
            client.kill()
            links = vswitch.links()
            seen = max(seen, len(links))
            for name, link in links.items():
                if name[0] in "pq":
                    assert link["link"] in links, f"{name} without its peer"
            vswitch.vsctl("show")
        assert 3 < seen < 40000
        vswitch.ip("link", "del", "group", 9, timeout=120)
        assert set(vswitch.links()) == {"lo", "by-x", "by-y"}


def test_ten_clients_at_once(vswitch, tmp_path):
    children = []
    for client in range(10):
        batch = tmp_path / f"batch{client}"
        batch.write_text("".join(f"link add c{client}n{i} type veth peer name c{client}m{i}\n"
                                 f"link set c{client}n{i} up\nlink del c{client}m{i}\n"
                                 for i in range(30)))
        children.append(Child(vswitch.vsctl_argv("ip", "-batch", batch), name=f"ip {client}"))
    for child in children:
        assert child.wait(120) == 0, child.output()
    assert set(vswitch.links()) == {"lo"}


def test_process_survives_start_and_stop_under_load():
    """A guest still sends and a client still asks while the process stops."""
    for _ in range(2):
        vswitch = VswitchProcess().start()
        try:
            vswitch.add_veth("g0", "g1")
            vswitch.vsctl("attach", "g0", "vhost")
            vswitch.vsctl("attach", "g1", "vhost")
            guests = [Guest(name, vswitch.vhost_path(name)) for name in ("g0", "g1")]
            client = Child(["sh", "-c", 'while "$@" >/dev/null 2>&1; do :; done', "sh",
                            *vswitch.vsctl_argv("ip", "link")])
            try:
                wait_until(lambda: rx_packets(vswitch, "g0") > 100, 60, "traffic")
                assert vswitch.stop() == 0
            finally:
                for child in (*guests, client):
                    child.kill()
        finally:
            vswitch.kill()
