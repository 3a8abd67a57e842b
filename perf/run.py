#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Measures vswitch beside other switches and writes a report; perf/README.md says how and why."""

import argparse
import dataclasses
import os
import pathlib
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "perf")]

import scenarios  # noqa: E402
from harness import agree, machine, report, targets  # noqa: E402
from harness.bench import Bench  # noqa: E402
from harness.case import FULL, QUICK  # noqa: E402
from support.vswitch_process import default_build_dir  # noqa: E402


def parse_arguments():
    parser = argparse.ArgumentParser(prog="./dev perf", description=__doc__.split(";")[0] + ".")
    parser.add_argument("--quick", action="store_true",
                        help=f"fewer cases and rounds, below {QUICK.budget // 60} minutes; the "
                        f"full run has {FULL.budget // 60}")
    parser.add_argument("--scenario", action="append", metavar="NAME", help="only this one; again "
                        "for more")
    parser.add_argument("--list", action="store_true", help="name the scenarios and leave")
    parser.add_argument("--agree", nargs=2, type=pathlib.Path, metavar=("DIR", "DIR"),
                        help="only compare two results: is every ratio's order the same, and are "
                        f"stable medians within {agree.TOLERANCE:.0%}%?")
    parser.add_argument("--targets", type=pathlib.Path, metavar="DIR",
                        help="only say of a result which targets (harness/targets.py) it meets")
    parser.add_argument("--profile", metavar="SCENARIO",
                        help="only show where a packet's instructions go")
    parser.add_argument("--realtime", action="store_true",
                        help="with real-time priority, for a machine that does other work as well")
    parser.add_argument("--trial", type=float, metavar="SECONDS", help="of a trial without loss; "
                        "the one that confirms it takes twice as long "
                        f"({QUICK.trial:g}: for virtual machines)")
    parser.add_argument("--build", type=pathlib.Path, default=default_build_dir(),
                        help="build directory (build/)")
    parser.add_argument("--results", type=pathlib.Path, default=ROOT / "perf" / "results",
                        help="where the report goes, in a directory named after date and commit")
    args = parser.parse_args()
    if args.trial is not None and args.trial <= 0:
        parser.error("--trial must be more than 0 seconds")
    return args


def list_scenarios(chosen):
    for scenario in chosen:
        print(f"{scenario.NAME:12} {scenario.TITLE}")


def measure(chosen, args):
    plan, cpus = QUICK if args.quick else FULL, machine.choose_cpus()
    if args.trial:
        plan = dataclasses.replace(plan, trial=args.trial, confirm=2 * args.trial)
    started, about = time.time(), machine.describe(cpus)
    results = Bench(args.build, plan, cpus, args.realtime).run(chosen)
    return report.collect(results, plan, about, sys.argv[1:], started)


def main():
    args = parse_arguments()
    if args.agree:
        return agree.main(*args.agree)
    if args.targets:
        return targets.main(args.targets)
    if args.profile:
        os.execv(sys.executable, [sys.executable, str(ROOT / "perf" / "profile.py"), args.profile])
    try:
        chosen = scenarios.load(args.scenario)
    except ValueError as error:
        sys.exit(f"dev perf: {error}")
    if args.list:
        return list_scenarios(chosen)
    args.build = args.build.resolve()
    os.environ["VSWITCH_BUILD"] = str(args.build)
    run = measure(chosen, args)
    directory = report.save(run, args.results)
    print(report.text(run))
    print(f"\nThe report: {directory}/report.html")
    return 1 if report.errors(run) else 0


if __name__ == "__main__":
    sys.exit(main())
