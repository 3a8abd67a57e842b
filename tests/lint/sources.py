# SPDX-License-Identifier: BSD-3-Clause
"""Which files of the source tree are ours to check."""

import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDERS = ("config", "control", "dataplane", "perf", "pmd", "tests")
CPP_SUFFIXES = (".cc", ".h")
SCRIPT_SUFFIXES = (".py", ".sh", ".toml")
SCRIPT_NAMES = ("meson.build",)


def below_folders(root):
    return sorted(path for folder in FOLDERS for path in (root / folder).rglob("*")
                  if path.is_file() and "__pycache__" not in path.parts)


def cpp_files(root=ROOT):
    return [path for path in below_folders(root) if path.suffix in CPP_SUFFIXES]


def script_files(root=ROOT):
    """What is commented with #."""
    named = [path for path in (root / "dev", root / ".ci" / "run", root / "meson.build",
                               root / "meson_options.txt") if path.exists()]
    return named + [path for path in below_folders(root)
                    if path.suffix in SCRIPT_SUFFIXES or path.name in SCRIPT_NAMES]
