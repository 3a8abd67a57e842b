# SPDX-License-Identifier: BSD-3-Clause
"""That every scenario is complete, and that all of them fit into the time there is."""

import importlib.util
import pathlib

import pytest
import scenarios
from harness.bench import Bench
from harness.case import FULL, QUICK, Load
from harness.machine import Cpus
from harness.metrics import METRICS

ALL = scenarios.load()


@pytest.fixture(autouse=True)
def two_cpus(monkeypatch):
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1})


@pytest.mark.parametrize("plan", (QUICK, FULL))
@pytest.mark.parametrize("scenario", ALL, ids=lambda s: s.NAME)
def test_is_complete(scenario, plan):
    groups = list(scenario.groups(plan))
    names = [case.name for group in groups for case in group.cases]
    assert scenario.TITLE and scenario.ABOUT and names
    assert len(names) == len(set(names))


@pytest.mark.parametrize("scenario", ALL, ids=lambda s: s.NAME)
def test_a_case_names_its_ring_unless_that_is_the_usual_one(scenario):
    for group in scenario.groups(FULL):
        for case in group.cases:
            other = case.ring_size not in (None, Load.RING_SIZE)
            assert (f"ring {case.ring_size}" in case.name) == other, case.name


def test_only_making_links_needs_no_ring():
    without = {scenario.NAME for scenario in ALL for group in scenario.groups(FULL)
               for case in group.cases if case.ring_size is None}
    assert without == {"links"}


def test_large_rings_are_measured_too():
    cases = [case for group in scenarios.load(["v2v"])[0].groups(FULL) for case in group.cases]
    assert [case.method.load.ring_size for case in cases
            if case.name == "split 64 B, ring 1024"] == [1024]


def test_every_scenario_has_a_profile():
    path = pathlib.Path(scenarios.__file__).parents[1] / "profile.py"
    spec = importlib.util.spec_from_file_location("perf_profile", path)
    profile = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(profile)
    assert {scenario.NAME for scenario in ALL} <= profile.SCENARIOS.keys()


@pytest.mark.parametrize("scenario", ALL, ids=lambda s: s.NAME)
def test_every_plot_has_points(scenario):
    cases = [case for group in scenario.groups(FULL) for case in group.cases]
    for plot in scenario.PLOTS:
        assert plot.metric in METRICS
        assert len([c for c in cases if plot.x in c.where
                    and plot.where.items() <= c.where.items()]) >= 2, plot.title


# Something may take longer than expected: leave a fifth.
@pytest.mark.parametrize("plan", (QUICK, FULL))
def test_fits_the_budget(plan):
    assert Bench(None, plan, Cpus(0, 1)).expected_seconds(ALL) <= 0.8 * plan.budget


def test_they_run_in_their_order_and_can_be_chosen():
    assert ALL[0].NAME == "v2v"
    assert [s.NAME for s in scenarios.load(["pairs"])] == ["pairs"]
    with pytest.raises(ValueError, match="no scenario nonsense"):
        scenarios.load(["nonsense"])
