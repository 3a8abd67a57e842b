// SPDX-License-Identifier: BSD-3-Clause
#include "control/neigh_request.h"

#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include <array>
#include <cerrno>

#include "dataplane/errno_status.h"

namespace vswitch {

namespace {

constexpr uint16_t kMaxAddressLength = 32;

using NeighPolicy = std::array<NlPolicy, NDA_MAX + 1>;

// nda_policy
constexpr NeighPolicy MakePolicy() {
  NeighPolicy policy{};
  policy[NDA_UNSPEC].exact_from = NDA_NH_ID;
  policy[NDA_DST] = {.type = NlType::kBinary, .max_len = kMaxAddressLength};
  policy[NDA_LLADDR] = {.type = NlType::kBinary, .max_len = kMaxAddressLength};
  policy[NDA_CACHEINFO] = {.max_len = sizeof(nda_cacheinfo)};
  policy[NDA_VLAN] = {.type = NlType::kU16};
  policy[NDA_PORT] = {.type = NlType::kU16};
  policy[NDA_PROTOCOL] = {.type = NlType::kU8};
  policy[NDA_FDB_EXT_ATTRS] = {.type = NlType::kNested};
  for (const uint16_t type : {NDA_PROBES, NDA_VNI, NDA_IFINDEX, NDA_MASTER, NDA_NH_ID}) {
    policy[type] = {.type = NlType::kU32};
  }
  policy[NDA_FLAGS_EXT] = {.type = NlType::kU32, .mask = NTF_EXT_MANAGED};
  return policy;
}
constexpr NeighPolicy kPolicy = MakePolicy();

}  // namespace

absl::StatusOr<NlAttrs> ParseNeigh(const Request& request, NlParse mode) {
  const Bytes payload = request.message.payload();
  if (payload.size() < sizeof(ndmsg)) return ErrnoStatus(EINVAL, "Invalid header length");
  return ParseAttributes(payload.subspan(sizeof(ndmsg)), NLMSG_LENGTH(sizeof(ndmsg)), kPolicy, mode,
                         &request.ack);
}

}  // namespace vswitch
