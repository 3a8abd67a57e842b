// SPDX-License-Identifier: BSD-3-Clause
// What a client may send as IFLA_* and IFLA_INFO_* attributes (net/core/rtnetlink.c of Linux 6.1).
#include <linux/if.h>

#include <array>

#include "control/link_request.h"

namespace vswitch {

namespace {

constexpr uint16_t kMaxAddressLength = 32;  // MAX_ADDR_LEN
constexpr uint16_t kMaxAlias = 255;         // IFALIASZ - 1
constexpr uint16_t kMaxAltName = 127;       // ALTIFNAMSIZ - 1
constexpr uint16_t kMaxPhysItemId = 32;     // MAX_PHYS_ITEM_ID_LEN
constexpr int64_t kMaxTcpHeader = 320;      // MAX_TCP_HEADER of Debian's kernel configuration

using LinkPolicyTable = std::array<NlPolicy, IFLA_ALLMULTI + 1>;

constexpr LinkPolicyTable MakeLinkPolicy() {
  LinkPolicyTable policy{};
  for (const uint16_t type : {IFLA_MTU,
                              IFLA_LINK,
                              IFLA_MASTER,
                              IFLA_TXQLEN,
                              IFLA_WEIGHT,
                              IFLA_NET_NS_PID,
                              IFLA_NET_NS_FD,
                              IFLA_EXT_MASK,
                              IFLA_PROMISCUITY,
                              IFLA_NUM_TX_QUEUES,
                              IFLA_NUM_RX_QUEUES,
                              IFLA_GSO_MAX_SEGS,
                              IFLA_CARRIER_CHANGES,
                              IFLA_EVENT,
                              IFLA_GROUP,
                              IFLA_CARRIER_UP_COUNT,
                              IFLA_CARRIER_DOWN_COUNT,
                              IFLA_MIN_MTU,
                              IFLA_MAX_MTU,
                              IFLA_GRO_MAX_SIZE}) {
    policy[type] = {NlType::kU32};
  }
  for (const uint16_t type : {IFLA_CARRIER, IFLA_OPERSTATE, IFLA_LINKMODE, IFLA_PROTO_DOWN}) {
    policy[type] = {NlType::kU8};
  }
  for (const uint16_t type : {IFLA_LINK_NETNSID, IFLA_TARGET_NETNSID}) {
    policy[type] = {NlType::kS32};
  }
  for (const uint16_t type : {IFLA_LINKINFO, IFLA_VFINFO_LIST, IFLA_VF_PORTS, IFLA_PORT_SELF,
                              IFLA_AF_SPEC, IFLA_XDP, IFLA_PROP_LIST, IFLA_PROTO_DOWN_REASON}) {
    policy[type] = {NlType::kNested};
  }
  for (const uint16_t type :
       {IFLA_PERM_ADDRESS, IFLA_TSO_MAX_SIZE, IFLA_TSO_MAX_SEGS, IFLA_ALLMULTI}) {
    policy[type] = {NlType::kReject};
  }
  for (const uint16_t type : {IFLA_ADDRESS, IFLA_BROADCAST}) {
    policy[type] = {NlType::kBinary, kMaxAddressLength};
  }
  for (const uint16_t type : {IFLA_PHYS_PORT_ID, IFLA_PHYS_SWITCH_ID}) {
    policy[type] = {NlType::kBinary, kMaxPhysItemId};
  }
  policy[IFLA_IFALIAS] = {NlType::kBinary, kMaxAlias};
  policy[IFLA_IFNAME] = {NlType::kString, IFNAMSIZ - 1};
  policy[IFLA_ALT_IFNAME] = {NlType::kString, kMaxAltName};
  policy[IFLA_PARENT_DEV_NAME] = {NlType::kNulString};
  policy[IFLA_MAP] = {NlType::kUnspecified, sizeof(rtnl_link_ifmap)};
  policy[IFLA_GSO_MAX_SIZE] = {NlType::kU32, 0, kMaxTcpHeader + 1};
  policy[IFLA_NEW_IFINDEX] = {NlType::kS32, 0, 1};
  return policy;
}

constexpr LinkPolicyTable kLinkPolicy = MakeLinkPolicy();

constexpr std::array<NlPolicy, IFLA_INFO_SLAVE_DATA + 1> kLinkInfoPolicy = {{
    {},
    {NlType::kString},  // IFLA_INFO_KIND
    {NlType::kNested},  // IFLA_INFO_DATA
    {},                 // IFLA_INFO_XSTATS
    {NlType::kString},  // IFLA_INFO_SLAVE_KIND
    {NlType::kNested},  // IFLA_INFO_SLAVE_DATA
}};

}  // namespace

std::span<const NlPolicy> LinkPolicy() { return kLinkPolicy; }

std::span<const NlPolicy> LinkInfoPolicy() { return kLinkInfoPolicy; }

}  // namespace vswitch
