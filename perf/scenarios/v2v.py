# SPDX-License-Identifier: BSD-3-Clause
import itertools

from harness.case import Case, Group, Load, Plot, Topology
from harness.methods import Throughput
from harness.switches.ovs import OvsFlow, OvsNormal
from harness.switches.testpmd import TestpmdIo, TestpmdMac
from harness.switches.vswitch import Vswitch

ORDER = 10
TITLE = "Two VMs over a veth pair"
ABOUT = ("Flat out from one VM to another, or both ways; one core forwards. The peers connect the "
         "same two vhost-user ports.")
SAME_LOAD = 8e6  # packets per second: below what any of them can
SWITCHES = (Vswitch, TestpmdIo, TestpmdMac, OvsFlow, OvsNormal)
JUMBO = 9000
LARGE_RING = 1024
PLOTS = tuple(
    Plot(f"{title}: {ring} rings, {ways} way{'s' if ways == 'both' else ''}", metric, "size",
         "frame size, bytes", {"ring": ring, "ways": ways}, log=metric == "cycles")
    for metric, title in (("mpps", "Rate"), ("cycles", "Cost"))
    for ring in ("split", "packed") for ways in ("one", "both"))


def case(plan, size, ring, ways):
    name = f"{ring} {size}{'' if size == 'imix' else ' B'}{', both ways' if ways == 'both' else ''}"
    method = Throughput(Load(size, ring, ways), plan.seconds)
    return Case(name, method, method.cost, {"size": size, "ring": ring, "ways": ways})


def same_load(plan, ring):
    """What a packet costs when it is not the fastest that makes it cheapest: a ring that is never
    full is cheaper to serve."""
    method = Throughput(Load(ring=ring), plan.seconds, "--rate", SAME_LOAD, only=("cycles", "lost"))
    return Case(f"{ring} 64 B at {SAME_LOAD / 1e6:.0f} Mpps", method, method.cost, {})


def large_ring(plan):
    method = Throughput(Load(ring_size=LARGE_RING), plan.seconds)
    return Case(f"split 64 B, ring {LARGE_RING}", method, method.cost, {})


def combinations(plan, sizes):
    if plan.quick:
        return [c for c in ((64, "split", "one"), (1518, "split", "one"), (64, "packed", "one"),
                            ("imix", "split", "both")) if c[0] in sizes]
    return itertools.product(sizes, ("split", "packed"), ("one", "both"))


def groups(plan):
    # Jumbo frames need larger buffers in some switches: theirs alone.
    for sizes, mtu in (((64, 256, 1518, "imix"), 1500), ((JUMBO,), JUMBO)):
        cases = tuple(case(plan, *each) for each in combinations(plan, sizes))
        if not plan.quick and 64 in sizes:
            cases += (large_ring(plan), *(same_load(plan, ring) for ring in ("split", "packed")))
        if cases:
            yield Group(SWITCHES, Topology(mtu=mtu), cases)
