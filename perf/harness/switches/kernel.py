# SPDX-License-Identifier: BSD-3-Clause
"""The host's kernel. The generator's ports are AF_PACKET sockets, as a container's stack would be;
DPDK's driver for taps would have the kernel send it a signal for every packet."""

from harness import machine
from harness.generator import total
from harness.switches.switch import Switch, Work
from support.children import entering
from support.netns import Netns


class Kernel(Switch):
    """In a namespace of its own. What comes out of a generator's port is handled on the switch's
    CPU (receive packet steering), so that its time there is the switch's."""

    thread = None

    def start(self):
        self.sockets = ["kernel:g0", "kernel:g1"]
        self.netns = Netns().__enter__()
        try:
            self.wire()
            for interface in self.steered:
                self._steer(interface)
        except BaseException:
            self.stop()
            raise

    def wire(self):
        """Connects g0 and g1, where the generator sits, and sets self.steered."""
        raise NotImplementedError

    def veth(self, one, other):
        self.netns.ip("link", "add", one, "type", "veth", "peer", "name", other)
        for end in (one, other):
            self.netns.ip("link", "set", end, "up")

    def _steer(self, interface):
        mask = f"{1 << self.setup.cpus.switch:x}"
        # /sys shows the namespace in which it was mounted; this mount is nobody else's.
        self.netns.run("unshare", "--mount", "sh", "-c", "mount -t sysfs none /sys && "
                       f"echo {mask} >/sys/class/net/{interface}/queues/rx-0/rps_cpus")

    def generator_prefix(self):
        return entering(self.netns.name)

    def count(self):
        spent = machine.cpu_seconds(self.setup.cpus.switch)
        cycles = 1e6 * float(machine.field("/proc/cpuinfo", "cpu MHz"))
        return Work(0, cycles * sum(spent[name] for name in ("irq", "softirq")))

    def work_of(self, result, before):
        """The scheduler's clock ticks a few hundred times a second; that is as exact as it gets."""
        return Work(total(result, "received"), (self.count() - before).busy)

    def pause(self):
        pass

    def resume(self):
        pass

    def stop(self):
        self.netns.__exit__(None, None, None)


class KernelVeth(Kernel):
    """A veth pair."""
    name = "kernel veth"

    def wire(self):
        self.veth("g0", "g1")
        self.steered = ("g0", "g1")


class KernelBridge(Kernel):
    """A bridge between two veth pairs, as between two containers."""
    name = "kernel bridge"

    def wire(self):
        self.netns.ip("link", "add", "br0", "type", "bridge", "forward_delay", 0,
                      "mcast_snooping", 0)
        for port in range(2):
            self.veth(f"g{port}", f"b{port}")
            self.netns.ip("link", "set", f"b{port}", "master", "br0")
        self.netns.ip("link", "set", "br0", "up")
        self.steered = ("b0", "b1")
