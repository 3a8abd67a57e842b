# SPDX-License-Identifier: BSD-3-Clause
"""Every other file in this folder is a scenario; perf/README.md says what one consists of."""

import importlib
import pkgutil


def load(names=None):
    """The scenario modules in the order in which they run; only these when `names` are given."""
    found = [module.name for module in pkgutil.iter_modules(__path__)]
    if unknown := set(names or ()) - set(found):
        raise ValueError(f"no scenario {', '.join(sorted(unknown))}; there are {', '.join(found)}")
    modules = [importlib.import_module(f"scenarios.{name}") for name in names or found]
    for module in modules:
        module.NAME = module.__name__.rpartition(".")[2]
    return sorted(modules, key=lambda module: (module.ORDER, module.NAME))
