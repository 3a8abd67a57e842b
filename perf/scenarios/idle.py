# SPDX-License-Identifier: BSD-3-Clause
from harness.case import Case, Group, Load, Plot, Topology
from harness.methods import Throughput
from harness.switches.ovs import OvsFlow
from harness.switches.testpmd import MOST_PORTS, TestpmdIo
from harness.switches.vswitch import Vswitch, VswitchOnePair

ORDER = 50
TITLE = "One active pair beside idle ports"
ABOUT = ("Flat out between one pair of VMs, 64 bytes, split rings, beside so many more ports on "
         "the same core, to each of which a VM is connected that says nothing; and beside a "
         "vswitch without them, whose rate is what there is to keep. The switch connects to the "
         "idle VMs: librte_vhost watches 1,024 descriptors, and a port that listens takes two.")
PLOTS = tuple(Plot(f"Idle ports: {title}", metric, "idle", "idle ports")
              for metric, title in (("cycles", "cost"), ("mpps", "rate")))
# Seconds that a switch needs to find all idle guests: it looks for them once a second.
MEET = 1.5


def too_many(idle, active=2):
    """Why a switch cannot have so many ports, by its name."""
    if idle + active > MOST_PORTS:
        return {"testpmd io": f"beside {idle} and more: DPDK as Debian builds it has room for "
                              f"{MOST_PORTS} ports"}
    return {}


def meeting(idle):
    """Seconds before a sample, about."""
    return MEET + idle / 500 if idle else 0


def groups(plan):
    for idle in (100,) if plan.quick else (0, 10, 100, 1000):
        left_out = too_many(idle)
        switches = (Vswitch, *((VswitchOnePair,) if idle else ()),
                    *(() if left_out else (TestpmdIo,)), OvsFlow)
        method = Throughput(Load(), plan.seconds)
        yield Group(switches, Topology(idle=idle), (
            Case(f"{idle} idle", method, method.cost + meeting(idle), {"idle": idle}),), left_out)
