# SPDX-License-Identifier: BSD-3-Clause
"""What a sample can contain: every number of the report is named here once."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Metric:
    title: str  # as the page's axes and tables say it
    digits: int
    better: str | None = None  # "lower", "higher", or None: no ratio is made of it


METRICS = {
    "cycles": Metric("switch cycles per packet", 0, "lower"),
    "mpps": Metric("Mpps", 2, "higher"),
    "lost": Metric("share lost", 4),
    "generator_limited": Metric("share of runs that the generator limited", 1),
    "zero_loss_mpps": Metric("Mpps without loss", 2, "higher"),
    "zero_loss_1e-7_mpps": Metric("Mpps at 1e-7 loss", 2, "higher"),
    "zero_loss_1e-5_mpps": Metric("Mpps at 1e-5 loss", 2, "higher"),
    "overload_mpps": Metric("Mpps at 150% load", 2, "higher"),
    "recovery_ms": Metric("ms from the end of overload to no loss", 1),
    "p50_us": Metric("latency p50, µs", 1, "lower"),
    "p99_us": Metric("latency p99, µs", 1, "lower"),
    "p99_9_us": Metric("latency p99.9, µs", 1),
    "max_us": Metric("latency max, µs", 0),
    "checked": Metric("packets of which none was lost or damaged", 0),
    "blackout_ms": Metric("ms of traffic lost per second", 3, "lower"),
    "changes_per_s": Metric("link changes per second", 0, "higher"),
    "new_per_s": Metric("newlink per second", 0, "higher"),
    "del_per_s": Metric("dellink per second", 0, "higher"),
    "link_bytes": Metric("bytes of memory per link", 0, "lower"),
}
