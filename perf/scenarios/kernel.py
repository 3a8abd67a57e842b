# SPDX-License-Identifier: BSD-3-Clause
from harness.case import Case, Group, Load, Plot, Topology
from harness.methods import HEADER, Throughput
from harness.switches.kernel import KernelBridge, KernelVeth
from harness.switches.vswitch import Vswitch

ORDER = 65
TITLE = "The kernel's veth pair and bridge"
ABOUT = ("Flat out, one way, through a veth pair of the host's kernel and through its bridge, as "
         "between two containers. The generator sends and receives by AF_PACKET sockets there; its "
         "rate, which these limit, is left out. The kernel's cycles are all that the switch's CPU "
         "spent in it, copying into the receiving socket included; vswitch's contain the copies "
         "from and to the VMs.")
SWITCHES = (Vswitch, KernelVeth, KernelBridge)
SIZES = (64, 1514)  # what the driver for such sockets takes
PLOTS = (Plot("Kernel: cost", "cycles", "size", "frame size, bytes", log=True),)


def groups(plan):
    cases = []
    for size in SIZES:
        method = Throughput(Load(size), plan.seconds, frames=HEADER, only=("cycles", "lost"))
        cases.append(Case(f"{size} B", method, method.cost, {"size": size}))
    yield Group(SWITCHES, Topology(), tuple(cases))
