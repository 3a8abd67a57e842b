# SPDX-License-Identifier: BSD-3-Clause
"""The recorded answers of a kernel to the frames of ipvlan_scenarios, and the list of what vswitch
answers otherwise."""

import dataclasses
import fnmatch
import json
import pathlib
import tomllib

from support.ipvlan_scenarios import FLAGS, MODES

DIRECTORY = pathlib.Path(__file__).resolve().parents[1] / "integration" / "ipvlan_oracle"
_RECORD = DIRECTORY / "kernel_6_1.json"
_DIFFERENCES = DIRECTORY / "differences.toml"

COMBINATIONS = tuple(f"{mode} {flags}" for mode in MODES for flags in FLAGS)
SEPARATOR, NOTHING = "; ", "nothing"
_ALL = "all"


def spell(answer):
    """An answer (see ipvlan_parties) as text."""
    return SEPARATOR.join(answer) or NOTHING


def _spell_combinations(combinations):
    """As short as it goes: "all", or for example "l2 bridge, l3 *, l3s *"."""
    parts = []
    for mode in MODES:
        some = [one for one in combinations if one.split()[0] == mode]
        parts += [f"{mode} *"] if len(some) == len(FLAGS) else some
    return _ALL if len(combinations) == len(COMBINATIONS) else ", ".join(parts)


def _matching(spelled):
    patterns = ["*"] if spelled == _ALL else spelled.split(", ")
    return [one for one in COMBINATIONS
            if any(fnmatch.fnmatchcase(one, pattern) for pattern in patterns)]


def write_record(release, answers):
    """`answers` by combination, scenario and name of the frame."""
    lines = []
    for scenario, frames in answers[COMBINATIONS[0]].items():
        entries = []
        for frame in frames:
            by_answer = {}
            for combination in COMBINATIONS:
                by_answer.setdefault(spell(answers[combination][scenario][frame]),
                                     []).append(combination)
            spelled = {answer: _spell_combinations(where) for answer, where in by_answer.items()}
            entries.append(f"{json.dumps(frame)}: {json.dumps(spelled)}")
        lines.append(f"{json.dumps(scenario)}: {{\n" + ",\n".join(entries) + "\n}")
    _RECORD.write_text(f'{{"kernel": {json.dumps(release)}, "answers": {{\n' +
                       ",\n".join(lines) + "\n}}\n")


def load_record():
    """The answers as text, by combination, scenario and name of the frame."""
    answers = {combination: {} for combination in COMBINATIONS}
    for scenario, frames in json.loads(_RECORD.read_text())["answers"].items():
        for frame, by_answer in frames.items():
            for answer, where in by_answer.items():
                for combination in _matching(where):
                    answers[combination].setdefault(scenario, {})[frame] = answer
    return answers


@dataclasses.dataclass(frozen=True)
class Difference:
    """What vswitch does otherwise on purpose. Patterns of names of frames, of combinations, and of
    the answer as text."""
    frames: list
    combinations: list
    vswitch: str
    reason: str

    def covers(self, combination, frame):
        return (any(fnmatch.fnmatchcase(combination, one) for one in self.combinations) and
                any(fnmatch.fnmatchcase(frame, one) for one in self.frames))


def load_differences():
    with _DIFFERENCES.open("rb") as file:
        return [Difference(**entry) for entry in tomllib.load(file).get("difference", [])]
