# SPDX-License-Identifier: BSD-3-Clause
"""A line now and then: what came out, how far it is, and how long it will take."""

import sys
import time


class Progress:
    # Seconds expected for what every sample and every start of a switch takes besides.
    SAMPLE, START = 0.2, 0.5

    def __init__(self, total):
        self.total, self.done, self.started = max(total, 1e-9), 0.0, time.monotonic()
        self.say(f"about {total / 60:.0f} minutes")

    def add(self, seconds):
        self.done += seconds

    def left(self):
        """Seconds, when the rest goes as fast as what is done."""
        elapsed = time.monotonic() - self.started
        pace = elapsed / self.done if self.done > 30 else 1.0
        return max(0.0, self.total - self.done) * pace

    def say(self, text):
        print(f"[{100 * min(1.0, self.done / self.total):3.0f}%, {self.left() / 60:4.1f} min left] "
              f"{text}", file=sys.stderr, flush=True)
