# SPDX-License-Identifier: BSD-3-Clause
from harness.case import Case, Group, Topology
from harness.links import KernelLinks, Links, VswitchLinks

ORDER = 80
TITLE = "Making and deleting links"
ABOUT = ("`ip -batch` with one and the same file of veth pairs against vswitch and against the "
         "host's kernel: requests per second, and memory per link (vswitch: its resident memory; "
         "kernel: slab, per-CPU and vmalloc memory), each time from a fresh start.")
PLOTS = ()


def groups(plan):
    pairs = 100 if plan.quick else 500
    yield Group((VswitchLinks, KernelLinks), Topology(), (
        Case(f"{pairs} pairs", Links(pairs), pairs / 40, {}, 3),))
