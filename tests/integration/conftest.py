# SPDX-License-Identifier: BSD-3-Clause
"""Fixtures of the integration tests. The binaries come from $VSWITCH_BUILD, by default build/."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from support.vswitch_process import VswitchProcess  # noqa: E402


@pytest.fixture
def vswitch():
    """A started vswitch with one worker on the last CPU, stopped cleanly after the test."""
    process = VswitchProcess()
    process.start()
    yield process
    try:
        assert process.alive(), f"vswitch died during the test:\n{process.log()}"
        process.stop()
    finally:
        print(f"--- vswitch output ---\n{process.log()}")
        process.kill()
