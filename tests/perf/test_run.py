# SPDX-License-Identifier: BSD-3-Clause
"""./dev perf as it is typed."""

import pathlib
import subprocess
import sys

import pytest

RUN = pathlib.Path(__file__).resolve().parents[2] / "perf" / "run.py"


@pytest.mark.parametrize("option", ["--help", "--list"])
def test_says_what_there_is(option):
    result = subprocess.run([sys.executable, RUN, option], capture_output=True, text=True)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout


@pytest.mark.parametrize("trial", ["0", "-1", "long"])
def test_senseless_trial_is_refused(trial):
    result = subprocess.run([sys.executable, RUN, "--list", "--trial", trial], capture_output=True,
                            text=True)
    assert result.returncode == 2
    assert "--trial" in result.stderr


def test_unknown_scenario_is_refused():
    result = subprocess.run([sys.executable, RUN, "--scenario", "nosuch"], capture_output=True,
                            text=True)
    assert result.returncode != 0
    assert "nosuch" in result.stderr and "v2v" in result.stderr
