# SPDX-License-Identifier: BSD-3-Clause
"""The report as one HTML page that needs nothing else, light or dark as its reader likes it."""

import html
import math

from harness import plot
from harness.agree import order
from harness.case import Load
from harness.metrics import METRICS
from harness.summary import (MAX_LATENCY_RATIO, MAX_WAIT, MIN_ROUNDS, REFERENCE, STABLE_SPREAD,
                             ratio_text)

STYLE = """
:root { color-scheme: light dark; --ink: #1c1d1f; --soft: #5c6066; --line: #d9dbde; --paper: #fff;
  --c0: #2a78d6; --c1: #eb6834; --c2: #1a9a6c; --c3: #b98000; --c4: #d6578c; --c5: #6a4fc4; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e7e9; --soft: #a4a8ae; --line: #3a3d42; --paper: #17181a;
    --c0: #5b9df0; --c1: #f08a5d; --c2: #3cc194; --c3: #dca83a; --c4: #e987ae; --c5: #a795f0; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.2rem; margin-top: 3rem; }
p, li { max-width: 46rem; } .soft { color: var(--soft); }
.figures { display: flex; flex-wrap: wrap; gap: 1rem; }
figure { margin: 0; flex: 1 1 26rem; max-width: 30rem; } figcaption { font-weight: 600; }
svg { width: 100%; height: auto; } svg text { fill: var(--soft); font-size: 12px; }
.line { fill: none; stroke-width: 2; }
.grid { stroke: var(--line); }
.legend { display: flex; flex-wrap: wrap; gap: 0 1.2rem; list-style: none; padding: 0; }
.legend svg { width: 14px; height: 14px; vertical-align: -2px; margin-right: .3rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: 13px; font-variant-numeric: tabular-nums; }
th, td { border-bottom: 1px solid var(--line); padding: .25rem .6rem; text-align: right;
  white-space: nowrap; vertical-align: top; }
th:first-child, td:first-child, th:nth-child(2), td:nth-child(2) { text-align: left; }
summary { cursor: pointer; margin: 1rem 0; }
td small { display: block; color: var(--soft); }
.errors { border-left: 4px solid var(--c1); padding-left: 1rem; }
"""

METHOD = f"""
<p>All switches run at the same time, each with its forwarding thread on one and the same CPU; one
generator, on another CPU, drives them in turn: A B C, A B C, a sample of each in every round.
Those not measured are stopped, and every round starts all of them anew. Tables and plots show
medians over the rounds, brackets and bars the smallest and the largest. A ratio is
{REFERENCE} / the other switch within one round.</p>
<p>Before and after each sample a cache line travels between the two CPUs. A sample counts when that
took about the same before, after and in the others (within {MAX_LATENCY_RATIO - 1:.0%}), and when
neither side waited for its CPU for more than {MAX_WAIT:.0%} of the time, the hypervisor's share
included. Results are never a reason to drop a sample. A ratio is <b>stable</b> when at least
{MIN_ROUNDS} rounds counted and theirs lie within {STABLE_SPREAD:.0%} of the median; the others are
marked ~, and what they say may be the machine's doing.</p>
<p>Cycles per packet are TSC cycles of the switch's core while it had packets, as the switch itself
counts them. Packets per second depend on the generator as well.</p>
<p>Virtqueues have {Load.RING_SIZE} descriptors, QEMU's default, unless the case says otherwise.</p>
"""


def colour_of(switches):
    """A number for every switch, the same in all plots."""
    return {name: i % 6 for i, name in enumerate(switches)}


def switches_of(run):
    names = dict.fromkeys(name for scenario in run["scenarios"] for case in scenario["cases"]
                          for medians in case["summary"]["medians"].values() for name in medians)
    return sorted(names, key=lambda name: name != REFERENCE)


def legend(colours):
    return '<ul class="legend">' + "".join(
        f'<li><svg viewBox="0 0 14 14" style="fill:var(--c{c})">{plot.mark(c, 7, 7)}</svg>'
        f"{html.escape(name)}</li>" for name, c in colours.items()) + "</ul>"


# --- figures ---

def series_of(cases, spec, colours):
    """(the categories in the cases' order, the series) of a figure."""
    chosen = [c for c in cases if spec["x"] in c["where"]
              and all(c["where"].get(key) == value for key, value in spec["where"].items())
              and spec["metric"] in c["summary"]["medians"]]
    # Numbers first and in order; of others only they know the order.
    categories = sorted(dict.fromkeys(c["where"][spec["x"]] for c in chosen),
                        key=lambda c: c if isinstance(c, (int, float)) else math.inf)
    points = {}
    for case in chosen:
        for name, spread in case["summary"]["medians"][spec["metric"]].items():
            points.setdefault(name, {})[case["where"][spec["x"]]] = {
                key: spread[key] for key in ("median", "min", "max")}
    return categories, [plot.Series(name, colours[name], points[name]) for name in colours
                        if name in points]


def figure(cases, spec, colours):
    categories, series = series_of(cases, spec, colours)
    if not categories:
        return ""
    return (f"<figure><figcaption>{html.escape(spec['title'])}</figcaption>"
            + plot.render(categories, series, spec["x_title"], METRICS[spec["metric"]].title,
                          spec["log"])
            + "</figure>")


# --- tables ---

def cell(name, case, metric):
    medians = case["summary"]["medians"][metric]
    if name not in medians:
        return "<td></td>"
    digits, spread = METRICS[metric].digits, medians[name]
    lines = [f"{spread['median']:.{digits}f} "
             f"<small>{spread['min']:.{digits}f}–{spread['max']:.{digits}f}</small>"]
    ratio = case["summary"]["ratios"].get(metric, {}).get(name)
    if ratio:
        median, low, high = (ratio_text(ratio[key]) for key in ("median", "min", "max"))
        lines.append(f"<small>{'' if ratio['stable'] else '~'}{median} ({low}–{high})</small>")
    return f"<td>{''.join(lines)}</td>"


def table(cases, names):
    head = "".join(f"<th>{html.escape(name)}</th>" for name in ("case", "", *names, "good samples"))
    rows = [f"<tr><td>{html.escape(case['name'])}</td><td>{html.escape(METRICS[metric].title)}</td>"
            + "".join(cell(name, case, metric) for name in names)
            + f"<td>{case['summary']['good']} of {case['summary']['samples']}</td></tr>"
            for case in cases for metric in case["summary"]["medians"]]
    return (f'<div class="wide"><table><thead><tr>{head}</tr></thead>'
            f"<tbody>{''.join(rows)}</tbody></table></div>")


# --- the page ---

def section(scenario, colours):
    cases = scenario["cases"]
    names = [name for name in colours if any(
        name in medians for c in cases for medians in c["summary"]["medians"].values())]
    figures = "".join(figure(cases, spec, colours) for spec in scenario["plots"])
    left_out = "".join(f"<li>Without {html.escape(name)}: {html.escape(why)}.</li>"
                       for name, why in scenario["left_out"].items())
    return (f'<h2 id="{html.escape(scenario["name"])}">{html.escape(scenario["title"])}</h2>'
            f"<p>{html.escape(scenario['about'])}</p>{legend({n: colours[n] for n in names})}"
            f'<div class="figures">{figures}</div>'
            f"<details{'' if figures else ' open'}><summary>All figures</summary>"
            f"{table(cases, names)}</details>"
            + (f"<ul>{left_out}</ul>" if left_out else ""))


def machine(run):
    m = run["machine"]
    facts = [f"{m['cpus']} × {m['cpu']}, {m['mhz']} MHz, virtualization: {m['virtual']}",
             f"memory {m['memory']}, {m['hugepages']} hugepages reserved",
             f"Linux {m['kernel']}, DPDK {m['dpdk']}, Open vSwitch {m['openvswitch']}",
             f"CPU {m['roles']['switch']} forwards, CPU {m['roles']['generator']} generates",
             f"{'quick' if run['plan']['quick'] else 'full'} run of {run['seconds'] / 60:.0f} "
             f"minutes: {run['plan']['rounds']} rounds, samples of {run['plan']['seconds']} s, "
             f"trials of {run['plan']['trial']} s confirmed by one of {run['plan']['confirm']} s",
             "command: ./dev perf " + " ".join(run["arguments"])]
    return "<ul>" + "".join(f"<li>{html.escape(fact)}</li>" for fact in facts) + "</ul>"


def behind(run):
    """Where another switch was better in every round that counted."""
    found = []
    for scenario in run["scenarios"]:
        for case in scenario["cases"]:
            for metric, peers in case["summary"]["ratios"].items():
                sign = 1 if METRICS[metric].better == "lower" else -1
                found += [f"{scenario['title']}, {case['name']}: {name} has "
                          f"{METRICS[metric].title} {1 / ratio['median']:.2f} times ours"
                          for name, ratio in peers.items() if order(ratio) == sign]
    items = "".join(f"<li>{html.escape(text)}</li>" for text in found)
    return (f"<h2>Where {REFERENCE} is behind</h2><p>In every round that counted"
            f"{':' if found else ': nowhere.'}</p><ul>{items}</ul>")


def error_list(errors):
    if not errors:
        return ""
    items = "".join(f"<li>{html.escape(text)}</li>" for text in errors)
    return f'<div class="errors"><p>What went wrong:</p><ul>{items}</ul></div>'


def render(run, errors=()):
    colours = colour_of(switches_of(run))
    title = f"vswitch {run['machine']['commit']}, {run['date'][:10]}: packet rates"
    contents = "".join(f'<li><a href="#{html.escape(s["name"])}">{html.escape(s["title"])}</a></li>'
                       for s in run["scenarios"])
    body = "".join(section(scenario, colours) for scenario in run["scenarios"])
    return (f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>'
            f"{html.escape(title)}</title>"
            f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style></head>'
            f"<body><h1>{html.escape(title)}</h1>{error_list(errors)}{legend(colours)}"
            f"<ul>{contents}</ul><h2>Machine</h2>{machine(run)}<h2>Method</h2>{METHOD}"
            f"{behind(run)}{body}"
            "</body></html>\n")
