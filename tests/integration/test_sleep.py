# SPDX-License-Identifier: BSD-3-Clause
"""Workers that sleep while they have nothing to do."""

import contextlib
import os
import pathlib
import re
import time

import pytest

from support.netns import Netns, unique_name
from support.vswitch_process import VswitchProcess

SILENCE = 2  # seconds


@pytest.fixture(params=[["--sleep"], []], ids=["sleep", "poll"])
def vswitch(request):
    with VswitchProcess(options=request.param, no_huge=True, memory=64) as process:
        process.sleeps = bool(request.param)
        yield process


def cpu_seconds(vswitch):
    """That the worker has used: of all threads the one that may run on its CPU only."""
    worker = [task for task in pathlib.Path(f"/proc/{vswitch.pid}/task").iterdir()
              if task.name != str(vswitch.pid) and re.search(
                  rf"^Cpus_allowed_list:\s*{vswitch.cores}$", (task / "status").read_text(), re.M)
              and "worker" in (task / "comm").read_text()]
    assert len(worker) == 1
    fields = (worker[0] / "stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def used_in_silence(vswitch):
    """The share of its CPU that the worker uses while nothing moves."""
    before, start = cpu_seconds(vswitch), time.monotonic()
    time.sleep(SILENCE)
    return (cpu_seconds(vswitch) - before) / (time.monotonic() - start)


def assert_as_asked(vswitch):
    share = used_in_silence(vswitch)
    sleeps = vswitch.workers()[0]["sleeps"]
    if vswitch.sleeps:
        assert share < 0.15, f"{share:.0%} of a CPU, for nothing"
        assert sleeps > 0
    else:
        assert sleeps == 0


def test_a_switch_without_ports(vswitch):
    assert_as_asked(vswitch)


def test_ports_with_doorbells(vswitch):
    """Taps. The first packet after a silence, and those of others meanwhile, arrive."""
    with contextlib.ExitStack() as stack:
        left, right = stack.enter_context(Netns()), stack.enter_context(Netns())
        vswitch.add_veth("a", "b")
        for device, host, address in (("a", left, "10.0.0.1/24"), ("b", right, "10.0.0.2/24")):
            tap = unique_name("ts")
            vswitch.vsctl("attach", device, "tap", f"ifname={tap}")
            host.take(tap, address)
        left.ping("10.0.0.2")
        assert_as_asked(vswitch)
        assert vswitch.workers()[0]["resting"] == 2
        left.ping("10.0.0.2", count=3)
        # What the control thread sends, and is sent, wakes it as well.
        vswitch.ip("addr", "add", "10.0.0.3/24", "dev", "a")
        time.sleep(0.1)
        assert vswitch.ip("neigh", "show").returncode == 0
        vswitch.ip("link", "del", "dev", "a")
    assert vswitch.workers()[0]["queues"] == 0


def test_ports_without(vswitch):
    """Nobody rings for a ring: the worker sleeps for a moment at a time."""
    vswitch.add_veth("a", "b")
    vswitch.vsctl("attach", "a", "ring")
    vswitch.vsctl("attach", "b", "ring")
    assert_as_asked(vswitch)
    if vswitch.sleeps:
        before = vswitch.workers()[0]["sleeps"]
        time.sleep(0.5)
        assert vswitch.workers()[0]["sleeps"] > before + 10
