# SPDX-License-Identifier: BSD-3-Clause
import pathlib
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "perf")]

from harness.summary import summarize  # noqa: E402


def sample(wait=0.0, latency=(80, 80), **metrics):
    return {"metrics": metrics, "wait": wait, "latency_ns": list(latency)}


def rounds_of(ours, theirs, metric="cycles", peer="testpmd io"):
    return [{"vswitch": sample(**{metric: a}), peer: sample(**{metric: b})}
            for a, b in zip(ours, theirs)]


def case_of(name, rounds, **where):
    return {"name": name, "where": where, "rounds": rounds, "summary": summarize(rounds)}


@pytest.fixture
def run():
    """A small finished run."""
    cases = [case_of(f"split {size} B", rounds_of([size, size + 1, size + 2], [100, 101, 102]),
                     size=size) for size in (64, 256)]
    plots = [{"title": "Cost & rate", "metric": "cycles", "x": "size", "x_title": "bytes",
              "where": {}, "log": False}]
    return {"date": "2026-01-02T03:04", "seconds": 61, "arguments": ["--quick"],
            "plan": {"quick": True, "rounds": 3, "seconds": 0.1, "trial": 0.1, "confirm": 0.2,
                     "budget": 600},
            "machine": {"commit": "abc1234", "cpu": "A <CPU>", "cpus": 2, "mhz": "2600",
                        "virtual": "kvm", "memory": "1 kB", "hugepages": "1024", "kernel": "6.1",
                        "dpdk": "22.11", "openvswitch": "3.1",
                        "roles": {"generator": 0, "switch": 1, "third": None}},
            "scenarios": [{"name": "v2v", "title": "Two <VMs>", "about": "…", "plots": plots,
                           "left_out": {"kernel": "no room"}, "errors": [], "cases": cases}]}
