# SPDX-License-Identifier: BSD-3-Clause
import pytest
from harness.case import Load
from harness.generator import TrafficError
from harness.methods import Lossless, SharedCpu, Throughput, Wake, ZeroLoss
from harness.search import highest_passing
from harness.switches.switch import Work


@pytest.mark.parametrize("limit", (0.3, 1.0, 5.5, 9.99))
def test_finds_the_limit(limit):
    found = highest_passing(lambda rate: rate <= limit, high=10.0, resolution=1 / 100)
    assert limit - 0.1 <= found <= limit


def test_takes_few_trials():
    tried = []
    highest_passing(lambda rate: tried.append(rate) or rate <= 3, high=10.0, resolution=1 / 64)
    assert len(tried) == 7


def test_tries_the_top_first():
    tried = []
    assert highest_passing(lambda rate: tried.append(rate) or True, high=10.0) == 10.0
    assert tried == [10.0]


def test_is_zero_when_nothing_passes():
    assert highest_passing(lambda rate: False, high=10.0) == 0.0


def test_keeps_what_is_known_to_pass():
    tried = []
    found = highest_passing(lambda rate: tried.append(rate) or rate <= 5, high=10.0, low=4.0)
    assert 4.8 <= found <= 5 and min(tried) > 4


def test_goes_down_until_confirmed():
    found = highest_passing(lambda rate: rate <= 8, 10.0, lambda rate: rate <= 5, 1 / 100)
    assert 4.9 <= found <= 5


def test_confirms_in_few_trials():
    tried = []
    found = highest_passing(lambda rate: True, 10.0, lambda rate: tried.append(rate) or rate <= 1)
    assert 0.7 <= found <= 1 and len(tried) == 6


def test_is_zero_when_nothing_is_confirmed():
    assert highest_passing(lambda rate: rate <= 8, 10.0, lambda rate: False) == 0.0


class FakeTrial:
    """A switch that loses everything above `limit` packets per second and one packet in `one_in`
    below."""

    def __init__(self, limit, one_in=None, waits=0):
        self.limit, self.one_in, self.waits = limit, one_in, waits
        self.waited = self.seconds = 0.0
        self.switch = type("Switch", (), {"name": "fake"})

    def generate(self, load, *options):
        options = dict(zip(options[::2], options[1::2]))
        seconds, rate = float(options["--seconds"]), float(options.get("--rate", 2 * self.limit))
        self.seconds += seconds
        offered = int(rate * seconds)
        lost = max(0, offered - int(self.limit * seconds))
        if self.one_in and not lost:
            lost = offered // self.one_in
        if self.waits:
            self.waits -= 1
            self.waited += seconds
            lost = offered
        return {"directions": [{"offered": offered, "lost": lost, "missed": 0,
                                "pps": (offered - lost) / seconds}]}


def test_of_packets_that_had_room_none_may_be_lost():
    class Trial:
        def __init__(self, lost):
            self.lost = lost

        def generate(self, load, *options):
            return {"directions": [{"lost": self.lost}]}

    assert Lossless(Load(), 1000)(Trial(0)) == {"checked": 1000}
    with pytest.raises(TrafficError, match="1 packets lost of 1000"):
        Lossless(Load(), 1000)(Trial(1))


@pytest.mark.parametrize("ring_size", (256, 1024))
def test_what_may_not_be_lost_finds_room(ring_size):
    for options in (Lossless(Load(ring_size=ring_size)).options,
                    SharedCpu(Load(ring_size=ring_size), 1).options):
        assert options[options.index("--window") + 1] == ring_size // 2


def zero_loss(**kwargs):
    return ZeroLoss(Load(), 1.0, 4.0, **{"tolerances": (0, 1e-7), **kwargs})


def test_zero_loss_of_a_perfect_switch_is_its_throughput():
    assert zero_loss()(FakeTrial(8e6)) == {"zero_loss_mpps": 8.0, "zero_loss_1e-7_mpps": 8.0}


def test_a_loss_that_is_tolerated():
    metrics = zero_loss()(FakeTrial(8e6, one_in=20_000_000))
    assert metrics["zero_loss_mpps"] < 5 and metrics["zero_loss_1e-7_mpps"] == 8.0


def test_a_switch_that_drops_one_in_a_million_has_no_rate_without_loss():
    metrics = zero_loss()(FakeTrial(8e6, one_in=1_000_000))
    assert metrics["zero_loss_mpps"] < 0.5 and metrics["zero_loss_1e-7_mpps"] < 0.5


def test_a_tolerance_that_allows_nothing_is_left_out():
    assert zero_loss()(FakeTrial(1e6)) == {"zero_loss_mpps": 1.0}


def test_a_trial_that_waited_for_its_cpu_is_run_again():
    trial = FakeTrial(8e6)
    method = zero_loss(tolerances=(0,))
    method(trial)
    trial.waits = 0
    assert not method._passes(trial, 9e6, 0, 1.0)
    trial.waits = 2
    assert method._passes(trial, 7e6, 0, 1.0)


class Recorder:
    """Takes down the options that the generator gets."""

    def __init__(self):
        self.switch = type("Switch", (), {"count": lambda _: Work(0, None),
                                          "work_of": lambda *_: Work(0, None)})()

    def generate(self, load, *options, **kwargs):
        self.options = [str(word) for word in (*load.options(), *options)]
        return {"directions": [dict.fromkeys(("pps", "lost", "missed", "offered"), 1)],
                "generator_limited": True,
                "latency_ns": {"count": 5, "p50": 2000, "p99": 9000, "p99_9": 9500, "max": 10_000}}


def options_of(method):
    trial = Recorder()
    metrics = method(trial)
    return trial.options, metrics


def test_small_packets_come_in_bursts_that_keep_a_fast_switch_busy():
    for load, bursts in ((Load(64), True), (Load(1518), False), (Load("imix"), False)):
        assert ("--burst" in options_of(Throughput(load, 1))[0]) == bursts
    assert "--burst" not in options_of(SharedCpu(Load(64), 1))[0]


def test_a_thousand_silences_are_shared_by_the_pairs_that_are_not_busy():
    for pairs, busy, seconds in ((8, False, 2.5), (6, True, 4.0)):
        options, metrics = options_of(Wake(pairs, busy))
        values = dict(zip(options, options[1:]))
        assert float(values["--rate"]) == 50 and float(values["--seconds"]) == seconds
        assert values["--busy"] == str(int(busy))
        assert metrics == {"p50_us": 2, "p99_us": 9, "p99_9_us": 9.5, "max_us": 10}


def test_remembers_what_each_switch_reached():
    method = zero_loss(tolerances=(0,))
    for limit in (1e6, 3e6, 2e6):
        method(FakeTrial(limit))
    assert method.rate("fake") == 2e6 and method.rate("another") == 0
