# SPDX-License-Identifier: BSD-3-Clause
"""A guest that runs the kernel's half of the ipvlan oracle test (ipvlan_kernel.py).

    cd tests && /usr/bin/python3 -m support.oracle_guest      records its answers anew
"""

import ast
import json
import pathlib

from support.guest_image import Extras, guest_image
from support.ipvlan_record import COMBINATIONS, write_record
from support.vm import Vm

SUPPORT = pathlib.Path(__file__).resolve().parent
_SCRIPTS = ("__init__", "raw_frames", "ipvlan_scenarios", "ipvlan_parties", "ipvlan_kernel")
_MODULES = ("veth", "ipvlan")


class OracleGuest:
    """In a `with`."""

    def __init__(self):
        image = guest_image(extras=Extras(modules=_MODULES, programs=("/usr/bin/ip",),
                                          python=_imported_by_scripts(), support=_SCRIPTS))
        self._vm = Vm("oracle", None, memory=256, image=image, code_cache=128)

    def __enter__(self):
        self._vm.start()
        try:
            self._vm.wait_ready()
            self._prepare()
        except BaseException:
            self._vm.kill()
            raise
        return self

    def __exit__(self, *exc):
        self._vm.__exit__(*exc)

    def _prepare(self):
        self._vm.run("mkdir -p /run")
        for module in _MODULES:
            self._vm.run(f"insmod /lib/modules/{module}.ko")

    def new_secret(self):
        """The driver starts anew."""
        self._vm.run("rmmod ipvlan && insmod /lib/modules/ipvlan.ko")

    def release(self):
        return self._vm.run("uname -r").strip()

    def answers(self, mode, flags):
        """By scenario and name of the frame."""
        return json.loads(self._vm.run(
            f"PYTHONPATH=/ python3 -S /support/ipvlan_kernel.py {mode} {flags}",
            timeout=180))


def _imported_by_scripts():
    """Modules of the standard library that the scripts import."""
    names = set()
    for script in _SCRIPTS:
        for node in ast.walk(ast.parse((SUPPORT / f"{script}.py").read_text())):
            if isinstance(node, ast.Import):
                names.update(alias.name for alias in node.names)
    return tuple(sorted(names))


def main():
    with OracleGuest() as guest:
        write_record(guest.release(), {combination: guest.answers(*combination.split())
                                       for combination in COMBINATIONS})


if __name__ == "__main__":
    main()
