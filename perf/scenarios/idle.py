# SPDX-License-Identifier: BSD-3-Clause
from harness.case import Case, Group, Load, Plot, Topology
from harness.methods import Throughput
from harness.switches.ovs import OvsFlow
from harness.switches.testpmd import MOST_PORTS, TestpmdIo
from harness.switches.vswitch import Vswitch

ORDER = 50
TITLE = "One active pair beside idle ports"
ABOUT = ("Flat out between one pair of VMs, 64 bytes, split rings, beside so many more ports on "
         "the same core. To up to 100 of them VMs are connected that say nothing; beyond that "
         "nobody is: librte_vhost has room for 1,024 sockets, connections included.")
MOST_GUESTS = 100
PEERS = (Vswitch, TestpmdIo, OvsFlow)
PLOTS = tuple(Plot(f"Idle ports: {title}", metric, "idle", "idle ports")
              for metric, title in (("cycles", "cost"), ("mpps", "rate")))


def too_many(idle):
    """Why a switch cannot have so many ports, by its name."""
    if idle + 2 > MOST_PORTS:
        return {"testpmd io": f"beside {idle} and more: DPDK as Debian builds it has room for "
                              f"{MOST_PORTS} ports"}
    return {}


def groups(plan):
    for idle in (0, 100) if plan.quick else (0, 10, 100, 1000):
        left_out = too_many(idle)
        switches = tuple(s for s in PEERS if not (s is TestpmdIo and left_out))
        method = Throughput(Load(), plan.seconds)
        # Every idle guest connects before a sample.
        yield Group(switches, Topology(idle=idle, idle_guests=idle <= MOST_GUESTS), (
            Case(f"{idle} idle", method, method.cost + idle / 200, {"idle": idle}),), left_out)
