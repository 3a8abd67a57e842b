# SPDX-License-Identifier: BSD-3-Clause
"""The highest rate that passes a trial (the throughput of RFC 2544, section 26.1)."""


def highest_passing(passes, high, confirms=None, resolution=1 / 32, low=0.0):
    """Bisects between `low`, which is taken to pass, and `high` until they lie within `resolution`
    (a share of `high`), then goes down in such steps until `confirms` agrees as well. `passes` and
    `confirms` are called with a rate. Returns 0 when nothing passes."""
    step = high * resolution
    if passes(high):
        low = high
    while high - low > step:
        middle = (low + high) / 2
        if passes(middle):
            low = middle
        else:
            high = middle
    while confirms is not None and low > 0 and not confirms(low):
        low = low - step if low > 2 * step else low / 2
        if low < step / 16:
            return 0.0
    return low
