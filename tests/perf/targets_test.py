# SPDX-License-Identifier: BSD-3-Clause
import json
import pathlib

import pytest
import scenarios
from conftest import case_of, rounds_of
from harness import targets
from harness.case import FULL
from harness.metrics import METRICS
from harness.switches.switch import Setup
from harness.targets import TARGETS, Target


def run_with(*cases, scenario="v2v"):
    return {"scenarios": [{"name": scenario, "cases": list(cases)}]}


def measured(ours, theirs=(100, 100, 100), **kwargs):
    return run_with(case_of("case", rounds_of(list(ours), list(theirs), **kwargs)))


def met(run, **limits):
    target = Target("v2v", "case", "cycles", "testpmd io", **limits)
    return [verdict for _, _, verdict in targets.verdicts(run, (target,))]


def test_the_median_decides():
    assert met(measured([38, 40, 60]), most=0.40) == [True]
    assert met(measured([39, 41, 42]), most=0.40) == [False]
    assert met(measured([96, 97, 99]), least=0.97) == [True]
    assert met(measured([95, 96, 99]), least=0.97) == [False]


def test_what_was_not_measured_is_not_met():
    assert met(measured([1, 1, 1], peer="OVS flow"), most=2) == [None]


def test_every_target_exists():
    """A scenario has the case, its group the peer, and the metric is one of which ratios are."""
    there = set()
    for scenario in scenarios.load():
        for group in scenario.groups(FULL):
            setup = Setup(pathlib.Path(), None, group.topology)
            there |= {(scenario.NAME, case.name, kind(setup).name)
                      for case in group.cases for kind in group.switches}
    for target in TARGETS:
        assert (target.scenario, target.case, target.peer) in there, target
        assert METRICS[target.metric].better
        assert "ring" not in target.case  # but the usual one


@pytest.mark.parametrize("ours, status, said", (
    ([40] * 3, 0, "met     0.400 v2v, case: cycles / testpmd io at most 0.4\n"),
    ([40, 41, 60], 1, "MISSED  0.410 v2v, case: cycles / testpmd io at most 0.4, "
     "not stable (0.40–0.60)\n")))
def test_says_what_is_met(ours, status, said, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(targets, "verdicts", lambda run, verdicts=targets.verdicts: verdicts(
        run, (Target("v2v", "case", "cycles", "testpmd io", most=0.40),)))
    (tmp_path / "results.json").write_text(json.dumps(measured(ours)))
    assert targets.main(tmp_path) == status
    assert capsys.readouterr().out == said


def test_a_run_without_its_scenarios_fails(run, tmp_path, capsys):
    (tmp_path / "results.json").write_text(json.dumps(run))
    assert targets.main(tmp_path) == 1
    assert "not measured  idle, 1000 idle: mpps / vswitch, 1 pair at least 0.97" in \
        capsys.readouterr().out
