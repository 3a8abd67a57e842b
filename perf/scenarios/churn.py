# SPDX-License-Identifier: BSD-3-Clause
from harness.case import Case, Group, Plot, Topology
from harness.churn import Churn
from harness.switches.ovs import OvsFlow
from harness.switches.vswitch import Vswitch

ORDER = 70
TITLE = "Traffic while links come and go"
ABOUT = ("One VM sends another 500,000 packets per second while a client of the control plane adds "
         "and deletes so many links per second (veth pairs; in Open vSwitch, pairs of patch ports "
         "by ovs-vsctl, as many as it can). Blackout is lost ÷ offered. The client, the control "
         "plane and the generator share a CPU; the generator runs first.")
PLOTS = (Plot("Blackout", "blackout_ms", "rate", "link changes per second, wanted"),
         Plot("Changes made", "changes_per_s", "rate", "link changes per second, wanted", log=True),
         Plot("99.9% arrive within", "p99_9_us", "rate", "link changes per second, wanted",
              log=True))


def groups(plan):
    seconds = 1.0 if plan.quick else 3.0
    cases = []
    for rate in (100, 10_000) if plan.quick else (0, 1, 100, 10_000):
        method = Churn(rate, seconds)
        cases.append(Case(f"{rate:,} changes/s", method, method.cost, {"rate": rate}, 3))
    yield Group((Vswitch, OvsFlow), Topology(), tuple(cases))
