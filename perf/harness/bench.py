# SPDX-License-Identifier: BSD-3-Clause
"""Measures scenarios: rounds of samples in which the switches take turns.

Every round starts the switches and samples each once a case: A B C, A B C. Where the memory of a
process falls is luck that lasts as long as it: it is to show as spread and not as somebody's lead.
Those not measured stand still. Before and after a sample, while all stand still, the way between
the two cores is measured."""

import contextlib
import dataclasses
import pathlib
import subprocess
import tempfile

from harness import machine
from harness.generator import Trial
from harness.metrics import METRICS
from harness.progress import Progress
from harness.summary import REFERENCE, summarize
from harness.switches.switch import Setup

# What a switch, the generator or a client may come to; TimeoutError is an OSError.
FAILURES = (RuntimeError, OSError, subprocess.SubprocessError)


class Bench:
    def __init__(self, build_dir, plan, cpus, realtime=False):
        self.build_dir, self.plan, self.cpus = build_dir, plan, cpus
        self.realtime = realtime
        self.progress = None

    def expected_seconds(self, scenarios):
        return sum(self._cost(group) for s in scenarios for group in s.groups(self.plan))

    def run(self, scenarios):
        """The results of the scenario modules, in their order."""
        self.progress = Progress(self.expected_seconds(scenarios))
        return [self._run_scenario(scenario) for scenario in scenarios]

    def _rounds(self, case):
        return case.rounds or self.plan.rounds

    def _most_rounds(self, group):
        return max(self._rounds(case) for case in group.cases)

    def _cost(self, group):
        samples = sum(self._rounds(case) * (case.cost + Progress.SAMPLE) for case in group.cases)
        return len(group.switches) * (samples + self._most_rounds(group) * Progress.START)

    def _run_scenario(self, scenario):
        result = {"name": scenario.NAME, "title": scenario.TITLE, "about": scenario.ABOUT,
                  "plots": [dataclasses.asdict(plot) for plot in scenario.PLOTS],
                  "left_out": {}, "errors": [], "cases": []}
        for group in scenario.groups(self.plan):
            result["left_out"] = {**group.left_out, **result["left_out"]}
            result["cases"] += self._run_group(group, result)
        return result

    def _run_group(self, group, result):
        rounds = [[] for _ in group.cases]
        for number in range(self._most_rounds(group)):
            with self._running(group, result) as switches:
                for case, done in zip(group.cases, rounds):
                    if number < self._rounds(case):
                        done.append(self._run_round(number, case, switches))
        return [{"name": case.name, "where": case.where, "ring_size": case.ring_size,
                 "rounds": done, "summary": summarize(done)}
                for case, done in zip(group.cases, rounds)]

    @contextlib.contextmanager
    def _running(self, group, result):
        """The group's switches, started and paused."""
        with contextlib.ExitStack() as stack:
            directory = pathlib.Path(stack.enter_context(
                tempfile.TemporaryDirectory(prefix="vsw-perf-")))
            switches = []
            for number, kind in enumerate(group.switches):
                switch = self._started(kind, group, directory / str(number), result)
                if switch is not None:
                    switches.append(switch)
                    stack.callback(self._stop, switch, result)
            yield switches

    @staticmethod
    def _stop(switch, result):
        try:
            switch.resume()
            switch.stop()
        except FAILURES as error:
            result["errors"].append(f"{switch.name}: {error}")

    def _started(self, kind, group, directory, result):
        """The running and paused switch; None when it does not start, and the report says why."""
        directory.mkdir()
        switch = kind(Setup(directory, self.cpus, group.topology))
        try:
            switch.start()
        except FAILURES as error:
            self.progress.say(f"{switch.name} is left out: {error}")
            if switch.name == REFERENCE:
                result["errors"].append(f"{switch.name}: {error}")
            result["left_out"][switch.name] = str(error).splitlines()[0]
            return None
        finally:
            self.progress.add(Progress.START)
        switch.pause()
        return switch

    def _run_round(self, number, case, switches):
        samples = {switch.name: self._sample(switch, case) for switch in switches}
        self.progress.say(f"{case.name}, round {number + 1}: "
                          + "; ".join(map(_brief, samples.items())))
        return samples

    def _latency(self):
        return machine.core_latency(self.build_dir, (self.cpus.generator, self.cpus.switch))

    def _sample(self, switch, case):
        before = self._latency()
        switch.resume()
        sample = {"metrics": {}, "wait": 0.0}
        try:
            trial = Trial(switch, self.cpus, self.build_dir, self.realtime)
            sample["metrics"] = case.method(trial)
            shares_cpu = getattr(case.method, "shares_cpu", False)
            sample["wait"] = trial.switch_wait() if shares_cpu else trial.wait()
            sample["failures"] = trial.failures
        except FAILURES as error:
            sample.update(error=str(error), log=switch.log()[-4000:])
        finally:
            switch.pause()
            self.progress.add(case.cost + Progress.SAMPLE)
        sample["latency_ns"] = [before, self._latency()]
        return sample


def _brief(item):
    name, sample = item
    if "error" in sample:
        return f"{name}: {sample['error'].splitlines()[0]}"
    known = [(metric, sample["metrics"].get(metric)) for metric in METRICS]
    shown = [f"{metric} {value:.{METRICS[metric].digits}f}" for metric, value in known
             if value is not None]
    return f"{name} {', '.join(shown[:3])}"
