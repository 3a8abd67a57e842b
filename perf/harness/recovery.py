# SPDX-License-Identifier: BSD-3-Clause
"""When is an overloaded switch itself again?"""

QUIET_MS = 10  # so long nothing may be missing any more


def recovery_ms(samples, change):
    """Milliseconds from `change` (seconds) until what comes out is what goes in, for QUIET_MS.
    `samples` are the generator's counts of each interval. None when that never happens."""
    after = [s for s in samples if s["seconds"] > change]
    if not after:
        return None
    # A packet in flight at the end of an interval is offered in it and received in the next.
    for start in range(len(after)):
        window = [s for s in after[start:]
                  if s["seconds"] - after[start]["seconds"] < QUIET_MS / 1e3]
        offered = sum(s["offered"] for s in window)
        received = sum(s["received"] for s in window)
        if abs(offered - received) <= 0.02 * offered:
            return max(0.0, (after[start]["seconds"] - change) * 1e3)
    return None
