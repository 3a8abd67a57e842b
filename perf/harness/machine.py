# SPDX-License-Identifier: BSD-3-Clause
"""The machine: which CPU does what, what disturbs it, and how it describes itself."""

import os
import pathlib
import platform
import subprocess
import sys
import typing

ROOT = pathlib.Path(__file__).resolve().parents[2]
_HERTZ = os.sysconf("SC_CLK_TCK")


class Cpus(typing.NamedTuple):
    generator: int  # also everything of a switch that does not forward
    switch: int
    third: int | None = None  # a second core for the switch, where there is one


def choose_cpus():
    cpus = sorted(os.sched_getaffinity(0))
    if len(cpus) < 2:
        sys.exit("perf/run.py needs two CPUs: one for the switch, one for the generator")
    return Cpus(cpus[0], cpus[-1], cpus[-2] if len(cpus) > 2 else None)


def run_queue_wait(thread):
    """Seconds that a thread was ready to run and did not."""
    return int(pathlib.Path(f"/proc/{thread}/schedstat").read_text().split()[1]) / 1e9


def polling_thread(pid, cpu):
    """The thread that is bound to the CPU and has run most."""
    threads = [int(task.name) for task in pathlib.Path(f"/proc/{pid}/task").iterdir()]
    bound = [thread for thread in threads if os.sched_getaffinity(thread) == {cpu}]
    return max(bound, key=lambda thread: int(
        pathlib.Path(f"/proc/{thread}/schedstat").read_text().split()[0]))


def cpu_seconds(cpu):
    """Seconds by what the CPU did, as /proc/stat names it: user, nice, system, idle, iowait, irq,
    softirq, steal."""
    for line in pathlib.Path("/proc/stat").read_text().splitlines():
        words = line.split()
        if words[0] == f"cpu{cpu}":
            names = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")
            return {name: int(word) / _HERTZ for name, word in zip(names, words[1:])}
    raise RuntimeError(f"/proc/stat has no CPU {cpu}")


def stolen(cpus):
    """Seconds that the hypervisor had these CPUs do something else."""
    return sum(cpu_seconds(cpu)["steal"] for cpu in cpus)


def core_latency(build_dir, cpus):
    """Nanoseconds for a cache line from one core to the other."""
    argv = [str(build_dir / "vswitch-perf"), "--core-latency", *map(str, cpus)]
    return float(subprocess.run(argv, capture_output=True, text=True, check=True).stdout)


def _first_line(*argv):
    try:
        result = subprocess.run(list(map(str, argv)), capture_output=True, text=True)
    except OSError:
        return "unknown"
    return (result.stdout.splitlines() or ["unknown"])[0]


def commit():
    return _first_line("git", "-C", ROOT, "-c", f"safe.directory={ROOT}", "rev-parse", "--short",
                       "HEAD")


def field(path, name):
    for line in pathlib.Path(path).read_text().splitlines():
        if line.startswith(name):
            return line.split(":", 1)[1].strip()
    return "unknown"


def _package(name):
    return _first_line("dpkg-query", "-W", "-f", "${Version}", name)


def describe(cpus):
    return {"cpu": field("/proc/cpuinfo", "model name"),
            "cpus": os.cpu_count(), "roles": cpus._asdict(),
            "mhz": field("/proc/cpuinfo", "cpu MHz"),
            "virtual": _first_line("systemd-detect-virt", "--vm"),
            "memory": field("/proc/meminfo", "MemTotal"),
            "hugepages": field("/proc/meminfo", "HugePages_Total"),
            "kernel": platform.release(), "commit": commit(),
            "dpdk": _package("dpdk"), "openvswitch": _package("openvswitch-switch-dpdk")}
