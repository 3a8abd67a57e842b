# SPDX-License-Identifier: BSD-3-Clause
from harness.recovery import recovery_ms


def intervals(received, offered=1000):
    """Samples of one millisecond each, the first ending at 1 ms."""
    return [{"seconds": (i + 1) / 1000, "offered": offered, "received": r}
            for i, r in enumerate(received)]


def test_recovers_when_everything_arrives():
    samples = intervals([500] * 20 + [600] * 5 + [1000] * 30)
    assert 4 <= recovery_ms(samples, 0.020) <= 5.1


def test_is_immediate_when_nothing_was_wrong():
    assert recovery_ms(intervals([1000] * 40), 0.020) == 0


def test_a_backlog_that_drains_is_not_recovery():
    # Twice what is offered comes out first: the queue of before.
    samples = intervals([500] * 20 + [2000] * 12 + [1000] * 30)
    assert 11 <= recovery_ms(samples, 0.020) <= 12.1


def test_never_recovers():
    assert recovery_ms(intervals([500] * 60), 0.020) is None


def test_says_nothing_without_samples():
    assert recovery_ms([], 1.0) is None
