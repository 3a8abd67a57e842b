# SPDX-License-Identifier: BSD-3-Clause
"""IP addresses: the system's unmodified ip against vswitch says what it says against the kernel.

Each script runs twice, once against the host's own kernel and once through `vsctl run`, both in
network namespaces of their own. Errors are left out: newer kernels than Linux 6.1 explain them."""

import random
import re
import subprocess

import pytest

from support.beside_kernel import SETTLE, seeds
from support.children import wait_until

# `t` says each command, what it prints and its status; `ready` waits for the addresses of IPv6.
PAIR = SETTLE + """\
t() { echo "+ $*"; "$@" 2>/dev/null; echo "= $?"; }
ready() { until ! ip addr show | grep -q tentative; do sleep 0.1; done; }
ip link add v0 address 02:00:00:00:00:01 type veth peer name v1 address 02:00:00:00:00:02
"""
UP = PAIR + """\
ip link set v0 up; ip link set v1 up
until [ $(ip -6 addr show | grep -c fe80) = 2 ]; do sleep 0.1; done; ready
"""


def commands(*lines):
    """Each line is one command of `ip`."""
    return "".join(f"t ip {line}\n" for line in lines)


SAME_AS_KERNEL = {
    "show": UP + commands(
        "addr add 10.1.0.1/24 brd + dev v0", "addr add 10.1.0.2/24 dev v0 label v0:x",
        "addr add fd00::1/64 dev v0 nodad", "addr show", "-4 addr show", "-6 addr show",
        "-br addr", "-o addr", "-s -d addr show dev v0", "-j -p addr show dev v0", "-s -d -j addr",
        "addr show dev v1", "addr show to 10.1.0.0/16", "addr show label v0:x",
        "addr show scope link", "addr show primary", "addr show secondary", "addr show up",
        "addr show permanent", "addr show dynamic", "addr show type veth", "addr show nosuch"),
    "duplicates": PAIR + commands(
        "addr add 10.1.0.1/24 dev v0", "addr add 10.1.0.1/24 dev v0", "addr add 10.1.0.1/25 dev v0",
        "addr add 10.1.0.1/24 dev v1", "addr replace 10.1.0.1/24 dev v0 valid_lft 1000",
        "addr change 10.1.0.9/24 dev v0", "addr add fd00::1/64 dev v0",
        "addr add fd00::1/48 dev v0", "addr change fd00::1/48 dev v0 home", "addr show"),
    "deletion": PAIR + commands(
        "addr add 10.1.0.1/24 dev v0", "addr add 10.1.0.2/24 dev v0", "addr add 10.2.0.1/24 dev v0",
        "addr del 10.1.0.1 dev v0", "addr del 10.1.0.1/24 dev v0", "addr show dev v0",
        "addr del 10.1.0.2/24 dev v0", "addr del fd00::1/64 dev v0", "addr del 10.2.0.1/24 dev v1",
        "addr del 10.2.0.1/24 label v0:x dev v0", "addr del 10.2.0.1/24 label v0 dev v0",
        "addr show"),
    "peers": PAIR + commands(
        "addr add 10.1.0.1 peer 10.1.0.2 dev v0", "addr add 10.1.0.1 peer 10.1.0.3/24 dev v0",
        "addr add fd00::1 peer fd00::2/64 dev v0", "addr add fd00::1 peer fd00::3 dev v0",
        "addr change fd00::1 peer fd00::3/64 dev v0", "addr show dev v0",
        "addr del 10.1.0.1 peer 10.1.0.2 dev v0", "addr del 10.1.0.1 peer 10.1.0.9/24 dev v0",
        "addr del fd00::1 dev v0", "addr del fd00::1/64 dev v0", "addr show dev v0"),
    "scopes": PAIR + commands(
        "addr add 10.1.0.1/24 scope link dev v0", "addr add 10.2.0.1/24 dev v0",
        "addr add 10.3.0.1/24 scope host dev v0", "addr add 10.1.0.2/24 dev v0",
        "addr add 10.1.0.3/24 scope link dev v0", "addr add fec0::1/64 dev v0",
        "addr add fe80::7/64 dev v0", "addr add fd00::1/64 scope host dev v0", "addr show dev v0",
        "addr show scope link", "addr show scope site", "addr show scope host"),
    "odd_addresses": PAIR + commands(
        "addr add 0.0.0.0/24 dev v0", "addr add 127.0.0.5/8 dev v0", "addr add 224.0.0.5/24 dev v0",
        "addr add 255.255.255.255/32 dev v0", "addr add 10.0.0.1/0 dev v0", "addr add ::/64 dev v0",
        "addr add ::1/128 dev v0", "addr add ff02::5/64 dev v0",
        "addr add ::ffff:1.2.3.4/96 dev v0", "addr add ::1.2.3.4/96 dev v0",
        "addr add fd00::1/0 dev v0", "addr add fd00::2/128 dev v0",
        "addr add 239.1.1.1/32 autojoin dev v0", "addr add ff02::9/64 autojoin dev v0",
        "addr add 10.0.0.2/24 autojoin dev v0", "addr show"),
    "flags": PAIR + commands(
        "addr add 10.1.0.1/24 noprefixroute dev v0", "addr add fd00::1/64 noprefixroute dev v0",
        "addr add fd00::2/64 home dev v0", "addr add fd00::3/64 mngtmpaddr dev v0",
        "addr add fd00::4/63 mngtmpaddr dev v0", "addr add fd00::5/64 nodad dev v0",
        "addr add fd00::6/64 optimistic dev v0", "addr add 10.1.0.2/24 home nodad dev v0",
        "addr change fd00::2/64 dev v0", "-d addr show dev v0", "-j addr show dev v0"),
    "lifetimes": PAIR + commands(
        "addr add 10.1.0.1/24 valid_lft 1000 preferred_lft 500 dev v0",
        "addr add 10.1.0.2/24 valid_lft 1000 dev v0", "addr add 10.1.0.3/24 preferred_lft 0 dev v0",
        "addr add 10.1.0.4/24 valid_lft 500 preferred_lft 501 dev v0",
        "addr add 10.1.0.5/24 valid_lft 0 dev v0", "addr add 10.1.0.6/24 preferred_lft 500 dev v0",
        "addr add fd00::1/64 valid_lft 1000 preferred_lft 500 nodad dev v0",
        "addr add fd00::2/64 valid_lft 1000 preferred_lft 0 dev v0",
        "addr add fd00::3/64 preferred_lft 500 dev v0",
        "addr change fd00::1/64 preferred_lft 0 dev v0", "addr change 10.1.0.1/24 dev v0",
        "addr show dev v0", "-j addr show dev v0", "addr show deprecated"),
    "metric": PAIR + commands(
        "addr add 10.1.0.1/24 metric 7 dev v0", "addr change 10.1.0.1/24 metric 9 dev v0",
        "addr add fd00::1/64 metric 7 dev v0", "addr change fd00::1/64 dev v0", "addr show dev v0"),
    "flush": UP + commands(
        "addr add 10.1.0.1/24 dev v0", "addr add 10.1.0.2/24 dev v0",
        "addr add fd00::1/64 nodad dev v0", "addr flush dev v0 secondary", "addr show dev v0",
        "-4 addr flush dev v0", "addr show dev v0", "addr flush dev v0 scope global",
        "-s -s addr flush dev v0", "addr show", "addr flush dev v0", "addr flush"),
    "down": UP + commands(
        "addr add 10.1.0.1/24 dev v0", "addr add fd00::1/64 nodad dev v0", "link set v0 down",
        "addr show dev v0", "addr add fd00::2/64 dev v0", "link set v0 up") +
        "until ip -6 addr show dev v0 | grep -q fe80; do sleep 0.1; done; ready\n" +
        commands("addr show dev v0"),
    "loopback": PAIR + commands(
        "link set lo up", "addr show dev lo", "addr add 127.0.0.2/8 dev lo",
        "addr add fd00::7/128 dev lo", "addr del 127.0.0.1/8 dev lo", "addr show dev lo",
        "link set lo down", "addr show dev lo", "link set lo up", "addr show dev lo"),
    "generation": PAIR + commands(
        "link set v0 addrgenmode none", "link set v0 up", "link set v1 up") +
        "until ip -6 addr show dev v1 | grep -q fe80; do sleep 0.1; done; ready\n" +
        commands("addr show", "link set v0 addrgenmode eui64", "addr show dev v0",
                 "-d link show dev v0"),
    "rename": PAIR + commands(
        "addr add 10.1.0.1/24 dev v0", "addr add 10.2.0.1/24 label v0:x dev v0",
        "addr add 10.3.0.1/24 dev v0", "link set v0 name a-longer-name", "addr show",
        "addr add 10.4.0.1/24 label v0:y dev a-longer-name", "addr show to 10.4.0.1"),
    "small_mtu": PAIR + commands(
        "addr add 10.1.0.1/24 dev v0", "addr add fd00::1/64 dev v0", "link set v0 mtu 1279",
        "addr show dev v0", "addr add fd00::1/64 dev v0", "link set v0 mtu 1280",
        "addr add fd00::1/64 dev v0", "link set v0 mtu 68", "addr show dev v0"),
    "link_deleted": PAIR + commands(
        "addr add 10.1.0.1/24 dev v0", "addr add fd00::1/64 dev v0", "link del v0",
        "link add v0 address 02:00:00:00:00:01 type veth", "addr show"),
    "netconf": PAIR + commands(
        "netconf show", "-4 netconf show dev v0", "-6 netconf show dev v0", "-6 netconf",
        "-j netconf show dev v1", "netconf show dev nosuch"),
    "stats": PAIR + commands(
        "stats show dev v0", "stats show", "-j stats show dev v0 group link",
        "stats show dev v0 group offload subgroup hw_stats_info", "stats set dev v0 l3_stats on",
        "stats show dev v0 group offload", "stats set dev v0 l3_stats off",
        "stats show dev v0 group offload", "stats show dev v0 group afstats",
        "stats show dev v0 group xstats", "stats show dev nosuch"),
    "many": PAIR + "for i in $(seq 300); do echo addr add 10.$((i / 250)).$((i % 250)).1/24 dev v0;"
                   "done | ip -batch -\n" + commands("addr show", "addr show dev v0"),
    "batch": PAIR + "printf 'addr add 10.1.0.1/24 dev v0\\naddr add 10.1.0.1/24 dev v0\\n"
                    "addr add 10.1.0.2/24 dev v0\\n' | ip -force -batch - 2>/dev/null; echo $?\n" +
             commands("addr show"),
}


def run_shell(script, prefix=()):
    """Runs the script in a namespace of its own; what it prints."""
    result = subprocess.run(["unshare", "-n", *prefix, "/bin/sh", "-c", script],
                            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=90,
                            check=False)
    return normal(result.stdout)


def normal(text):
    """Without what differs from run to run: random MAC addresses, and time that passed."""
    def mac(match):
        return "<random>" if int(match.group()[:2], 16) & 3 == 2 and \
            not match.group().startswith("02:00:00") else match.group()

    text = re.sub(r"(?<![0-9a-f:])[0-9a-f]{2}(:[0-9a-f]{2}){5}(?![0-9a-f])", mac, text)
    text = re.sub(r"\b(valid_lft|preferred_lft) [1-9]\d+sec", r"\1 <time>", text)
    text = re.sub(r'"(valid|preferred)_life_time":([1-9]\d{2,3})\b', r'"\1_life_time":0', text)
    # The kernel counts its own packets here; vswitch has none to send.
    text = re.sub(r"(?m)^(    [RT]X:.*\n) +[\d ]+$", r"\1 <counters>", text)
    text = re.sub(r'"(rx|tx)":\{[^}]*\}', r'"\1":{}', text)
    return re.sub(r"(num_?[tr]x_?queues\"?[: ])\d+", r"\1N", text)


@pytest.mark.parametrize("script", SAME_AS_KERNEL.values(), ids=SAME_AS_KERNEL.keys())
def test_same_as_kernel(vswitch, script):
    assert run_shell(script, vswitch.vsctl_argv("run", "--")) == run_shell(script)


class RandomCommands:
    """Commands about few addresses, so that they meet. Detection of duplicate addresses takes a
    random time in the kernel, so there is none."""

    ADDRESSES = ("10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.1.1", "127.0.0.1", "0.0.0.0",
                 "224.0.0.1")
    ADDRESSES6 = ("fd00::1", "fd00::2", "fd00:0:0:1::1", "fe80::5", "fec0::1", "::1", "ff02::1")
    LENGTHS = (0, 8, 24, 24, 24, 25, 32)
    LENGTHS6 = (0, 48, 64, 64, 64, 128)
    DEVICES = ("v0", "v0", "v1", "lo")
    OPTIONS = {"scope": ("link", "host", "global", 7), "label": ("{dev}:x", "{dev}", "{dev}:y"),
               "metric": (0, 5, 1024), "broadcast": ("+", "-", "10.0.0.77"),
               "valid_lft": (1000, 5000, "forever"), "preferred_lft": (0, 500, 1000, 2000)}
    OPTIONS6 = {"metric": (0, 5, 1024), "valid_lft": (1000, 5000, "forever"),
                "preferred_lft": (0, 500, 1000, 2000)}

    def __init__(self, seed):
        self.random = random.Random(seed)

    def address(self):
        six = self.random.random() < 0.5
        address = self.random.choice(self.ADDRESSES6 if six else self.ADDRESSES)
        length = self.random.choice(self.LENGTHS6 if six else self.LENGTHS)
        if self.random.random() < 0.15:
            address += " peer " + self.random.choice(self.ADDRESSES6 if six else self.ADDRESSES)
        return six, f"{address}/{length}"

    def options(self, six, device):
        values = self.OPTIONS6 if six else self.OPTIONS
        chosen = self.random.sample(sorted(values), self.random.choice((0, 0, 1, 2)))
        words = [f"{key} {self.random.choice(values[key])}".format(dev=device) for key in chosen]
        flags = ("home", "mngtmpaddr", "noprefixroute") if six else ("noprefixroute",)
        words += [flag for flag in flags if self.random.random() < 0.15]
        return " ".join(words + (["nodad"] if six else []))

    def change(self):
        six, address = self.address()
        device = self.random.choice(self.DEVICES)
        verb = self.random.choice(("add", "add", "add", "change", "replace"))
        return f"ip addr {verb} {address} dev {device} {self.options(six, device)}"

    def delete(self):
        _, address = self.address()
        return f"ip addr del {address} dev {self.random.choice(self.DEVICES)}"

    def flush(self):
        what = self.random.choice(("", "scope global", "to 10.0.0.0/24", "secondary", "permanent"))
        return f"ip {self.random.choice(('', '-4', '-6'))} addr flush " \
               f"dev {self.random.choice(self.DEVICES)} {what}"

    def link(self):
        device = self.random.choice(self.DEVICES)
        return self.random.choice((
            f"ip link set {device} up", f"ip link set {device} up", f"ip link set {device} down",
            f"ip link set {device} mtu {self.random.choice((1279, 1280, 1500))}",
            "ip link set v1 down; ip link set v1 name tmp; ip link set tmp name v1")) + \
            " && settle"

    def show(self):
        return self.random.choice(("ip addr show dev v0", "ip -o -6 addr", "ip -j addr",
                                   "ip addr show to 10.0.0.0/8", "ip -br addr"))

    def script(self, count):
        kinds = [self.change] * 6 + [self.delete] * 2 + [self.link] * 2 + [self.flush, self.show]
        lines = [f"{self.random.choice(kinds)()} 2>/dev/null; echo {number} $?"
                 for number in range(count)]
        return PAIR + "for link in v0 v1; do ip link set $link addrgenmode none; done\n" + \
            "\n".join(lines) + "\nsettle\nip -d addr\nip -j addr\n"


@pytest.mark.parametrize("seed", seeds(4))
def test_random_commands_same_as_kernel(vswitch, seed):
    script = RandomCommands(seed).script(80)
    print(script)
    assert run_shell(script, vswitch.vsctl_argv("run", "--")) == run_shell(script)


MONITORED = PAIR + """
ip -o monitor {what} > {out} & monitor=$!
sleep 1
for link in v0 v1; do ip link set $link addrgenmode none; done
ip addr add 10.1.0.1/24 dev v0
ip addr add 10.1.0.2/24 dev v0
ip addr add fd00::1/64 dev v0
ip addr add fd00::2/64 dev v0 nodad
ip addr change 10.1.0.1/24 dev v0 valid_lft 5000 preferred_lft 4000
ip addr change fd00::2/64 dev v0 valid_lft 5000 preferred_lft 4000
ip link set lo up
ip link set v0 name v2
ip link set v2 mtu 1279
ip link set v2 mtu 1500
ip addr add fd00::3/64 dev v2 nodad
ip link set v2 up
sleep 1.3
ip link set v2 down
ip addr del 10.1.0.1/24 dev v2
ip addr add 10.3.0.1/24 dev v1
ip link del v1
sleep 0.5
kill $monitor
cat {out}
"""


@pytest.mark.parametrize("what", ["address", "netconf", "link address netconf"])
def test_monitor_same_as_kernel(vswitch, tmp_path, what):
    script = MONITORED.replace("{what}", what).replace("{out}", str(tmp_path / "out"))
    ours = run_shell(script, vswitch.vsctl_argv("run", "--"))
    theirs = run_shell(script)
    assert ours == theirs
    assert ours.count("\n") >= 10


def test_lifetime_ends(vswitch):
    run = vswitch.vsctl_argv("run", "--")
    subprocess.run([*run, "ip", "link", "add", "d0", "type", "dummy"], check=True)
    subprocess.run([*run, "ip", "addr", "add", "10.0.0.1/24", "dev", "d0", "valid_lft", "1",
                    "preferred_lft", "1"], check=True)

    def gone():
        shown = subprocess.run([*run, "ip", "-o", "addr", "show", "dev", "d0"], check=True,
                               capture_output=True, text=True)
        return shown.stdout == ""

    assert not gone()
    wait_until(gone, 10, "an address whose lifetime ended")
