# SPDX-License-Identifier: BSD-3-Clause
from harness.case import Case, Group, Load, Plot, Topology
from harness.methods import Throughput
from harness.switches.rings import VswitchRings

ORDER = 30
TITLE = "Ring to ring over a veth pair"
ABOUT = ("The switch's data path between rte_rings instead of VMs, in the generator's process: "
         "what a packet costs without virtio. No peer has a ring that the generator could fill, so "
         "there are no ratios here.")
PLOTS = (Plot("Rings: cost", "cycles", "pairs", "veth pairs"),
         Plot("Rings: rate", "mpps", "pairs", "veth pairs"))


def groups(plan):
    for pairs in (1,) if plan.quick else (1, 8):
        cases = []
        for size in (64, 1518):
            method = Throughput(Load(size), plan.seconds)
            cases.append(Case(f"{pairs} pair{'s' if pairs > 1 else ''}, {size} B", method,
                              method.cost, {"pairs": pairs} if size == 64 else {}))
        yield Group((VswitchRings,), Topology(pairs=pairs), tuple(cases))
