# SPDX-License-Identifier: BSD-3-Clause
"""The system's unmodified ip against vswitch says what it says against the kernel.

Each script runs twice, once against the host's own kernel and once through `vsctl run`, both in
network namespaces of their own. Differences that are allowed: random MAC addresses, and the number
of queues, which the kernel takes from the number of CPUs."""

import json
import random
import re
import subprocess

import pytest

from support.beside_kernel import seeds
from support.children import wait_until
from support.vswitch_process import default_build_dir

PAIR = "ip link add dev a type veth peer name b\n"
FIXED_PAIR = ("ip link add dev a address 02:00:00:00:00:01 type veth "
              "peer name b address 02:00:00:00:00:02\n")

SAME_AS_KERNEL = {
    # `a` is also how ip abbreviates `address`, so this is what it says to anybody.
    "acceptance_line": "ip link add a type veth peer name b && ip -s -d -j link show",
    "details_json": PAIR + "ip -s -d -j link show",
    "details": PAIR + "ip -s -d link show",
    "error_counters": PAIR + "ip -s -s link show",
    "brief": PAIR + "ip -br link; ip -br -j link",
    "one_line": PAIR + "ip -o link; ip -o -s -d link show dev b",
    "pretty_json": PAIR + "ip -j -p link show dev a",
    "colour": PAIR + "ip -c=always link show",
    "human_readable": PAIR + "ip -h -s link show",
    "filters": PAIR + "ip link set dev a group 7\nip link show type veth; ip link show type dummy;"
                      "ip link show up; ip link show group 7; ip link show nomaster",
    "unknown_devices": "ip link show dev nosuch; echo $?; ip link del dev nosuch; echo $?;"
                       "ip link set dev nosuch up; echo $?; ip link show master nosuch; echo $?;"
                       "ip link add link nosuch name x type veth; echo $?",
    "unknown_kind": "ip link add dev a type nosuch; echo $?; ip -o link",
    "names": PAIR + "ip link add dev c type veth peer name a; echo $?;"
                    "ip link add dev a/b type veth; echo $?; ip link add dev .. type veth; echo $?;"
                    "ip link set dev a name b; echo $?; ip link set dev a name c; ip -o link",
    "templates": "ip link add type veth; ip link add dev 'x%d' type veth peer name 'x%d';"
                 "ip link add type veth; ip -o link",
    "limits": PAIR + "ip link set dev a mtu 67; echo $?; ip link set dev a mtu 65536; echo $?;"
                     "ip link set dev a mtu 65535; echo $?; ip link set dev a mtu 68;"
                     "ip link set dev a address 01:00:00:00:00:00; echo $?;"
                     "ip link add dev c mtu 10 type veth; echo $?; ip -o link",
    "indexes": "ip link add dev a index 100 type veth peer name b index 50; echo $?;"
               "ip link add dev c index 50 type veth; echo $?;"
               "ip link add dev d type veth; echo $?; ip -o link",
    "alternative_names": PAIR + "ip link property add dev a altname first-name altname second;"
                                "ip link show dev first-name; ip link set dev second alias text;"
                                "ip link property del dev a altname second; ip link show dev a;"
                                "ip link property del dev a altname second; echo $?",
    "delete_by_either_end": PAIR + "ip link del dev b; ip -o link",
    "carrier": FIXED_PAIR + "ip link set dev a up\nsleep 1.3\nip -d link show\n"
                            "ip link set dev b up\nsleep 1.3\nip link show\n"
                            "ip link set dev a down\nsleep 1.3\nip link show",
    "flags": PAIR + "ip link set dev a arp off multicast off allmulticast on promisc on\n"
                    "ip -d link show dev a\nip link set dev a promisc off\nip -d link show dev a",
    "changes_that_meet": PAIR + "ip link set dev a mtu 68 addrgenmode eui64; echo $?; ip -d link;"
                                "ip link set dev a mtu 1280 addrgenmode none; echo $?; ip -d link",
    "loopback": "ip link del dev lo; echo $?; ip link set dev lo up; ip link show dev lo;"
                "ip link set dev lo mtu 1000; ip link show dev lo",
    "batch": "printf 'link add dev a type veth peer name b\\nlink set dev a mtu 1400\\n' |"
             "ip -batch -; echo $?; ip -o link",
    "batch_stops": "printf 'link set dev nosuch up\\nlink add dev a type veth\\n' |"
                   "ip -batch -; echo $?; ip -o link",
    "batch_force": "printf 'link set dev nosuch up\\nlink add dev a type veth\\n' |"
                   "ip -force -batch -; echo $?; ip -o link",
    "addresses_of_nobody": PAIR + "ip addr show; ip -br addr; ip route; ip neigh",
    "bridge_tool": PAIR + "bridge link; echo $?",
}


def run_shell(script, prefix=()):
    """Runs the script in a namespace of its own; (status, output, errors)."""
    result = subprocess.run(["unshare", "-n", *prefix, "/bin/sh", "-c", script],
                            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    return result.returncode, normal(result.stdout), normal(result.stderr)


def normal(text):
    def mac(match):
        return "<random>" if int(match.group()[:2], 16) & 3 == 2 and \
            not match.group().startswith("02:00:00") else match.group()

    text = re.sub(r"(?<![0-9a-f])[0-9a-f]{2}(:[0-9a-f]{2}){5}(?![0-9a-f])", mac, text)
    return re.sub(r"(num_?[tr]x_?queues\"?[: ])\d+", r"\1N", text)


@pytest.mark.parametrize("script", SAME_AS_KERNEL.values(), ids=SAME_AS_KERNEL.keys())
def test_same_as_kernel(vswitch, script):
    assert run_shell(script, vswitch.vsctl_argv("run", "--")) == run_shell(script)


class RandomCommands:
    """Commands about few names, so that they meet. Left out is what Linux changed after 6.1: names
    of links that are up, long queues, large GSO limits."""

    NAMES = ("v0", "v1", "v2", "v3", "alt-0", "alt-1", "veth0", "veth1", "lo", "if3", "nosuch")
    # Only links that were never up can be renamed by both.
    NEW_NAMES = ("v0", "v2", "v4", "alt-0", "x%d", "veth%d", "x%d%d", ".", "a-name-of-16-byte")
    MTUS = (0, 67, 68, 1280, 1500, 9000, 65535, 65536, -1)
    MACS = ("02:00:00:00:00:09", "02:00:00:00:00:0a", "01:00:00:00:00:01", "00:00:00:00:00:00",
            "02:00:00:00:00", "02:00:00:00:00:01:02", "xyz")
    QUEUES = (0, 1, 2, 4096, 4097)
    INDEXES = (1, 2, 3, 4, 20, 300, 0, -1)

    def __init__(self, seed):
        self.random = random.Random(seed)

    def pick(self, values):
        return str(self.random.choice(values))

    def name(self):
        return self.pick(self.NAMES)

    def options(self, values, most):
        """Some of the options, in any order."""
        chosen = self.random.sample(sorted(values), self.random.randrange(most + 1))
        return " ".join(f"{key} {self.pick(values[key])}" for key in chosen)

    def new_options(self):
        return self.options({"mtu": self.MTUS, "address": self.MACS, "index": self.INDEXES,
                             "txqueuelen": (0, 5, 1000, 100000), "group": (0, 1, 7),
                             "numtxqueues": self.QUEUES, "numrxqueues": self.QUEUES}, 2)

    def peer_options(self):
        """Only valid ones: what is wrong with a peer, Linux looks at earlier now."""
        return self.options({"mtu": (68, 1280, 9000), "address": self.MACS[:2], "group": (0, 1, 7),
                             "index": self.INDEXES[:6], "txqueuelen": (0, 5)}, 2)

    def add(self):
        peer = self.random.choice(["", "peer", f"peer name {self.name()}",
                                   f"peer name {self.name()} {self.peer_options()}"])
        return f"ip link add dev {self.name()} {self.new_options()} type veth {peer}"

    def add_unnamed(self):
        return self.pick(["ip link add type veth", "ip link add dev 'x%d' type veth peer 'x%d'",
                          "ip link replace dev v3 type veth", "ip link add dev v0 type nosuch"])

    def delete(self):
        return self.pick([f"ip link del dev {self.name()}", "ip link del group 7",
                          f"ip link del dev {self.name()} type veth", "ip link del group 0"])

    def change(self):
        values = {"mtu": self.MTUS, "address": self.MACS, "group": (0, 1, 7, "default"),
                  "broadcast": self.MACS[:2], "txqueuelen": (0, 5, 1000, 32767),
                  "arp": ("on", "off"), "multicast": ("on", "off"), "promisc": ("on", "off"),
                  "allmulticast": ("on", "off"), "alias": ("text", "''"), "master": self.NAMES,
                  "gso_max_size": (65536, 2000), "gso_max_segs": (1, 65535), "mode": ("default",),
                  "addrgenmode": ("eui64", "none"), "carrier": ("off",), "protodown": ("on",)}
        return f"ip link set dev {self.name()} {self.options(values, 3)}"

    def up_or_down(self):
        return f"ip link set dev {self.name()} {self.pick(['up', 'up', 'down'])}"

    def rename(self):
        name = self.name()
        new_name = self.pick(self.NEW_NAMES)
        return f"ip link set dev {name} down; ip link set dev {name} name '{new_name}'"

    def altname(self):
        return f"ip link property {self.pick(['add', 'add', 'del'])} dev {self.name()} " \
               f"altname {self.pick(['alt-0', 'alt-1', 'v2'])}"

    def group(self):
        return f"ip link set group {self.pick([1, 7, 9])} {self.pick(['up', 'down', 'mtu 1400'])}"

    def show(self):
        return self.pick([f"ip -d link show dev {self.name()}", "ip -o link show type veth",
                          "ip -o link show group 7", f"ip -j link show dev {self.name()}"])

    def script(self, commands):
        """Each command says its status. Carrier settles at once here and within about a second in
        the kernel, so it is only looked at in the end."""
        kinds = [self.add] * 4 + [self.change] * 4 + [self.up_or_down, self.delete, self.rename,
                                                      self.altname, self.group, self.add_unnamed]
        lines = [f"{self.random.choice(kinds)()}; echo {number} $?" for number in range(commands)]
        return "exec 2>&1\n" + "\n".join(lines) + "\nsleep 2\nip -d link\nip -j -d link\n"


@pytest.mark.parametrize("seed", seeds(4))
def test_random_commands_same_as_kernel(vswitch, seed):
    script = RandomCommands(seed).script(60)
    print(script)
    assert run_shell(script, vswitch.vsctl_argv("run", "--")) == run_shell(script)


MONITORED = FIXED_PAIR + """
{monitor} > {out} & monitor=$!
sleep 1
ip link add dev c type veth peer name d
ip link set dev a mtu 1400
ip link set dev a address 02:00:00:00:00:03
ip link set dev a name e
ip link set dev e txqueuelen 10
ip link del dev d
ip link del dev e
sleep 0.5
kill $monitor
cat {out}
"""


@pytest.mark.parametrize("monitor", ["ip monitor link", "ip -o monitor link", "ip -t monitor link"])
def test_monitor_same_as_kernel(vswitch, tmp_path, monitor):
    script = MONITORED.format(monitor=monitor, out=tmp_path / "out")
    ours = run_shell(script, vswitch.vsctl_argv("run", "--"))
    theirs = run_shell(script)
    stamp = r"(?m)^Timestamp: .*\n" if "-t" in monitor else r"$^"
    assert re.sub(stamp, "Timestamp\n", ours[1]) == re.sub(stamp, "Timestamp\n", theirs[1])
    assert ours[2] == ""
    assert ours[1].count("Deleted") == 4


def test_vsctl_ip_is_ip(vswitch):
    vswitch.ip("link", "add", "dev", "a", "type", "veth", "peer", "name", "b")
    links = vswitch.links()
    assert list(links) == ["lo", "b", "a"]
    assert links["a"]["link"] == "b" and links["b"]["link"] == "a"
    assert links["a"]["linkinfo"]["info_kind"] == "veth"
    assert links["a"]["num_tx_queues"] == links["a"]["num_rx_queues"] == 1
    for counters in links["a"]["stats64"].values():
        assert set(counters.values()) == {0}


@pytest.mark.parametrize("args, status", [
    (["link", "show"], 0), (["link", "show", "dev", "nosuch"], 1),
    (["link", "add", "dev", "a", "type", "nosuch"], 2), (["nosuch"], 1), (["link", "set"], 255)])
def test_vsctl_ip_ends_with_the_status_of_ip(vswitch, args, status):
    result = vswitch.ip(*args, check=False)
    assert result.returncode == status
    assert (result.stderr == "") == (status == 0)


def test_namespaces_scope_names_and_indexes(vswitch):
    vswitch.ip("link", "add", "dev", "a", "type", "veth", "peer", "name", "b")
    run = vswitch.vsctl_argv("run", "--")
    # The same names and indexes again, elsewhere, and a fresh `lo`.
    script = "ip -o link; ip link add dev a type veth peer name b; ip -o link | wc -l"
    for _ in range(2):
        status, output, errors = run_shell(script, run)
        assert (status, errors) == (0, "")
        assert output.splitlines()[-1] == "3"
        assert output.startswith("1: lo:")
    assert list(vswitch.links()) == ["lo", "b", "a"]


def test_namespace_that_ends_takes_its_links_along(vswitch):
    """The kernel gives the inode of one to the next, which must be empty all the same."""
    vswitch.add_veth("v0", "v1")
    script = "ip -o link; ip link add dev v0 type veth peer name v1; ip link set dev v0 up"
    for _ in range(20):
        assert run_shell(script, vswitch.vsctl_argv("run", "--"))[1].count("\n") == 1
    wait_until(lambda: len(json.loads(vswitch.vsctl("--json", "show").stdout)) == 3, 5,
               "only the links of the namespace that is left")


def test_detailed_show_names_the_backend(vswitch):
    vswitch.add_veth("v0", "v1")
    vswitch.vsctl("attach", "v0", "vhost")
    vswitch.vsctl("attach", "v1", "ring", "name=r1")
    links = vswitch.links()
    assert (links["v0"]["parentbus"], links["v0"]["parentdev"]) == \
        ("vhost-user", str(vswitch.vhost_path("v0")))
    assert (links["v1"]["parentbus"], links["v1"]["parentdev"]) == ("ring", "r1")
    vswitch.vsctl("detach", "v0")
    assert "parentbus" not in vswitch.links()["v0"]


# --- vsctl ---


@pytest.mark.parametrize("args", [
    [], ["nosuch"], ["attach"], ["attach", "a"], ["detach"], ["link"], ["link", "add", "x"],
    ["--nosuch", "show"], ["run"], ["show", "a", "b"], ["workers", "x"]],
    ids=lambda args: " ".join(args) or "nothing")
def test_usage_errors(vswitch, args):
    result = vswitch.vsctl(*args, check=False)
    assert result.returncode == 2
    assert result.stderr.strip()
    assert result.stdout == ""


@pytest.mark.parametrize("args, reason", [
    (["attach", "nosuch", "vhost"], "No such device"),
    (["attach", "v0", "nosuch"], "nosuch"),
    (["attach", "v0", "vhost", "colour=blue"], "colour"),
    (["attach", "v0", "vhost", "queues=0"], "queues"),
    (["attach", "v0", "vhost", "queues=many"], "queues"),
    (["attach", "v0", "vhost", "mode=sideways"], "mode"),
    (["attach", "v0", "tap", "ifname=a-name-that-is-too-long"], "ifname|name"),
    (["attach", "v0", "ethdev"], "."),
    (["attach", "lo", "vhost"], "."),
    (["detach", "nosuch"], "No such device"),
    (["detach", "v0"], "."),
    (["show", "nosuch"], "No such device"),
    (["link", "add", "x", "type", "ethdev", "devargs", "net_nosuch0"], "."),
], ids=lambda value: " ".join(value) if isinstance(value, list) else None)
def test_refusals(vswitch, args, reason):
    vswitch.add_veth("v0", "v1")
    before = vswitch.show()
    result = vswitch.vsctl(*args, check=False)
    assert result.returncode == 1
    assert re.search(reason, result.stderr, re.I)
    assert len(result.stderr.strip().splitlines()) == 1
    assert vswitch.show() == before


def test_second_backend_is_refused(vswitch):
    vswitch.add_veth("v0", "v1")
    vswitch.vsctl("attach", "v0", "ring")
    result = vswitch.vsctl("attach", "v0", "vhost", check=False)
    assert (result.returncode, "busy" in result.stderr.lower()) == (1, True)
    assert vswitch.show("v0")["backend"]["type"] == "ring"
    assert not vswitch.vhost_path("v0").exists()


def test_show(vswitch):
    vswitch.add_veth("v0", "v1")
    vswitch.vsctl("attach", "v0", "vhost", "queues=2")
    devices = vswitch.show()
    assert set(devices) == {"lo", "v0", "v1"}
    v0 = devices["v0"]
    assert set(v0) >= {"ifindex", "name", "kind", "namespace", "flags", "operstate", "mtu",
                       "address", "link", "master", "backend", "counters", "drops"}
    ip = vswitch.links()["v0"]
    assert (v0["ifindex"], v0["kind"], v0["mtu"], v0["address"], v0["operstate"]) == \
        (ip["ifindex"], "veth", 1500, ip["address"], "UP")
    assert v0["link"] in ("v1", devices["v1"]["ifindex"])
    assert v0["backend"]["type"] in ("vhost", "vhost-user")
    assert v0["backend"]["path"] == str(vswitch.vhost_path("v0"))
    assert v0["backend"]["queues"] == 2
    assert v0["backend"]["state"]
    text = vswitch.vsctl("show").stdout
    assert all(name in text for name in devices)
    assert "v1" not in [line.split()[0] for line in vswitch.vsctl("show", "v0").stdout.splitlines()]
    # The option may also follow the command.
    assert json.loads(vswitch.vsctl("show", "--json", "v0").stdout)[0]["name"] == "v0"


def test_workers(vswitch):
    vswitch.add_veth("v0", "v1")
    vswitch.vsctl("attach", "v0", "ring")
    workers = vswitch.workers()
    assert len(workers) == 1
    assert str(workers[0]["cpu"]) == vswitch.cores
    assert workers[0]["busy_cycles"] >= 0 and workers[0]["idle_cycles"] > 0
    later = vswitch.workers()
    assert later[0]["idle_cycles"] > workers[0]["idle_cycles"]
    assert (workers[0]["devices"], workers[0]["queues"]) == (["v0"], 1)
    assert set(workers[0]) >= {"packets", "cycles_per_packet", "mailbox_depth", "resting", "sleeps"}
    assert vswitch.vsctl("workers").stdout.strip()


@pytest.mark.parametrize("args", [["show"], ["workers"], ["ip", "link"], ["attach", "a", "vhost"],
                                  ["link", "add", "x", "type", "ethdev", "devargs", "net_null0"]],
                         ids=" ".join)
def test_without_vswitch(tmp_path, args):
    result = subprocess.run([default_build_dir() / "vsctl", "--run-dir", tmp_path, *args],
                            capture_output=True, text=True, timeout=30)
    assert result.returncode == 3
    assert str(tmp_path) in result.stderr
    assert result.stdout == ""


def test_run_dir_from_the_environment(vswitch):
    result = subprocess.run([default_build_dir() / "vsctl", "ip", "-o", "link"],
                            env={"VSWITCH_RUN_DIR": str(vswitch.run_dir), "PATH": "/usr/sbin:/bin"},
                            capture_output=True, text=True, timeout=30)
    assert (result.returncode, result.stdout[:6]) == (0, "1: lo:")
