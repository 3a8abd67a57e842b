#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Runs clang-tidy with the checks of .clang-tidy: clang_tidy.py BUILD-DIR [FILE…]

A file whose last run found nothing is left out as long as nothing that it was compiled from
changes; BUILD-DIR/clang-tidy remembers them.
"""

import concurrent.futures
import hashlib
import json
import os
import pathlib
import subprocess
import sys

import sources

TIDY = "clang-tidy-14"


def our_headers_digest():
    """Every source depends on few of them, but a header that changed is worth a full run."""
    digest = hashlib.sha256((sources.ROOT / ".clang-tidy").read_bytes())
    for path in sources.cpp_files():
        if path.suffix == ".h":
            digest.update(path.read_bytes())
    return digest


def compilations(build, wanted):
    """(source, arguments) of every source of ours that the build compiles, each once."""
    found = {}
    for entry in json.loads((build / "compile_commands.json").read_text()):
        path = (pathlib.Path(entry["directory"]) / entry["file"]).resolve()
        if path.is_relative_to(sources.ROOT) and (not wanted or path in wanted):
            found[path] = entry["command"]
    return sorted(found.items())


def stamp_of(build, path, command, headers):
    digest = headers.copy()
    digest.update(command.encode() + path.read_bytes())
    return build / "clang-tidy" / digest.hexdigest()


def run(build, path):
    return subprocess.run(
        [TIDY, "-p", str(build), "--quiet", "--extra-arg=-Wno-unknown-warning-option",
         "--extra-arg=-Wno-unused-command-line-argument", str(path)],
        capture_output=True, text=True, check=False)


def check(build, path, stamp):
    if stamp.exists():
        return True
    result = run(build, path)
    if result.returncode == 0:
        stamp.touch()
        return True
    print(f"{path.relative_to(sources.ROOT)}:\n{result.stdout}{result.stderr}", flush=True)
    return False


def main():
    build = pathlib.Path(sys.argv[1])
    wanted = {pathlib.Path(name).resolve() for name in sys.argv[2:]}
    (build / "clang-tidy").mkdir(exist_ok=True)
    headers = our_headers_digest()
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        results = list(pool.map(
            lambda item: check(build, item[0], stamp_of(build, *item, headers)),
            compilations(build, wanted)))
    print(f"{TIDY}: {results.count(True)} of {len(results)} files are clean")
    return 0 if results and all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
