#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Compares the instructions of each path with instruction_counts.json, per packet or request:
instruction_counts.py COUNT-PATHS [--update]

Nothing is timed, so a busy machine does not matter. A path more than 3% above its number is a
failure; --update writes what is measured now, for all paths the file names.
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import sys
import tempfile

import callgrind

COMMITTED = pathlib.Path(__file__).with_suffix(".json")
TOLERANCE = 0.03
STEPS = 1024  # what happens once in a ring's round is in it as often as in any other


def measure(binary, path):
    with tempfile.TemporaryDirectory(prefix="vswitch-counts-") as directory:
        out = pathlib.Path(directory) / "callgrind.out"
        units = callgrind.run(binary, path, STEPS, out)
        return round(callgrind.total(out) / units, 1)


def measure_all(binary, paths):
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        return dict(zip(paths, pool.map(lambda path: measure(binary, path), paths)))


def verdict(committed, now):
    if now > committed * (1 + TOLERANCE):
        return "TOO MANY"
    return "fewer: --update" if now < committed * (1 - TOLERANCE) else ""


def report(committed, now):
    """Prints the table; returns whether no path got worse."""
    print(f"{'path':<22}{'committed':>12}{'now':>12}{'change':>9}")
    worse = False
    for path, before in committed.items():
        word = verdict(before, now[path])
        worse |= word == "TOO MANY"
        print(f"{path:<22}{before:>12.1f}{now[path]:>12.1f}{now[path] / before - 1:>+9.1%}  {word}")
    return not worse


def main(argv):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("binary", type=pathlib.Path, help="count_paths of a release build")
    parser.add_argument("--update", action="store_true", help="write the file instead")
    args = parser.parse_args(argv)
    committed = json.loads(COMMITTED.read_text())
    now = measure_all(args.binary.resolve(), list(committed))
    if args.update:
        COMMITTED.write_text(json.dumps(now, indent=2) + "\n")
        return 0
    return 0 if report(committed, now) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
