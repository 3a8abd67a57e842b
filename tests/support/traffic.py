# SPDX-License-Identifier: BSD-3-Clause
"""vswitch-perf: checked traffic between two vhost-user ports."""

import json
import subprocess

from support.vswitch_process import default_build_dir


def send(ports, cpu, *options, build_dir=None, timeout=180, check=True):
    """Sends between the two sockets and returns the result as a dict; raises RuntimeError when the
    run was not valid and `check`."""
    binary = (build_dir or default_build_dir()) / "vswitch-perf"
    argv = [binary, "--port", ports[0], "--port", ports[1], "--core", cpu, "--json",
            "--progress", 0, *options]
    result = subprocess.run(list(map(str, argv)), capture_output=True, text=True, timeout=timeout)
    if not result.stdout or (check and result.returncode != 0):
        raise RuntimeError(f"{' '.join(map(str, argv))}: status {result.returncode}\n"
                           f"{result.stdout}{result.stderr}")
    return json.loads(result.stdout)
