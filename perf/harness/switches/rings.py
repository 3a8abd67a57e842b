# SPDX-License-Identifier: BSD-3-Clause
"""vswitch's data path over rings: a thread of the generator's own process."""

from harness.switches.switch import Switch, Work


class VswitchRings(Switch):
    name = "vswitch"
    thread = None

    def start(self):
        pass

    def stop(self):
        pass

    def pause(self):
        pass

    def resume(self):
        pass

    def generator_options(self):
        return ["--ring-pairs", self.setup.topology.pairs,
                "--switch-core", self.setup.cpus.switch]

    def count(self):
        return Work(0, None)

    def work_of(self, result, before):
        return Work(result["switch"]["packets"], result["switch"]["busy_cycles"])
