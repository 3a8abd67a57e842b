# SPDX-License-Identifier: BSD-3-Clause
"""What the bench asks of a switch under test."""

import dataclasses
import os
import pathlib
import signal

from harness.case import Topology
from harness.machine import Cpus, polling_thread


@dataclasses.dataclass(frozen=True)
class Setup:
    directory: pathlib.Path  # the switch's own
    cpus: Cpus
    topology: Topology


@dataclasses.dataclass(frozen=True)
class Work:
    """What a switch's core has done since it started: forwarded packets, TSC cycles with and
    without packets (None: this switch does not say)."""
    packets: int
    busy: float | None
    idle: float | None = None

    def __sub__(self, before):
        def minus(now, then):
            return None if now is None or then is None else now - then
        return Work(self.packets - before.packets, minus(self.busy, before.busy),
                    minus(self.idle, before.idle))


class Switch:
    """Runs from start() to stop(); stands still from pause() to resume(). `sockets` are where the
    generator's ports connect, `idle_sockets` where guests that never send listen for the switch:
    librte_vhost, which all of them use, watches 1,024 descriptors, and a port that listens needs
    two."""

    name = "?"
    pid = None

    def __init__(self, setup):
        self.setup = setup
        self.sockets = []
        self.idle_sockets = [f"listen:{path}" for path in self.idle_paths()]

    def idle_paths(self):
        return [self.setup.directory / f"g{i}" for i in range(self.setup.topology.idle)]

    def start(self):
        raise NotImplementedError

    def stop(self):
        raise NotImplementedError

    def count(self):
        """The Work so far."""
        raise NotImplementedError

    def work_of(self, result, before):
        """The Work since `before`, of which `result` is what the generator said."""
        return self.count() - before

    def log(self):
        """What it printed, for someone who wants to know why it failed."""
        return ""

    def generator_prefix(self):
        """A command that runs the generator where it reaches the sockets."""
        return []

    def generator_options(self):
        """What the generator must do so that this switch forwards."""
        return []

    @property
    def thread(self):
        """The one that forwards, whose waiting for its CPU spoils a sample; None: no such one."""
        return polling_thread(self.pid, self.setup.cpus.switch)

    def cores(self):
        """The CPUs of the forwarding threads; with only two CPUs the second is the generator's."""
        cpus = self.setup.cpus
        second = cpus.generator if cpus.third is None else cpus.third
        return [cpus.switch, second][:self.setup.topology.cores]

    def pause(self):
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self):
        os.kill(self.pid, signal.SIGCONT)
