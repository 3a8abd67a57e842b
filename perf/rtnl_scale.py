#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""How rtnetlink of vswitch and of the host's own kernel scale, with the same requests in one run.

Veth pairs are created and deleted with more and more links present, by a sender of its own that
puts many requests into a datagram (link_sender) and by `ip -batch`. For vswitch also: memory per
idle link, the time of a dump, the longest pause of its forwarding core meanwhile and, with
--traffic, what a pair that forwards at 80% of its maximum loses."""

import argparse
import concurrent.futures
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from support.traffic import send  # noqa: E402
from support.vswitch_process import VswitchProcess, default_build_dir, other_cpus  # noqa: E402


def say(text):
    print(text, file=sys.stderr, flush=True)


def batch_file(directory, name, lines):
    path = pathlib.Path(directory) / name
    path.write_text("\n".join(lines) + "\n")
    return path


class Side:
    """One implementation of rtnetlink; commands run in a namespace that nothing else uses."""

    def __init__(self, directory):
        self.directory = directory
        self.holder = subprocess.Popen(["unshare", "-n", "sleep", "1000000"])
        while os.readlink(f"/proc/{self.holder.pid}/ns/net") == os.readlink("/proc/self/ns/net"):
            time.sleep(0.01)

    def prefix(self):
        """Nobody but the worker belongs on its core."""
        return ["taskset", "-c", other_cpus(), "nsenter", f"--net=/proc/{self.holder.pid}/ns/net"]

    def run(self, *argv):
        return subprocess.run([*self.prefix(), *map(str, argv)], check=True, capture_output=True,
                              text=True).stdout

    def sender(self, action, *options):
        """Links per second of link_sender."""
        result = json.loads(self.run(default_build_dir() / "perf" / "link_sender", action,
                                     *options))
        return result["links"] / result["seconds"], result["seconds"]

    def send(self, action, prefix, pairs):
        return self.sender(action, "--prefix", prefix, "--pairs", pairs)[0]

    def batch(self, name, lines):
        """Links per second of `ip -batch` where each line makes or deletes a pair."""
        path = batch_file(self.directory, name, lines)
        start = time.monotonic()
        self.run("ip", "-batch", path)
        return 2 * len(lines) / (time.monotonic() - start)

    def stop(self):
        self.holder.kill()
        self.holder.wait()


class Kernel(Side):
    name = "kernel"


class Vswitch(Side):
    name = "vswitch"

    def __init__(self, directory):
        super().__init__(directory)
        self.process = VswitchProcess(run_dir=pathlib.Path(directory) / "run").start()

    def prefix(self):
        return [*super().prefix(), *map(str, self.process.vsctl_argv("run", "--"))]

    def resident(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return 1024 * int(status.split("VmRSS:")[1].split()[0])

    def longest_round_us(self):
        """Since the last call."""
        return max(worker["longest_round_us"] for worker in self.process.workers())

    def pause_of_an_idle_second(self):
        """What the machine does to a core that nobody asks for anything."""
        self.longest_round_us()
        time.sleep(1)
        return self.longest_round_us()

    def stop(self):
        super().stop()
        self.process.stop()


def create_lines(prefix, pairs):
    return [f"link add {prefix}{i}a type veth peer name {prefix}{i}b" for i in range(pairs)]


def delete_lines(prefix, pairs):
    return [f"link del {prefix}{i}a" for i in range(pairs)]


def measure(side, pairs, batch_pairs, delete_pairs):
    """Rates with what is present now. The kernel deletes so slowly that it gets fewer to delete;
    the rest goes afterwards, unmeasured."""
    row = {"create": side.send("create", "x", pairs)}
    row["delete"] = side.send("delete", "x", delete_pairs)
    if pairs > delete_pairs:
        side.sender("delete", "--prefix", "x", "--first", delete_pairs, "--pairs",
                    pairs - delete_pairs)
    row["batch_create"] = side.batch("add", create_lines("y", batch_pairs))
    few = min(batch_pairs, delete_pairs)
    row["batch_delete"] = side.batch("del", delete_lines("y", few))
    if batch_pairs > few:
        side.sender("delete", "--prefix", "y", "--first", few, "--pairs", batch_pairs - few)
    return row


def measure_kernel(directory, levels, most):
    kernel, rows, present = Kernel(directory), {}, 0
    try:
        for level in levels:
            if level > most:
                break
            say(f"kernel: {level:,} links present")
            kernel.sender("create", "--prefix", "p", "--first", present // 2, "--pairs",
                          (level - present) // 2)
            present = level
            rows[level] = measure(kernel, 500, 500, 60)
            rows[level]["dump_s"] = kernel.sender("dump")[1]
    finally:
        kernel.stop()
    return rows


def measure_vswitch(directory, levels, traffic):
    vswitch, rows, present = Vswitch(directory), {}, 0
    try:
        for level in levels:
            say(f"vswitch: {level:,} links present")
            vswitch.sender("create", "--prefix", "p", "--first", present // 2, "--pairs",
                           (level - present) // 2)
            present = level
            undisturbed = vswitch.pause_of_an_idle_second()
            rows[level] = measure(vswitch, 50000, 5000, 50000)
            rows[level]["longest_pause_us"] = vswitch.longest_round_us()
            rows[level]["undisturbed_us"] = undisturbed
            rows[level]["dump_s"] = vswitch.sender("dump")[1]
        return rows, measure_traffic(vswitch) if traffic else None
    finally:
        vswitch.stop()


def measure_memory(directory, links):
    """Resident bytes that each of so many idle links adds to a process that had none."""
    say("memory of idle links")
    vswitch = Vswitch(directory)
    try:
        vswitch.sender("dump")
        before = vswitch.resident()
        vswitch.send("create", "m", links // 2)
        return (vswitch.resident() - before) / links
    finally:
        vswitch.stop()


def generate(vswitch, *options):
    """What a direction counted: from f0 to f1, on a core that the others are not kept from. While
    they have it nobody empties the rings, so no more is sent than those hold."""
    ports = [vswitch.process.vhost_path(end) for end in ("f0", "f1")]
    core = min(os.sched_getaffinity(0))
    return send(ports, core, "--verify", "header", "--queue-size", 1024, "--window", 512, *options,
                check=False)["directions"][0]


def measure_traffic(vswitch):
    """A pair forwards at 80% of its maximum while 100,000 links come and go, and without that."""
    say("traffic while links come and go")
    vswitch.process.add_veth("f0", "f1")
    for end in ("f0", "f1"):
        vswitch.process.vsctl("attach", end, "vhost")
    rate = int(0.8 * generate(vswitch, "--seconds", 3)["pps"])
    undisturbed = generate(vswitch, "--seconds", 5, "--rate", rate)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        traffic = pool.submit(generate, vswitch, "--seconds", 10, "--rate", rate)
        time.sleep(2)
        vswitch.longest_round_us()
        created = vswitch.send("create", "z", 50000)
        deleted = vswitch.send("delete", "z", 50000)
        pause = vswitch.longest_round_us()
        counts = traffic.result()
    return {"rate_pps": rate, "undisturbed_pps": int(undisturbed["pps"]),
            "lost_undisturbed": undisturbed["lost"],
            "pps": int(counts["pps"]), "offered": counts["offered"], "lost": counts["lost"],
            "create": created, "delete": deleted, "longest_pause_us": pause}


COLUMNS = (("create", "created/s"), ("delete", "deleted/s"), ("batch_create", "batch created/s"),
           ("batch_delete", "batch deleted/s"), ("dump_s", "dump s"),
           ("longest_pause_us", "longest pause us"), ("undisturbed_us", "without requests"))


def table(results):
    lines = [["", "present", *(title for _, title in COLUMNS)]]
    for name, rows in results.items():
        for level, row in rows.items():
            cells = [f"{row[key]:.3f}" if key == "dump_s" else f"{row[key]:,.0f}" if key in row
                     else "" for key, _ in COLUMNS]
            lines.append([name, f"{level:,}", *cells])
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    return "\n".join("  ".join(cell.rjust(width) for cell, width in zip(line, widths))
                     for line in lines)


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--levels", default="0,1000,10000,100000", help="links present")
    parser.add_argument("--kernel-most", type=int, default=10000,
                        help="links present up to which the kernel is measured (47 KiB each)")
    parser.add_argument("--traffic", action="store_true", help="and a pair that forwards meanwhile")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def main():
    options = parse_options()
    levels = [int(level) for level in options.levels.split(",")]
    with tempfile.TemporaryDirectory(prefix="vsw-scale-") as directory:
        os.chmod(directory, 0o755)
        rows, traffic = measure_vswitch(directory, levels, options.traffic)
        rates = {"vswitch": rows, "kernel": measure_kernel(directory, levels, options.kernel_most)}
        memory = measure_memory(directory, max(levels) or 1000)
    if options.json:
        print(json.dumps({"rates": rates, "bytes_per_link": memory, "traffic": traffic}))
        return
    print(table(rates))
    print(f"{memory:,.0f} bytes per idle link of vswitch")
    if traffic:
        print("with traffic:", json.dumps(traffic))


if __name__ == "__main__":
    main()
