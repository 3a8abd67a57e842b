# SPDX-License-Identifier: BSD-3-Clause
"""Runs vswitch-perf against a switch, and keeps account of what disturbed it."""

import json
import subprocess

from harness import machine

# Frames that came twice, late or broken are never the rate's fault.
NEVER = ("duplicated", "reordered", "corrupted")
# Faults of a run that ended too early.
ENDS = ("stalled", "interrupted")


class TrafficError(RuntimeError):
    """The generator could not run, or a switch did what no switch may do."""


def total(result, field):
    return sum(direction[field] for direction in result["directions"])


def faults(result):
    """What no rate excuses: wrong packets, and a run that did not come to its end."""
    wrong = [f"{total(result, name)} packets {name}" for name in NEVER if total(result, name)]
    return wrong + [fault for fault in result["faults"] if fault.startswith(ENDS)]


def loss(result):
    """Lost ÷ offered; what was due but found no room in the sending ring counts as both."""
    missed = total(result, "missed")
    due = total(result, "offered") + missed
    return (total(result, "lost") + missed) / due if due else 1.0


def what_failed(done):
    """The last words of a generator."""
    last = " / ".join(done.stderr.strip().splitlines()[-3:])
    return f"the generator ended with status {done.returncode}: {last}"


class Trial:
    """One sample in the making: `generate` as often as the method likes."""

    def __init__(self, switch, cpus, build_dir, realtime=False):
        self.switch, self.cpus, self.build_dir = switch, cpus, build_dir
        self.common = ["--json", "--progress", 0, "--core", cpus.generator]
        self.realtime = ["--realtime"] if realtime else []
        self.seconds = self.waited = 0.0
        self.failures = []  # of generators that were run again
        self.thread = switch.thread
        self._thread_waited = self._thread_wait()
        self._stolen = machine.stolen((cpus.generator, cpus.switch))

    def generate(self, load, *options, watch=True, realtime=True, timeout=120):
        """Sends the load and returns the generator's JSON. Unless `watch`, what waits for a CPU is
        not asked for: the switch's thread may wait, or must not have the generator's priority.
        Not `realtime`: for seconds on end, when Linux takes the CPU from who has such a priority
        (sched_rt_runtime_us)."""
        argv = [*self.switch.generator_prefix(), self.build_dir / "vswitch-perf", *self.common]
        for socket in self.switch.sockets:
            argv += ["--port", socket]
        for socket in self.switch.idle_sockets:
            argv += ["--idle-port", socket]
        if watch and realtime:
            argv += self.realtime
        if watch and self.thread is not None:
            argv += ["--watch", self.thread]
        argv += [*self.switch.generator_options(), *load.options(), *options]
        result = self._run([str(word) for word in argv], timeout)
        self.seconds += result["seconds"]
        self.waited += result["waited"]
        if wrong := faults(result):
            raise TrafficError(f"{', '.join(wrong)} ({' '.join(map(str, load.options()))})")
        return result

    def _run(self, argv, timeout):
        """A generator that found no way to send is no result: it gets a second chance."""
        try:
            done = subprocess.run(argv, capture_output=True, text=True, timeout=timeout)
            if not done.stdout:
                self.failures.append(what_failed(done))
                done = subprocess.run(argv, capture_output=True, text=True, timeout=timeout)
        except subprocess.TimeoutExpired:
            raise TrafficError(f"the generator did not end within {timeout} s") from None
        if not done.stdout:
            raise TrafficError(what_failed(done))
        return json.loads(done.stdout)

    def _thread_wait(self):
        return 0.0 if self.thread is None else machine.run_queue_wait(self.thread)

    def switch_wait(self):
        """Share of the time that the switch alone wanted to run and could not."""
        return (self._thread_wait() - self._thread_waited) / self.seconds if self.seconds else 0.0

    def wait(self):
        """Share of the time that generator or switch wanted to run and could not."""
        stolen = machine.stolen((self.cpus.generator, self.cpus.switch)) - self._stolen
        return (self.waited + stolen) / self.seconds if self.seconds else 0.0
