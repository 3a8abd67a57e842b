# SPDX-License-Identifier: BSD-3-Clause
"""Start-up and stop of the process, and what it says when it cannot start."""

import os
import pathlib
import re
import resource
import signal
import socket
import subprocess

import pytest

from support.children import wait_until
from support.vswitch_process import (ROOT, VswitchProcess, default_build_dir, last_cpu,
                                     other_cpus)

VSWITCH = default_build_dir() / "vswitch"


def files_below(directory):
    return sorted(str(path) for path in pathlib.Path(directory).rglob("*") if not path.is_dir())


def hugetlbfs_files():
    mounts = [line.split() for line in pathlib.Path("/proc/mounts").read_text().splitlines()]
    return [file for mount in mounts if mount[2] == "hugetlbfs" for file in files_below(mount[1])]


def run_vswitch(*args, wrapper=(), timeout=30):
    """For starts that end by themselves."""
    return subprocess.run([*map(str, wrapper), str(VSWITCH), *map(str, args)], capture_output=True,
                          text=True, stdin=subprocess.DEVNULL, timeout=timeout)


def assert_refused(result, pattern, status=1):
    """Ended with one line that matches, and nothing on standard output."""
    assert result.returncode == status, result.stderr
    assert result.stdout == ""
    lines = result.stderr.splitlines()
    assert len(lines) == 1, result.stderr
    assert re.search(pattern, lines[0]), lines[0]


def small(run_dir, *args):
    """Arguments of a start that is quick and takes no hugepages."""
    return ["--run-dir", run_dir, "--no-huge", "--memory", "64", "--cores", last_cpu(), *args]


# --- ready and stop ---


@pytest.mark.parametrize("stop_signal", [signal.SIGTERM, signal.SIGINT])
def test_stop_leaves_nothing(tmp_path, stop_signal):
    before = hugetlbfs_files()
    vswitch = VswitchProcess(run_dir=tmp_path / "run").start()
    try:
        vswitch.add_veth("v0", "v1")
        vswitch.vsctl("attach", "v0", "vhost")
        vswitch.vsctl("attach", "v1", "vhost", f"path={tmp_path}/elsewhere.sock")
        assert vswitch.vhost_path("v0").is_socket()
        assert (tmp_path / "elsewhere.sock").is_socket()
        assert vswitch.child.stop(timeout=10, sig=stop_signal) == 0
    finally:
        vswitch.kill()
    assert files_below(tmp_path) == []
    assert hugetlbfs_files() == before


def test_ready_is_the_only_standard_output(tmp_path):
    process = subprocess.Popen([VSWITCH, *map(str, small(tmp_path / "run"))],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "vswitch: ready\n"
    # Requests are served from the moment it is printed.
    shown = subprocess.run([default_build_dir() / "vsctl", "--run-dir", tmp_path / "run", "ip",
                            "-o", "link"], capture_output=True, text=True, timeout=10)
    process.terminate()
    output, _ = process.communicate(timeout=10)
    assert (process.returncode, output) == (0, "")
    assert shown.stdout.startswith("1: lo:")


def test_notifies_systemd(tmp_path):
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.bind(str(path))
        notify.settimeout(20)
        env = {**os.environ, "NOTIFY_SOCKET": str(path)}
        with VswitchProcess(no_huge=True, memory=64, env=env):
            assert b"READY=1" in notify.recv(4096).split(b"\n")


def test_threads_stay_on_their_cpus():
    with VswitchProcess(no_huge=True, memory=64) as vswitch:
        allowed = [re.search(r"^Cpus_allowed_list:\s*(\S+)", status.read_text(), re.M).group(1)
                   for status in pathlib.Path(f"/proc/{vswitch.pid}/task").glob("*/status")]
    assert str(last_cpu()) in allowed
    if other_cpus() != str(last_cpu()):
        # The main thread is the control thread.
        assert any(cpus != str(last_cpu()) for cpus in allowed)


def test_takes_as_many_descriptors_as_it_may():
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(512, before[1]), before[1]))
    try:
        with VswitchProcess(no_huge=True, memory=64) as vswitch:
            limits = pathlib.Path(f"/proc/{vswitch.pid}/limits").read_text()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    soft, hard = re.search(r"^Max open files +(\d+) +(\d+)", limits, re.M).groups()
    assert soft == hard == str(before[1])


def test_two_side_by_side():
    with VswitchProcess(no_huge=True, memory=64) as one, \
            VswitchProcess(no_huge=True, memory=64) as other:
        one.add_veth("v0", "v1")
        assert set(other.links()) == {"lo"}
        other.add_veth("v0", "v1")
        for vswitch in (one, other):
            vswitch.vsctl("attach", "v0", "vhost")
            vswitch.vsctl("attach", "v1", "ring")
        one.ip("link", "del", "v0")
        assert set(other.links()) == {"lo", "v0", "v1"}


# --- run dir ---


def test_stale_run_dir_is_taken_over(tmp_path):
    first = VswitchProcess(run_dir=tmp_path, no_huge=True, memory=64).start()
    first.add_veth("v0", "v1")
    first.vsctl("attach", "v0", "vhost")
    first.kill()
    assert files_below(tmp_path)
    with VswitchProcess(run_dir=tmp_path, no_huge=True, memory=64) as second:
        assert set(second.links()) == {"lo"}
        second.add_veth("v0", "v1")
        second.vsctl("attach", "v0", "vhost")
    assert files_below(tmp_path) == []


def test_live_run_dir_is_refused(tmp_path):
    with VswitchProcess(run_dir=tmp_path, no_huge=True, memory=64) as first:
        first.add_veth("v0", "v1")
        first.vsctl("attach", "v0", "vhost")
        before = files_below(tmp_path)
        assert_refused(run_vswitch(*small(tmp_path)), rf"\b{first.pid}\b")
        assert files_below(tmp_path) == before
        assert set(first.links()) == {"lo", "v0", "v1"}


def test_other_files_in_the_run_dir_stay(tmp_path):
    (tmp_path / "mine").write_text("precious")
    with VswitchProcess(run_dir=tmp_path, no_huge=True, memory=64):
        pass
    assert files_below(tmp_path) == [str(tmp_path / "mine")]


@pytest.mark.parametrize("run_dir", ["/proc/vswitch", "/dev/null/vswitch", "/tmp/" + 100 * "x"],
                         ids=["read-only", "below a file", "too long"])
def test_unusable_run_dir(run_dir):
    assert_refused(run_vswitch(*small(run_dir)), re.escape(run_dir))
    assert not os.path.exists(run_dir)


def test_unwritable_run_dir_as_nobody(tmp_path):
    run_dir = tmp_path / "run"
    nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
              "--inh-caps=-all", "--bounding-set=-all"]
    assert_refused(run_vswitch(*small(run_dir), wrapper=nobody), re.escape(str(run_dir)))
    assert files_below(tmp_path) == []


# --- options ---


@pytest.mark.parametrize("args", [
    ["--nosuch"], ["nosuch"], ["--cores"], ["--cores", "x"], ["--cores", "1-"], ["--memory", "-1"],
    ["--memory", "many"], ["--log-level", "loud"], ["--run-dir", ""]], ids=" ".join)
def test_bad_usage(args):
    assert_refused(run_vswitch(*args), ".", status=2)


def test_help_and_version():
    assert "--run-dir" in run_vswitch("--help").stdout
    result = run_vswitch("--version")
    assert (result.returncode, result.stdout.split()[0]) == (0, "vswitch")


def test_cpu_that_is_not_there(tmp_path):
    result = run_vswitch("--run-dir", tmp_path / "run", "--no-huge", "--cores", "100")
    assert_refused(result, r"\b100\b")
    assert files_below(tmp_path) == []


def test_cpu_that_is_not_allowed(tmp_path):
    cpus = sorted(os.sched_getaffinity(0))
    result = run_vswitch("--run-dir", tmp_path / "run", "--no-huge", "--cores", cpus[-1],
                         wrapper=["taskset", "-c", cpus[0]])
    if len(cpus) > 1:
        assert_refused(result, rf"\b{cpus[-1]}\b")


@pytest.mark.parametrize("no_huge", [True, False])
def test_too_little_memory(tmp_path, no_huge):
    args = ["--run-dir", tmp_path / "run", "--memory", "1", "--cores", last_cpu()]
    result = run_vswitch(*args, *(["--no-huge"] if no_huge else []))
    assert_refused(result, "memory")
    assert files_below(tmp_path) == []


def test_bad_eal_argument(tmp_path):
    result = run_vswitch(*small(tmp_path / "run", "--", "--no-such-eal-option"))
    assert result.returncode == 1
    assert "no-such-eal-option" in result.stderr
    assert files_below(tmp_path) == []


# --- hugepages ---


@pytest.fixture
def without_hugepages(tmp_path):
    """Makes a process that sees a system without any hugepage reserved."""
    pool = tmp_path / "hugepages" / "hugepages-2048kB"
    pool.mkdir(parents=True)
    for name in ("nr_hugepages", "free_hugepages", "resv_hugepages", "surplus_hugepages",
                 "nr_overcommit_hugepages"):
        (pool / name).write_text("0\n")
    script = tmp_path / "vswitch"
    script.write_text(f"""#!/bin/sh
exec unshare -m --propagation unchanged sh -c 'mount --make-rslave /sys &&
    mount --bind {pool.parent} /sys/kernel/mm/hugepages && exec "$0" "$@"' \\
  {VSWITCH} "$@"
""")
    script.chmod(0o755)

    def make(no_huge):
        vswitch = VswitchProcess(memory=64, no_huge=no_huge)
        vswitch.argv[0] = script
        return vswitch

    return make


def test_without_hugepages_it_warns_and_runs(without_hugepages):
    with without_hugepages(no_huge=False) as vswitch:
        assert re.search(r"warning.*hugepages", vswitch.log(), re.I)
        assert "--no-huge" in vswitch.log()
        vswitch.add_veth("v0", "v1")
        vswitch.vsctl("attach", "v0", "ring")


def test_no_huge_does_not_warn(without_hugepages):
    with without_hugepages(no_huge=True) as vswitch:
        assert vswitch.log() == "vswitch: ready\n"


# --- config file ---

GOOD_LINK = '[[link]]\nname = "good0"\nkind = "veth"\npeer = "good1"\nup = true\n' \
            'backend = { type = "vhost" }\n\n'

BAD_CONFIGS = {
    "not TOML": ("[vswitch\n", 1, "."),
    "unknown key": ("[vswitch]\ncolour = 1\n", 2, "colour"),
    "wrong type": ("[vswitch]\nmemory = 'much'\n", 2, "memory"),
    "unknown kind": (GOOD_LINK + '[[link]]\nname = "x"\nkind = "nosuch"\n', 10, "kind"),
    "mtu": (GOOD_LINK + '[[link]]\nname = "x"\nkind = "veth"\nmtu = 67\n', 11, "mtu"),
    "name taken": (GOOD_LINK + '[[link]]\nname = "good1"\nkind = "veth"\n', 9, "good1"),
    "name of lo": (GOOD_LINK + '[[link]]\nname = "lo"\nkind = "veth"\n', 8, "lo"),
    "devargs": (GOOD_LINK + '[[link]]\nname = "x"\nkind = "ethdev"\ndevargs = "net_nosuch0"\n', 11,
                "devargs|net_nosuch0"),
    "unknown backend": (GOOD_LINK + '[[link]]\nname = "x"\nkind = "veth"\n'
                                    'backend = { type = "nosuch" }\n', 11, "nosuch"),
    "backend option": (GOOD_LINK + '[[link]]\nname = "x"\nkind = "veth"\n'
                                   'backend = { type = "vhost", colour = "blue" }\n', 11, "colour"),
    "backend path": (GOOD_LINK + '[[link]]\nname = "x"\nkind = "veth"\n'
                                 'backend = { type = "vhost", path = "/nosuch/x.sock" }\n', 11,
                     "/nosuch/x.sock"),
    "backend in use": (GOOD_LINK + '[[link]]\nname = "x"\nkind = "veth"\nbackend = { type = "vhost"'
                                   ', path = "{run}/vhost/good0.sock" }\n', 11, "good0.sock"),
}


@pytest.mark.parametrize("text, line, key", BAD_CONFIGS.values(), ids=BAD_CONFIGS.keys())
def test_bad_config(tmp_path, text, line, key):
    config = tmp_path / "bad.toml"
    config.write_text(text.replace("{run}", str(tmp_path / "run")))
    result = run_vswitch(*small(tmp_path / "run", "--config", config))
    # The line of the key where the parser knows it, else of its entry.
    place = re.search(rf"{re.escape(str(config))}:(\d+)", result.stderr)
    assert place, result.stderr
    assert_refused(result, key)
    assert abs(int(place.group(1)) - line) <= 1
    assert files_below(tmp_path) == [str(config)]


def test_missing_config(tmp_path):
    result = run_vswitch(*small(tmp_path / "run", "--config", tmp_path / "nosuch.toml"))
    assert_refused(result, "nosuch.toml")


def test_config_is_applied_before_ready(tmp_path):
    config = tmp_path / "good.toml"
    config.write_text(
        '[[link]]\nname = "v0"\nkind = "veth"\nup = true\nmtu = 9000\nindex = 20\n'
        'address = "02:00:00:00:00:01"\ntxqueuelen = 5\ngroup = 3\n'
        'backend = { type = "vhost", queues = 2 }\n'
        '[link.peer]\nname = "v1"\nup = true\nindex = 10\naddress = "02:00:00:00:00:02"\n'
        '[[link]]\nname = "d0"\nkind = "dummy"\n'
        '[[link]]\nname = "e0"\nkind = "ethdev"\ndevargs = "net_null0"\nup = true\n')
    with VswitchProcess(no_huge=True, memory=64, config=config) as vswitch:
        links = vswitch.links()
        assert set(links) == {"lo", "v0", "v1", "d0", "e0"}
        v0 = links["v0"]
        assert (v0["ifindex"], v0["mtu"], v0["address"], v0["txqlen"], v0["group"]) == \
            (20, 9000, "02:00:00:00:00:01", 5, "3")
        assert (links["v1"]["ifindex"], links["v1"]["address"]) == (10, "02:00:00:00:00:02")
        assert v0["operstate"] == links["v1"]["operstate"] == "UP"
        assert v0["parentbus"] == "vhost-user"
        assert links["e0"]["linkinfo"]["info_kind"] == "ethdev"
        assert vswitch.show("v0")["backend"]["queues"] == 2


def test_command_line_wins_over_config(tmp_path):
    config = tmp_path / "c.toml"
    config.write_text(f'[vswitch]\nrun_dir = "{tmp_path}/from-config"\nno_huge = true\n'
                      f'memory = 64\ncores = "{last_cpu()}"\n')
    with VswitchProcess(run_dir=tmp_path / "run", memory=None, config=config) as vswitch:
        assert set(vswitch.links()) == {"lo"}
    assert not (tmp_path / "from-config").exists()


def test_example_config():
    with VswitchProcess(config=ROOT / "config" / "example.toml", no_huge=True) as vswitch:
        vm1 = wait_until(lambda: vswitch.show().get("vm1"), 5, "vm1")
        assert vm1["backend"]["path"] == str(vswitch.vhost_path("vm1"))
        assert vswitch.vhost_path("vm2").is_socket()
