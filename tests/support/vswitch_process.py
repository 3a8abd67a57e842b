# SPDX-License-Identifier: BSD-3-Clause
"""A real vswitch process with a run dir of its own, and its control client.

    with VswitchProcess() as vswitch:
        vswitch.ip("link", "add", "dev", "a", "type", "veth", "peer", "name", "b")
        vswitch.vsctl("attach", "a", "vhost")
        vswitch.show("a")["backend"]["state"]
"""

import atexit
import functools
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile

from support.children import Child, wait_until

ROOT = pathlib.Path(__file__).resolve().parents[2]


def default_build_dir():
    return pathlib.Path(os.environ.get("VSWITCH_BUILD", ROOT / "build"))


@functools.cache
def clients(build_dir):
    """A directory with vsctl and its library that every user may read: a build directory in
    somebody's home is not."""
    directory = pathlib.Path(tempfile.mkdtemp(prefix="vsw-clients-"))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    for name in ("vsctl", "libvswitch-ip.so"):
        shutil.copy(build_dir / name, directory)
    directory.chmod(0o755)
    return directory


def last_cpu():
    """Where the one worker of most tests polls; everything else had better be elsewhere."""
    return max(os.sched_getaffinity(0))


def other_cpus():
    """The CPUs without a polling worker as taskset takes them; all when there is only one."""
    cpus = sorted(os.sched_getaffinity(0))
    return ",".join(map(str, cpus[:-1] or cpus))


class VswitchProcess:
    """Not started until start() or `with`. Unless the caller gives a run dir, it is in a directory
    of its own that stop() and kill() remove."""

    def __init__(self, cores=None, memory=256, no_huge=False, config=None, run_dir=None,
                 build_dir=None, options=(), eal_args=(), env=None):
        self.build_dir = pathlib.Path(build_dir or default_build_dir())
        self._owned_dir = None
        if run_dir is None:
            # Short, because a socket path holds 107 bytes.
            self._owned_dir = tempfile.TemporaryDirectory(prefix="vsw-", ignore_cleanup_errors=True)
            os.chmod(self._owned_dir.name, 0o755)  # requests come from other users too
            run_dir = pathlib.Path(self._owned_dir.name) / "run"
        self.run_dir = pathlib.Path(run_dir)
        self.cores = str(last_cpu() if cores is None else cores)
        self.env = env
        self.argv = [self.build_dir / "vswitch", "--run-dir", self.run_dir, "--cores", self.cores]
        if memory:
            self.argv += ["--memory", memory]
        if no_huge:
            self.argv.append("--no-huge")
        if config:
            self.argv += ["--config", config]
        self.argv += list(options)
        if eal_args:
            self.argv += ["--", *eal_args]
        self.child = None
        self._killed = False

    def __enter__(self):
        return self.start()

    def __exit__(self, exc_type, exc, traceback):
        if exc_type:
            print(f"--- vswitch output ---\n{self.log()}")
            self.kill()
        else:
            self.stop()

    def spawn(self):
        """Starts the process without waiting for anything."""
        if not self.argv[0].exists():
            raise RuntimeError(f"{self.argv[0]} is missing: run ./dev build, or set VSWITCH_BUILD")
        self.child = Child(self.argv, name="vswitch", env=self.env)
        self._killed = False
        return self

    def start(self, timeout=30):
        """Starts it and waits for `vswitch: ready`."""
        self.spawn()
        try:
            self.child.wait_for(r"^vswitch: ready$", timeout)
        except BaseException:
            self.kill()
            raise
        return self

    def stop(self, timeout=20, check=True):
        """SIGTERM; returns the exit status, which must be 0 when `check`."""
        if self.child is None:
            return 0
        try:
            status = self.child.stop(timeout, signal.SIGTERM)
        finally:
            self._remove_directory()
        if check and status != 0 and not self._killed:
            raise RuntimeError(f"vswitch ended with status {status}:\n{self.log()}")
        return status

    def kill(self):
        """kill -9; a later stop() then has nothing to complain about."""
        if self.alive():
            self._killed = True
            self.child.kill()
        self._remove_directory()

    def _remove_directory(self):
        if self._owned_dir is not None:
            self._owned_dir.cleanup()

    @property
    def pid(self):
        return self.child.pid

    def alive(self):
        return self.child is not None and self.child.returncode is None

    def log(self):
        return self.child.output() if self.child else ""

    # --- the control client ---

    def vsctl_argv(self, *args):
        vsctl = clients(self.build_dir) / "vsctl"
        return [str(vsctl), "--run-dir", str(self.run_dir), *map(str, args)]

    def vsctl(self, *args, check=True, timeout=30, input=None):
        """Runs `vsctl ARGS`; returns the CompletedProcess with text output."""
        argv = self.vsctl_argv(*args)
        result = subprocess.run(argv, capture_output=True, text=True, timeout=timeout, input=input,
                                **({} if input is not None else {"stdin": subprocess.DEVNULL}))
        if check and result.returncode != 0:
            raise RuntimeError(f"{' '.join(argv)}: status {result.returncode}\n"
                               f"{result.stdout}{result.stderr}")
        return result

    def ip(self, *args, **kwargs):
        """Runs `vsctl ip ARGS`."""
        return self.vsctl("ip", *args, **kwargs)

    def links(self):
        """`ip -s -d -j link show` by name."""
        return {link["ifname"]: link
                for link in json.loads(self.ip("-s", "-d", "-j", "link", "show").stdout)}

    def show(self, device=None):
        """`vsctl --json show`: a dict by device name, or the one device."""
        args = ["--json", "show"] + ([device] if device else [])
        devices = {entry["name"]: entry for entry in json.loads(self.vsctl(*args).stdout)}
        return devices[device] if device else devices

    def workers(self):
        return json.loads(self.vsctl("--json", "workers").stdout)

    def wait_backend(self, device, state, timeout=10):
        """Waits until the backend of `device` is in `state`, e.g. "connected"."""
        return wait_until(lambda: self.show(device)["backend"]["state"] == state, timeout,
                          f"backend of {device} {state}")

    def vhost_path(self, device):
        """Where a guest finds a device attached without path=."""
        return self.run_dir / "vhost" / f"{device}.sock"

    def add_veth(self, one, other, up=True):
        """Ends that are set up here say nothing by themselves (no IPv6), so packets can be counted
        exactly."""
        self.ip("link", "add", "dev", one, "type", "veth", "peer", "name", other)
        if up:
            for end in (one, other):
                self.ip("link", "set", "dev", end, "addrgenmode", "none")
                self.ip("link", "set", "dev", end, "up")
