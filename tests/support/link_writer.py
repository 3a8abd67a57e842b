# SPDX-License-Identifier: BSD-3-Clause
"""Clients that change links at random: `link_writer.py RUN_DIR WRITERS SECONDS`. Now and then one
is killed and another takes its place. Names are shared, so requests often fail; only a writer that
ends by itself is an error."""

import os
import pathlib
import random
import signal
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from support.rtnl_client import (  # noqa: E402
    IFLA_IFNAME, IFLA_MTU, NLM_F_REQUEST, RTM_NEWLINK, RtnlClient, attribute, del_link, link_header,
    message, new_veth)

NAMES = 200
IFF_UP = 1


def name(rng):
    return f"w{rng.randrange(NAMES)}"


def change(rng, flags=NLM_F_REQUEST):
    """One request without an acknowledgement: errors are answered all the same."""
    kind = rng.randrange(10)
    if kind < 4:
        request = new_veth(name(rng), name(rng))
    elif kind < 7:
        request = del_link(name(rng))
    elif kind == 7:
        request = message(RTM_NEWLINK, flags, link_header(flags=rng.randrange(2), change=IFF_UP) +
                          attribute(IFLA_IFNAME, name(rng)))
    elif kind == 8:
        mtu = rng.randrange(1000, 2000).to_bytes(4, "little")
        request = message(RTM_NEWLINK, flags, link_header() + attribute(IFLA_IFNAME, name(rng)) +
                          attribute(IFLA_MTU, mtu))
    else:
        request = message(RTM_NEWLINK, flags, link_header(index=rng.randrange(2, 1000)) +
                          attribute(IFLA_IFNAME, name(rng)))
    return request + b"\0" * (-len(request) % 4)


def write(run_dir, seed):
    rng = random.Random(seed)
    with RtnlClient(run_dir) as client:
        while True:
            client.send(b"".join(change(rng) for _ in range(rng.randrange(1, 20))))
            client.wait()
            client.drain()


def start(run_dir, seed):
    """The pid of a new writer."""
    pid = os.fork()
    if pid != 0:
        return pid
    try:
        write(run_dir, seed)
    finally:
        os._exit(1)


def kill(pid):
    os.kill(pid, signal.SIGKILL)
    if os.WTERMSIG(os.waitpid(pid, 0)[1]) != signal.SIGKILL:
        sys.exit("a writer ended by itself")


def main():
    run_dir, count, seconds = pathlib.Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    rng = random.Random(1)
    writers = [start(run_dir, seed) for seed in range(count)]
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(0.05)
        kill(writers.pop(rng.randrange(count)))
        writers.append(start(run_dir, rng.randrange(1 << 30)))
    for pid in writers:
        kill(pid)


if __name__ == "__main__":
    main()
