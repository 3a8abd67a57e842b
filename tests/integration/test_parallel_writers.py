# SPDX-License-Identifier: BSD-3-Clause
"""Many clients change links at the same time and some are killed: nothing is ever half done, and
who listened knows what there is."""

import os
import subprocess
import sys
import threading

from support.rtnl_client import (
    IFLA_IFNAME, IFLA_MTU, NLMSG_DONE, RTM_DELLINK, RTM_NEWLINK, RtnlClient, attributes, dump_links,
    split)
from support.rtnl_replay import SUPPORT

WRITERS = 24
SECONDS = float(os.environ.get("VSWITCH_STRESS_SECONDS", "4"))
IFLA_LINK = 5
NLMSG_OVERRUN = 4
ADD_MEMBERSHIP, RTNLGRP_LINK = 1, 1


def link_of(payload):
    """(index, what is known about the link) of an RTM_NEWLINK."""
    index = int.from_bytes(payload[4:8], "little")
    attrs = dict(attributes(payload[16:]))
    return index, {"name": attrs[IFLA_IFNAME].rstrip(b"\0").decode(),
                   "flags": int.from_bytes(payload[8:12], "little"),
                   "mtu": int.from_bytes(attrs[IFLA_MTU], "little"),
                   "link": int.from_bytes(attrs.get(IFLA_LINK, b"\0\0\0\0"), "little")}


class Monitor:
    """Hears all about links. Datagrams are only kept; what they say is looked at later."""

    def __init__(self, run_dir):
        self.client = RtnlClient(run_dir, timeout=1)
        self.client.option(ADD_MEMBERSHIP, RTNLGRP_LINK)
        self.heard = []
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._listen)
        self.thread.start()

    def _listen(self):
        while True:
            try:
                self.heard.append(self.client.socket.recv(1 << 16))
            except TimeoutError:
                if self.stopping.is_set():
                    return

    def links(self):
        """Stops when nothing more comes, and returns the links there are by all that was heard."""
        self.stopping.set()
        self.thread.join()
        self.client.close()
        links = {}
        for datagram in self.heard:
            for kind, _, payload in split(datagram):
                assert kind != NLMSG_OVERRUN, "the monitor was too slow"
                if kind == RTM_NEWLINK:
                    index, link = link_of(payload)
                    links[index] = link
                elif kind == RTM_DELLINK:
                    links.pop(link_of(payload)[0])
        return links


def dump(run_dir):
    links = {}
    with RtnlClient(run_dir) as client:
        client.send(dump_links())
        while True:
            for kind, _, payload in client.receive():
                if kind == NLMSG_DONE:
                    return links
                index, link = link_of(payload)
                assert index not in links
                links[index] = link


def test_registry_is_consistent_and_what_a_monitor_saw(vswitch):
    monitor = Monitor(vswitch.run_dir)
    subprocess.run([sys.executable, SUPPORT / "link_writer.py", vswitch.run_dir, str(WRITERS),
                    str(SECONDS)], check=True, timeout=SECONDS + 60)
    heard = monitor.links()
    links = dump(vswitch.run_dir)
    assert len(monitor.heard) > 1000 and len(links) > 10
    assert len({link["name"] for link in links.values()}) == len(links)
    for index, link in links.items():
        if link["name"] == "lo":
            continue
        peer = links[link["link"]]
        assert peer["link"] == index, "half a pair"
        running = link["flags"] & peer["flags"] & 1
        assert (link["flags"] >> 16 & 1) == running, "LOWER_UP is both ends being up"
    del links[1]  # lo: never changed, so never heard of
    for link in heard.values():  # the first one of a pair is announced before it is tied
        link.pop("link")
    for link in links.values():
        link.pop("link")
    assert heard == links
