# SPDX-License-Identifier: BSD-3-Clause
"""Neighbours, routes, rules and nexthops: the system's unmodified ip against vswitch says what it
says against the kernel.

Each script runs twice, once against the host's own kernel and once through `vsctl run`, both in
network namespaces of their own, and must print the same byte for byte. Left out is what newer
kernels say otherwise than Linux 6.1."""

import random
import re
import subprocess

import pytest

from support.beside_kernel import SETTLE, seeds

# Two pairs whose ends are up, with no IPv6 addresses of their own; `t` says each command and its
# status.
LINKS = SETTLE + """\
exec 2>&1
t() { echo "+ $*"; "$@"; echo "= $?"; }
# An IPv6 address without duplicate detection gets its local route in the background all the same.
settle_local6() {
  for _ in $(seq 50); do
    [ $(ip -6 -o addr | wc -l) -gt $(ip -6 route show table local type local | wc -l) ] || return
    sleep 0.02
  done
}
ip link add v0 address 02:00:00:00:00:01 type veth peer name v1 address 02:00:00:00:00:02
ip link add w0 address 02:00:00:00:00:03 type veth peer name w1 address 02:00:00:00:00:04
for link in v0 v1 w0 w1; do ip link set $link addrgenmode none; done
for link in lo v1 v0 w1 w0; do ip link set $link up; done
settle
"""
ADDRESSES = """\
ip addr add 10.1.0.1/24 brd + dev v0; ip addr add 10.2.0.1/24 dev w0
ip addr add 2001:db8::1/64 dev v0 nodad; ip addr add 2001:db8:1::1/64 dev w0 nodad
settle_local6
"""

# What Linux 6.1 says without a sentence of its own.
SENTENCES_SINCE = {
    "ipv4: Address already assigned": "File exists",
    "ipv6: address already assigned": "File exists",
    "ipv4: Address not found": "Cannot assign requested address",
    "ipv6: address not found": "Cannot assign requested address",
}

LINK_CHANGE = re.compile(r"link set \S+ (up|down)$")
ADDRESS_IN_USE = re.compile(r"addr add \S*:.* nodad")

SAME_AS_KERNEL = {}


def script(name, text):
    SAME_AS_KERNEL[name] = LINKS + text


def run_shell(text, prefix=()):
    result = subprocess.run(["unshare", "-n", *prefix, "/bin/sh", "-c", text],
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True, timeout=120, check=False)
    return re.sub(r"Error: (.*)\.$", lambda match: f"RTNETLINK answers: "
                  f"{SENTENCES_SINCE[match[1]]}" if match[1] in SENTENCES_SINCE else match[0],
                  result.stdout, flags=re.M)


def wait_after(line):
    if LINK_CHANGE.match(line):
        return "settle\n"
    return "settle_local6\n" if ADDRESS_IN_USE.match(line) else ""


def commands(*lines):
    """Each line is one command of `ip`; what Linux does later because of it is waited for."""
    return "".join(f"t ip {line}\n{wait_after(line)}" for line in lines)


script("neighbours", commands(
    "neigh add 10.1.0.9 lladdr 02:00:00:00:00:09 dev v0",
    "neigh add 10.1.0.9 lladdr 02:00:00:00:00:0a dev v0",
    "neigh show dev v0", "-j neigh show dev v0",
    "neigh change 10.1.0.9 lladdr 02:00:00:00:00:0b dev v0 nud reachable", "neigh show dev v0",
    "neigh change 10.1.0.10 lladdr 02:00:00:00:00:0b dev v0", "neigh get 10.1.0.9 dev v0",
    "neigh get 10.1.0.10 dev v0", "neigh del 10.1.0.9 dev v0", "neigh del 10.1.0.9 dev v0",
    "neigh add 10.1.0.9 lladdr 02:00:00 dev v0", "neigh add 10.1.0.9 lladdr 02:00:00:00:00:09",
    "neigh add 10.1.0.11 lladdr 02:00:00:00:00:0b dev v0 extern_learn",
    "neigh add 2001:db8::9 lladdr 02:00:00:00:00:0c dev v0 router",
    "neigh add 10.1.0.12 lladdr 02:00:00:00:00:0c dev v0 protocol static",
    "neigh show to 10.1.0.11", "neigh show to 2001:db8::9", "neigh show to 10.1.0.12",
    "neigh add 10.1.0.40 lladdr 02:00:00:00:00:40 dev lo", "neigh show dev lo"))

script("proxies", commands(
    "neigh add proxy 10.1.0.20 dev v0", "neigh add proxy 10.1.0.21", "neigh show proxy",
    "neigh add proxy 2001:db8::5", "neigh add proxy 2001:db8::5 dev v0", "-6 neigh show proxy",
    "neigh get proxy 10.1.0.20 dev v0", "neigh get proxy 10.1.0.99 dev v0",
    "neigh del proxy 10.1.0.21", "neigh del proxy 10.1.0.21", "link set v0 down",
    "neigh show proxy"))

script("neighbours_flushed", commands(
    "neigh add 10.1.0.9 lladdr 02:00:00:00:00:09 dev v0", "-s neigh flush dev v0",
    "neigh flush dev v0 nud permanent", "neigh show dev v0", "neigh flush dev v0",
    "neigh add 10.1.0.9 lladdr 02:00:00:00:00:09 dev v0",
    "link set v0 address 02:00:00:00:00:11", "neigh show to 10.1.0.0/24",
    "neigh add 10.1.0.9 lladdr 02:00:00:00:00:09 dev v0", "link set v0 down",
    "neigh show to 10.1.0.0/24"))

script("neighbour_tables", commands(
    "ntable change name arp_cache dev v0 retrans 500 gc_stale 1000 queue 7 app_probes 2 "
    "ucast_probes 4 mcast_probes 5 anycast_delay 20 proxy_delay 40 proxy_queue 13 locktime 60",
    "ntable change name ndisc_cache dev v0 retrans 700",
    "-6 ntable change name arp_cache dev v0 retrans 700",
    "ntable change name nosuch dev v0 retrans 700", "ntable change name arp_cache retrans 700",
    "ntable change name arp_cache thresh1 3") +
    "ip ntable show | sed 's/ reachable [0-9]*//'\n" +
    commands("link set v0 mtu 1000", "ntable change name ndisc_cache dev v0 retrans 700"))

script("forwarding_tables", "".join(f"t bridge {line}\n" for line in (
    "fdb add 02:11:22:33:44:55 dev v0", "fdb add 02:11:22:33:44:55 dev v0 self",
    "fdb append 02:11:22:33:44:55 dev v0 self", "fdb add 02:11:22:33:44:56 dev v0 master",
    "fdb add 02:11:22:33:44:57 dev v0 self static", "fdb add 02:11:22:33:44:57 dev v0 self vlan 5",
    "fdb add 02:11:22:33:44:57 dev v0 self vlan 4095", "fdb add 01:00:5e:01:02:03 dev v0 self",
    "fdb add 33:33:00:00:00:01 dev v0 self", "fdb add 01:80:c2:00:00:00 dev v0 self",
    "fdb add 02:11:22:33:44:55 dev lo self", "fdb show dev v0", "-j fdb show dev v0", "fdb show",
    "fdb get 02:11:22:33:44:55 dev v0", "fdb get 02:11:22:33:44:55 dev v0 self",
    "fdb get 02:11:22:33:44:55 br v0", "fdb flush dev v0", "fdb flush dev v0 self",
    "fdb del 02:11:22:33:44:55 dev v0 self", "fdb del 02:11:22:33:44:55 dev v0 self",
    "fdb del 33:33:00:00:00:01 dev v0 self", "fdb show dev v0")) +
    "ip link set v0 down; ip link set v0 up; settle; bridge fdb show dev v0\n"
    "ip -d -o link show dev v0 | grep -o 'promiscuity [0-9]*'\n")

script("routes_of_addresses", commands(
    "addr add 10.1.0.1/24 brd + dev v0", "addr add 10.1.0.2/24 dev v0",
    "addr add 10.1.0.3/32 dev v0", "addr add 10.3.0.1/24 dev v0 metric 77",
    "addr add 10.4.0.1/24 dev v0 noprefixroute", "addr add 10.5.0.1 peer 10.5.0.2/32 dev w0",
    "-4 route show table all", "addr del 10.1.0.1/24 dev v0", "-4 route show table all",
    "addr flush dev v0", "-4 route show table all", "link set w0 down", "-4 route show table all",
    "link set w0 up", "-4 route show table all", "link del w0", "-4 route show table all"))

script("routes", ADDRESSES + commands(
    "route add default via 10.1.0.254", "route add default via 10.1.0.254",
    "route add default via 10.9.0.254", "route add default via 10.1.0.253 metric 100",
    "route append default via 10.1.0.252", "route prepend default via 10.1.0.251",
    "route replace default via 10.1.0.250", "route change 10.77.0.0/16 via 10.1.0.250",
    "route", "-d route", "-j route", "-o route",
    "route add 10.6.0.0/16 via 10.1.0.2 mtu 1400 advmss 1300 window 1000 rtt 10ms initcwnd 20 "
    "quickack 1 congctl cubic hoplimit 5",
    "route add 10.7.0.0/16 via 10.1.0.2 src 10.1.0.1",
    "route add 10.7.0.0/17 via 10.1.0.2 src 10.99.0.1", "route add 10.7.0.1/16 via 10.1.0.2",
    "route add 10.8.0.0/16 nexthop via 10.1.0.2 weight 2 nexthop via 10.2.0.2",
    "route add 10.8.1.0/24 nexthop via 10.1.0.2 nexthop via 10.88.1.2",
    "route add 10.9.0.0/16 dev v0 scope link proto static table 100",
    "route add 10.9.0.0/16 via 10.1.0.77 table 1000 tos 0x10",
    "route add 10.10.0.0/16 via 10.200.0.1 dev v0 onlink",
    "route add 10.10.1.0/24 via 10.200.0.1 onlink", "route add 10.10.2.0/24 via 10.1.0.1",
    "route add 10.10.3.0/24 via 10.1.0.255", "route add 10.10.4.0/24 via inet6 fe80::5 dev v0",
    "route add 10.10.5.0/24 dev nosuch", "route add local 10.11.0.0/24 dev v0",
    "route add broadcast 10.11.1.255 dev v0", "route add multicast 239.0.0.0/8 dev v0",
    "route add 10.12.0.0/16 dev v0 scope host", "route add 10.12.0.0/16 via 10.1.0.2 dev w0",
    "route add 10.13.0.0/16 via 10.1.0.3 realm 5", "-4 route show table all",
    "route show table 100", "route show table 77", "route show dev w0",
    "-4 route show proto static table all", "route show root 10.8.0.0/16",
    "route show match 10.8.1.1", "route show exact 10.8.0.0/16", "route del 10.8.0.0/16",
    "route del 10.8.0.0/16", "route del default via 10.1.0.99", "route del default",
    "route del default metric 100", "route del 10.6.0.0/16 via 10.1.0.2 mtu 1400",
    "route del 10.7.0.0/16 proto kernel", "route del 10.7.0.0/16 src 10.1.0.1",
    "route del table 55 10.7.0.0/16", "route show", "route flush table main",
    "-4 route show table all"))

script("routes_that_lead_nowhere", ADDRESSES + commands(
    "route add blackhole 10.5.0.0/16", "route add unreachable 10.5.1.0/24",
    "route add prohibit 10.5.2.0/24", "route add throw 10.5.3.0/24",
    "route add blackhole 10.5.4.0/24 dev v0", "route add nat 10.11.0.0/16 dev v0",
    "route show type blackhole", "route get 10.5.0.1", "route get 10.5.1.1",
    "route get 10.5.2.1", "route get 10.5.3.1", "route del blackhole 10.5.1.0/24", "route"))

script("routes_of_links_that_go_down", ADDRESSES + commands(
    "route add 10.6.0.0/16 nexthop via 10.1.0.2 nexthop via 10.2.0.2",
    "route add 10.7.0.0/16 via 10.2.0.2", "link set w1 down",
        "-4 route show table all", "link set w0 down", "-4 route show table all", "link set w1 up",
        "link set w0 up", "-4 route show table all", "link del v0",
                                                     "-4 route show table all"))

script("route_get", ADDRESSES + commands(
    "route add default via 10.1.0.254", "route add 10.9.0.0/16 via 10.2.0.9 mtu 1400",
    *(f"route get {how}{dst}" for dst in (
        "10.1.0.7", "10.1.0.1", "127.0.0.1", "8.8.8.8", "10.9.1.1", "10.1.0.255", "0.0.0.0",
        "255.255.255.255") for how in ("", "fibmatch ")),
    "route get 10.1.0.2 oif w0", "route get 10.1.0.2 from 10.1.0.1",
    "route get 10.1.0.2 from 10.1.0.77", "route get 10.1.0.1 from 10.1.0.2 iif v0",
    "route get 10.1.0.1 iif v0", "route get 10.1.0.1 from 10.1.0.255 iif v0",
    "route get 224.0.0.1 from 10.9.0.9 iif v0", "route get 224.0.0.1 iif v0",
    "route get 224.0.0.1 from 10.1.0.1 iif v0", "route get 239.1.1.1 from 10.1.0.2 iif v0",
    "addr add 239.1.1.1/32 dev v0 autojoin", "route get 239.1.1.1 from 10.1.0.2 iif v0",
    "route get 239.1.1.1 from 10.1.0.2 iif w0", "route get 239.1.1.1 iif v0",
    "route get 9.9.9.9 from 10.1.0.2 iif v0",
    "route get 10.1.0.2 mark 5", "-d route get 10.1.0.2", "route get 10.1.0.2 uid 7",
    "-j route get 10.1.0.2", "route get 10.1.0.2 oif nosuch"))

script("routes6_of_addresses", commands(
    "addr add 2001:db8::1/64 dev v0 nodad", "addr add 2001:db8::2/64 dev v0 nodad",
    "addr add 2001:db8:1::1 peer 2001:db8:1::2/64 dev v0 nodad",
    "addr add 2001:db8:2::1/64 dev v0 nodad noprefixroute",
    "addr add 2001:db8:3::1/64 dev v0 nodad metric 9", "addr add fe80::1/64 dev w0 nodad",
    "-6 route show table all", "addr del 2001:db8::1/64 dev v0", "-6 route",
    "addr del 2001:db8::2/64 dev v0", "addr del 2001:db8:1::1/64 dev v0", "-6 route show table all",
    "link set v1 down",
        "-6 route show table all", "link set v0 down", "-6 route show table all",
        "link set w0 down", "link set w0 up", "-6 route show table all"))

script("routes6", ADDRESSES + commands(
    "-6 route add default via 2001:db8::fe", "-6 route add default via 2001:db8::fe",
    "-6 route add default via fe80::9", "-6 route add default via fe80::9 dev w0 metric 500",
    "-6 route add 2001:db8:2::/48 via 2001:db8::1", "-6 route add 2001:db8:2::/48 via 2001:dead::1",
    "-6 route add 2001:db8:2::/48 via ff02::1",
    "-6 route add 2001:db8:2::/48 via 2001:db8::2 dev w0", "-6 route add 2001:db8:2::/48 dev v0",
    "-6 route add 2001:db8:2::/48 dev w0", "-6 route append 2001:db8:2::/48 dev w0",
    "-6 route replace 2001:db8:2::/48 via 2001:db8::7",
    "-6 route change 2001:db8:77::/48 via 2001:db8::7",
    "-6 route add 2001:db8:3::/48 via 2001:db8::2 mtu 1400 hoplimit 9 pref high",
    "-6 route add unreachable 2001:db8:4::/48", "-6 route add blackhole 2001:db8:5::/48 metric 5",
    "-6 route add prohibit 2001:db8:6::/48", "-6 route add throw 2001:db8:7::/48",
    "-6 route add 2001:db8:8::/48 nexthop via 2001:db8::2 weight 3 nexthop via 2001:db8:1::2",
    "-6 route add 2001:db8:8::/48 nexthop via 2001:db8::2 weight 3 nexthop via 2001:db8:1::2",
    "-6 route add 2001:db8:9::/48 nexthop via 2001:db8::2 nexthop dev w0",
    "-6 route append 2001:db8:8::/48 via 2001:db8::3",
    "-6 route add 2001:db8:a::/48 via 2001:db8::2 table 100",
    "-6 route add local 2001:db8:c::/48 dev lo",
    "-6 route add 2001:db8:d::/48 via 2001:db8::2 src 2001:db8::1",
    "-6 route add 2001:db8:e::/48 via 2001:db8::2 src 2001:db8::99",
    "-6 route add 2001:db8:f::/48 via 2001:beef::1 dev v0 onlink",
    "-6 route add 2001:db8:10::/48 via 2001:db8::2 proto static",
    "-6 route", "-6 route show table all", "-6 -d route show table 100", "-6 route show table 77",
    "-6 -j route", "-6 route show dev w0", "-6 route show proto static",
    "-6 route show type unreachable", "-6 route del 2001:db8:8::/48 via 2001:db8::3", "-6 route",
    "-6 route del 2001:db8:8::/48", "-6 route del 2001:db8:8::/48",
    "-6 route del 2001:db8:5::/48 metric 6", "-6 route del 2001:db8:5::/48",
    "-6 route del default dev w0", "-6 route replace unreachable 2001:db8:3::/48", "-6 route",
    "-6 route flush dev v0", "-6 route"))

script("route_get6", ADDRESSES + commands(
    *(f"-6 route get {how}{dst}" for dst in ("2001:db8::5", "2001:db8::1", "::1", "2001:db8:9::1")
      for how in ("", "fibmatch ")),
    "-6 route get 2001:db8::5 from 2001:db8::1", "-6 route get 2001:db8::5 iif v0",
    "-6 route get 2001:db8::5 oif w0"))

script("sources_of_ipv6", commands(
    "-6 route add default dev v0", "addr add 2001:db8::1/64 dev v0 nodad",
    "addr add 2001:db8::8/64 dev v0 nodad", "-6 route get 2001:db8::9", "-6 route get 2001:db8::7",
    "addr add 2001:db8::6/128 dev v0 nodad", "-6 route get 2001:db8::7",
    "addr add fd00::1/64 dev w0 nodad", "addr add fe80::1/64 dev v0 nodad",
    "-6 route get fd00:1::5", "-6 route get ff02::5 oif v0", "-6 route get ff05::5 oif w0",
    "addr add 2001:db8:1::1/64 dev w0 nodad", "-6 route get ff05::5 oif w0",
    "addr add 2002::5/16 dev v0 nodad", "-6 route get 9000::1", "-6 route get 2002::1",
    "addrlabel add prefix 9000::/4 label 2", "-6 route get 9000::1",
    "addr change 2001:db8::1/64 dev v0 nodad preferred_lft 0", "-6 route get 2001:db8::2",
    "addr add 2001:db8:5::5/128 dev lo", "-6 route get 2001:db8:5::1",
    "addr del 2001:db8::1/64 dev v0", "addr del 2001:db8::8/64 dev v0",
    "addr del 2001:db8::6/128 dev v0", "addr del 2002::5/16 dev v0", "-6 route get 2001:db8::9",
    "-6 route get 9000::1", "-6 route get fd00:1::5", "-6 route get fe80::5 oif v0"))

script("address_labels", commands(
    "addrlabel list", "addrlabel add prefix 2001:db8::/32 label 99",
    "addrlabel add prefix 2001:db8::5/32 label 98", "addrlabel add prefix fd00::/8 dev v0 label 3",
    "addrlabel add prefix fd00::/8 label 2", "addrlabel add prefix ::ffff:10.0.0.0/104 label 4",
    "addrlabel add prefix fd00::/8 dev w1 label 4", "addrlabel list", "-j addrlabel list",
    "addrlabel del prefix fd00::/8 dev v0 label 3", "addrlabel del prefix fd00::/8 dev v0 label 3",
    "addrlabel del prefix fc00::/7", "addrlabel list", "addrlabel flush", "addrlabel list"))

script("multicast_rules", commands(
    "mrule", "-6 mrule", "mrule add iif v0 table 7", "-6 mrule add pref 100 iif v0 blackhole",
    "mrule add from 10.0.0.0/8 pref 5", "mrule", "-6 mrule", "rule", "mrule del pref 5",
    "mrule del pref 5", "mrule", "mroute", "-6 mroute", "mroute show table 5",
    "-6 mroute show table 5"))

script("rules", ADDRESSES + commands(
    "rule", "-6 rule", "-j rule", "rule add from 10.0.0.0/8 table 5",
    "rule add from 10.0.0.0/8 table 5 priority 100",
    "rule add from 10.0.0.0/8 table 5 priority 100",
    "rule add to 10.9.0.0/16 iif v0 prohibit", "rule add oif nosuch table 7 priority 200",
    "rule add fwmark 5/0xff table 300 priority 201", "rule add fwmark 6 goto 32766 priority 202",
    "rule add fwmark 7 goto 999 priority 203", "rule add goto 5 priority 204",
    "rule add uidrange 0-5 table 9 priority 205",
    "rule add ipproto tcp sport 5-6 dport 80 table 9 priority 206",
    "rule add not from 10.0.0.1 table main suppress_prefixlength 0 priority 207",
    "rule add suppress_ifgroup 4 table 5 priority 209",
    "rule add blackhole from 1.2.3.4 priority 210", "rule", "-d rule", "-j rule",
    "route add 10.77.0.0/16 via 10.1.0.2 table 5", "route get 10.77.0.1 from 10.1.0.1",
    "route get 10.77.0.1", "rule del priority 100", "rule del priority 1000",
    "rule del from 10.0.0.0/8", "rule show table 5", "route get 10.77.0.1 from 10.1.0.1",
    "rule flush", "rule", "-6 rule add from 2001:db8::/32 table 5", "-6 rule",
    "rule del table local", "rule"))

script("nexthops", ADDRESSES + commands(
    "nexthop add id 1 via 10.1.0.2 dev v0", "nexthop add id 1 via 10.1.0.2 dev v0",
    "nexthop add via 10.1.0.3 dev v0", "nexthop add id 3 dev v0", "nexthop add id 4 blackhole",
    "nexthop add id 5 via 2001:db8::2 dev v0", "nexthop add id 6 via 10.99.0.1 dev v0",
    "nexthop add id 10 group 1,2/3", "nexthop add id 11 group 1/77", "nexthop add id 11 group 10",
    "nexthop add id 11 group 1/4", "nexthop add id 12 group 5", "nexthop", "-j nexthop",
    "nexthop get id 10", "nexthop get id 99", "nexthop show dev v0", "nexthop show groups",
    "-6 nexthop", "route add 10.50.0.0/16 nhid 1", "route add 10.51.0.0/16 nhid 10",
    "route add 10.52.0.0/16 nhid 4", "route add 10.53.0.0/16 nhid 5",
    "route add 10.54.0.0/16 nhid 99", "-6 route add 2001:db8:50::/48 nhid 5",
    "-6 route add 2001:db8:51::/48 nhid 1", "-6 route add 2001:db8:52::/48 nhid 12", "route",
    "-6 route", "route get 10.50.0.1", "route get 10.52.0.1",
    "nexthop replace id 1 via 10.1.0.9 dev v0", "route",
    "nexthop replace id 10 via 10.1.0.9 dev v0",
    "nexthop replace id 1 group 3", "nexthop replace id 10 group 1", "route", "nexthop del id 1",
    "nexthop", "route", "nexthop del id 44", "link set v1 down",
        "nexthop", "route", "-6 route", "nexthop flush", "nexthop"))

script("resilient_nexthop_groups", ADDRESSES + "".join(
    f"t ip nexthop {line} | sed -E 's/idle_time [0-9.]+//'\n" for line in (
        "add id 1 via 10.1.0.2 dev v0", "add id 2 via 10.1.0.3 dev v0",
        "add id 3 via 10.1.0.4 dev v0", "add id 10 group 1/2 type resilient",
        "add id 10 group 1/2 type resilient buckets 0",
        "add id 10 group 1/2,3 type resilient buckets 8 idle_timer 60 unbalanced_timer 300",
        "add id 11 group 1/2,3 type resilient buckets 5", "add id 12 group 1/2", "show", "-j show",
        "bucket show", "bucket show id 11", "bucket show id 1", "bucket show id 99",
        "bucket show nhid 1", "bucket show dev w0", "bucket get id 10 index 3",
        "bucket get id 10 index 8", "bucket get id 12 index 0", "add id 13 group 10",
        "replace id 12 group 1/2 type resilient buckets 4", "replace id 10 group 1/2",
        "replace id 10 group 1/2 type resilient buckets 16",
        "replace id 10 group 1,3/2/3 type resilient idle_timer 5", "bucket show id 10", "del id 1",
        "bucket show", "show")) +
    commands("route add 10.9.0.0/16 nhid 10", "route show", "route get 10.9.0.1 oif v0",
             "nexthop add id 4 via 10.2.0.2 dev w0", "nexthop add id 5 via 10.2.0.3 dev w0",
             "nexthop add id 20 group 2/4/5 type resilient buckets 8", "link set w0 down",
             "nexthop show") + "ip nexthop bucket show id 20 | sed -E 's/idle_time [0-9.]+//'\n")

MONITORED = LINKS + """\
ip monitor route address neigh rule nexthop > {out} & monitor=$!
sleep 1
""" + ADDRESSES + """\
ip addr add 10.1.0.2/24 dev v0
ip addr add 2001:db8:2::1 peer 2001:db8:2::2/64 dev v0 nodad
ip route add default via 10.1.0.254; ip route replace default via 10.1.0.253
ip route append default via 10.1.0.252; ip route prepend default via 10.1.0.251
ip route del default; ip route add 10.6.0.0/16 nexthop via 10.1.0.7 nexthop via 10.1.0.8
ip -6 route add 2001:db8:8::/48 nexthop via 2001:db8::2 weight 3 nexthop via 2001:db8::4
ip -6 route append 2001:db8:8::/48 via 2001:db8::3
ip -6 route replace 2001:db8:8::/48 via 2001:db8::5
ip -6 route add 2001:db8:8::/48 dev v0 metric 7; ip -6 route del 2001:db8:8::/48 metric 7
ip neigh add 10.1.0.9 lladdr 02:00:00:00:00:09 dev v0
ip neigh change 10.1.0.9 lladdr 02:00:00:00:00:0a dev v0 nud stale
ip neigh del 10.1.0.9 dev v0; ip neigh add 10.1.0.9 lladdr 02:00:00:00:00:09 dev v0
ip rule add table 5 priority 10; ip rule del priority 10
ip nexthop add id 1 via 10.1.0.9 dev v0; ip route add 10.66.0.0/16 nhid 1
ip nexthop replace id 1 via 10.1.0.10 dev v0; ip nexthop del id 1
ip route add 10.10.0.0/16 via 10.1.0.9 src 10.2.0.1
ip addr del 10.2.0.1/24 dev w0; ip addr del 2001:db8::1/64 dev v0; ip addr del 10.1.0.1/24 dev v0
ip -6 route add 2001:db8:9::/48 dev v0
ip link set v1 down; settle; ip link set v0 down; sleep 0.3
kill $monitor
grep -v 33:33: {out}
"""


@pytest.mark.parametrize("text", SAME_AS_KERNEL.values(), ids=SAME_AS_KERNEL.keys())
def test_same_as_kernel(vswitch, text):
    assert run_shell(text, vswitch.vsctl_argv("run", "--")) == run_shell(text)


def test_monitor_same_as_kernel(vswitch, tmp_path):
    text = MONITORED.replace("{out}", str(tmp_path / "out"))
    ours = run_shell(text, vswitch.vsctl_argv("run", "--"))
    assert ours == run_shell(text)
    assert ours.count("\n") > 50


class RandomCommands:
    """Commands about few prefixes, gateways and links, so that they meet."""

    LINKS = ("v0", "w0", "v1", "lo", "nosuch")
    ADDRESSES = ("10.1.0.1/24", "10.1.0.2/24", "10.1.1.1/16", "10.2.0.1/24", "10.3.0.1/32",
                 "2001:db8::1/64", "2001:db8::2/64", "2001:db8:1::1/64", "2001:db8:1::1/48")
    PREFIXES = {4: ("default", "10.0.0.0/8", "10.1.0.0/24", "10.9.0.0/16", "10.9.9.9", "10.1.0.1",
                    "10.9.0.1/16"),
                6: ("default", "2001:db8::/32", "2001:db8::/64", "2001:db8:9::/48",
                    "2001:db8::1", "2001:db8:9::9")}
    GATEWAYS = {4: ("10.1.0.1", "10.1.0.9", "10.2.0.9", "10.9.0.9", "10.1.0.255"),
                6: ("2001:db8::1", "2001:db8::9", "2001:db8:1::9", "2001:db8:9::9", "fe80::9")}
    TYPES = ("", "", "", "", "blackhole", "unreachable", "prohibit", "throw")
    NEIGHBOURS = ("10.1.0.9", "10.1.0.10", "2001:db8::9", "2001:db8::10")
    STATES = ("permanent", "reachable", "stale", "noarp", "none", "failed")
    MACS = ("02:00:00:00:00:09", "02:00:00:00:00:0a")

    def __init__(self, seed):
        self.random = random.Random(seed)

    def pick(self, values):
        return str(self.random.choice(values))

    def maybe(self, text, chance=0.3):
        return text if self.random.random() < chance else ""

    def address(self):
        verb = self.pick(["add", "add", "del"])
        address = self.pick(self.ADDRESSES)
        # Even what needs no detection of duplicates, the kernel does in the background.
        later = " nodad\nsleep 0.2\n: " if ":" in address and verb == "add" else ""
        return f"addr {verb} {address} dev {self.pick(self.LINKS[:3])}{later}"

    def hop(self, family):
        gateway = self.maybe(f" via {self.pick(self.GATEWAYS[family])}", 0.7)
        # Linux 6.1 refuses packets for what is routed to `lo`, newer ones loop.
        links = [link for link in self.LINKS if family == 4 or link != "lo"]
        link = self.maybe(f" dev {self.pick(links)}", 0.4 if gateway else 0.9)
        return gateway + link + self.maybe(" onlink", 0.1 if gateway else 0)

    def route(self):
        family = self.random.choice([4, 6])
        verb = self.pick(["add", "add", "append", "replace", "change", "prepend", "del", "del"])
        kind = self.pick(self.TYPES)
        hop = "" if kind and self.random.random() < 0.9 else self.hop(family)
        if verb != "del" and not kind and self.random.random() < 0.2:
            hop = "".join(f" nexthop via {self.pick(self.GATEWAYS[family])}"
                          f"{self.maybe(' dev v0')}{self.maybe(' weight 3')}" for _ in "ab")
        options = (self.maybe(f" metric {self.pick([0, 5, 1024])}") +
                   self.maybe(f" table {self.pick([100, 300, 'main'])}", 0.2) +
                   self.maybe(f" proto {self.pick(['static', 'kernel', 77])}", 0.2) +
                   self.maybe(" mtu 1400", 0.1))
        return f"-{family} route {verb} {kind} {self.pick(self.PREFIXES[family])}{options}{hop}"

    def neighbour(self):
        verb = self.pick(["add", "add", "replace", "change", "del"])
        lladdr = self.maybe(f" lladdr {self.pick(self.MACS)}", 0.8) if verb != "del" else ""
        state = self.maybe(f" nud {self.pick(self.STATES)}", 0.5) if verb != "del" else ""
        return f"neigh {verb} {self.pick(self.NEIGHBOURS)}{lladdr} dev v0{state}"

    def up_or_down(self):
        return f"link set {self.pick(['v0', 'w0'])} {self.pick(['up', 'up', 'down'])}"

    def get(self):
        family = self.random.choice([4, 6])
        prefix = self.pick(self.PREFIXES[family][1:]).split("/")[0]
        return f"-{family} route get {self.maybe('fibmatch ')}{prefix}"

    def show(self):
        neighbours = self.pick(self.NEIGHBOURS)
        return self.pick(["route show", "-6 route show", "-4 route show table all",
                          "-6 route show table all", f"neigh show to {neighbours} nud all"])

    def script(self, count):
        kinds = [self.address] * 3 + [self.route] * 8 + [self.neighbour] * 3 + \
            [self.get] * 2 + [self.up_or_down, self.show, self.show]
        lines = [self.random.choice(kinds)() for _ in range(count)]
        return LINKS + commands(*lines, "-4 route show table all", "-6 route show table all")


@pytest.mark.parametrize("seed", seeds(4))
def test_random_commands_same_as_kernel(vswitch, seed):
    text = RandomCommands(seed).script(80)
    print(text)
    assert run_shell(text, vswitch.vsctl_argv("run", "--")) == run_shell(text)
