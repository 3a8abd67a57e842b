# SPDX-License-Identifier: BSD-3-Clause
"""The highest rate that passes a trial (the throughput of RFC 2544, section 26.1)."""


def highest_passing(passes, high, confirms=None, resolution=1 / 32, low=0.0):
    """Bisects between `low`, which is taken to pass, and `high` until they lie within `resolution`
    (a share of `high`); then in the same way below what was found, until `confirms` agrees as well:
    where luck decides, a longer trial may fail far below a short one. Both are called with a rate.
    Returns 0 when nothing passes."""
    step = high * resolution
    found = _bisect(passes, low, high, step)
    return found if confirms is None else _bisect(confirms, low, found, step)


def _bisect(passes, low, high, step):
    if high <= low or passes(high):
        return high
    while high - low > step:
        middle = (low + high) / 2
        if passes(middle):
            low = middle
        else:
            high = middle
    return low
