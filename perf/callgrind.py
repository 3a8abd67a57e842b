# SPDX-License-Identifier: BSD-3-Clause
"""Runs a path of count_paths under callgrind."""

import os
import pathlib
import subprocess

# Nothing that would change what is counted: meson has malloc write into memory, and the C library
# picks its functions by what the machine's CPU can do.
ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX_Fast_Unaligned_Load,-AVX2,-AVX512F,-AVX512VL,"
                      "-AVX512BW,-BMI2,-ERMS,-FSRM,-RTM",
}


def run(binary, path, steps, out, options=()):
    """Leaves callgrind's file in `out`; returns the packets or requests that were counted."""
    argv = ["valgrind", "--quiet", "--tool=callgrind", "--collect-atstart=no",
            f"--callgrind-out-file={out}", *options, str(binary), path, str(steps)]
    result = subprocess.run(argv, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise SystemExit(f"{' '.join(argv)}: {result.stderr.strip()}")
    return int(result.stdout)


def total(out):
    """All instructions in callgrind's file."""
    for line in pathlib.Path(out).read_text().splitlines():
        if line.startswith("totals:"):
            return int(line.split()[1])
    raise SystemExit(f"{out} has no totals")
