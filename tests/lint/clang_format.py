#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Checks that clang-format would change nothing."""

import subprocess
import sys

import sources


def main():
    files = sources.cpp_files()
    result = subprocess.run(["clang-format-14", "--dry-run", "-Werror", *map(str, files)],
                            check=False)
    if result.returncode == 0:
        print(f"{len(files)} files are formatted")
    return result.returncode


if __name__ == "__main__":
    sys.exit(main())
