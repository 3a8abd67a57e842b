# SPDX-License-Identifier: BSD-3-Clause
"""Links in several network namespaces: the same commands on vswitch and on the host's own kernel
say the same, but for what kernels later than 6.1 say otherwise."""

import re
import subprocess

import pytest

from support.beside_kernel import SETTLE

PREPARE = SETTLE + """
mkdir -p /run/netns && mount -t tmpfs none /run/netns && ip netns add n1 && ip netns add n2
"""

SCRIPTS = {
    "ids": """
ip link add v0 type veth peer name v1 netns n1
ip netns list-id; ip netns list; ip -n n1 netns list-id; ip netns list-id target-nsid 0
ip netns list-id nsid 0; ip netns list-id nsid 3
ip netns set n2 9; ip netns set n2 8; ip netns set n1 9; ip netns set n2 auto; ip netns list-id
""",
    "move": """
ip link add a0 type veth peer name a1; ip link set a1 netns n2 name vz; ip -n n2 -o link
ip -n n2 link set vz netns n1; ip -n n1 -o link; ip -o link
ip link set a0 netns 4194303; ip link set a0 netns nosuch; ip link set nosuch netns n1
ip link set a0 netns n1 name vz up; ip -n n1 -o link show vz; ip -n n1 -o link show a0
""",
    "names_in_the_way": """
ip -n n1 link add x0 type veth peer name x1; ip link add x0 type veth peer name y0
ip link set x0 netns n1; ip link set x0 netns n1 name x%d; ip -n n1 -o link
ip link property add dev y0 altname x1; ip link set y0 netns n1; ip -o link show y0
ip link property del dev y0 altname x1; ip link property add dev y0 altname far
ip link set y0 netns n1; ip -n n1 -o link show far; ip -o link show far
""",
    "peers_elsewhere": """
ip link add b0 netns n1 type veth; ip -o link; ip -n n1 -o link
ip link add c0 type veth peer name c1 netns n2; ip -o link; ip -n n2 -o link
ip link add d0 netns n1 type veth peer name d1 netns n2; ip -n n1 -o link; ip -n n2 -o link
ip -n n2 link del d1; ip -n n1 -o link
ip link add e0 netns n1 type veth peer name c0; ip -n n1 -o link
""",
    "attributes_while_moving": """
ip link add v0 type veth peer name v1; ip link set v0 up; ip link set v1 up; settle
ip link set v0 netns n2 address 02:00:00:00:00:77 mtu 1400 alias hello group 5
settle; ip -n n2 -o link; ip -o link; ip -n n2 link set v0 up; settle; ip -n n2 -o link show v0
ip -o link show v1
""",
    "end_of_a_namespace": """
ip link add v0 type veth peer name v1 netns n1; ip -n n1 link add w0 type veth peer name w1 netns n2
ip link set v0 up; ip netns del n1; while ip link show v0 >$DIR/v0 2>&1; do sleep 0.1; done
ip -o link; ip -n n2 -o link; ip netns list-id
ip netns add n1; ip -n n1 -o link; ip link add v0 type veth peer name v1 netns n1; ip -n n1 -o link
""",
    "exec": """
ip netns exec n1 ip link add v0 type veth peer name v1 netns n2
ip netns exec n1 ip -o link; ip netns exec n2 sh -c 'ip -o link; ip link del v1'; ip -n n1 -o link
ip netns exec nosuch true; ip -n nosuch link; ip netns add n1
""",
    "monitor": """
ip -o monitor link > $DIR/here & HERE=$!; ip -o monitor nsid > $DIR/ids & IDS=$!
ip -n n1 -o monitor link > $DIR/there & THERE=$!; sleep 1
ip link add v0 type veth peer name v1; ip link set v0 up; ip link set v1 up
ip link set v1 netns n1; ip -n n1 link del v1; ip link add u0 type veth peer name u1 netns n2
sleep 1; kill $HERE $IDS $THERE; cat $DIR/ids; grep -v UP $DIR/here; cat $DIR/there
""",
    "monitor_of_all": """
ip netns set n1 5; ip -o monitor link all-nsid > $DIR/all & ALL=$!; sleep 1
ip link add v0 type veth peer name v1 netns n1; ip -n n1 link set v1 mtu 1400
ip -n n1 link add d0 type veth; ip -n n2 link add d1 type veth; ip -n n1 link del d0
sleep 1; kill $ALL; cat $DIR/all
""",
}


# How later kernels differ: they have a sentence for some errors, and call an end without carrier
# whose other end is in another namespace DOWN.
LATER = ((r"Error: An interface with the (same name|altname \S+) exists in the target netns\.",
          "RTNETLINK answers: File exists"), ("LOWERLAYERDOWN", "DOWN"))


def run(directory, prefix, script):
    """What the script prints, with errors where they come; in namespaces of its own, processes
    included, so that nothing outlives it."""
    directory.mkdir()
    result = subprocess.run(
        ["unshare", "-n", "-m", "-p", "--fork", "--mount-proc", *map(str, prefix), "/bin/sh", "-c",
         f"exec 2>&1\n{PREPARE}\n[ $? = 0 ] || exit 99\n{script}"],
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C", "DIR": str(directory)},
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    assert result.returncode != 99, result.stdout
    text = re.sub(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}", "<MAC>", result.stdout)
    for pattern, replacement in LATER:
        text = re.sub(pattern, replacement, text)
    return text


@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS.keys())
def test_as_the_kernel(vswitch, tmp_path, script):
    expected = run(tmp_path / "kernel", [], script)
    assert expected.strip()
    assert run(tmp_path / "vswitch", vswitch.vsctl_argv("run", "--"), script) == expected
