#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Makes and deletes links at a steady rate until SIGTERM; then prints how many changes a second
that were. A process of its own, so that it waits for nobody but the switch."""

import argparse
import pathlib
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tests"))

from support.rtnl_client import NLMSG_ERROR, RtnlClient, del_link, new_veth  # noqa: E402

BATCH = 64


class Vswitch:
    """Veth pairs, so many requests in one datagram."""

    def __init__(self, run_dir):
        self.client = RtnlClient(run_dir)

    def make(self, names):
        self._request([new_veth(f"{name}a", f"{name}b") for name in names])

    def delete(self, names):
        self._request([del_link(f"{name}a") for name in names])

    def _request(self, messages):
        self.client.send(b"".join(m + b"\0" * (-len(m) % 4) for m in messages))
        answers = 0
        while answers < len(messages):
            for kind, _, payload in self.client.receive():
                if kind == NLMSG_ERROR:
                    answers += 1
                    if any(payload[:4]):
                        sys.exit(f"refused: {payload[:4]}")


class Ovs:
    """Pairs of patch ports between two bridges, so many in one transaction."""

    def __init__(self, database, bridges):
        self.argv = ["ovs-vsctl", f"--db=unix:{database}", "--timeout=60"]
        self.bridges = bridges

    def make(self, names):
        words = []
        for name in names:
            for bridge, one, two in zip(self.bridges, "ab", "ba"):
                words += ["--", "add-port", bridge, name + one, "--", "set", "interface",
                          name + one, "type=patch", f"options:peer={name}{two}"]
        subprocess.run(self.argv + words[1:], check=True)

    def delete(self, names):
        words = [word for name in names for end in "ab" for word in ("--", "del-port", name + end)]
        subprocess.run(self.argv + words[1:], check=True)


class Pace:
    """How many changes are due at a rate."""

    def __init__(self, rate):
        self.rate, self.done, self.start = rate, 0, time.monotonic()

    def elapsed(self):
        return time.monotonic() - self.start

    def wait_due(self):
        due = int(self.elapsed() * self.rate) - self.done
        if due <= 0:
            time.sleep(min(1 / self.rate, 0.002 + (1 - due) / self.rate))
        return max(0, min(due, BATCH))


def churn(switch, rate, stopped):
    """Makes what is due, then deletes it, and so on."""
    pace, names = Pace(rate), []
    while not stopped():
        due = pace.wait_due()
        if names and due:
            gone, names = names[:due], names[due:]
            switch.delete(gone)
            pace.done += len(gone)
        elif due:
            names = [f"c{i}" for i in range(due)]
            switch.make(names)
            pace.done += due
    if names:
        switch.delete(names)
    return pace.done / pace.elapsed()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=float, required=True)
    parser.add_argument("--run-dir", type=pathlib.Path, help="of vswitch")
    parser.add_argument("--ovsdb", help="socket of the database of Open vSwitch")
    parser.add_argument("--bridge", action="append", help="both of Open vSwitch")
    args = parser.parse_args()
    switch = Vswitch(args.run_dir) if args.run_dir else Ovs(args.ovsdb, args.bridge)
    switch.make(["first"])
    switch.delete(["first"])
    print("first change made", flush=True)
    stop = []
    signal.signal(signal.SIGTERM, lambda *_: stop.append(True))
    print(churn(switch, args.rate, lambda: stop))


if __name__ == "__main__":
    main()
