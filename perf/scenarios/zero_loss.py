# SPDX-License-Identifier: BSD-3-Clause
from harness.case import Case, Group, Load, Plot, Topology
from harness.methods import Latency, Lossless, Recovery, ZeroLoss
from harness.switches.ovs import OvsFlow
from harness.switches.testpmd import TestpmdIo
from harness.switches.vswitch import Vswitch

ORDER = 20
TITLE = "Without loss: rates, latency, recovery"
ABOUT = ("The highest rate at which no packet, one in ten million, or one in a hundred thousand "
         "is lost (RFC 2544, by binary search; a trial fails also when the sending ring "
         "had no room for a packet that was due), the way through the switch at 10, 50 and 90% of "
         "the last, and the time from the end of half a second at 150% of the flat-out rate until "
         "all that is sent arrives again. Then millions of packets, a few in flight and every byte "
         "checked, of which none may be lost. A tolerance that would allow no packet within the "
         "confirming trial is not searched for. On a virtual machine the smaller tolerances are "
         "decided by how often its CPUs are taken away.")
PEERS = (TestpmdIo, OvsFlow)
SHARES = (0.1, 0.5, 0.9)
PLOTS = tuple(Plot(f"{title}, {size} B", f"{metric}_us", "share", "share of the rate at 1e-5 loss",
                   {"size": size}, log=True)
              for size in (64, 1518) for metric, title in (("p50", "Median latency"),
                                                           ("p99", "99% arrive within"),
                                                           ("p99_9", "99.9% arrive within")))


def cases(plan, size):
    rounds = plan.rounds if plan.quick else 3
    zero_loss = ZeroLoss(Load(size), plan.trial, plan.confirm)
    methods = [(f"{size} B", zero_loss, {})]
    methods += [(f"{size} B at {share:.0%}", Latency(zero_loss, share, plan.seconds),
                 {"size": size, "share": f"{share:.0%}"}) for share in SHARES]
    methods += [(f"{size} B after overload", Recovery(zero_loss), {}),
                (f"{size} B, every byte checked", Lossless(Load(size)), {})]
    return [Case(name, method, method.cost, where, rounds) for name, method, where in methods]


def groups(plan):
    sizes = (64,) if plan.quick else (64, 1518)
    yield Group((Vswitch, *PEERS), Topology(),
                tuple(case for size in sizes for case in cases(plan, size)))
