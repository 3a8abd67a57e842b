# SPDX-License-Identifier: BSD-3-Clause
import copy
import json

from conftest import case_of, rounds_of
from harness import agree


def run_with(ours, theirs=(100, 100, 100)):
    case = case_of("case", rounds_of(list(ours), list(theirs)))
    return {"scenarios": [{"name": "v2v", "cases": [case]}]}


def found(one, two):
    return list(agree.differences(one, two))


def test_a_run_agrees_with_itself(run):
    assert found(run, copy.deepcopy(run)) == []


def test_another_order_is_found():
    assert "another order" in found(run_with([90, 91, 92]), run_with([110, 111, 112]))[0]


def test_two_rounds_have_no_order():
    assert found(run_with([90, 91], [100, 100]), run_with([110, 111], [100, 100])) == []


def test_rounds_that_lie_around_one_have_no_order():
    assert found(run_with([95, 100, 105]), run_with([101, 102, 103])) == []


def test_what_is_level_has_no_order():
    assert found(run_with([96, 97, 98]), run_with([103, 104, 105])) == []
    assert found(run_with([93, 94, 95]), run_with([106, 107, 108])) != []


def test_stable_medians_that_lie_apart_are_found():
    assert "30% apart" in found(run_with([260, 261, 262]), run_with([200, 201, 202]))[0]


def test_what_is_not_stable_may_lie_apart():
    assert found(run_with([200, 290, 400]), run_with([200, 201, 202])) == []


def test_exit_status(run, tmp_path, capsys):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "results.json").write_text(json.dumps(run))
    assert agree.main(tmp_path / "a", tmp_path / "b") == 0
    assert "2 ratios agree" in capsys.readouterr().out
    (tmp_path / "b" / "results.json").write_text(json.dumps({"scenarios": []}))
    assert agree.main(tmp_path / "a", tmp_path / "b") == 1
