# SPDX-License-Identifier: BSD-3-Clause
"""vswitch: a veth pair between every two ports."""

from harness.switches.switch import Switch, Work
from support.vswitch_process import VswitchProcess

_LINK = """
[[link]]
name = "{one}"
kind = "veth"
up = true
mtu = {mtu}
backend = {{ type = "vhost" }}
peer = {{ name = "{two}", up = true, mtu = {mtu}{peer} }}
"""


def config_of(topology):
    """The config file: veths p0-p1, p2-p3, …, and idle ones i0-j0, …, a guest at each i."""
    ports = [_LINK.format(one=f"p{2 * i}", two=f"p{2 * i + 1}", mtu=topology.mtu,
                          peer=', backend = { type = "vhost" }') for i in range(topology.pairs)]
    idle = [_LINK.format(one=f"i{i}", two=f"j{i}", mtu=topology.mtu, peer="")
            for i in range(topology.idle)]
    return "".join(ports + idle)


class Vswitch(Switch):
    name = "vswitch"

    def config(self):
        return config_of(self.setup.topology)

    def start(self):
        setup = self.setup
        config = setup.directory / "vswitch.toml"
        config.write_text(self.config())
        self.process = VswitchProcess(cores=",".join(map(str, self.cores())), config=config,
                                      run_dir=setup.directory / "run").start(timeout=120)
        self.sockets = [self.process.vhost_path(f"p{i}") for i in range(setup.topology.ports)]
        self.idle_sockets = [self.process.vhost_path(f"i{i}") for i in range(setup.topology.idle)]

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
