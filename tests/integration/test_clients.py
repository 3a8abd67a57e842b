# SPDX-License-Identifier: BSD-3-Clause
"""Other people's programs under `vsctl run`, beside the same programs on the host's own kernel."""

import subprocess

import pytest

SETUP = """
ip link add v0 address 02:00:00:00:00:01 type veth peer name v1 address 02:00:00:00:00:02
"""

# What these say does not depend on the version of the kernel.
SCRIPTS = {
    "bridge_link": "bridge link; echo $?; bridge link show dev v0; echo $?; bridge vlan; echo $?",
    "bridge_link_set": "bridge link set dev v0 learning on; echo $?",
    "nl_link_list": "nl-link-list; echo $?; nl-link-list -n v0",
    "nl_link_names": "nl-link-ifindex2name 3; nl-link-name2ifindex v1",
    "nl_link_set": "nl-link-set -n v1 --mtu 1300; nl-link-list -n v1; ip -o link show v1",
    "nl_addr_list": "ip addr add 10.0.0.1/24 dev v0; ip addr add 10.0.1.1/32 dev v1; nl-addr-list",
}

PROGRAMS = {
    "if_nameindex": """
import socket
print(socket.if_nametoindex("v0"), socket.if_indextoname(2), sorted(socket.if_nameindex()))
""",
    "pyroute2_links": """
from pyroute2 import IPRoute, NetlinkError
with IPRoute() as ipr:
    print(sorted(link.get_attr("IFLA_IFNAME") for link in ipr.get_links()))
    ipr.link("add", ifname="p0", kind="veth", peer="p1")
    index = ipr.link_lookup(ifname="p0")[0]
    ipr.link("set", index=index, state="up", mtu=1400)
    link = ipr.get_links(index)[0]
    print(index, link.get_attr("IFLA_MTU"), link["state"])
    try:
        ipr.link("add", ifname="p0", kind="veth", peer="p2")
    except NetlinkError as error:
        print(error.code)
    ipr.link("del", index=index)
    print(len(ipr.get_links()))
""",
    "pyroute2_addr": """
from pyroute2 import IPRoute
with IPRoute() as ipr:
    index = ipr.link_lookup(ifname="v0")[0]
    ipr.addr("add", index=index, address="10.0.0.1", prefixlen=24)
    for address in ipr.get_addr(index=index, family=2):
        print(address.get_attr("IFA_ADDRESS"), address["prefixlen"])
    ipr.addr("delete", index=index, address="10.0.0.1", prefixlen=24)
    print(list(ipr.get_addr(index=index, family=2)))
""",
    "pyroute2_monitor": """
from pyroute2 import IPRoute
with IPRoute() as ipr, IPRoute() as monitor:
    monitor.bind()
    index = ipr.link_lookup(ifname="v0")[0]
    ipr.link("set", index=index, mtu=1300)
    for message in monitor.get():
        print(message["event"], message.get_attr("IFLA_IFNAME"), message.get_attr("IFLA_MTU"))
""",
}


def run(prefix, *argv):
    """Standard output and error, in a network namespace of its own."""
    setup = "".join(f"{line} || exit 99\n" for line in SETUP.strip().splitlines())
    script = setup + 'exec "$@"'
    result = subprocess.run(["unshare", "-n", *map(str, prefix), "/bin/sh", "-c", script, "sh",
                             *argv], capture_output=True, text=True, timeout=60,
                            stdin=subprocess.DEVNULL)
    assert result.returncode != 99, result.stderr
    return result.returncode, result.stdout, result.stderr


def compare(vswitch, *argv):
    expected = run([], *argv)
    assert expected[1] or expected[2], "says nothing even on the kernel"
    assert run(vswitch.vsctl_argv("run", "--"), *argv) == expected


@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS.keys())
def test_script(vswitch, script):
    compare(vswitch, "/bin/sh", "-c", script)


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS.keys())
def test_python(vswitch, program):
    compare(vswitch, "/usr/bin/python3", "-c", program)


SLOW_MONITOR = """
import errno, socket, struct, subprocess
s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
s.bind((0, 1))
mtu = ["link set v0 mtu %d" % (1000 + i % 2) for i in range(20000)]
subprocess.run(["ip", "-batch", "-"], input="\\n".join(mtu), text=True, check=True)
heard, lost, asked = 0, 0, False
s.settimeout(1)
while True:
    try:
        data = s.recv(65536)
    except TimeoutError:
        assert not asked, "what came later is missing, too"
        asked = subprocess.run(["ip", "link", "set", "v0", "mtu", "777"], check=True)
        continue
    except OSError as error:
        assert error.errno == errno.ENOBUFS
        lost += 1
        continue
    heard += 1
    if struct.pack("=HHI", 8, 4, 777) in data:
        break
assert lost >= 1 and 0 < heard < 20000, (lost, heard)
"""


def test_slow_monitor_is_told_that_it_lost_something(vswitch):
    """ENOBUFS, and what comes afterwards is heard again. The kernel's own buffer is smaller."""
    for prefix in ([], vswitch.vsctl_argv("run", "--")):
        assert run(prefix, "/usr/bin/python3", "-c", SLOW_MONITOR) == (0, "", "")
