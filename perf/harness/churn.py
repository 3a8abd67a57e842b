# SPDX-License-Identifier: BSD-3-Clause
"""Traffic while links come and go."""

import contextlib
import pathlib
import sys

from harness.case import Load
from harness.generator import TrafficError, loss
from harness.methods import HEADER, LATENCIES
from support.children import Child

SCRIPT = pathlib.Path(__file__).with_name("churner.py")
PACKETS_PER_SECOND = 500_000


class Churn:
    """`rate` link changes per second, open loop, for so long."""

    shares_cpu = True  # with the control plane and its client

    def __init__(self, rate, seconds):
        self.rate, self.seconds = rate, seconds
        self.load = Load()
        self.cost = seconds + 1.5

    def __call__(self, trial):
        with self._churner(trial) as churner:
            result = trial.generate(self.load, "--rate", PACKETS_PER_SECOND, "--seconds",
                                    self.seconds, "--realtime", "--sleep-us", 50, *HEADER,
                                    watch=False)
            changes_per_s = self._stop(churner)
        latency = result.get("latency_ns") or {}
        return {"blackout_ms": 1e3 * loss(result), "changes_per_s": changes_per_s,
                **{name: latency[key] / 1e3 for name, key in LATENCIES.items() if key in latency}}

    @contextlib.contextmanager
    def _churner(self, trial):
        if self.rate == 0:
            yield None
            return
        argv = [sys.executable, SCRIPT, "--rate", self.rate, *trial.switch.churner_options()]
        child = Child(argv, name="churner", cpus=trial.cpus.generator)
        try:
            child.wait_for("^first change made$", 30)
            yield child
        finally:
            child.kill()

    @staticmethod
    def _stop(churner):
        if churner is None:
            return None
        if churner.stop(30) != 0:
            raise TrafficError(f"the client that changes links failed:\n{churner.output()}")
        return float(churner.output().split()[-1])
