# SPDX-License-Identifier: BSD-3-Clause
import dataclasses

from harness.case import Case, Group, Load, Plot, Topology
from harness.machine import choose_cpus
from harness.methods import SharedCpu, Throughput
from harness.switches.ovs import OvsFlow
from harness.switches.testpmd import TestpmdIo
from harness.switches.vswitch import Vswitch

ORDER = 60
TITLE = "Both ends on different cores"
ABOUT = ("Between two VMs whose ports belong to different forwarding cores, both ways, beside "
         "vswitch with both ports on one core. With only two CPUs one of the cores shares the "
         "generator's CPU; it is not measured, and as every core receives half of the packets and "
         "delivers the other half, the other core stands for both.")
PEERS = (TestpmdIo, OvsFlow)
SIZES = (64, 1518)
PLOTS = (Plot("Different cores: cost", "cycles", "size", "frame size, bytes"),
         Plot("Different cores: rate, with three CPUs", "mpps", "size", "frame size, bytes"))


class VswitchCrossing(Vswitch):
    def measured(self, worker):
        return worker["cpu"] != self.setup.cpus.generator

    def count(self):
        """Two workers count a packet that crosses."""
        work = super().count()
        return dataclasses.replace(work, packets=work.packets / 2)


class VswitchOneCore(Vswitch):
    name = "vswitch, one core"

    def cores(self):
        return super().cores()[:1]


def groups(plan):
    alone = choose_cpus().third is None
    why = "with two CPUs: one of its cores forwards a whole direction, and no packet crosses"
    left_out = {name: why for name in ("testpmd io", "OVS flow")} if alone else {}
    kind = SharedCpu if alone else Throughput
    cases = []
    for size in SIZES:
        method = kind(Load(size, ways="both"), plan.seconds)
        cases.append(Case(f"{size} B", method, method.cost, {"size": size}))
    yield Group((VswitchCrossing, VswitchOneCore, *(() if alone else PEERS)), Topology(cores=2),
                tuple(cases), left_out)
