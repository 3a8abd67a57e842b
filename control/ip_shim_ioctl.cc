// SPDX-License-Identifier: BSD-3-Clause
// Interface ioctls, which work on any socket. Reads are answered by vswitch; changes are refused,
// so that no tool changes a device of the host that happens to have the same name.
#include <linux/sockios.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <cerrno>
#include <cstdarg>
#include <cstring>

#include "control/ip_shim.h"

namespace vswitch::shim {
namespace {

constinit Real<int(int, unsigned long, ...)> real_ioctl("ioctl");

int Fail(int error) {
  errno = error;
  return -1;
}

void FillHardwareAddress(const Link& link, ifreq* request) {
  sockaddr& address = request->ifr_hwaddr;
  memset(&address, 0, sizeof(address));
  address.sa_family = link.type;
  memcpy(address.sa_data, link.address,
         std::min<size_t>(link.address_length, sizeof(address.sa_data)));
}

void FillAnswer(unsigned long number, const Link& link, ifreq* request) {
  switch (number) {
    case SIOCGIFINDEX:
      request->ifr_ifindex = link.index;
      return;
    case SIOCGIFNAME:
      memcpy(request->ifr_name, link.name, sizeof(request->ifr_name));
      return;
    case SIOCGIFFLAGS:
      request->ifr_flags = static_cast<short>(link.flags);
      return;
    case SIOCGIFMTU:
      request->ifr_mtu = static_cast<int>(link.mtu);
      return;
    case SIOCGIFTXQLEN:
      request->ifr_qlen = static_cast<int>(link.txqlen);
      return;
    case SIOCGIFHWADDR:
      return FillHardwareAddress(link, request);
    case SIOCGIFMETRIC:
      request->ifr_metric = 0;
      return;
    default:
      memset(&request->ifr_map, 0, sizeof(request->ifr_map));  // SIOCGIFMAP
  }
}

int ReadLink(unsigned long number, ifreq* request) {
  if (request == nullptr) return Fail(EFAULT);
  char name[IFNAMSIZ];
  memcpy(name, request->ifr_name, sizeof(name));
  name[sizeof(name) - 1] = '\0';
  Link link;
  const int error = number == SIOCGIFNAME ? QueryLink(nullptr, request->ifr_ifindex, &link)
                                          : QueryLink(name, 0, &link);
  if (error != 0) return Fail(error == EINVAL ? ENODEV : error);
  FillAnswer(number, link, request);
  return 0;
}

// SIOCGIFCONF lists interfaces with an IPv4 address.
int ReadNoAddresses(ifconf* list) {
  if (list == nullptr) return Fail(EFAULT);
  list->ifc_len = 0;
  return 0;
}

}  // namespace
}  // namespace vswitch::shim

using namespace vswitch::shim;  // NOLINT: the definition below is C

VSWITCH_SHIM int ioctl(int fd, unsigned long number, ...) noexcept {
  va_list list;
  va_start(list, number);
  void* const argument = va_arg(list, void*);
  va_end(list);
  switch (number) {
    case SIOCGIFINDEX:
    case SIOCGIFNAME:
    case SIOCGIFFLAGS:
    case SIOCGIFMTU:
    case SIOCGIFTXQLEN:
    case SIOCGIFHWADDR:
    case SIOCGIFMETRIC:
    case SIOCGIFMAP:
      return ReadLink(number, static_cast<ifreq*>(argument));
    case SIOCGIFCONF:
      return ReadNoAddresses(static_cast<ifconf*>(argument));
    case SIOCGIFADDR:
    case SIOCGIFDSTADDR:
    case SIOCGIFBRDADDR:
    case SIOCGIFNETMASK:
      return Fail(EADDRNOTAVAIL);
    case SIOCSIFFLAGS:
    case SIOCSIFADDR:
    case SIOCSIFDSTADDR:
    case SIOCSIFBRDADDR:
    case SIOCSIFNETMASK:
    case SIOCSIFMETRIC:
    case SIOCSIFMTU:
    case SIOCSIFNAME:
    case SIOCSIFHWADDR:
    case SIOCSIFHWBROADCAST:
    case SIOCSIFTXQLEN:
    case SIOCSIFMAP:
    case SIOCSIFSLAVE:
    case SIOCADDMULTI:
    case SIOCDELMULTI:
    case SIOCADDRT:
    case SIOCDELRT:
    case SIOCBRADDBR:
    case SIOCBRDELBR:
    case SIOCBRADDIF:
    case SIOCBRDELIF:
    case SIOCETHTOOL:
      return Fail(EOPNOTSUPP);
    default:
      return real_ioctl(fd, number, argument);
  }
}
