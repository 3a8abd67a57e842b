# SPDX-License-Identifier: BSD-3-Clause
from harness.case import Case, Group, Load, Plot, Topology
from harness.methods import Throughput
from harness.switches.ovs import OvsFlow
from harness.switches.testpmd import TestpmdIo
from harness.switches.vswitch import Vswitch, VswitchOnePair

ORDER = 40
TITLE = "Many active pairs of VMs on one core"
ABOUT = ("Flat out between 1, 2, 4, 8 and 16 pairs of VMs at once, 64 bytes, split rings, one way, "
         "beside a vswitch with one pair, whose rate is what there is to keep.")
PEERS = (TestpmdIo, OvsFlow)
PLOTS = tuple(Plot(f"Active pairs: {title}", metric, "pairs", "pairs of VMs")
              for metric, title in (("cycles", "cost"), ("mpps", "rate")))


# With more of all pairs under way at once they leave the generator's cache, and it is the limit.
BURSTS_A_RING = 4


def groups(plan):
    for pairs in (8,) if plan.quick else (1, 2, 4, 8, 16):
        method = Throughput(Load(bursts_a_ring=BURSTS_A_RING), plan.seconds)
        switches = (Vswitch, *((VswitchOnePair,) if pairs > 1 else ()), *PEERS)
        yield Group(switches, Topology(pairs=pairs), (
            Case(f"{pairs} pair{'s' if pairs > 1 else ''}", method, method.cost,
                 {"pairs": pairs}),))
