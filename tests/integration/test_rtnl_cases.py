# SPDX-License-Identifier: BSD-3-Clause
"""The recorded answers of a Linux 6.1 kernel, replayed against vswitch."""

import collections
import copy

import pytest

from support.rtnl_replay import Replay, load_cases, load_left_out
from support.vswitch_process import VswitchProcess

CASES = load_cases()
LEFT_OUT = load_left_out()
PASSING = [name for name in CASES if name not in LEFT_OUT]
MIN_SHARE = 0.85

# Answers that did not change between kernels, of every form a case has.
SAME_ON_ANY_KERNEL = ["veth-master-self", "raw-mtu-2bytes", "veth-add-name-2templates",
                      "batch-kernel-fail"]


@pytest.fixture(scope="module")
def processes():
    """Where the process that the cases share is kept, or the one that took the place of one that
    died."""
    kept = []
    yield kept
    for process in kept:
        process.stop()


@pytest.fixture
def replay(processes):
    """Replays a case against a process; each case has a network namespace of its own, in which no
    link of another can be. vswitch settles a carrier at once, so nothing waits for it."""
    if not processes:
        processes.append(VswitchProcess(no_huge=True, memory=64).start())
    vswitch = processes[0]
    yield lambda name: Replay(vswitch.vsctl_argv("run", "--"), settle=False).run(CASES[name])
    if not vswitch.alive():
        processes.clear()
        pytest.fail(f"vswitch died:\n{vswitch.log()}")


@pytest.mark.parametrize("name", PASSING)
def test_case(replay, name):
    differences = replay(name)
    assert not differences, f"{name}:\n{differences}"


@pytest.mark.parametrize("name", LEFT_OUT)
def test_left_out_case_is_known_and_differs(replay, name):
    assert name in CASES
    assert LEFT_OUT[name].strip()
    assert replay(name), f"{name} passes: take it out of left_out.toml"


def test_share_of_passing_cases():
    total = collections.Counter(case["area"] for case in CASES.values())
    passing = collections.Counter(CASES[name]["area"] for name in PASSING)
    # Nearly every case of `show` needs ipvlan and bridge in its set-up, so it counts only in the
    # sum of the four.
    for area in ("veth", "generic", "raw", "neigh", "ipvaddr"):
        assert passing[area] >= MIN_SHARE * total[area], area
    four = ("veth", "generic", "show", "raw")
    assert sum(passing[a] for a in four) >= MIN_SHARE * sum(total[a] for a in four)


@pytest.mark.parametrize("name", SAME_ON_ANY_KERNEL)
def test_harness_accepts_the_kernel(name):
    assert Replay().run(CASES[name]) == ""


def test_harness_sees_every_kind_of_difference():
    case = CASES["batch-kernel-fail"]
    for change in ({"kernel_exit": 0}, {"kernel_stderr": ""}, {"kernel_stdout": "x\n"},
                   {"setup": ["false"]}):
        assert Replay().run({**case, **change}), change
    changed = copy.deepcopy(case)
    changed["post"][0]["output"] = changed["post"][0]["output"].replace("1500", "1400")
    assert Replay().run(changed)
