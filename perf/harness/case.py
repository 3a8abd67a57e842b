# SPDX-License-Identifier: BSD-3-Clause
"""What a scenario is made of: groups of switches, cases that are measured on them, and plots."""

import dataclasses
import typing


@dataclasses.dataclass(frozen=True)
class Plan:
    """How much time there is. Seconds unless the name says otherwise."""
    quick: bool
    rounds: int
    seconds: float  # a sample of throughput
    trial: float  # one step of the search for the zero-loss rate
    confirm: float  # the trial that confirms it
    budget: float  # the whole run; ./dev perf says so when it took longer


# On a virtual machine somebody takes a CPU away about once a second, which no ring outlasts: trials
# much longer than these never pass, whatever the switch.
QUICK = Plan(quick=True, rounds=3, seconds=0.3, trial=0.2, confirm=0.4, budget=600)
FULL = Plan(quick=False, rounds=5, seconds=0.5, trial=0.2, confirm=0.4, budget=5400)


@dataclasses.dataclass(frozen=True)
class Topology:
    """What a switch connects: port 0 to 1, 2 to 3 and so on, and ports to silent guests."""
    pairs: int = 1
    idle: int = 0
    mtu: int = 1500
    cores: int = 1

    @property
    def ports(self):
        return 2 * self.pairs


@dataclasses.dataclass(frozen=True)
class Load:
    """What the generator sends; `extra` are more options of vswitch-perf."""
    SMALL: typing.ClassVar = 256  # bytes: the generator may be slower than the switch
    RING_SIZE: typing.ClassVar = 256  # descriptors of a virtqueue, as QEMU's have

    size: int | str = 64
    ring: str = "split"
    ways: str = "one"
    ring_size: int = RING_SIZE
    extra: tuple = ()
    bursts_a_ring: int = 2

    def options(self):
        return (["--size", self.size, "--queue-size", self.ring_size]
                + (["--packed"] if self.ring == "packed" else [])
                + (["--both"] if self.ways == "both" else []) + list(self.extra))

    @property
    def burst(self):
        """So many packets at once, that the switch finds whole bursts also when it is faster than
        the generator, in lines that were not written an instant ago; None: as many as are due."""
        small = self.size != "imix" and self.size <= self.SMALL
        return self.ring_size // self.bursts_a_ring if small else None

    @property
    def window(self):
        """So many packets under way fit into any ring of theirs."""
        return self.ring_size // 2


@dataclasses.dataclass(frozen=True)
class Case:
    """One row of a table: `method` is called with a Trial and returns metrics (metrics.py); `cost`
    is about how many seconds that takes. `where` says what the plots put on their axes."""
    name: str
    method: typing.Callable
    cost: float
    where: dict = dataclasses.field(default_factory=dict)
    rounds: int | None = None  # default: the plan's

    @property
    def ring_size(self):
        """Of the load that the method sends; None: it sends none."""
        load = getattr(self.method, "load", None)
        return load and load.ring_size


@dataclasses.dataclass(frozen=True)
class Group:
    """Switches that exist together while the cases are measured on them. `switches` are called
    with a Setup (switches/switch.py) and return a Switch that is not started yet; `left_out` says
    of others, by name, why they are not here."""
    switches: tuple
    topology: Topology
    cases: tuple
    left_out: dict = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Plot:
    """A figure: `metric` over the cases' where[x], those cases only that have all of `where`."""
    title: str
    metric: str
    x: str
    x_title: str
    where: dict = dataclasses.field(default_factory=dict)
    log: bool = False
