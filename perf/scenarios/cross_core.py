# SPDX-License-Identifier: BSD-3-Clause
from harness.case import Case, Group, Load, Plot, Topology
from harness.machine import choose_cpus
from harness.methods import SharedCpu, Throughput
from harness.switches.ovs import OvsFlow
from harness.switches.testpmd import TestpmdIo
from harness.switches.vswitch import Vswitch

ORDER = 60
TITLE = "Both ends on different cores"
ABOUT = ("Between two VMs whose ports belong to different forwarding cores, both ways, beside "
         "vswitch with both ports on one core. With only two CPUs the second core shares one with "
         "the generator, which runs first, sleeps between bursts and keeps 512 packets in flight: "
         "those rates compare with nothing but each other.")
PEERS = (TestpmdIo, OvsFlow)
SIZES = (64, 1518)
PLOTS = (Plot("Different cores: rate", "mpps", "size", "frame size, bytes"),)


class VswitchOneCore(Vswitch):
    name = "vswitch, one core"

    def cores(self):
        return super().cores()[:1]


def groups(plan):
    alone = choose_cpus().third is None
    why = "with two CPUs: one of its cores would forward undisturbed, as none of ours does"
    left_out = {name: why for name in ("testpmd io", "OVS flow")} if alone else {}
    kind = SharedCpu if alone else Throughput
    cases = []
    for size in SIZES:
        method = kind(Load(size, ways="both"), plan.seconds)
        cases.append(Case(f"{size} B", method, method.cost, {"size": size}))
    yield Group((Vswitch, VswitchOneCore, *(() if alone else PEERS)), Topology(cores=2),
                tuple(cases), left_out)
