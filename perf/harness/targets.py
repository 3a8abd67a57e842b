# SPDX-License-Identifier: BSD-3-Clause
"""What vswitch is to reach: medians of its ratios to other switches within one run."""

import dataclasses
import json
import math

from harness.agree import ratios

TESTPMD, OVS, VETH, ALONE = "testpmd io", "OVS flow", "vswitch veth", "vswitch, 1 pair"


@dataclasses.dataclass(frozen=True)
class Target:
    """vswitch / peer is between `least` and `most`."""
    scenario: str
    case: str
    metric: str
    peer: str
    most: float = math.inf
    least: float = 0.0

    @property
    def key(self):
        return (self.scenario, self.case, self.metric, self.peer)

    def __str__(self):
        limit = f"at most {self.most}" if self.least == 0 else f"at least {self.least}"
        return f"{self.scenario}, {self.case}: {self.metric} / {self.peer} {limit}"


TARGETS = (
    Target("v2v", "split 64 B", "cycles", TESTPMD, most=0.40),
    Target("v2v", "split 64 B", "cycles", OVS, most=0.28),
    Target("v2v", "packed 64 B", "cycles", TESTPMD, most=0.65),
    Target("v2v", "packed 64 B", "cycles", OVS, most=0.35),
    Target("v2v", "split 1518 B", "cycles", TESTPMD, most=0.50),
    Target("v2v", "split 1518 B", "cycles", OVS, most=0.42),
    Target("v2v", "split 9000 B", "cycles", TESTPMD, most=0.55),
    Target("ipvlan_l2", "2 addresses", "cycles", VETH, most=1.15),
    Target("ipvlan_l3", "2 addresses", "cycles", VETH, most=1.15),
    Target("idle", "1000 idle", "mpps", ALONE, least=0.97),
    Target("pairs", "8 pairs", "mpps", ALONE, least=0.85),
)


def verdicts(run, targets=TARGETS):
    """(target, its ratio's spread, whether it is met) for each; None twice when the run did not
    measure it."""
    measured = ratios(run)
    for target in targets:
        ratio = measured.get(target.key)
        met = None if ratio is None else target.least <= ratio["median"] <= target.most
        yield target, ratio, met


def line(target, ratio, met):
    if ratio is None:
        return f"not measured  {target}"
    doubt = "" if ratio["stable"] else f", not stable ({ratio['min']:.2f}–{ratio['max']:.2f})"
    return f"{'met   ' if met else 'MISSED'} {ratio['median']:6.3f} {target}{doubt}"


def main(directory):
    """0 when every target is met."""
    run = json.loads((directory / "results.json").read_text())
    found = list(verdicts(run))
    print("\n".join(line(*verdict) for verdict in found))
    return 0 if all(met for _, _, met in found) else 1
