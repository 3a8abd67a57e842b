# SPDX-License-Identifier: BSD-3-Clause
"""Control-plane work: the same `ip -batch` files against vswitch and the kernel."""

import pathlib
import re
import time

from harness.switches.switch import Switch
from harness.switches.vswitch import Vswitch
from support.netns import Netns


def kib(path, names):
    """The sum of these lines of a file like /proc/meminfo."""
    text = pathlib.Path(path).read_text()
    return sum(int(number) for name, number in re.findall(r"(?m)^(\w+):\s+(\d+) kB", text)
               if name in names)


class VswitchLinks(Vswitch):
    def config(self):
        return ""

    def fresh(self):
        self.stop()
        self.start()

    def batch(self, path):
        self.process.ip("-batch", path, timeout=300)

    def memory(self):
        """Bytes."""
        return 1024 * kib(f"/proc/{self.pid}/status", ("VmRSS", "HugetlbPages"))


class KernelLinks(Switch):
    name = "kernel"
    thread = None

    def start(self):
        self.netns = Netns().__enter__()

    def stop(self):
        self.netns.__exit__(None, None, None)

    def fresh(self):
        self.stop()
        self.start()

    def batch(self, path):
        self.netns.ip("-batch", path, timeout=300)

    def memory(self):
        return 1024 * kib("/proc/meminfo", ("Slab", "Percpu", "VmallocUsed"))

    def pause(self):
        pass

    def resume(self):
        pass


class Links:
    """Makes so many veth pairs and deletes them again."""

    def __init__(self, pairs):
        self.pairs = pairs

    def _file(self, switch, name, lines):
        path = switch.setup.directory / name
        path.write_text("".join(f"{line}\n" for line in lines))
        return path

    def __call__(self, trial):
        switch = trial.switch
        switch.fresh()
        add = self._file(switch, "add", (f"link add a{i} type veth peer name b{i}"
                                         for i in range(self.pairs)))
        delete = self._file(switch, "del", (f"link del a{i}" for i in range(self.pairs)))
        memory = switch.memory()
        new_seconds = self._time(switch, add)
        grown = switch.memory() - memory
        del_seconds = self._time(switch, delete)
        return {"new_per_s": self.pairs / new_seconds, "del_per_s": self.pairs / del_seconds,
                "link_bytes": grown / (2 * self.pairs)}

    @staticmethod
    def _time(switch, path):
        start = time.monotonic()
        switch.batch(path)
        return time.monotonic() - start
