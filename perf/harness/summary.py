# SPDX-License-Identifier: BSD-3-Clause
"""From the samples of a case to medians, spreads and ratios; what is dropped, and what is stable.

A round is a dict of samples by switch. A sample is a dict: `metrics`, what was seen around it
(`latency_ns` before and after, `wait`), and `error` instead of metrics when it came to nothing."""

import statistics

from harness.metrics import METRICS

REFERENCE = "vswitch"  # every ratio is this switch / another

# A sample counts when nobody else disturbed it: the way between the two cores was as fast before
# as after and as it usually is, and neither side waited for its CPU.
MAX_LATENCY_RATIO = 1.6
MAX_WAIT = 0.01
# Medians over fewer rounds than this are not called stable, and one may not drop below it.
MIN_ROUNDS = 3
# How far the ratios of the rounds may lie apart, as a share of their median, when it is stable.
STABLE_SPREAD = 0.12


def mark_disturbed(rounds):
    """Sets `good` of every sample by what was measured around it, never by its result."""
    samples = [sample for a_round in rounds for sample in a_round.values()]
    if not samples:
        return
    usual = statistics.median(min(sample["latency_ns"]) for sample in samples)
    for sample in samples:
        low, high = sorted(sample["latency_ns"])
        sample["good"] = (high <= MAX_LATENCY_RATIO * low and high <= MAX_LATENCY_RATIO * usual
                          and sample["wait"] <= MAX_WAIT)


def spread(values):
    return {"median": statistics.median(values), "min": min(values), "max": max(values),
            "count": len(values)}


def usable(rounds, names):
    """(the rounds in which every sample of these switches is good, True), or (all rounds, False)
    when too few are. Rounds in which one has no result are in neither."""
    whole = [r for r in rounds if all(n in r and "error" not in r[n] for n in names)]
    good = [r for r in whole if all(r[n]["good"] for n in names)]
    return (good, True) if len(good) >= MIN_ROUNDS else (whole, False)


def values_of(rounds, name, metric):
    values = (r[name]["metrics"].get(metric) for r in rounds)
    return [value for value in values if value is not None]


def is_stable(ratios, quiet):
    if not quiet or ratios["count"] < MIN_ROUNDS:
        return False
    return ratios["max"] - ratios["min"] <= STABLE_SPREAD * ratios["median"]


def ratio_of(rounds, peer, metric):
    """Spread of reference / peer within each round, and whether it is stable; None without any."""
    used, quiet = usable(rounds, (REFERENCE, peer))
    pairs = [(r[REFERENCE]["metrics"].get(metric), r[peer]["metrics"].get(metric)) for r in used]
    ratios = [ours / theirs for ours, theirs in pairs if ours is not None and theirs]
    if not ratios:
        return None
    result = spread(ratios)
    result["stable"] = is_stable(result, quiet)
    return result


def ratio_text(ratio):
    return f"{ratio:.2f}" if ratio >= 0.1 else f"{ratio:.3f}"


def names_in(rounds):
    """The switches in the order in which the first round had them."""
    return list(dict.fromkeys(name for a_round in rounds for name in a_round))


def metrics_in(rounds):
    present = {metric for r in rounds for sample in r.values() for metric in sample["metrics"]}
    return [metric for metric in METRICS if metric in present]


def summarize(rounds):
    """Medians by metric and switch, ratios by metric and peer, and how many samples were good."""
    mark_disturbed(rounds)
    names, metrics = names_in(rounds), metrics_in(rounds)
    medians, ratios = {}, {}
    for metric in metrics:
        for name in names:
            values = values_of(usable(rounds, (name,))[0], name, metric)
            if values:
                medians.setdefault(metric, {})[name] = spread(values)
        if METRICS[metric].better is None:
            continue
        for peer in names:
            ratio = ratio_of(rounds, peer, metric) if REFERENCE in names else None
            if peer != REFERENCE and ratio:
                ratios.setdefault(metric, {})[peer] = ratio
    samples = [(name, s) for r in rounds for name, s in r.items()]
    return {"medians": medians, "ratios": ratios, "rounds": len(rounds),
            "samples": len(samples), "good": sum(s["good"] for _, s in samples),
            "errors": [f"{name}: {s['error']}" for name, s in samples if "error" in s]}
