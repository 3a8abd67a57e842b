# SPDX-License-Identifier: BSD-3-Clause
"""What a kernel with the real ipvlan driver does with the frames of ipvlan_scenarios, in each mode
with each flag, is what is recorded (ipvlan_oracle/kernel_6_1.json)."""

import pytest

from support.ipvlan_record import COMBINATIONS, load_record, spell
from support.oracle_guest import OracleGuest

KERNEL = load_record()


@pytest.fixture(scope="module")
def guest():
    with OracleGuest() as guest:
        yield guest


@pytest.mark.parametrize("combination", COMBINATIONS)
def test_record_is_what_the_kernel_does(guest, combination):
    answers = guest.answers(*combination.split())
    assert {scenario: {frame: spell(answer) for frame, answer in frames.items()}
            for scenario, frames in answers.items()} == KERNEL[combination]
