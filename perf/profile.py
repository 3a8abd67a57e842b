#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Prints where a packet's instructions go: profile.py SCENARIO, or --list

Runs a path of count_paths under callgrind and attributes every instruction to the function that it
was written in, also when that was inlined into another.
"""

import argparse
import collections
import os
import pathlib
import re
import subprocess
import sys
import tempfile

import callgrind

ROOT = pathlib.Path(__file__).resolve().parents[1]
BUILD = ROOT / "build-profile"
STEPS = 1024
SHOWN = 0.005  # of all instructions; what is below becomes one line

# The harness's scenarios by the path that is most like them.
SCENARIOS = {
    "v2v": "veth/32",
    "zero_loss": "veth/32",
    "ring": "veth/32",
    "cross_core": "cross_core/32",
    "kernel": "veth/32",
    "pairs": "veth/32",
    "idle": "idle/100",
    "wake": "idle/100",
    "ipvlan_l2": "ipvlan_l2/1000",
    "ipvlan_l3": "ipvlan_l3/1000",
    "churn": "newlink/1000",
    "links": "newlink/1000",
}

Cost = collections.namedtuple("Cost", "object function address instructions is_call")


def build():
    """The release build's code, with what is needed to see into it; the tree's owner owns it."""
    owner = ROOT.stat()
    identity = {} if os.geteuid() else {
        "user": owner.st_uid, "group": owner.st_gid, "extra_groups": []}
    commands = [["ninja", "-C", BUILD, "perf/count_paths"]]
    if not (BUILD / "build.ninja").exists():
        commands.insert(0, ["meson", "setup", BUILD, "--buildtype=release", "-Ddebug=true"])
    for command in commands:
        subprocess.run(command, cwd=ROOT, stdout=sys.stderr, check=True, **identity)
    return BUILD / "perf" / "count_paths"


def costs(out):
    """The lines of callgrind's file; a call's line carries all that happened in the call."""
    this = {"ob": "", "fn": ""}
    is_call = False
    for line in out.read_text().splitlines():
        key, equals, value = line.partition("=")
        if equals and key in this:
            this[key] = value
        elif line.startswith("calls="):
            is_call = True
        elif line.startswith("0x"):
            address, _, instructions = line.split()
            yield Cost(this["ob"], this["fn"], address, int(instructions), is_call)
            is_call = False


def short(name):
    """Without parameters, template arguments and our own namespace."""
    name = name.replace("(anonymous namespace)::", "").replace("vswitch::", "")
    while (shorter := re.sub(r"<[^<>]*>", "", name)) != name:
        name = shorter
    name = name.partition("(")[0]
    return name if "operator " in name else name.rpartition(" ")[2]


def inline_chains(binary, addresses):
    """For each address the functions that it is in, from the innermost one out."""
    result = subprocess.run(["addr2line", "-a", "-f", "-i", "-C", "-e", binary],
                            input="\n".join(addresses), capture_output=True, text=True, check=True)
    chains = []
    for line in result.stdout.splitlines():
        if re.fullmatch(r"0x[0-9a-f]{16}", line):
            chains.append([])
            is_name = True
            continue
        if is_name:
            chains[-1].append(short(line))
        is_name = not is_name
    return dict(zip(addresses, chains))


def attribute(binary, lines):
    """Counters of instructions by function: its own, and with what it calls."""
    ours = str(binary)
    chains = inline_chains(binary, sorted({c.address for c in lines if c.object == ours}))
    own, all_in = collections.Counter(), collections.Counter()
    for cost in lines:
        chain = chains[cost.address] if cost.object == ours else [short(cost.function)]
        if not cost.is_call:
            own[chain[0]] += cost.instructions
        for function in set(chain):
            all_in[function] += cost.instructions
    return own, all_in


def table(path, units, own, all_in):
    total = sum(own.values())
    yield f"{path}: {total / units:.1f} instructions per packet or request"
    yield ""
    yield f"{'own':>10}{'share':>8}{'with calls':>12}  function"
    rest = 0
    for function, instructions in own.most_common():
        if instructions < SHOWN * total:
            rest += instructions
            continue
        yield (f"{instructions / units:>10.1f}{instructions / total:>8.1%}"
               f"{all_in[function] / units:>12.1f}  {function}")
    yield f"{rest / units:>10.1f}{rest / total:>8.1%}{'':>12}  all others"


def profile(binary, path):
    with tempfile.TemporaryDirectory(prefix="vswitch-profile-") as directory:
        out = pathlib.Path(directory) / "callgrind.out"
        units = callgrind.run(binary, path, STEPS, out,
                              ["--dump-instr=yes", "--compress-strings=no", "--compress-pos=no"])
        own, all_in = attribute(binary, list(costs(out)))
    print("\n".join(table(path, units, own, all_in)))


def list_all(binary):
    for scenario, path in SCENARIOS.items():
        print(f"{scenario:<22}as {path}")
    for line in subprocess.run([binary, "--list"], stdout=subprocess.PIPE, text=True,
                               check=True).stdout.splitlines():
        print("{:<22}{}".format(*line.split("\t")))


def main(argv):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("scenario", nargs="?", help="one of --list")
    parser.add_argument("--list", action="store_true", help="scenarios and paths")
    args = parser.parse_args(argv)
    if not args.list and args.scenario is None:
        parser.error("which SCENARIO? --list names them")
    binary = build()
    if args.list:
        list_all(binary)
    else:
        profile(binary, SCENARIOS.get(args.scenario, args.scenario))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
