# SPDX-License-Identifier: BSD-3-Clause
"""Do two results say the same? Every ratio's order, and every stable median within a tolerance."""

import json
import sys

from harness.summary import MIN_ROUNDS

TOLERANCE = 0.15
# Closer to 1 than this a ratio is level: one case, measured in three scenarios of the same run, had
# medians from 0.95 to 1.04.
RESOLUTION = 0.05


def order(ratio):
    """-1 or 1 when in every round the reference was below or above the peer, 0 when the rounds do
    not agree on it or are too few, or the two are level."""
    if ratio["count"] < MIN_ROUNDS or abs(ratio["median"] - 1) <= RESOLUTION:
        return 0
    if ratio["max"] < 1:
        return -1
    return 1 if ratio["min"] > 1 else 0


def ratios(run):
    """The ratio by (scenario, case, metric, peer)."""
    return {(scenario["name"], case["name"], metric, peer): ratio
            for scenario in run["scenarios"] for case in scenario["cases"]
            for metric, peers in case["summary"]["ratios"].items()
            for peer, ratio in peers.items()}


def differences(one, two):
    """A line for every ratio on which two runs contradict each other."""
    a, b = ratios(one), ratios(two)
    for key in a.keys() & b.keys():
        name = ", ".join(key)
        if order(a[key]) * order(b[key]) < 0:
            yield f"{name}: {a[key]['median']:.2f} and {b[key]['median']:.2f}: another order"
        if not (a[key]["stable"] and b[key]["stable"]):
            continue
        apart = abs(a[key]["median"] / b[key]["median"] - 1)
        if apart > TOLERANCE:
            yield (f"{name}: {a[key]['median']:.2f} and {b[key]['median']:.2f} are stable and "
                   f"{apart:.0%} apart")


def main(one, two):
    runs = [json.loads((directory / "results.json").read_text()) for directory in (one, two)]
    found = sorted(differences(*runs))
    common = ratios(runs[0]).keys() & ratios(runs[1]).keys()
    print("\n".join(found) if found else f"{len(common)} ratios agree")
    if not common:
        print("the two have no ratio in common", file=sys.stderr)
    return 1 if found or not common else 0
