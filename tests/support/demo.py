# SPDX-License-Identifier: BSD-3-Clause
"""`./dev demo`: two virtual machines talk to each other through vswitch."""

import argparse
import contextlib
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from support.guest_image import guest_image  # noqa: E402
from support.vm import Vm  # noqa: E402
from support.vswitch_process import ROOT, VswitchProcess, default_build_dir  # noqa: E402

# The links of config/example.toml and what the machines behind them are called.
_MACHINES = {"vm1": ("10.0.0.1", "fd00::1", "52:54:00:00:00:01"),
             "vm2": ("10.0.0.2", "fd00::2", "52:54:00:00:00:02")}

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

_NEXT = """\
What to try next, with a vswitch of your own:

  sudo {build}/vswitch --config config/example.toml &
  sudo {build}/vsctl ip -s -d link show        # the system's own ip, talking to vswitch
  sudo {build}/vsctl ip link add v0 type veth peer name v1
  sudo {build}/vsctl ip link set v0 up
  sudo {build}/vsctl attach v0 tap ifname=tap-v0 # a kernel tap instead of a virtual machine
  sudo {build}/vsctl ip monitor link           # in another terminal: every change as it happens

README.md shows how to attach a virtual machine with QEMU and with libvirt;
sudo ./dev test runs every test, sudo ./dev perf measures packet rates."""


def say(text=""):
    print(text, flush=True)


def heading(text):
    say(f"\n== {text}")


def show_command(shown, output):
    say(f"$ {shown}")
    say("\n".join("  " + line for line in output.strip().splitlines()))


@contextlib.contextmanager
def progress(text):
    """Says what is going on, a dot a second, and how long it took."""
    print(f"   {text} ", end="", flush=True)
    started, done = time.monotonic(), threading.Event()

    def dots():
        while not done.wait(1):
            print(".", end="", flush=True)
    thread = threading.Thread(target=dots)
    thread.start()
    try:
        yield
    except BaseException:
        done.set()
        thread.join()
        say(" no")
        raise
    done.set()
    thread.join()
    say(f" {time.monotonic() - started:.1f} s")


def boot(vswitch, image, stack):
    machines = {}
    with progress("booting vm1 and vm2 (Debian's cloud kernel, emulated CPU)"):
        for name, (_, _, mac) in _MACHINES.items():
            machine = Vm(name, vswitch.vhost_path(name), mac, image=image)
            machines[name] = stack.enter_context(machine)
        for name, machine in machines.items():
            machine.wait_ready(timeout=90)
    for name, (v4, v6, _) in _MACHINES.items():
        machines[name].configure(f"{v4}/24", f"{v6}/64")
    return machines


def ping(machines, source, target, address):
    output = machines[source].ping(address)
    show_command(f"{source}# ping -c 3 {address}    ({target})", output)


def transfer(machines):
    address = _MACHINES["vm2"][0]
    machines["vm2"].run("iperf3 -s -D >/dev/null")
    output = machines["vm1"].run(f"iperf3 -c {address} -t 3 -f m", timeout=60)
    show_command(f"vm1# iperf3 -c {address} -t 3", output)
    return re.search(r"([\d.]+ Mbits/sec)\s+receiver", output)[1]


def demo(build_dir):
    for binary in ("vswitch", "vsctl"):
        if not (build_dir / binary).exists():
            raise RuntimeError(f"{build_dir / binary} is missing: run ./dev build first")
    config = ROOT / "config" / "example.toml"
    with contextlib.ExitStack() as stack:
        run_dir = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="vsw-demo-")))
        heading("A guest image from Debian's packages")
        with progress("preparing kernel and initramfs"):
            image = guest_image(lambda line: print(f"[{line}] ", end="", flush=True))
        heading(f"vswitch with {config.relative_to(ROOT)}")
        vswitch = VswitchProcess(build_dir=build_dir, run_dir=run_dir / "run", config=config,
                                 memory=None)
        with progress("starting vswitch"):
            stack.enter_context(vswitch)
        heading("Two virtual machines, one behind each end of a veth pair")
        machines = boot(vswitch, image, stack)
        heading("They ping each other")
        ping(machines, "vm1", "vm2", _MACHINES["vm2"][0])
        ping(machines, "vm2", "vm1", _MACHINES["vm1"][1])
        heading("A TCP transfer")
        rate = transfer(machines)
        heading("What vswitch has to say")
        show_command("vsctl show", vswitch.vsctl("show").stdout)
        show_command("vsctl workers", vswitch.vsctl("workers").stdout)
        show_command("vsctl ip -d link show vm1", vswitch.ip("-d", "link", "show", "vm1").stdout)
        heading("Cleaning up")
        with progress("stopping the machines and vswitch"):
            stack.close()
    say(f"\nDone: both pings were answered, and TCP ran at {rate} between two emulated CPUs.\n")
    say(_NEXT.format(build=build_dir.relative_to(ROOT)
                     if build_dir.is_relative_to(ROOT) else build_dir))


def _interrupted(signum, frame):
    """Ends the demo once; impatience must not cut the cleaning up short."""
    for each in _SIGNALS:
        signal.signal(each, signal.SIG_IGN)
    raise KeyboardInterrupt


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build-dir", type=pathlib.Path, default=default_build_dir())
    arguments = parser.parse_args()
    for signum in _SIGNALS:
        signal.signal(signum, _interrupted)
    started = time.monotonic()
    try:
        demo(arguments.build_dir.resolve())
    except KeyboardInterrupt:
        say("\ninterrupted; everything has been stopped")
        return 130
    except (RuntimeError, OSError, subprocess.SubprocessError) as error:
        say(f"\ndemo failed: {error}")
        return 1
    say(f"\n(The demo took {time.monotonic() - started:.0f} s.)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
