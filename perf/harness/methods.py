# SPDX-License-Identifier: BSD-3-Clause
"""The ways to measure: each is called with a Trial and returns metrics by name (metrics.py)."""

import statistics

from harness.case import Load
from harness.generator import TrafficError, loss, total
from harness.recovery import recovery_ms
from harness.search import highest_passing

HEADER = ("--verify", "header")  # the generator shall be cheaper than a VM
UNREAD = ("--verify", "none")  # and leave lines alone that the switch has
WARMUP = ("--warmup", "0.05")
LATENCIES = {"p50_us": "p50", "p99_us": "p99", "p99_9_us": "p99_9", "max_us": "max"}
# A trial may be run again so often when something disturbed it.
REPEATS = 2
MAX_TRIAL_WAIT = 0.01


class Throughput:
    """Flat out: how many packets come through, and what one costs the switch. `frames`: HEADER
    where others send, too. `only`: the metrics that mean something here."""

    shares_cpu = False

    def __init__(self, load, seconds, *options, frames=UNREAD, only=None):
        self.load, self.options = load, ("--seconds", seconds, *frames, *WARMUP, *options)
        if load.burst and not self.shares_cpu:
            self.options += ("--burst", load.burst)
        self.only = only
        self.cost = seconds + 0.5

    def __call__(self, trial):
        before = trial.switch.count()
        result = trial.generate(self.load, *self.options, watch=not self.shares_cpu)
        metrics = {"mpps": total(result, "pps") / 1e6, "lost": loss(result),
                   "generator_limited": float(result["generator_limited"])}
        work = trial.switch.work_of(result, before)
        if work.packets and work.busy is not None:
            metrics["cycles"] = work.busy / work.packets
        return {name: value for name, value in metrics.items()
                if self.only is None or name in self.only}


class SharedCpu(Throughput):
    """Where a core of the switch has the generator's CPU: the generator goes first, sleeps when
    there is nothing to do, and keeps some packets in flight. Rates tell nothing here."""

    shares_cpu = True

    def __init__(self, load, seconds):
        super().__init__(load, seconds, "--realtime", "--sleep-us", 20, "--window", load.window,
                         only=("cycles", "lost"))


class Lossless:
    """So few packets in flight that nothing may be lost, every byte checked: a switch that drops,
    copies, swaps or damages one packet in a million does not get through."""

    def __init__(self, load, count=4_000_000):
        self.load, self.count = load, count
        self.options = ("--count", count, "--window", load.window, "--verify", "full")
        self.cost = count / 4e6 + 1

    def __call__(self, trial):
        lost = total(trial.generate(self.load, *self.options), "lost")
        if lost > 0:
            raise TrafficError(
                f"{lost} packets lost of {self.count}, with {self.load.window} in flight")
        return {"checked": self.count}


class ZeroLoss:
    """RFC 2544 throughput with several loss tolerances, by binary search below the flat-out rate. A
    tolerance that allows no packet within the confirming trial is left out. Remembers what each
    switch reached, for the methods that follow."""

    TYPICAL_RATE = 1e7  # packets per second, to say what it will cost

    def __init__(self, load, trial_seconds, confirm_seconds, tolerances=(0, 1e-7, 1e-5)):
        self.load, self.trial_seconds, self.confirm_seconds = load, trial_seconds, confirm_seconds
        self.tolerances = sorted(tolerances)
        self.flat_out, self.reached = {}, {}
        searches = sum(self._tells(tolerance, self.TYPICAL_RATE) for tolerance in tolerances)
        self.cost = searches * (6 * (trial_seconds + 0.5) + 3 * (confirm_seconds + 0.5))

    def _tells(self, tolerance, rate):
        return tolerance == 0 or tolerance * rate * self.confirm_seconds >= 1

    def __call__(self, trial):
        name = trial.switch.name
        flat_out = trial.generate(self.load, "--seconds", self.trial_seconds, *HEADER, *WARMUP)
        ways = len(flat_out["directions"])
        self.flat_out[name] = high = total(flat_out, "pps") / ways
        metrics, low = {}, 0.0
        for tolerance in self.tolerances:
            if self._tells(tolerance, high):
                low = self._search(trial, tolerance, low, high)
                metrics[self.metric(tolerance)] = low * ways / 1e6
        self.reached.setdefault(name, []).append(low)
        return metrics

    @staticmethod
    def metric(tolerance):
        return f"zero_loss_{tolerance:.0e}_mpps".replace("e-0", "e-").replace("_0e+00", "")

    def _search(self, trial, tolerance, low, high):
        def passes(seconds):
            return lambda rate: self._passes(trial, rate, tolerance, seconds)
        return highest_passing(passes(self.trial_seconds), high, passes(self.confirm_seconds),
                               low=low)

    def _passes(self, trial, rate, tolerance, seconds):
        for _ in range(1 + REPEATS):
            waited, run = trial.waited, trial.seconds
            result = trial.generate(self.load, "--rate", f"{rate:.0f}", "--seconds", seconds,
                                    *HEADER, *WARMUP)
            if loss(result) <= tolerance:
                return True
            if trial.waited - waited <= MAX_TRIAL_WAIT * (trial.seconds - run):
                return False  # nobody disturbed it: it is the switch
        return False

    def rate(self, name):
        """Packets per second and direction at the largest tolerance, median of the rounds so far.
        On a virtual machine the smaller ones say how often its CPUs were taken away."""
        return statistics.median(self.reached.get(name, [0.0]))


class Latency:
    """Through the switch and back into the generator at a share of the zero-loss rate."""

    def __init__(self, zero_loss, share, seconds):
        self.zero_loss, self.share, self.seconds = zero_loss, share, seconds
        self.load = zero_loss.load
        self.cost = seconds + 0.5

    def __call__(self, trial):
        rate = self.share * self.zero_loss.rate(trial.switch.name)
        if rate < 1:
            return {}
        result = trial.generate(self.load, "--rate", f"{rate:.0f}", "--seconds", self.seconds,
                                *HEADER, *WARMUP)
        latency = result.get("latency_ns") or {}
        return {name: latency[key] / 1e3 for name, key in LATENCIES.items() if key in latency}


class Wake:
    """A packet now and then at ports that were silent since the last: how soon is it at the peer,
    counted from the moment when the guest began to offer it? `busy`: beside a pair flat out."""

    SILENCE, SAMPLES = 0.02, 1000  # seconds; packets

    def __init__(self, pairs, busy=False):
        self.seconds = self.SILENCE * self.SAMPLES / (pairs - busy)
        self.load = Load(extra=("--rate", 1 / self.SILENCE, "--busy", int(busy)))
        self.cost = self.seconds + 1

    def __call__(self, trial):
        result = trial.generate(self.load, "--seconds", self.seconds, *HEADER, "--warmup",
                                2 * self.SILENCE, realtime=False)
        latency = result["latency_ns"]
        return {name: latency[key] / 1e3 for name, key in LATENCIES.items()}


class Recovery:
    """One second at 150% of what gets through flat out, then half of the zero-loss rate: how soon
    is everything as if nothing had been?"""

    OVERLOAD_SECONDS, AFTER_SECONDS = 0.5, 0.5

    def __init__(self, zero_loss):
        self.zero_loss, self.load = zero_loss, zero_loss.load
        self.cost = self.OVERLOAD_SECONDS + self.AFTER_SECONDS + 0.5

    def __call__(self, trial):
        name = trial.switch.name
        after = self.zero_loss.rate(name) / 2
        if after < 1:
            return {}
        overload = 1.5 * self.zero_loss.flat_out[name]
        result = trial.generate(
            self.load, *HEADER, "--interval-ms", 1, "--phases",
            f"{overload:.0f}:{self.OVERLOAD_SECONDS},{after:.0f}:{self.AFTER_SECONDS}")
        return {"overload_mpps": result["phases"][0]["received"] / self.OVERLOAD_SECONDS / 1e6,
                "recovery_ms": recovery_ms(result["samples"], self.OVERLOAD_SECONDS)}
