# SPDX-License-Identifier: BSD-3-Clause
"""Two ipvlan slaves of one lower device behind the ports, the second with so many addresses; and
the groups of a scenario that sends to them, in turn."""

import functools
import ipaddress

from harness.case import Case, Group, Load, Topology
from harness.methods import Throughput
from harness.switches.testpmd import TestpmdIo
from harness.switches.vswitch import Vswitch

# Slaves have the MAC address of the lower device, and send to it.
MAC = "02:00:00:00:00:01"
SENDER = ipaddress.IPv4Address("198.18.0.1")
FIRST = ipaddress.IPv4Address("10.0.0.1")
# Addresses a second that `ip -batch` adds, about.
PACE = 50_000

_LINKS = f"""link add phy address {MAC} type dummy
link set phy up
link add link phy name p0 type ipvlan mode {{mode}}
link add link phy name p1 type ipvlan mode {{mode}}
link set p0 up
link set p1 up
addr add {SENDER}/32 dev p0
"""


def batch_of(mode, addresses):
    """The lines for `ip -batch`."""
    yield _LINKS.format(mode=mode)
    for number in range(addresses):
        yield f"addr add {FIRST + number}/32 dev p1\n"


def load_to(addresses):
    """A packet for each address in turn; the same for every switch."""
    return Load(extra=("--src-mac", MAC, "--dst-mac", MAC, "--src-ip", SENDER,
                       "--dst-ip", f"{FIRST}/{addresses}"))


class VswitchIpvlan(Vswitch):
    def __init__(self, setup, mode, addresses):
        super().__init__(setup)
        self.mode, self.addresses = mode, addresses

    def config(self):
        return ""

    def start(self):
        super().start()
        batch = self.setup.directory / "batch"
        batch.write_text("".join(batch_of(self.mode, self.addresses)))
        self.process.ip("-batch", batch, timeout=120)
        for port in ("p0", "p1"):
            self.process.vsctl("attach", port, "vhost")


class VswitchVeth(Vswitch):
    """The same ports, joined by a veth pair."""
    name = "vswitch veth"


def groups(mode, plan):
    """Started anew for every number of addresses."""
    quick = (2, 100_000) if mode == "l2" else (2,)
    for count in quick if plan.quick else (2, 1_000, 100_000, 1_000_000):
        method = Throughput(load_to(count), plan.seconds)
        ipvlan = functools.partial(VswitchIpvlan, mode=mode, addresses=count)
        start = count / PACE / 3  # one of three switches needs it
        yield Group((ipvlan, VswitchVeth, TestpmdIo), Topology(), (
            Case(f"{count:,} addresses", method, method.cost + start, {"addresses": count}),))
