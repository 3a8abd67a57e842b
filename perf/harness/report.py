# SPDX-License-Identifier: BSD-3-Clause
"""A run as one JSON document, the ratio table on standard output, and the files of a report."""

import dataclasses
import datetime
import json
import time

from harness import page
from harness.case import Load
from harness.metrics import METRICS
from harness.summary import REFERENCE, ratio_text


def collect(results, plan, about, arguments, started):
    return {"date": datetime.datetime.fromtimestamp(started).isoformat(timespec="minutes"),
            "seconds": round(time.time() - started), "arguments": arguments,
            "plan": dataclasses.asdict(plan), "machine": about,
            "scenarios": results}


def directory_of(run, results):
    """A new directory: a second run of one day and commit gets a number."""
    name = f"{run['date'][:10]}-{run['machine']['commit']}"
    for suffix in ("", *(f"-{number}" for number in range(2, 1000))):
        directory = results / (name + suffix)
        if not directory.exists():
            directory.mkdir(parents=True)
            return directory
    raise RuntimeError(f"{results} is full of {name}")


def save(run, results):
    directory = directory_of(run, results)
    (directory / "results.json").write_text(json.dumps(run, indent=1))
    (directory / "report.html").write_text(page.render(run, errors(run)))
    return directory


def errors(run):
    """Everything that went wrong: of samples, and of switches when they were stopped."""
    found = []
    for scenario in run["scenarios"]:
        found += [f"{scenario['name']}, {case['name']}: {error}" for case in scenario["cases"]
                  for error in case["summary"]["errors"]]
        found += [f"{scenario['name']}: {error}" for error in scenario["errors"]]
    return found


# --- the table ---

def ratio_cell(ratio):
    """The median, and the range when the rounds lie too far apart to call it stable."""
    median, low, high = (ratio_text(ratio[key]) for key in ("median", "min", "max"))
    return median if ratio["stable"] else f"~{median} ({low}–{high})"


def row(case, metric, names):
    summary, digits = case["summary"], METRICS[metric].digits
    medians, ratios = summary["medians"][metric], summary["ratios"].get(metric, {})
    cells = []
    for name in names:
        cell = f"{medians[name]['median']:.{digits}f}" if name in medians else ""
        if name in ratios:
            cell += f" → {ratio_cell(ratios[name])}"
        cells.append(cell)
    return [case["name"], METRICS[metric].title, *cells]


def rows(scenario):
    """The header and a row for every case and metric of which there are ratios; of the others too
    where there is nothing to compare with."""
    names = list(dict.fromkeys(name for case in scenario["cases"]
                               for medians in case["summary"]["medians"].values()
                               for name in medians))
    names.sort(key=lambda name: name != REFERENCE)
    body = []
    for case in scenario["cases"]:
        summary = case["summary"]
        shown = [m for m in summary["medians"] if METRICS[m].better]
        body += [row(case, metric, names) for metric in shown]
    return [["case", "", *names], *body]


def table(lines):
    text = [f"| {' | '.join(line)} |" for line in lines]
    text.insert(1, "|" + "---|" * len(lines[0]))
    return "\n".join(text)


LEGEND = (f"Medians; after the arrow {REFERENCE} / that switch, of the same round. ~: the rounds "
          "lie too far apart, or too few were undisturbed, to call it stable. Virtqueues have "
          f"{Load.RING_SIZE} descriptors, unless the case says otherwise.")


def text(run):
    parts = []
    for scenario in run["scenarios"]:
        parts.append(f"## {scenario['title']}\n\n{table(rows(scenario))}")
        parts += [f"Without {name}: {why}." for name, why in scenario["left_out"].items()]
    parts.append(LEGEND)
    parts += [f"ERROR: {error}" for error in errors(run)]
    budget = run["plan"]["budget"]
    if run["seconds"] > budget:
        parts.append(f"It took {run['seconds']} s, more than the {budget} s planned.")
    return "\n\n".join(parts)
