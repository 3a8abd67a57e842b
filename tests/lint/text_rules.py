#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Checks what a formatter does not: SPDX lines, line lengths, include guards, unfinished work."""

import re
import sys

import sources

SPDX = "SPDX-License-Identifier: BSD-3-Clause"
COLUMNS = 100
UNFINISHED = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X)\b")  # apart, or this file would match


def check_spdx(name, lines, is_cpp):
    if is_cpp and (not lines or lines[0] != f"// {SPDX}"):
        yield f"{name}:1: the first line must be // {SPDX}"
    if not is_cpp and f"# {SPDX}" not in lines[:2]:
        yield f"{name}:1: one of the first two lines must be # {SPDX}"


def check_guard(name, lines):
    guard = f"VSWITCH_{re.sub('[/.]', '_', name).upper()}_"
    if f"#ifndef {guard}" not in lines or f"#define {guard}" not in lines:
        yield f"{name}:1: the include guard must be {guard}"


def check_lines(name, lines):
    for number, line in enumerate(lines, 1):
        if len(line) > COLUMNS:
            yield f"{name}:{number}: {len(line)} columns, {COLUMNS} are allowed"
        if line != line.rstrip():
            yield f"{name}:{number}: white space at the end of the line"
        if UNFINISHED.search(line):
            yield f"{name}:{number}: unfinished work"


def check_file(path):
    name = path.relative_to(sources.ROOT).as_posix()
    lines = path.read_text().splitlines()
    is_cpp = path.suffix in sources.CPP_SUFFIXES
    yield from check_spdx(name, lines, is_cpp)
    if path.suffix == ".h":
        yield from check_guard(name, lines)
    yield from check_lines(name, lines)


def main():
    files = sources.cpp_files() + sources.script_files()
    problems = [problem for path in files for problem in check_file(path)]
    print("\n".join(problems) or f"{len(files)} files are in order")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
