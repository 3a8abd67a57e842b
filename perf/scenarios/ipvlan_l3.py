# SPDX-License-Identifier: BSD-3-Clause
import functools

from harness.case import Plot
from harness.switches import ipvlan

ORDER = 36
TITLE = "Two VMs behind ipvlan slaves in L3 mode"
ABOUT = ("Flat out from one slave to another of the same lower device, 64 bytes, split rings, to "
         "so many addresses in turn, all of the second slave. The same frames over a veth pair, "
         "which looks nothing up, and through testpmd, which does not look at them. The generator "
         "writes and checks a header of its own for every address, which slows it down as well.")
PLOTS = (Plot("ipvlan L3: cost", "cycles", "addresses", "addresses", log=True),
         Plot("ipvlan L3: rate", "mpps", "addresses", "addresses"))
groups = functools.partial(ipvlan.groups, "l3")
