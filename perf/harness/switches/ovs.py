# SPDX-License-Identifier: BSD-3-Clause
"""Open vSwitch with the DPDK datapath: processes, database, sockets and network namespace of its
own, so that it neither needs nor touches the one of the system."""

import os
import pathlib
import re
import subprocess

from harness.switches.switch import Switch, Work
from support.children import Child, wait_until
from support.netns import Netns

DAEMON = pathlib.Path("/usr/lib/openvswitch-switch-dpdk/ovs-vswitchd-dpdk")
SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema"
BRIDGE = "br0"


class Ovs(Switch):
    """One bridge. The flows are what the subclasses differ in."""

    def start(self):
        if not DAEMON.exists():
            raise RuntimeError(f"{DAEMON} is missing: install openvswitch-switch-dpdk")
        self.directory = self.setup.directory
        self.environment = {**os.environ, **{f"OVS_{name}DIR": str(self.directory) for name in
                                             ("RUN", "LOG", "DB", "SYSCONF")}}
        self.database = self.daemon = None
        self.netns = Netns().__enter__()  # for the taps that a bridge makes
        try:
            self._start_database()
            self._start_daemon()
            self._add_ports()
            self.add_flows()
        except BaseException:
            self.stop()
            raise

    def _run(self, *argv, timeout=120):
        result = subprocess.run(list(map(str, argv)), env=self.environment, capture_output=True,
                                text=True, timeout=timeout)
        if result.returncode != 0:
            raise RuntimeError(f"{' '.join(map(str, argv))}: status {result.returncode}\n"
                               f"{result.stderr}")
        return result.stdout

    def _vsctl(self, *words):
        return self._run("ovs-vsctl", f"--db=unix:{self.directory}/db.sock", "--timeout=100",
                         *words, timeout=120)

    def ofctl(self, *words):
        return self._run("ovs-ofctl", *words)

    def _appctl(self, *words):
        return self._run("ovs-appctl", "-t", self.directory / "vswitchd.ctl", *words)

    def _start_database(self):
        self._run("ovsdb-tool", "create", self.directory / "conf.db", SCHEMA)
        self.database = self._child("ovsdb-server", self.directory / "conf.db",
                                    f"--remote=punix:{self.directory}/db.sock",
                                    f"--unixctl={self.directory}/ovsdb.ctl")
        wait_until((self.directory / "db.sock").exists, 10, "ovsdb-server's socket")
        self._vsctl("--no-wait", "init")

    def _child(self, *argv, netns=None):
        return Child(argv, env=self.environment, cpus=self.setup.cpus.generator, netns=netns)

    def _start_daemon(self):
        cpus = self.setup.cpus
        options = {"dpdk-init": "true", "dpdk-socket-mem": self.memory(),
                   "dpdk-lcore-mask": f"{1 << cpus.generator:#x}",
                   "pmd-cpu-mask": f"{sum(1 << cpu for cpu in self.cores()):#x}",
                   "dpdk-extra": "--in-memory --no-pci --no-telemetry "
                                 f"--file-prefix=ovs-{os.getpid()}-{id(self)}"}
        self._vsctl("--no-wait", "set", "Open_vSwitch", ".",
                    *(f'other_config:{key}="{value}"' for key, value in options.items()))
        self.daemon = self._child(DAEMON, f"unix:{self.directory}/db.sock",
                                  f"--unixctl={self.directory}/vswitchd.ctl",
                                  netns=self.netns.name)
        self._vsctl("add-br", BRIDGE, "--", "set", "bridge", BRIDGE, "datapath_type=netdev",
                    "fail-mode=secure")

    def memory(self):
        """MiB. Buffers of jumbo frames are five times as large."""
        return 256 if self.setup.topology.mtu <= 1500 else 512

    def _add_ports(self):
        """In one transaction; each would have the daemon go through all of them."""
        names = [f"v{i}" for i in range(self.setup.topology.ports)]
        ports = {name: ["type=dpdkvhostuser"] for name in names}
        ports |= {f"i{i}": ["type=dpdkvhostuserclient", f"options:vhost-server-path={path}"]
                  for i, path in enumerate(self.idle_paths())}
        words = []
        for name, options in ports.items():
            words += ["--", "add-port", BRIDGE, name, "--", "set", "interface", name, *options,
                      f"mtu_request={self.setup.topology.mtu}"]
        self._vsctl(*words[1:])
        self.sockets = [self.directory / name for name in names]

    def add_flows(self):
        raise NotImplementedError

    @property
    def pid(self):
        return self.daemon.pid

    def count(self):
        return work_in(self._appctl("dpif-netdev/pmd-stats-show"))

    def log(self):
        return self.daemon.output()

    def churner_options(self):
        """For churner.py: patch ports lead to a bridge where nothing else is."""
        self._vsctl("--may-exist", "add-br", "aside", "--", "set", "bridge", "aside",
                    "datapath_type=netdev", "fail-mode=secure")
        return ["--ovsdb", self.directory / "db.sock", "--bridge", BRIDGE, "--bridge", "aside"]

    def stop(self):
        for child in (self.daemon, self.database):
            if child is not None and child.returncode is None:
                child.stop(20)
        self.netns.__exit__(None, None, None)


def work_in(text):
    """What pmd-stats-show says of the threads that poll."""
    packets = busy = idle = 0
    for section in re.split(r"(?m)^(?=\S)", text):
        if section.startswith("pmd thread"):
            packets += int(re.search(r"packets received: (\d+)", section).group(1))
            busy += int(re.search(r"processing cycles: (\d+)", section).group(1))
            idle += int(re.search(r"idle cycles: (\d+)", section).group(1))
    return Work(packets, busy, idle)


class OvsFlow(Ovs):
    """From port to port, by the port a packet came in: the least that OVS can do."""
    name = "OVS flow"

    def add_flows(self):
        for port in range(self.setup.topology.ports):
            self.ofctl("add-flow", BRIDGE, f"in_port=v{port},actions=output:v{port ^ 1}")


class OvsNormal(Ovs):
    """A learning switch."""
    name = "OVS NORMAL"

    def add_flows(self):
        self.ofctl("add-flow", BRIDGE, "actions=NORMAL")
