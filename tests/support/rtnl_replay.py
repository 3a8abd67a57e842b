# SPDX-License-Identifier: BSD-3-Clause
"""Replays recorded rtnetlink cases: shell commands with what a Linux 6.1 kernel answered.

A case runs in a network namespace of its own, so that nothing a shim lets through can reach the
host's links, either against a vswitch process or against the host's own kernel (which shows that
the harness itself is right). Exit status, standard error, standard output and the state afterwards
must equal the recording; only random MAC and link-local addresses are replaced by their marks."""

import difflib
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import tomllib

SUPPORT = pathlib.Path(__file__).resolve().parent
CASES_DIR = SUPPORT.parent / "integration" / "rtnl_cases"

# Steps run one after the other in one shell; each leaves its exit status and both outputs.
_DRIVER = """\
step() {
  /bin/sh -c "$2" >"$DIR/$1.out" 2>"$DIR/$1.err" </dev/null
  echo $? >"$DIR/$1.rc"
}
"""
# Named namespaces are those of the case alone.
_OWN_NAMES = "mkdir -p /run/netns && mount -t tmpfs none /run/netns\n"

_MAC = re.compile(r"\b[0-9a-f]{2}(?::[0-9a-f]{2}){5}\b")
_LINK_LOCAL = re.compile(r"\bfe80::[0-9a-f:]+")


def load_cases():
    """The recorded cases by id."""
    return {case["id"]: case for case in json.loads((CASES_DIR / "cases.json").read_text())}


def load_left_out():
    """Reasons by id of the cases that are known not to pass."""
    with (CASES_DIR / "left_out.toml").open("rb") as file:
        entries = tomllib.load(file)["case"]
    return {entry["id"]: entry["reason"] for entry in entries}


def mask(text, case):
    """Replaces addresses that nobody asked for. A MAC address counts as random only if the kernel
    could have drawn it: unicast and locally administered."""
    spelled = "\n".join(case["setup"] + [case["command"]])

    def mac(match):
        address = match.group()
        random = int(address[:2], 16) & 3 == 2 and address not in spelled
        return "<RANDMAC>" if random else address

    def link_local(match):
        return match.group() if match.group() in spelled else "<LL>"

    return _LINK_LOCAL.sub(link_local, _MAC.sub(mac, text))


class Replay:
    """Runs cases. `prefix` is put before the shell that runs one: `vsctl run --` of a vswitch
    process, or nothing for the host's own kernel."""

    def __init__(self, prefix=(), settle=True):
        self.prefix = [str(arg) for arg in prefix]
        self.settle = settle

    def run(self, case):
        """Returns what differs from the recording as text, empty when nothing does."""
        with tempfile.TemporaryDirectory(prefix="vsw-case-") as directory:
            os.chmod(directory, 0o755)  # some cases run as nobody
            return self._run_in(pathlib.Path(directory), case)

    def _run_in(self, directory, case):
        script = directory / "driver"
        script.write_text(self._script(directory, case))
        tools = directory / "bin"
        tools.mkdir()
        nlraw = tools / "nlraw"
        nlraw.write_text(f'#!/bin/sh\nexec {sys.executable} -I -S {SUPPORT}/nlraw.py "$@"\n')
        nlraw.chmod(0o755)
        env = {"PATH": f"{tools}:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C",
               "DIR": str(directory)}
        isolation = ["unshare", "-n"] + (["-m"] if _names_namespaces(case) else [])
        subprocess.run([*isolation, *self.prefix, "/bin/sh", str(script)], env=env,
                       stdin=subprocess.DEVNULL, timeout=60, check=True)
        return self._compare(directory, case)

    def _script(self, directory, case):
        steps = [(f"setup{i}", command) for i, command in enumerate(case["setup"])]
        steps.append(("command", case["command"]))
        if self.settle and case["settle_s"]:
            steps.append(("settle", f"sleep {case['settle_s']}"))
        steps += [(f"post{i}", post["command"]) for i, post in enumerate(case["post"])]
        names = _OWN_NAMES if _names_namespaces(case) else ""
        return names + _DRIVER + "".join(
            f"step {name} {_quote(_here(command, directory))}\n" for name, command in steps)

    def _compare(self, directory, case):
        differences = []

        def check(step, title, **expected):
            for what, wanted in expected.items():
                got = self._result(directory, step, what, case)
                if got != wanted:
                    differences.append(f"{title}: {what}\n{_diff(wanted, got)}")

        for i, command in enumerate(case["setup"]):
            check(f"setup{i}", f"setup `{command}`", rc="0\n", err="")
        check("command", f"`{case['command']}`", rc=f"{case['kernel_exit']}\n",
              err=case["kernel_stderr"], out=case["kernel_stdout"])
        for i, post in enumerate(case["post"]):
            check(f"post{i}", f"afterwards `{post['command']}`", rc=f"{post['exit']}\n",
                  output=post["output"])
        return "\n".join(differences)

    @staticmethod
    def _result(directory, step, what, case):
        parts = ("out", "err") if what == "output" else (what,)
        text = "".join((directory / f"{step}.{part}").read_text() for part in parts)
        return mask(text, case).replace(str(directory), "/tmp")


def _names_namespaces(case):
    """Whether it needs mounts, which a chroot would refuse."""
    commands = [*case["setup"], case["command"], *(post["command"] for post in case["post"])]
    return any("netns" in command for command in commands)


def _here(command, directory):
    """Scratch files of a recorded command go to the directory of this run, and a monitor gets more
    time to start than it took where it was recorded."""
    return re.sub(r"\bsleep 0\.\d+", "sleep 1", re.sub(r"/tmp\b", str(directory), command))


def _quote(text):
    return "'" + text.replace("'", "'\\''") + "'"


def _diff(wanted, got):
    lines = difflib.unified_diff(wanted.splitlines(), got.splitlines(), "recorded", "got", n=0,
                                 lineterm="")
    return "\n".join("    " + line for line in lines)


def main():
    """`python3 tests/support/rtnl_replay.py [ID…]`: the cases against the host's own kernel."""
    cases = load_cases()
    failed = 0
    for name in sys.argv[1:] or cases:
        if differences := Replay().run(cases[name]):
            failed += 1
            print(f"{name}\n{differences}")
    print(f"{failed} differ")


if __name__ == "__main__":
    main()
