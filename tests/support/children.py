# SPDX-License-Identifier: BSD-3-Clause
"""Child processes whose output is read as it comes, and that never outlive the test that started
them."""

import ctypes
import os
import re
import signal
import subprocess
import threading
import time

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


def _die_with_parent():
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def entering(netns):
    """The command that runs the rest of an argv in a named network namespace. Unlike `ip netns
    exec` and `ip -n` it touches no mount, which a chroot would refuse."""
    return ["nsenter", f"--net=/run/netns/{netns}"]


class Child:
    """A process in a session of its own (a terminal's Ctrl-C does not reach it), its standard
    output and error collected line by line."""

    def __init__(self, argv, name=None, cpus=None, stdin=None, env=None, cwd=None, netns=None):
        argv = [str(arg) for arg in argv]
        if cpus is not None:
            argv = ["taskset", "-c", str(cpus)] + argv
        if netns is not None:
            argv = entering(netns) + argv
        self.name = name or os.path.basename(argv[0])
        self._output = b""
        self._changed = threading.Condition()
        self.popen = subprocess.Popen(
            argv, stdin=stdin or subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, env=env, cwd=cwd, start_new_session=True,
            preexec_fn=_die_with_parent)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        while chunk := os.read(self.popen.stdout.fileno(), 65536):
            with self._changed:
                self._output += chunk
                self._changed.notify_all()
        with self._changed:
            self._changed.notify_all()

    @property
    def pid(self):
        return self.popen.pid

    @property
    def returncode(self):
        return self.popen.poll()

    def output(self):
        """Everything printed so far."""
        with self._changed:
            return self._output.decode(errors="replace")

    def offset(self):
        """A place in the output, for wait_for(start=...): what is printed from now on."""
        with self._changed:
            return len(self._output)

    def wait_for(self, pattern, timeout, start=0):
        """Waits until the output from byte `start` matches the regular expression; returns the
        match. Raises RuntimeError when the process ends first, TimeoutError when it takes too
        long; both show the output."""
        regex = re.compile(pattern.encode(), re.MULTILINE)
        deadline = time.monotonic() + timeout
        with self._changed:
            while True:
                match = regex.search(self._output, start)
                if match:
                    return match
                tail = self._output[start:].decode(errors="replace")[-4000:]
                if not self._reader.is_alive():
                    raise RuntimeError(f"{self.name} ended with status {self.popen.wait()} before "
                                       f"printing {pattern!r}:\n{tail}")
                left = deadline - time.monotonic()
                if left <= 0:
                    raise TimeoutError(f"{self.name} did not print {pattern!r} in {timeout} s:\n"
                                       f"{tail}")
                self._changed.wait(min(left, 0.2))

    def wait(self, timeout):
        """Waits for the end and returns the exit status (negative: the signal)."""
        status = self.popen.wait(timeout)
        self._reader.join(timeout=5)
        return status

    def stop(self, timeout=10, sig=signal.SIGTERM):
        """Asks the process to end and returns its exit status; kills it when it does not."""
        if self.popen.poll() is None:
            self.popen.send_signal(sig)
        try:
            return self.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise TimeoutError(f"{self.name} was still there {timeout} s after signal {sig}:\n"
                               f"{self.output()[-4000:]}") from None

    def kill(self):
        """kill -9, and waits until it is gone."""
        if self.popen.poll() is None:
            self.popen.kill()
        return self.wait(10)


def wait_until(condition, timeout, what, interval=0.05):
    """Polls until condition() is truthy and returns its value; TimeoutError names `what`."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= deadline:
            raise TimeoutError(f"not within {timeout} s: {what}")
        time.sleep(interval)
