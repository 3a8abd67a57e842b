# SPDX-License-Identifier: BSD-3-Clause
"""A numbered stream of UDP datagrams, and the check that all of them arrived once and in order.

    udp_stream.py receive ADDRESS PORT
    udp_stream.py send ADDRESS PORT RATE

Both run until SIGTERM, the receiver until nothing came for a while after it, and then print one
line of JSON."""

import json
import signal
import socket
import struct
import sys
import time

_HEADER = struct.Struct("!QI")  # number, length of the whole payload
_SIZES = (64, 1400, 200, 900)
_SO_RCVBUFFORCE = 33
_SILENCE_S = 2


_stopping = False


def _stop(*_):
    global _stopping
    _stopping = True


def _payload(number):
    size = _SIZES[number % len(_SIZES)]
    filler = bytes([number & 0xff]) * (size - _HEADER.size)
    return _HEADER.pack(number, size) + filler


def send(address, port, rate):
    """Sends `rate` datagrams a second; a late sender catches up in bursts of at most 32."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        # Not connected: that nobody listens yet, or any more, is no error.
        sent, start = 0, time.monotonic()
        while not _stopping:
            due = min(int((time.monotonic() - start) * rate), sent + 32)
            while sent < due:
                sock.sendto(_payload(sent), (address, port))
                sent += 1
            time.sleep(0.001)
        return {"sent": sent}


def receive(address, port):
    result = {"received": 0, "missing": 0, "late": 0, "corrupt": 0}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, 16 << 20)
        sock.bind((address, port))
        sock.settimeout(_SILENCE_S)
        print("receiving", flush=True)
        expected = 0
        while True:
            try:
                data = sock.recv(65536)
            except TimeoutError:
                if _stopping:
                    return result
                continue
            number = _HEADER.unpack_from(data)[0] if len(data) >= _HEADER.size else -1
            if number < 0 or data != _payload(number):
                result["corrupt"] += 1
                continue
            result["received"] += 1
            if number < expected:
                result["late"] += 1
                continue
            result["missing"] += number - expected
            expected = number + 1


def main():
    signal.signal(signal.SIGTERM, _stop)
    role, address, port, *rate = sys.argv[1:]
    if role == "send":
        result = send(address, int(port), int(rate[0]))
    else:
        result = receive(address, int(port))
    # A second SIGTERM must not end the interpreter's shutdown with a failure.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
