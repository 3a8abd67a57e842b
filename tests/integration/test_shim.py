# SPDX-License-Identifier: BSD-3-Clause
"""Programs other than ip under `vsctl run`: what they may do with a netlink socket.

Each case is a Python program of its own, run under vsctl with two links, a (index 3) and b (2)."""

import subprocess

import pytest

from support.vswitch_process import VswitchProcess, clients

PRELUDE = """
import array, ctypes, errno, fcntl, os, select, socket, struct, subprocess, sys, threading, time
libc = ctypes.CDLL(None, use_errno=True)
GETLINK, NEWLINK, ERROR, DONE = 18, 16, 2, 3
EPROTONOSUPPORT, SOL_NETLINK = errno.EPROTONOSUPPORT, 270

def netlink(flags=0):
    return socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | flags, 0)

def request(kind=GETLINK, flags=1, index=0, name=None, seq=1):
    body = struct.pack("=BxHiII", 0, 0, index, 0, 0)
    if name is not None:
        text = name.encode() + b"\\0"
        body += struct.pack("=HH", 4 + len(text), 3) + text + b"\\0" * (-len(text) % 4)
    return struct.pack("=IHHII", 16 + len(body), kind, flags, seq, 0) + body

def types(data):
    found = []
    while len(data) >= 16:
        length, kind = struct.unpack_from("=IH", data)
        found.append(kind)
        data = data[(length + 3) & ~3:]
    return found

def error_of(data):
    return -struct.unpack_from("=i", data, 16)[0]

def pid_of(data):
    return struct.unpack_from("=I", data, 12)[0]
"""

CASES = {
    "address_of_a_socket": """
first, second = netlink(), netlink()
assert first.getsockname() == (os.getpid(), 0), first.getsockname()
second.bind((0, 1))
pid, groups = second.getsockname()
assert pid not in (0, os.getpid()) and groups == 1
first.send(request(name="a")); assert pid_of(first.recv(65536)) == os.getpid()
second.send(request(name="a")); assert pid_of(second.recv(65536)) == pid
""",
    "port_id_of_ones_own": """
s = netlink(); s.bind((77, 0))
assert s.getsockname() == (77, 0)
s.send(request(name="a")); assert pid_of(s.recv(65536)) == 77
""",
    "sender_is_the_kernel": """
s = netlink(); s.sendto(request(name="a"), (0, 0))
data, sender = s.recvfrom(65536)
assert sender == (0, 0) and types(data) == [NEWLINK]
s.sendmsg([request(name="a")[:20], request(name="a")[20:]], [], 0, (0, 0))
data, control, flags, sender = s.recvmsg(65536)
assert sender == (0, 0) and not control and types(data) == [NEWLINK]
""",
    "sending_to_another_process_finds_nobody": """
s = netlink()
try: s.sendto(request(name="a"), (12345, 0)); assert False
except ConnectionRefusedError: pass
""",
    "peek_and_truncation": """
s = netlink(); s.send(request(name="a"))
length = s.recv_into(bytearray(1), 1, socket.MSG_PEEK | socket.MSG_TRUNC)
assert length > 1000
data, _, flags, _ = s.recvmsg(16, 0, socket.MSG_PEEK)
assert len(data) == 16 and flags & socket.MSG_TRUNC
assert len(s.recv(65536)) == length
""",
    "answers_are_there_when_send_returns": """
s = netlink(socket.SOCK_NONBLOCK)
for i in range(200):
    s.send(request(index=3 if i % 2 else 4711))
    data = s.recv(65536)
    assert types(data) == ([NEWLINK] if i % 2 else [ERROR])
try: s.recv(1); assert False
except BlockingIOError: pass
""",
    "empty_datagram": """
s = netlink(socket.SOCK_NONBLOCK)
assert s.send(b"") == 0
s.send(request(name="a")); assert types(s.recv(65536)) == [NEWLINK]
""",
    "too_long_a_datagram": """
s = netlink()
try: s.send(bytes(1 << 20)); assert False
except OSError as e: assert e.errno == errno.EMSGSIZE
s.send(request(name="a")); assert types(s.recv(65536)) == [NEWLINK]
""",
    "options": """
s = netlink()
for option in (3, 4, 5, 8, 10, 11, 12):
    assert s.getsockopt(SOL_NETLINK, option) == 0
    s.setsockopt(SOL_NETLINK, option, 1)
    assert s.getsockopt(SOL_NETLINK, option) == 1
for option in (6, 7, 99):
    try: s.setsockopt(SOL_NETLINK, option, 1); assert False
    except OSError as e: assert e.errno == errno.ENOPROTOOPT
assert s.getsockopt(socket.SOL_SOCKET, socket.SO_DOMAIN) == socket.AF_NETLINK
assert s.getsockopt(socket.SOL_SOCKET, socket.SO_PROTOCOL) == 0
assert s.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE) == socket.SOCK_RAW
s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
""",
    "extended_acknowledgement": """
s = netlink()
s.send(request(NEWLINK, 1 | 4 | 0x400, name="x"))
plain = s.recv(65536)
s.setsockopt(SOL_NETLINK, 11, 1)
s.send(request(NEWLINK, 1 | 4 | 0x400, name="x"))
assert b"Unknown device type" in s.recv(65536) and b"Unknown" not in plain
""",
    "notifications": """
s, other = netlink(), netlink(socket.SOCK_NONBLOCK)
other.setsockopt(SOL_NETLINK, 1, 1)
assert other.getsockname()[1] == 1
s.send(request(NEWLINK, 1 | 4, name="a")); s.recv(65536)
info = struct.pack("=BxHiII", 0, 0, 3, 1, 1)
s.send(struct.pack("=IHHII", 32, NEWLINK, 5, 1, 0) + info)
assert error_of(s.recv(65536)) == 0
assert select.select([other], [], [], 5)[0]
assert types(other.recv(65536)) == [NEWLINK]
other.setsockopt(SOL_NETLINK, 2, 1)
assert other.getsockname()[1] == 0
""",
    "dup": """
s = netlink(); copy = os.dup(s.fileno()); name = s.getsockname(); s.close()
t = socket.socket(fileno=copy)
assert t.getsockname() == name
t.send(request(name="a")); assert types(t.recv(65536)) == [NEWLINK]
fcntl_copy = fcntl.fcntl(t.fileno(), fcntl.F_DUPFD_CLOEXEC, 100)
assert fcntl_copy >= 100
u = socket.socket(fileno=fcntl_copy); assert u.getsockname() == name
""",
    "descriptor_put_to_another_use": """
s = netlink(); number = s.fileno()
r, w = os.pipe()
os.dup2(r, number)
os.write(w, b"x")
assert os.read(number, 10) == b"x"
os.close(number)
assert libc.close(s.detach()) == -1
# Closed behind the library's back.
s = netlink(); number = s.detach()
os.closerange(number, number + 1)
libc.close_range(number, number, 0)
plain = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
os.dup2(plain.fileno(), number)
t = socket.socket(fileno=number)
assert t.family == socket.AF_INET
""",
    "no_descriptor_leaks": """
def count(): return len(os.listdir("/proc/self/fd"))
before = count()
for _ in range(50):
    s = netlink(); copy = os.dup(s.fileno()); s.close(); os.close(copy)
    socket.if_nametoindex("a")
assert count() == before
""",
    "fork": """
s = netlink(); parent = s.getsockname()[0]
child = os.fork()
if child == 0:
    own = netlink()
    assert own.getsockname()[0] == os.getpid()
    own.send(request(name="a")); assert types(own.recv(65536)) == [NEWLINK]
    s.send(request(name="b")); assert types(s.recv(65536)) == [NEWLINK]
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
s.send(request(name="a")); assert types(s.recv(65536)) == [NEWLINK]
assert subprocess.run(["true"]).returncode == 0
s.send(request(name="a")); assert types(s.recv(65536)) == [NEWLINK]
""",
    "fork_while_others_send": """
stop = False
def work():
    s = netlink()
    while not stop:
        s.send(request(name="a")); assert types(s.recv(65536)) == [NEWLINK]
threads = [threading.Thread(target=work) for _ in range(4)]
for t in threads: t.start()
for _ in range(30):
    child = os.fork()
    if child == 0:
        s = netlink(); s.send(request(name="a")); s.recv(65536); os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
stop = True
for t in threads: t.join()
""",
    "threads": """
failures = []
shared = netlink(); lock = threading.Lock()
def work():
    try:
        for _ in range(100):
            s = netlink(); s.send(request(name="b")); assert types(s.recv(65536)) == [NEWLINK]
            s.close()
            shared.send(request(name="a"))
    except BaseException as e: failures.append(e)
threads = [threading.Thread(target=work) for _ in range(8)]
for t in threads: t.start()
for t in threads: t.join()
assert not failures, failures
for _ in range(800): assert types(shared.recv(65536, socket.MSG_DONTWAIT)) == [NEWLINK]
""",
    "names_and_indexes": """
assert socket.if_nametoindex("a") == 3 and socket.if_indextoname(2) == "b"
assert sorted(socket.if_nameindex()) == [(1, "lo"), (2, "b"), (3, "a")]
for wrong in (lambda: socket.if_nametoindex("nosuch"), lambda: socket.if_indextoname(77)):
    try: wrong(); assert False
    except OSError: pass
libc.if_nametoindex(b"nosuch"); assert ctypes.get_errno() == errno.ENODEV
libc.if_indextoname(77, ctypes.create_string_buffer(16)); assert ctypes.get_errno() == errno.ENXIO
assert libc.if_nametoindex(b"x" * 500) == 0
""",
    "getifaddrs": """
class ifaddrs(ctypes.Structure): pass
ifaddrs._fields_ = [("next", ctypes.POINTER(ifaddrs)), ("name", ctypes.c_char_p),
                    ("flags", ctypes.c_uint), ("addr", ctypes.POINTER(ctypes.c_ubyte * 20)),
                    ("mask", ctypes.c_void_p), ("broad", ctypes.c_void_p),
                    ("data", ctypes.c_void_p)]
head = ctypes.POINTER(ifaddrs)()
assert libc.getifaddrs(ctypes.byref(head)) == 0
found, entry = {}, head
while entry:
    e = entry.contents
    family, _, index = struct.unpack_from("=HHi", bytes(e.addr.contents))
    found[e.name] = (family, index, e.flags)
    entry = e.next
libc.freeifaddrs(head)
assert {n: v[:2] for n, v in found.items()} == {b"lo": (17, 1), b"b": (17, 2), b"a": (17, 3)}
assert found[b"lo"][2] & 8 and found[b"a"][2] & 2
""",
    "interface_ioctls": """
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
def ask(number, name="a", value=b""):
    return fcntl.ioctl(s, number, struct.pack("16s24s", name.encode(), value))
assert struct.unpack_from("i", ask(0x8933), 16)[0] == 3
assert ask(0x8910, "", struct.pack("i", 2))[:2] == b"b\\0"
assert struct.unpack_from("h", ask(0x8913), 16)[0] & 0x1002 == 0x1002
assert struct.unpack_from("i", ask(0x8921), 16)[0] == 1500
assert struct.unpack_from("i", ask(0x8942), 16)[0] == 1000
assert ask(0x8927)[16:24] == struct.pack("=H6s", 1, bytes.fromhex("020000000001"))
for number, error in ((0x8914, errno.EOPNOTSUPP), (0x8922, errno.EOPNOTSUPP),
                      (0x8946, errno.EOPNOTSUPP), (0x8915, errno.EADDRNOTAVAIL)):
    try: ask(number); assert False, hex(number)
    except OSError as e: assert e.errno == error, e
try: ask(0x8933, "nosuch"); assert False
except OSError as e: assert e.errno == errno.ENODEV
""",
    "many_messages_at_once": """
class iovec(ctypes.Structure): _fields_ = [("base", ctypes.c_void_p), ("len", ctypes.c_size_t)]
class msghdr(ctypes.Structure):
    _fields_ = [("name", ctypes.c_void_p), ("namelen", ctypes.c_uint), ("iov", ctypes.c_void_p),
                ("iovlen", ctypes.c_size_t), ("control", ctypes.c_void_p),
                ("controllen", ctypes.c_size_t), ("flags", ctypes.c_int)]
class mmsghdr(ctypes.Structure): _fields_ = [("hdr", msghdr), ("len", ctypes.c_uint)]
data = request(name="a"); buffers = [ctypes.create_string_buffer(data, 4096) for _ in range(3)]
iovs = [iovec(ctypes.addressof(b), len(data)) for b in buffers]
batch = (mmsghdr * 3)(*[mmsghdr(msghdr(iov=ctypes.addressof(v), iovlen=1)) for v in iovs])
s = netlink()
assert libc.sendmmsg(s.fileno(), batch, 3, 0) == 3
assert [m.len for m in batch] == [len(data)] * 3
names = [ctypes.create_string_buffer(12) for _ in range(3)]
for m, v, n in zip(batch, iovs, names):
    v.len = 4096; m.hdr.name = ctypes.addressof(n); m.hdr.namelen = 12
assert libc.recvmmsg(s.fileno(), batch, 3, 0, None) == 3
assert all(m.hdr.namelen == 12 and n.raw[:8] == b"\\x10\\0" + b"\\0" * 6
           for m, n in zip(batch, names))
assert all(types(b.raw[:m.len]) == [NEWLINK] for m, b in zip(batch, buffers))
""",
    "other_protocols_are_the_hosts": """
generic = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 16)
assert generic.getsockopt(socket.SOL_SOCKET, socket.SO_PROTOCOL) == 16
generic.bind((0, 0)); assert generic.getsockname()[0] != 0
""",
    "network_namespace_of_the_moment": """
CLONE_NEWNET = 0x40000000
here = netlink(); home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
assert libc.unshare(CLONE_NEWNET) == 0
there = netlink()
for s, error in ((here, 0), (there, errno.ENODEV)):
    s.send(request(flags=5, name="a"))
    last = s.recv(65536)
    assert (error_of(last) if types(last)[-1] == ERROR else 0) == error
assert [n for _, n in socket.if_nameindex()] == ["lo"]
assert libc.setns(home, CLONE_NEWNET) == 0
assert len(socket.if_nameindex()) == 3
""",
}


def run_python(vswitch, program, **options):
    return subprocess.run(vswitch.vsctl_argv("run", "--", "/usr/bin/python3", "-c", program),
                          capture_output=True, text=True, timeout=60, **options)


@pytest.mark.parametrize("program", CASES.values(), ids=CASES.keys())
def test_program(vswitch, program):
    vswitch.ip("link", "add", "dev", "a", "address", "02:00:00:00:00:01", "type", "veth",
               "peer", "name", "b")
    result = run_python(vswitch, PRELUDE + program)
    assert (result.returncode, result.stderr) == (0, "")


GONE = """
s = netlink()
print("ready", flush=True)
sys.stdin.readline()
assert s.recv(10) == b""
try: s.send(request(name="a")); assert False
except ConnectionRefusedError: pass
try: netlink(); assert False
except OSError as e: assert e.errno == EPROTONOSUPPORT
try: socket.if_nametoindex("lo"); assert False
except OSError as e: pass
"""


def test_server_that_goes_away():
    vswitch = VswitchProcess()
    vswitch.start()
    with subprocess.Popen(vswitch.vsctl_argv("run", "--", "/usr/bin/python3", "-c", PRELUDE + GONE),
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True) as program:
        assert program.stdout.readline() == "ready\n"
        vswitch.stop()
        _, errors = program.communicate("\n", timeout=30)
        assert (program.returncode, errors) == (0, "")


def test_preload_is_added_to(vswitch):
    result = run_python(vswitch, "import os; print(os.environ['LD_PRELOAD'])",
                        env={"LD_PRELOAD": "libm.so.6", "PATH": "/usr/bin"})
    library = clients(vswitch.build_dir) / "libvswitch-ip.so"
    assert (result.returncode, result.stdout) == (0, f"{library}:libm.so.6\n")


@pytest.mark.parametrize("arguments, status", [
    (["sh", "-c", "exit 7"], 7), (["sh", "-c", "kill -9 $$"], -9), (["no-such-program"], 127),
    (["ip", "-h"], 255)], ids=lambda value: " ".join(value) if isinstance(value, list) else None)
def test_status_is_the_programs(vswitch, arguments, status):
    result = subprocess.run(vswitch.vsctl_argv("run", "--", *arguments), capture_output=True,
                            timeout=30, check=False)
    assert result.returncode == status


def test_static_programs_are_refused(vswitch, tmp_path):
    source, program = tmp_path / "p.cc", tmp_path / "p"
    source.write_text("int main() {}")
    subprocess.run(["g++", "-static", source, "-o", program], check=True)
    result = subprocess.run(vswitch.vsctl_argv("run", "--", program), capture_output=True,
                            text=True, timeout=30, check=False)
    assert result.returncode == 1
    assert "statically linked" in result.stderr
