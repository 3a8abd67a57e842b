#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# First process of a test guest. Loads the network driver, then obeys the second serial port: one
# line "TOKEN SECONDS BASE64-OF-A-SHELL-SCRIPT" is answered by the script's output and a line
# "TOKEN STATUS". The first serial port belongs to the kernel.
export PATH=/sbin:/bin
mount -t devtmpfs none /dev
mount -t proc none /proc
mount -t sysfs none /sys
mount -t tmpfs none /tmp
# An IPv6 address can be used at once, not after a second of duplicate address detection.
echo 0 >/proc/sys/net/ipv6/conf/all/accept_dad
echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad
for module in virtio_ring virtio virtio_pci_modern_dev virtio_pci_legacy_dev virtio_pci failover \
    net_failover virtio_net; do
  insmod /lib/modules/$module.ko
done
ip link set lo up
stty -F /dev/ttyS1 raw -echo 115200

obey() {
  exec </dev/ttyS1 >/dev/ttyS1 2>&1
  echo "guest ready"
  while read -r token seconds script; do
    echo "$script" | base64 -d >/tmp/script
    timeout -s KILL "$seconds" sh /tmp/script </dev/null
    echo "$token $?"
  done
}
# Not in the first process, whose children orphans become: when a child ends, busybox's read forgets
# the part of a line that it has. Each timeout leaves an orphan for a second.
obey &
wait
poweroff -f
