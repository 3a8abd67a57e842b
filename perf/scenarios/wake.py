# SPDX-License-Identifier: BSD-3-Clause
from harness.case import Case, Group, Plot, Topology
from harness.methods import Wake
from harness.switches.ovs import OvsFlow
from harness.switches.testpmd import TestpmdIo
from harness.switches.vswitch import Vswitch
from scenarios.idle import meeting, too_many

ORDER = 55
TITLE = "The first packet after a silence"
ABOUT = ("Every 20 ms each of some VMs sends one packet to another, in turns, and is silent "
         "meanwhile: how soon is it there, from the moment when the VM began to put it into its "
         "ring, doorbell included? A thousand packets a sample; alone, beside a pair of VMs flat "
         "out on the same core, and beside 900 ports of VMs that say nothing.")
PAIRS = 8
IDLE = 900  # with the 16 others librte_vhost has no room for 1,000
PLOTS = tuple(Plot(f"After a silence: {title}", metric, "beside", "beside")
              for metric, title in (("p50_us", "half arrive within"),
                                    ("p99_us", "99% arrive within")))


def case(idle, busy):
    beside = (["a busy pair"] if busy else []) + ([f"{idle:,} idle"] if idle else [])
    name = " and ".join(beside) or "nothing"
    method = Wake(PAIRS, busy)
    return Case(f"beside {name}", method, method.cost + meeting(idle), {"beside": name})


def groups(plan):
    if plan.quick:
        yield Group((Vswitch, OvsFlow), Topology(pairs=PAIRS), (case(0, False),))
        return
    for idle in (0, IDLE):
        left_out = too_many(idle, 2 * PAIRS)
        switches = (Vswitch, OvsFlow) if left_out else (Vswitch, TestpmdIo, OvsFlow)
        yield Group(switches, Topology(pairs=PAIRS, idle=idle),
                    tuple(case(idle, busy) for busy in (False, True)), left_out)
