# SPDX-License-Identifier: BSD-3-Clause
"""vswitch: a veth pair between every two ports."""

import dataclasses

from harness.switches.switch import Switch, Work
from support.vswitch_process import VswitchProcess

_LINK = """
[[link]]
name = "{one}"
kind = "veth"
up = true
mtu = {mtu}
backend = {{ type = "vhost"{backend} }}
peer = {{ name = "{two}", up = true, mtu = {mtu}{peer} }}
"""


def config_of(topology, idle_paths=()):
    """The config file: veths p0-p1, p2-p3, …, and idle ones i0-j0, …, a guest at each i."""
    ports = [_LINK.format(one=f"p{2 * i}", two=f"p{2 * i + 1}", mtu=topology.mtu, backend="",
                          peer=', backend = { type = "vhost" }') for i in range(topology.pairs)]
    idle = [_LINK.format(one=f"i{i}", two=f"j{i}", mtu=topology.mtu, peer="",
                         backend=f', mode = "client", path = "{path}"')
            for i, path in enumerate(idle_paths)]
    return "".join(ports + idle)


class Vswitch(Switch):
    name = "vswitch"

    def config(self):
        return config_of(self.setup.topology, self.idle_paths())

    def start(self):
        setup = self.setup
        config = setup.directory / "vswitch.toml"
        config.write_text(self.config())
        self.process = VswitchProcess(cores=",".join(map(str, self.cores())), config=config,
                                      run_dir=setup.directory / "run").start(timeout=120)
        self.sockets = [self.process.vhost_path(f"p{i}") for i in range(setup.topology.ports)]

    @property
    def pid(self):
        return self.process.pid

    def measured(self, worker):
        """Whether count() includes this worker."""
        return True

    def count(self):
        workers = [worker for worker in self.process.workers() if self.measured(worker)]
        return Work(*(sum(worker[key] for worker in workers)
                      for key in ("packets", "busy_cycles", "idle_cycles")))

    def log(self):
        return self.process.log()

    def churner_options(self):
        """For churner.py."""
        return ["--run-dir", self.process.run_dir]

    def stop(self):
        self.process.stop()


class VswitchOnePair(Vswitch):
    """One pair of ports and nothing else, in a group where the other has more."""
    name = "vswitch, 1 pair"

    def __init__(self, setup):
        alone = dataclasses.replace(setup.topology, pairs=1, idle=0)
        super().__init__(dataclasses.replace(setup, topology=alone))
