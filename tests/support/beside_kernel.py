# SPDX-License-Identifier: BSD-3-Clause
"""What tests share that run the same commands against vswitch and against the host's own kernel."""

import os

# A shell function. The kernel makes a carrier known in the background, within about a second;
# vswitch has done so when the command is over. Last comes a change of nothing, which waits for
# whatever the kernel is in the middle of.
SETTLE = """\
settle() {
  while ip -o link | awk '
      /[<,]LOWER_UP/ && / state (DOWN|LOWERLAYERDOWN) / { wrong = 1 }
      /[<,]UP[,>]/ && !/LOWER_UP/ && / state UP / { wrong = 1 }
      END { exit !wrong }'; do
    sleep 0.1
  done
  ip link set lo group default
}
"""


def seeds(count):
    """Seeds for random commands: always the same ones, unless VSWITCH_IP_SEED names another."""
    named = os.environ.get("VSWITCH_IP_SEED")
    return [int(named)] if named else list(range(1, count + 1))
