# SPDX-License-Identifier: BSD-3-Clause
"""vswitch-perf notices a switch that treats one packet in a million wrongly, and says what is
wrong."""

import contextlib
import json
import pathlib
import subprocess
import tempfile

import pytest

from support.children import Child
from support.vswitch_process import default_build_dir, last_cpu, other_cpus

COUNT = 1_500_000
EVERY = 1_000_000

# What each fault must be reported as; everything else must be 0.
FAULTS = {
    "none": {},
    "drop": {"lost": 1},
    "reorder": {"reordered": 1},
    "corrupt": {"corrupted": 1, "lost": 1},
    "duplicate": {"duplicated": 1},
}
COUNTED = ("lost", "duplicated", "reordered", "corrupted", "foreign", "misdelivered")


@contextlib.contextmanager
def faulty_switch(fault):
    """A switch with a planted fault; yields its two vhost-user sockets."""
    with tempfile.TemporaryDirectory(prefix="vsw-") as directory:
        sockets = [pathlib.Path(directory) / name for name in ("a.sock", "b.sock")]
        cpu = other_cpus().split(",")[0]
        switch = Child([default_build_dir() / "tests" / "faulty_switch", cpu, last_cpu(), fault,
                        EVERY, *sockets])
        try:
            switch.wait_for(r"^ready$", 20)
            yield sockets
            assert switch.stop() == 0, switch.output()
        finally:
            switch.kill()


def generate(fault, *options):
    """Exit status and report of a run; fewer in flight than a ring holds, so that nothing is lost
    for want of room."""
    with faulty_switch(fault) as sockets:
        argv = [default_build_dir() / "vswitch-perf", "--port", sockets[0], "--port", sockets[1],
                "--core", other_cpus().split(",")[0], "--count", COUNT, "--window", 128,
                "--json", "--progress", 0, "--no-huge", *options]
        done = subprocess.run(list(map(str, argv)), capture_output=True, text=True, timeout=300)
    return done.returncode, json.loads(done.stdout)


@pytest.mark.parametrize("fault", FAULTS)
def test_one_packet_in_a_million(fault):
    status, result = generate(fault)
    assert status == (0 if fault == "none" else 1)
    direction, = result["directions"]
    assert direction["offered"] == COUNT
    assert {name: direction[name] for name in COUNTED} == dict.fromkeys(COUNTED, 0) | FAULTS[fault]
    assert result["valid"] == (fault == "none")
    assert sorted(result["faults"]) == sorted(f"A to B: {n} {name}"
                                              for name, n in FAULTS[fault].items())


@pytest.mark.parametrize("fault, lost", [("none", 0), ("drop", 1), ("corrupt", 0)])
def test_frames_that_nobody_looks_at_are_counted(fault, lost):
    _, result = generate(fault, "--verify", "none")
    direction, = result["directions"]
    assert (direction["offered"], direction["received"]) == (COUNT, COUNT - lost)
    assert {name: direction[name] for name in COUNTED} == dict.fromkeys(COUNTED, 0) | {"lost": lost}
