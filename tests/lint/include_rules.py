#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Checks who includes whom: include_rules.py [ROOT]. One line on stdout for each violation."""

import pathlib
import re
import sys

import sources

# What the files of a folder may include beside their own; a name with a slash is one header.
ALLOWED = {
    "config": (),
    "dataplane": (),
    "pmd": ("dataplane",),
    "control": ("dataplane", "pmd/factory.h", "config"),
    "perf": ("config", "control", "dataplane", "pmd", "tests"),
    "tests": ("config", "control", "dataplane", "perf", "pmd"),
}

# Who may know DPDK's ports and vhost.
PORT_HEADERS = re.compile(r"^rte_(vhost|ethdev|eth_|flow)")
PORT_FOLDERS = ("perf", "pmd", "tests")

# Who may know what a packet is stored in. Devices see a Packet and nothing else, so that they work
# on a lane without mbufs, too.
BUFFER_HEADERS = re.compile(r"^(dataplane/packet_buffer\.h|rte_mbuf.*)$")
BUFFER_FOLDERS = ("perf", "pmd", "tests")
BUFFER_FILES = (
    "control/eal.cc",           # makes the pool
    "dataplane/host_queue.cc",  # copies frames for the host stack
    "dataplane/mailbox.cc",     # frees what nobody fetched
    "dataplane/mbuf_chain.h",    # the host stack's frames, and those that leave a guest's memory
    "dataplane/packet_buffer.cc",
    "dataplane/packet_buffer.h",
    "dataplane/packet_edit.cc",  # copies, and writes where devices may
    "dataplane/worker.cc",      # frees what it drops
)

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def includes(path):
    """(line number, '<' or '"', name) of every include."""
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if match := INCLUDE.match(line):
            yield number, match[1], match[2]


def violation(name, bracket, header):
    """Why the file `name` may not include `header`; None when it may."""
    folder = name.split("/")[0]
    target = header.split("/")[0]
    if bracket == '"' and target not in ALLOWED and target != "absl":
        return f"names {header}, which is not a path from the root of the tree"
    if target in ALLOWED and target != folder and not any(
            header == allowed or target == allowed for allowed in ALLOWED[folder]):
        return f"{folder}/ may not include {header}"
    if PORT_HEADERS.match(header) and folder not in PORT_FOLDERS:
        return f"only pmd/ names {header}"
    if (BUFFER_HEADERS.match(header) and folder not in BUFFER_FOLDERS
            and name not in BUFFER_FILES):
        return f"{header} is none of its business: packets are seen as Packet"
    return None


def check(root):
    for path in sources.cpp_files(root):
        name = path.relative_to(root).as_posix()
        for number, bracket, header in includes(path):
            if reason := violation(name, bracket, header):
                yield f"{name}:{number}: {reason}"


def main():
    root = pathlib.Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else sources.ROOT
    violations = list(check(root))
    print("\n".join(violations) or f"{len(sources.cpp_files(root))} files include what they may")
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
