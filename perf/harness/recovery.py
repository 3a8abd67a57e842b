# SPDX-License-Identifier: BSD-3-Clause
"""When is an overloaded switch itself again?"""

QUIET_MS = 10  # so long nothing may be missing any more
TOLERATED = 0.02  # as a share of what was offered


def recovery_ms(samples, change):
    """Milliseconds from `change` (seconds) until what comes out is what goes in, for QUIET_MS on
    end, as exact as the intervals are short. `samples` are the generator's counts of each interval.
    None when that never happens."""
    after = [s for s in samples if s["seconds"] > change]
    begins = change
    for number, sample in enumerate(after):
        window = [s for s in after[number:] if s["seconds"] - begins <= QUIET_MS / 1e3]
        offered = sum(s["offered"] for s in window)
        received = sum(s["received"] for s in window)
        # A packet in flight when an interval ends is offered in it and received in the next.
        if abs(offered - received) <= TOLERATED * offered:
            return (begins - change) * 1e3
        begins = sample["seconds"]
    return None
