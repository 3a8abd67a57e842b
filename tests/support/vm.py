# SPDX-License-Identifier: BSD-3-Clause
"""A real virtual machine (QEMU without KVM) whose network card is a vhost-user socket.

    with Vm("one", vswitch.vhost_path("a"), mac="52:54:00:00:00:01") as vm:
        vm.wait_ready()
        vm.run("ip addr add 10.0.0.1/24 dev eth0 && ip link set eth0 up")
"""

import base64
import json
import pathlib
import shutil
import socket
import tempfile

from support.children import Child, wait_until
from support.guest_image import guest_image
from support.vswitch_process import other_cpus

# Virtio feature bits as /sys/bus/virtio/devices/virtio0/features lists them (virtio 1.1, 5.1.3
# and 6).
FEATURES = {"csum": 0, "guest_csum": 1, "guest_tso4": 7, "guest_tso6": 8, "host_tso4": 11,
            "host_tso6": 12, "mrg_rxbuf": 15, "mq": 22, "indirect_desc": 28, "event_idx": 29,
            "version_1": 32, "ring_packed": 34}


class GuestError(RuntimeError):
    """A command in the guest ended with another status than 0."""


class Vm:
    """Not started until start() or `with`; stop() and kill() leave nothing behind.

    path     the vhost-user socket: vswitch's, or the VM's own with server=True; None: there is no
             network card
    memory   MiB
    options  further properties of the virtio-net-pci device, e.g. {"packed": "on"}
    code_cache  MiB for translated code. With more a reset takes seconds longer, because the kernel
             that boots again overwrites what was translated from its predecessor; a program such
             as Python wants more
    incoming  it does not boot, but waits for another Vm with the same arguments to migrate_to() it
    """

    def __init__(self, name, path, mac=None, queues=1, server=False, reconnect=0, memory=144,
                 cpus=None, options=None, image=None, code_cache=16, incoming=False):
        self.name = name
        self.path = None if path is None else str(path)
        self.mac = mac
        self.queues = queues
        self.server = server
        self.reconnect = reconnect
        self.memory = memory
        self.cpus = other_cpus() if cpus is None else cpus
        self.options = dict(options or {})
        self.code_cache = code_cache
        self.incoming = incoming
        self._image = image
        self._work = None
        self._serial = None
        self._qmp = None
        self._received = b""
        self._token = 0
        self.child = None

    def __enter__(self):
        return self.start()

    def __exit__(self, exc_type, exc, traceback):
        if exc_type:
            print(f"--- console of {self.name} ---\n{self.console()}")
        self.kill()

    def _argv(self, image):
        memory = f"{int(self.memory * 1024)}K"
        return ["qemu-system-x86_64", "-name", self.name,
                "-accel", f"tcg,tb-size={self.code_cache}",
                "-cpu", "max", "-smp", self.queues, "-machine", "q35,memory-backend=mem",
                "-object", f"memory-backend-memfd,id=mem,size={memory},share=on",
                "-m", memory, "-nodefaults", "-no-user-config", "-display", "none",
                "-kernel", image.kernel, "-initrd", image.initramfs,
                "-append", "console=ttyS0 quiet panic=-1",
                "-serial", "stdio",
                "-serial", f"unix:{self._work}/serial,server=on,wait=on",
                "-qmp", f"unix:{self._work}/qmp,server=on,wait=off",
                *(("-incoming", "defer") if self.incoming else ()), *self._network_card()]

    def _network_card(self):
        if self.path is None:
            return []
        chardev = f"socket,id=net,path={self.path}"
        if self.server:
            chardev += ",server=on"
        elif self.reconnect:
            chardev += f",reconnect={self.reconnect}"
        # vectors=0: QEMU 7.2 crashes when a vhost-user device uses MSI-X without KVM.
        device = {"vectors": 0, "romfile": "", "mac": self.mac, **self.options}
        netdev = "vhost-user,id=n,chardev=net"
        if self.queues > 1:
            netdev += f",queues={self.queues}"
            device["mq"] = "on"
        return ["-chardev", chardev, "-netdev", netdev,
                "-device", ",".join(["virtio-net-pci,netdev=n",
                                     *(f"{key}={value}" for key, value in device.items())])]

    def start(self):
        """Powers the machine on; wait_ready() waits until it obeys."""
        image = self._image or guest_image()
        self._work = pathlib.Path(tempfile.mkdtemp(prefix="vm-"))
        self._received = b""
        self.child = Child(self._argv(image), name=f"qemu {self.name}", cpus=self.cpus)
        try:
            self._serial = self._connect("serial")
        except BaseException:
            self.kill()
            raise
        return self

    def _connect(self, name):
        """A connection to one of QEMU's own sockets, as soon as it is there."""
        def attempt():
            if self.child.returncode is not None:
                raise RuntimeError(f"{self.child.name} ended with status {self.child.returncode}:\n"
                                   f"{self.child.output()}")
            connection = socket.socket(socket.AF_UNIX)
            try:
                connection.connect(f"{self._work}/{name}")
                return connection
            except OSError:
                connection.close()
                return None
        return wait_until(attempt, 20, f"{name} socket of {self.child.name}")

    def console(self):
        """What the kernel printed, and QEMU."""
        return self.child.output() if self.child else ""

    def wait_ready(self, timeout=60):
        """Waits until the guest has booted (again)."""
        self._read_until(b"guest ready\n", timeout)
        return self

    def _read_until(self, mark, timeout):
        """Takes everything up to and with `mark` off the serial port."""
        def attempt():
            if mark not in self._received:
                self._receive()
            return mark in self._received
        try:
            wait_until(attempt, timeout, f"{mark!r} from guest {self.name}", interval=0)
        except TimeoutError as error:
            raise TimeoutError(f"{error}\nserial: {self._received[-2000:]!r}\n"
                               f"console:\n{self.console()[-4000:]}") from None
        before, _, self._received = self._received.partition(mark)
        return before

    def _receive(self):
        self._serial.settimeout(0.5)
        try:
            chunk = self._serial.recv(65536)
        except TimeoutError:
            return
        if not chunk:
            raise RuntimeError(f"{self.child.name} is gone:\n{self.console()[-4000:]}")
        self._received += chunk

    def run(self, script, check=True, timeout=30):
        """Runs a shell script in the guest; returns its output, or (status, output) when not
        `check`. The guest kills it after `timeout` seconds (status 137)."""
        token = self._send(script, timeout)
        # The guest kills a slow script itself; being busy it may need a while to say so.
        output = self._read_until(f"{token} ".encode(), timeout + 20).decode(errors="replace")
        status = int(self._read_until(b"\n", 20))
        if not check:
            return status, output
        if status != 0:
            raise GuestError(f"guest {self.name}: {script}\nstatus {status}\n{output}")
        return output

    def _send(self, script, timeout):
        self._token += 1
        token = f"#{self.name}-{self._token}#"
        encoded = base64.b64encode(script.encode()).decode()
        self._serial.settimeout(20)
        self._serial.sendall(f"{token} {timeout} {encoded}\n".encode())
        return token

    def features(self):
        """Names of the virtio features that driver and device agreed on."""
        bits = self.run("cat /sys/bus/virtio/devices/virtio0/features").strip()
        return {name for name, bit in FEATURES.items() if bits[bit] == "1"}

    def configure(self, *addresses, device="eth0"):
        """Gives the network card its addresses (with prefix length) and sets it up."""
        commands = [f"ip addr add {address} dev {device}" for address in addresses]
        self.run(" && ".join(commands + [f"ip link set {device} up"]))

    def ping(self, address, count=3, size=56, timeout=30):
        """Pings until `count` answers in a row came (the first may wait for a link or a neighbour);
        returns ping's output. Raises when an answer is missing."""
        self.run(f"for i in $(seq 20); do ping -c 1 -W 1 {address} >/dev/null && exit 0; done;"
                 f" exit 1", timeout=timeout)
        output = self.run(f"ping -c {count} -i 0.05 -W 3 -s {size} {address}", timeout=timeout)
        if f"{count} packets received" not in output:
            raise GuestError(f"guest {self.name}: answers are missing\n{output}")
        return output

    def reboot(self):
        """Resets the machine as its own kernel would with `reboot -f`; then wait_ready()."""
        self._send("reboot -f", 10)

    def qmp(self, command, **arguments):
        """Runs a QMP command and returns its answer."""
        if self._qmp is None:
            self._qmp = self._connect("qmp").makefile("rw")
            self._qmp.readline()
            self.qmp("qmp_capabilities")
        self._qmp.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
        self._qmp.flush()
        while True:
            answer = json.loads(self._qmp.readline())
            if "event" not in answer:
                break
        if "error" in answer:
            raise RuntimeError(f"QMP {command}: {answer['error']}")
        return answer["return"]

    def migrate_to(self, target):
        """Starts to move the guest into `target`, which is `incoming`; migration() tells how far it
        is."""
        uri = f"unix:{target._work}/incoming"
        target.qmp("migrate-incoming", uri=uri)
        self.qmp("migrate", uri=uri)

    def migration(self):
        return self.qmp("query-migrate")

    def stop(self):
        """Ends QEMU cleanly: it closes the vhost-user connection after saying goodbye."""
        try:
            self.child.stop()
        finally:
            self.kill()

    def kill(self):
        """kill -9 of the whole machine."""
        if self.child is not None:
            self.child.kill()
        for connection in (self._serial, self._qmp):
            if connection is not None:
                connection.close()
        self._serial = self._qmp = None
        if self._work is not None:
            shutil.rmtree(self._work, ignore_errors=True)
            self._work = None
