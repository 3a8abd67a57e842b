// SPDX-License-Identifier: BSD-3-Clause
#include "control/handler_family.h"

#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <iterator>

namespace vswitch {

namespace {

enum Use : uint8_t { kExecute = 1, kDump = 2, kBoth = 3 };

struct Handler {
  uint8_t family;
  uint16_t type;
  uint8_t use;
};

// What Linux 6.1 registers with rtnl_register. Some of these tables are always empty here, but
// programs that ask for all of them must get an answer.
constexpr Handler kHandlers[] = {
    {AF_UNSPEC, RTM_NEWLINK, kExecute},
    {AF_UNSPEC, RTM_DELLINK, kExecute},
    {AF_UNSPEC, RTM_GETLINK, kBoth},
    {AF_UNSPEC, RTM_SETLINK, kExecute},
    {AF_BRIDGE, RTM_DELLINK, kExecute},
    {AF_BRIDGE, RTM_GETLINK, kDump},
    {AF_BRIDGE, RTM_SETLINK, kExecute},
    {AF_INET6, RTM_GETLINK, kDump},
    {RTNL_FAMILY_IPMR, RTM_GETLINK, kDump},
    {AF_UNSPEC, RTM_NEWLINKPROP, kExecute},
    {AF_UNSPEC, RTM_DELLINKPROP, kExecute},

    {AF_UNSPEC, RTM_GETADDR, kDump},
    {AF_INET, RTM_NEWADDR, kExecute},
    {AF_INET, RTM_DELADDR, kExecute},
    {AF_INET, RTM_GETADDR, kDump},
    {AF_INET6, RTM_NEWADDR, kExecute},
    {AF_INET6, RTM_DELADDR, kExecute},
    {AF_INET6, RTM_GETADDR, kBoth},
    {AF_INET6, RTM_GETMULTICAST, kDump},
    {AF_INET6, RTM_GETANYCAST, kDump},
    {AF_INET6, RTM_NEWADDRLABEL, kExecute},
    {AF_INET6, RTM_DELADDRLABEL, kExecute},
    {AF_INET6, RTM_GETADDRLABEL, kBoth},

    {AF_UNSPEC, RTM_GETROUTE, kDump},
    {AF_INET, RTM_NEWROUTE, kExecute},
    {AF_INET, RTM_DELROUTE, kExecute},
    {AF_INET, RTM_GETROUTE, kBoth},
    {AF_INET6, RTM_NEWROUTE, kExecute},
    {AF_INET6, RTM_DELROUTE, kExecute},
    {AF_INET6, RTM_GETROUTE, kBoth},
    {RTNL_FAMILY_IPMR, RTM_NEWROUTE, kExecute},
    {RTNL_FAMILY_IPMR, RTM_DELROUTE, kExecute},
    {RTNL_FAMILY_IPMR, RTM_GETROUTE, kBoth},
    {RTNL_FAMILY_IP6MR, RTM_GETROUTE, kBoth},

    {AF_UNSPEC, RTM_NEWNEIGH, kExecute},
    {AF_UNSPEC, RTM_DELNEIGH, kExecute},
    {AF_UNSPEC, RTM_GETNEIGH, kBoth},
    {AF_BRIDGE, RTM_NEWNEIGH, kExecute},
    {AF_BRIDGE, RTM_DELNEIGH, kExecute},
    {AF_BRIDGE, RTM_GETNEIGH, kBoth},
    {AF_UNSPEC, RTM_GETNEIGHTBL, kDump},
    {AF_UNSPEC, RTM_SETNEIGHTBL, kExecute},

    {AF_UNSPEC, RTM_NEWRULE, kExecute},
    {AF_UNSPEC, RTM_DELRULE, kExecute},
    {AF_UNSPEC, RTM_GETRULE, kDump},

    {AF_UNSPEC, RTM_GETNETCONF, kDump},
    {AF_INET, RTM_GETNETCONF, kBoth},
    {AF_INET6, RTM_GETNETCONF, kBoth},

    {AF_UNSPEC, RTM_GETSTATS, kBoth},
    {AF_UNSPEC, RTM_SETSTATS, kExecute},
    {AF_UNSPEC, RTM_NEWNSID, kExecute},
    {AF_UNSPEC, RTM_GETNSID, kBoth},

    {AF_UNSPEC, RTM_NEWNEXTHOP, kExecute},
    {AF_UNSPEC, RTM_DELNEXTHOP, kExecute},
    {AF_UNSPEC, RTM_GETNEXTHOP, kBoth},
    {AF_UNSPEC, RTM_GETNEXTHOPBUCKET, kBoth},

    {AF_BRIDGE, RTM_GETMDB, kDump},
    {AF_BRIDGE, RTM_GETVLAN, kDump},
};

bool Registered(uint8_t family, uint16_t type, uint8_t use) {
  return std::any_of(std::begin(kHandlers), std::end(kHandlers), [&](const Handler& handler) {
    return handler.family == family && handler.type == type && (handler.use & use) != 0;
  });
}

}  // namespace

std::optional<uint8_t> HandlerFamily(uint8_t family, uint16_t type, bool dump) {
  const uint8_t use = dump ? kDump : kExecute;
  if (Registered(family, type, use)) return family;
  if (Registered(AF_UNSPEC, type, use)) return AF_UNSPEC;
  return std::nullopt;
}

}  // namespace vswitch
