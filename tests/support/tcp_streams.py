# SPDX-License-Identifier: BSD-3-Clause
"""TCP connections from a namespace to a guest, every byte of which is accounted for."""

import fcntl
import hashlib
import random
import socket
import struct
import termios
import threading

from support.children import wait_until
from support.ipvlan_parties import in_netns

_CHUNK = 16384


def connect(netns, address, port):
    """As soon as somebody listens there."""
    def attempt():
        try:
            return socket.create_connection((address, port), timeout=60)
        except ConnectionRefusedError:
            return None
    return in_netns(netns.name, lambda: wait_until(attempt, 20, f"a server at port {port}"))


class Echo:
    """A connection to somebody who says what he hears: busy both ways until stop()."""

    def __init__(self, netns, address, port):
        self._connection = connect(netns, address, port)
        self._stopping = threading.Event()
        self._may_talk = threading.Event()
        self._may_talk.set()
        self._talking = threading.Lock()
        self._said, self._heard = hashlib.sha256(), hashlib.sha256()
        self._said_bytes = self._heard_bytes = 0
        self._failures = []
        self._threads = [threading.Thread(target=self._run, args=(work,), daemon=True)
                         for work in (self._talk, self._listen)]
        for thread in self._threads:
            thread.start()

    def _run(self, work):
        try:
            work()
        except OSError as error:
            self._failures.append(error)

    def _talk(self):
        source = random.Random(1)
        while self._may_talk.wait() and not self._stopping.is_set():
            with self._talking:
                if self._may_talk.is_set():
                    self._say(source.randbytes(_CHUNK))
        self._connection.shutdown(socket.SHUT_WR)

    def _say(self, chunk):
        self._said_bytes += len(chunk)
        self._said.update(chunk)
        self._connection.sendall(chunk)

    def _listen(self):
        while chunk := self._connection.recv(_CHUNK):
            self._heard.update(chunk)
            self._heard_bytes += len(chunk)

    def wait_progress(self, octets=1 << 20):
        """Until so many more have come back."""
        goal = self._heard_bytes + octets
        self._wait(lambda: self._heard_bytes >= goal)

    def pause(self):
        """Nothing is said, and everything has come back, until resume()."""
        self._may_talk.clear()
        with self._talking:
            pass  # nothing is half said
        self._wait(lambda: self._heard_bytes == self._said_bytes)

    def resume(self):
        self._may_talk.set()

    def _wait(self, condition):
        wait_until(lambda: self._failures or condition(), 60, "bytes come back")
        assert not self._failures, self._failures

    def stop(self):
        """Everything that was said has come back."""
        self._stopping.set()
        for thread in self._threads:
            thread.join(60)
            assert not thread.is_alive()
        self._connection.close()
        assert not self._failures, self._failures
        assert self._heard.digest() == self._said.digest()


def leave_unread(connection, data):
    """Sends to somebody who does not read, until his machine has acknowledged everything."""
    connection.sendall(data)
    wait_until(lambda: _unacknowledged(connection) == 0, 60, "all bytes are in the guest")


def _unacknowledged(connection):
    return struct.unpack("i", fcntl.ioctl(connection, termios.TIOCOUTQ, b"\0" * 4))[0]
