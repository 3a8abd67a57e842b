# SPDX-License-Identifier: BSD-3-Clause
"""Kernel network namespaces as the hosts behind kernel taps."""

import itertools
import json
import os
import subprocess

from support.children import Child, entering
from support.vswitch_process import other_cpus

_serial = itertools.count()


def run(*argv, check=True, timeout=30):
    result = subprocess.run([str(arg) for arg in argv], capture_output=True, text=True,
                            stdin=subprocess.DEVNULL, timeout=timeout)
    if check and result.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, argv))}: status {result.returncode}\n"
                           f"{result.stdout}{result.stderr}")
    return result


def unique_name(prefix):
    """An interface or namespace name that no other test process uses."""
    return f"{prefix}{os.getpid() % 1000000}n{next(_serial)}"


def silence_ipv6(interface):
    """A shell command that keeps an interface (or "all", "default") from speaking IPv6."""
    return f"f=/proc/sys/net/ipv6/conf/{interface}/disable_ipv6; [ ! -e $f ] || echo 1 >$f"


class Netns:
    """A namespace that says nothing by itself (no IPv6), so packets can be counted exactly."""

    def __init__(self):
        self.name = unique_name("vsw")

    def __enter__(self):
        run("ip", "netns", "add", self.name)
        for which in ("all", "default"):
            self.run("sh", "-c", silence_ipv6(which))
        self.ip("link", "set", "lo", "up")
        return self

    def __exit__(self, *exc):
        run("ip", "netns", "del", self.name, check=False)

    def ip(self, *args, **kwargs):
        return run(*entering(self.name), "ip", *args, **kwargs)

    def run(self, *argv, **kwargs):
        return run(*entering(self.name), "taskset", "-c", other_cpus(), *argv, **kwargs)

    def spawn(self, *argv):
        return Child(argv, cpus=other_cpus(), netns=self.name)

    def adopt(self, interface):
        """Moves an interface of this process's namespace in here."""
        run("ip", "link", "set", interface, "netns", self.name)

    def take(self, interface, address, mtu=None):
        """The same, and sets it up."""
        self.adopt(interface)
        if mtu:
            self.ip("link", "set", interface, "mtu", mtu)
        self.ip("addr", "add", address, "dev", interface)
        self.ip("link", "set", interface, "up")

    def stats(self, interface):
        """rtnl_link_stats64 as `ip -s -j` shows it: {"rx": {...}, "tx": {...}}."""
        return json.loads(self.ip("-s", "-j", "link", "show", interface).stdout)[0]["stats64"]

    def ping(self, address, count=3, size=56):
        """Pings with fragmentation forbidden; raises when an answer is missing."""
        return self.run("ping", "-c", count, "-i", "0.2", "-W", "3", "-M", "do", "-s", size,
                        address)


def veth_for_dpdk(stack):
    """A veth pair of the kernel, which `stack` removes: its names, of the end for an af_packet port
    of DPDK and of the other one."""
    near, far = unique_name("vn"), unique_name("vf")
    run("ip", "link", "add", near, "type", "veth", "peer", "name", far)
    stack.callback(run, "ip", "link", "del", near, check=False)
    run("sh", "-c", silence_ipv6(near))
    run("ip", "link", "set", near, "up")
    # A frame with an unfinished checksum would leave the kernel as it is.
    run("ethtool", "-K", far, "tx", "off")
    return near, far
