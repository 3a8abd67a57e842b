#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Compares what a packet costs in vswitch and in dpdk-testpmd; perf/README.md says how and why.

Both switches forward between two vhost ports on one core; the generator runs on another. A sample
is one run of the generator against one of them while the other is stopped. Samples alternate, so
that what the machine does to one it does to the other.
"""

import argparse
import datetime
import itertools
import json
import os
import pathlib
import signal
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from support.testpmd import Testpmd, vhost  # noqa: E402
from support.traffic import send  # noqa: E402
from support.vswitch_process import VswitchProcess, default_build_dir  # noqa: E402

# A sample counts when nobody else disturbed it: the way between the two cores was as fast before
# as after and as it usually is, and neither side waited for its CPU.
MAX_LATENCY_RATIO = 1.6
MAX_WAIT = 0.01


class Vswitch:
    name = "vswitch"

    def __init__(self, directory, cpu, other_cpu):
        self.process = VswitchProcess(cores=cpu, run_dir=directory / "run")
        self.process.start()
        self.process.add_veth("a", "b")
        for device in ("a", "b"):
            self.process.vsctl("attach", device, "vhost")
        self.sockets = [self.process.vhost_path(device) for device in ("a", "b")]
        self.pid = self.process.pid
        self.begin()

    def _count(self):
        worker = self.process.workers()[0]
        return worker["busy_cycles"], worker["packets"]

    def begin(self):
        self.before = self._count()

    def cycles_per_packet(self):
        """Busy cycles per packet since begin()."""
        cycles, packets = (now - then for now, then in zip(self._count(), self.before))
        return cycles / packets if packets else None

    def stop(self):
        self.process.stop()


class TestpmdSwitch:
    name = "testpmd io"

    def __init__(self, directory, cpu, other_cpu):
        self.sockets = [directory / "t0", directory / "t1"]
        self.process = Testpmd([vhost(i, socket) for i, socket in enumerate(self.sockets)], cpu,
                               main_cpu=other_cpu, options=["--record-core-cycles"]).start()
        self.pid = self.process.child.pid

    def begin(self):
        self.process.cycles_per_packet()
        self.process.command("start")

    def cycles_per_packet(self):
        return self.process.cycles_per_packet()[0]

    def stop(self):
        self.process.stop()


def polling_thread(pid, cpu):
    """The thread that is bound to the CPU and has run most."""
    threads = [int(task.name) for task in pathlib.Path(f"/proc/{pid}/task").iterdir()]
    bound = [thread for thread in threads if os.sched_getaffinity(thread) == {cpu}]
    return max(bound, key=lambda thread: int(
        pathlib.Path(f"/proc/{thread}/schedstat").read_text().split()[0]))


def core_latency(build_dir, cpus):
    """Nanoseconds for a cache line from one core to the other."""
    argv = [str(build_dir / "vswitch-perf"), "--core-latency", *map(str, cpus)]
    return float(subprocess.run(argv, capture_output=True, text=True, check=True).stdout)


class Bench:
    def __init__(self, args, directory):
        cpus = sorted(os.sched_getaffinity(0))
        if len(cpus) < 2:
            sys.exit("perf/run.py needs two CPUs: one for the switch, one for the generator")
        self.args, self.generator_cpu, self.switch_cpu = args, cpus[0], cpus[-1]
        self.switches = []
        for kind in (Vswitch, TestpmdSwitch):
            switch = kind(directory, self.switch_cpu, self.generator_cpu)
            self.switches.append(switch)
            switch.thread = polling_thread(switch.pid, self.switch_cpu)
            os.kill(switch.pid, signal.SIGSTOP)

    def close(self):
        for switch in self.switches:
            os.kill(switch.pid, signal.SIGCONT)
            switch.stop()

    def latency(self):
        return core_latency(self.args.build, (self.generator_cpu, self.switch_cpu))

    def sample(self, switch, case):
        """One run against one switch; the others stand still. Latency is taken while all do."""
        before = self.latency()
        os.kill(switch.pid, signal.SIGCONT)
        switch.begin()
        result = send(switch.sockets, self.generator_cpu, "--seconds", self.args.seconds,
                      "--verify", "header", "--watch", switch.thread, *options_of(case),
                      *(["--realtime"] if self.args.realtime else []))
        cycles = switch.cycles_per_packet()
        os.kill(switch.pid, signal.SIGSTOP)
        return {"switch": switch.name, "cycles": cycles,
                "mpps": sum(d["pps"] for d in result["directions"]) / 1e6,
                "lost": sum(d["lost"] / d["offered"] for d in result["directions"])
                / len(result["directions"]),
                "latency_ns": [before, self.latency()],
                "wait": result["waited"] / result["seconds"]}

    def run(self, case):
        rounds = []
        for number in range(self.args.rounds):
            # Who goes first changes too.
            order = self.switches if number % 2 == 0 else self.switches[::-1]
            rounds.append({s.name: self.sample(s, case) for s in order})
            print(f"  {name_of(case)} round {number + 1}: " + ", ".join(
                f"{name} {sample['cycles']:.0f} cycles {sample['mpps']:.2f} Mpps"
                for name, sample in sorted(rounds[-1].items(), reverse=True)), file=sys.stderr)
        return rounds


def name_of(case):
    ring, size, ways = case
    return f"{ring} {size} B" + (" both ways" if ways == "both" else "")


def options_of(case):
    ring, size, ways = case
    return (["--size", size] + (["--packed"] if ring == "packed" else [])
            + (["--both"] if ways == "both" else []))


def mark_disturbed(rounds):
    """Sets `good` of every sample by what was measured around it, never by its result."""
    samples = [sample for a_round in rounds for sample in a_round.values()]
    usual = statistics.median(min(sample["latency_ns"]) for sample in samples)
    for sample in samples:
        low, high = sorted(sample["latency_ns"])
        sample["good"] = (high <= MAX_LATENCY_RATIO * low and high <= MAX_LATENCY_RATIO * usual
                          and sample["wait"] <= MAX_WAIT)


def spread(values):
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def summary(rounds):
    """Medians and ranges over the rounds in which both samples are good; all rounds when fewer than
    three are."""
    good = [r for r in rounds if all(sample["good"] for sample in r.values())]
    used = good if len(good) >= 3 else rounds
    result = {"rounds": len(rounds), "used": len(used), "quiet": used is good,
              "ratio": spread([r[Vswitch.name]["cycles"] / r[TestpmdSwitch.name]["cycles"]
                               for r in used])}
    for name in (Vswitch.name, TestpmdSwitch.name):
        result[name] = {key: spread([r[name][key] for r in used])
                        for key in ("cycles", "mpps", "lost")}
    return result


def cell(values, digits):
    return (f"{values['median']:.{digits}f} "
            f"({values['min']:.{digits}f}–{values['max']:.{digits}f})")


def table(results):
    lines = ["| case | vswitch cycles | testpmd io cycles | ratio | vswitch Mpps | testpmd Mpps "
             "| rounds |", "|---|---|---|---|---|---|---|"]
    for name, case in results.items():
        ours, theirs = case[Vswitch.name], case[TestpmdSwitch.name]
        rounds = f"{case['used']} of {case['rounds']}" + ("" if case["quiet"] else ", disturbed")
        lines.append(f"| {name} | {cell(ours['cycles'], 0)} | {cell(theirs['cycles'], 0)} "
                     f"| {cell(case['ratio'], 2)} | {cell(ours['mpps'], 2)} "
                     f"| {cell(theirs['mpps'], 2)} | {rounds} |")
    return "\n".join(lines)


def commit():
    result = subprocess.run(["git", "-C", ROOT, "rev-parse", "--short", "HEAD"],
                            capture_output=True, text=True)
    return result.stdout.strip() or "unknown"


def save(results, samples, args):
    directory = ROOT / "perf" / "results"
    directory.mkdir(exist_ok=True)
    path = directory / f"{datetime.date.today()}-{commit()}.json"
    path.write_text(json.dumps({"command": sys.argv, "seconds": args.seconds, "cpu": cpu_model(),
                                "results": results, "samples": samples}, indent=1))
    return path


def cpu_model():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return "unknown"


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7, help="samples of each switch (7)")
    parser.add_argument("--seconds", type=float, default=1.5, help="length of a sample (1.5)")
    parser.add_argument("--sizes", default="64,1518", help="frame sizes (64,1518)")
    parser.add_argument("--rings", default="split,packed", help="ring formats (split,packed)")
    parser.add_argument("--ways", default="one", help="one, both or one,both (one)")
    parser.add_argument("--realtime", action="store_true",
                        help="with real-time priority, for a machine that does other work as well; "
                        "keep samples below 0.9 s, or the kernel lets the others in")
    parser.add_argument("--build", type=pathlib.Path, default=default_build_dir(),
                        help="build directory (build/)")
    args = parser.parse_args()
    os.environ["VSWITCH_BUILD"] = str(args.build.resolve())
    return args


def main():
    args = parse_arguments()
    cases = list(itertools.product(args.rings.split(","), map(int, args.sizes.split(",")),
                                   args.ways.split(",")))
    samples, results = {}, {}
    with tempfile.TemporaryDirectory(prefix="vsw-perf-") as directory:
        bench = Bench(args, pathlib.Path(directory))
        try:
            for case in cases:
                rounds = samples[name_of(case)] = bench.run(case)
                mark_disturbed(rounds)
                results[name_of(case)] = summary(rounds)
        finally:
            bench.close()
    print(table(results))
    print(f"\nEvery sample: {save(results, samples, args)}")


if __name__ == "__main__":
    main()
