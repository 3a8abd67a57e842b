# SPDX-License-Identifier: BSD-3-Clause
from conftest import rounds_of, sample
from harness.summary import MAX_WAIT, summarize


def test_medians_and_ratios_come_from_the_rounds():
    summary = summarize(rounds_of([90, 100, 110], [180, 100, 110]))
    assert summary["medians"]["cycles"]["vswitch"] == {
        "median": 100, "min": 90, "max": 110, "count": 3}
    assert summary["ratios"]["cycles"]["testpmd io"]["median"] == 1
    assert summary["ratios"]["cycles"]["testpmd io"]["min"] == 0.5


def test_a_round_that_was_disturbed_does_not_count():
    rounds = rounds_of([100, 100, 100, 900], [100, 100, 100, 100])
    rounds[3]["vswitch"]["wait"] = 2 * MAX_WAIT
    ratio = summarize(rounds)["ratios"]["cycles"]["testpmd io"]
    assert (ratio["max"], ratio["count"], ratio["stable"]) == (1, 3, True)


def test_a_slow_way_between_the_cores_disturbs():
    for latency in ((80, 200), (200, 200)):  # it changed; it was always longer than in the others
        rounds = rounds_of([100] * 4, [100] * 4)
        rounds[3]["vswitch"]["latency_ns"] = list(latency)
        assert summarize(rounds)["good"] == 7


def test_a_result_is_never_a_reason_to_drop_a_sample():
    summary = summarize(rounds_of([100, 100, 100, 5000], [100, 100, 100, 100]))
    assert summary["good"] == summary["samples"] == 8
    assert summary["medians"]["cycles"]["vswitch"]["max"] == 5000


def test_all_rounds_count_and_none_is_stable_when_too_few_are_good():
    rounds = rounds_of([100, 100, 100], [100, 100, 100])
    rounds[0]["testpmd io"]["wait"] = 1
    ratio = summarize(rounds)["ratios"]["cycles"]["testpmd io"]
    assert (ratio["count"], ratio["stable"]) == (3, False)


def test_stable_is_what_lies_close_together():
    near, far = [100, 101, 102], [100, 150, 200]
    assert summarize(rounds_of(near, [100] * 3))["ratios"]["cycles"]["testpmd io"]["stable"]
    assert not summarize(rounds_of(far, [100] * 3))["ratios"]["cycles"]["testpmd io"]["stable"]


def test_one_peer_that_is_disturbed_spoils_only_its_own_ratio():
    rounds = rounds_of([100] * 3, [50] * 3)
    for each in rounds:
        each["OVS flow"] = sample(wait=1, cycles=200)
    ratios = summarize(rounds)["ratios"]["cycles"]
    assert ratios["testpmd io"]["stable"] and not ratios["OVS flow"]["stable"]


def test_a_failed_sample_is_told_and_counts_nowhere():
    rounds = rounds_of([100] * 4, [100] * 4)
    rounds[1]["testpmd io"] = {**sample(), "error": "3 packets corrupted"}
    summary = summarize(rounds)
    assert summary["errors"] == ["testpmd io: 3 packets corrupted"]
    assert summary["ratios"]["cycles"]["testpmd io"]["count"] == 3


def test_no_ratio_of_what_is_neither_better_nor_worse():
    assert "lost" not in summarize(rounds_of([1] * 3, [1] * 3, "lost"))["ratios"]


def test_no_ratio_to_nothing():
    assert summarize(rounds_of([1] * 3, [0] * 3, "mpps"))["ratios"] == {}
