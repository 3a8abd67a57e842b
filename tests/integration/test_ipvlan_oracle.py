# SPDX-License-Identifier: BSD-3-Clause
"""Every frame of ipvlan_scenarios comes out of vswitch where it comes out of a kernel with the real
ipvlan driver, in each mode with each flag.

The kernel's answers are recorded (ipvlan_oracle/kernel_6_1.json), and a guest shows that the record
is true. What vswitch does otherwise on purpose is listed (ipvlan_oracle/differences.toml)."""

import collections
import fnmatch

import pytest

from support.ipvlan_parties import Runner
from support.ipvlan_record import (COMBINATIONS, NOTHING, SEPARATOR, load_differences, load_record,
                                   spell)
from support.ipvlan_scenarios import S1, S2, scenarios
from support.ipvlan_vswitch import Switch
from support.oracle_guest import OracleGuest
from support.vswitch_process import VswitchProcess

KERNEL = load_record()
TOLD = "sender "
SECRETS = 3


def may_be_chance(problem):
    """Whether all that is wrong is that slaves got frames for groups."""
    wrong, _, expected = problem.rpartition(", not ")
    more = collections.Counter(wrong.rpartition(": ")[2].split(SEPARATOR))
    more.subtract(expected.split(SEPARATOR))
    return all(count == 0 or entry == NOTHING or
               count > 0 and entry in (f"{S1} multicast", f"{S2} multicast")
               for entry, count in more.items())


def confirmed(look, new_secret):
    """The problems that remain. A slave's filter for groups is a hash with a secret, which lets
    others through by chance: such a problem only counts if it is there with each of several."""
    problems = look()
    for _ in range(SECRETS - 1):
        if not problems or not all(map(may_be_chance, problems)):
            break
        new_secret()
        again = look()
        problems = [one for one in problems if one in again]
    return problems


@pytest.fixture(scope="module")
def guest():
    with OracleGuest() as guest:
        yield guest


def unrecorded(guest, combination):
    answers = guest.answers(*combination.split())
    assert {scenario: [*frames] for scenario, frames in answers.items()} == \
        {scenario: [*frames] for scenario, frames in KERNEL[combination].items()}
    return [f"{frame}: {spell(answer)}, not {KERNEL[combination][scenario][frame]}"
            for scenario, frames in answers.items() for frame, answer in frames.items()
            if spell(answer) != KERNEL[combination][scenario][frame]]


@pytest.mark.parametrize("combination", COMBINATIONS)
def test_record_is_what_the_kernel_does(guest, combination):
    problems = confirmed(lambda: unrecorded(guest, combination), guest.new_secret)
    assert not problems, "\n".join(["", *problems])


def seen(answer):
    """An answer without what the sender was told: the stack behind a tap is not told anything."""
    return spell([entry for entry in answer.split(SEPARATOR) if entry != NOTHING and
                  not entry.startswith(TOLD)])


class Comparison:
    """Of a combination's answers with what is expected: the kernel's answers, but for what is
    listed. Collects what is wrong as text."""

    def __init__(self, combination):
        self._combination = combination
        self._listed = load_differences()
        self.problems = []

    def check(self, scenario, answers, dropped):
        """`dropped` counts what s1 sent in vain: in a kernel it is told so."""
        should_drop = 0
        for frame in scenario.frames:
            kernel = KERNEL[self._combination][scenario.name][frame.name]
            answer = spell(answers[frame.name])
            expected = self._expected(frame.name, answer, kernel)
            if not fnmatch.fnmatchcase(answer, seen(expected)):
                self.problems.append(f"{frame.name}: {answer}, not {expected}")
            if frame.sender == S1 and TOLD in expected:
                should_drop += len(frame.variants)
        if dropped != should_drop:
            self.problems.append(f"{scenario.name}: {dropped} frames dropped, not {should_drop}")

    def _expected(self, frame, answer, kernel):
        entries = [one for one in self._listed if one.covers(self._combination, frame)]
        if not entries:
            return kernel
        if len(entries) > 1:
            self.problems.append(f"{frame}: listed more than once")
        if answer == seen(kernel) and (TOLD in kernel) == (TOLD in entries[0].vswitch):
            self.problems.append(f"{frame}: {answer} as in the kernel, but listed")
        return entries[0].vswitch


def differing(combination):
    """In a process of its own, whose secret is another one."""
    mode, flags = combination.split()
    comparison = Comparison(combination)
    with VswitchProcess() as vswitch, Switch(vswitch, mode, flags) as switch:
        runner = Runner(switch, mode)
        runner.wait_ready()
        for scenario in scenarios():
            dropped_before = switch.counters(S1)["tx_dropped"]
            answers = runner.run(scenario)
            dropped = switch.counters(S1)["tx_dropped"] - dropped_before
            comparison.check(scenario, answers, dropped)
    return comparison.problems


@pytest.mark.parametrize("combination", COMBINATIONS)
def test_vswitch_does_what_the_kernel_does(combination):
    problems = confirmed(lambda: differing(combination), lambda: None)
    assert not problems, "\n".join(["", *problems])
