// SPDX-License-Identifier: BSD-3-Clause
#include "control/link_create.h"

#include <linux/if_link.h>

#include <cerrno>
#include <cstring>
#include <random>

#include "control/link_check.h"
#include "control/operstate.h"
#include "dataplane/errno_status.h"

namespace vswitch {

namespace {

constexpr uint32_t kMaxQueues = 4096;

absl::Status ReadQueues(const NlAttrs& attrs, uint16_t type, const char* sentence,
                        uint32_t& queues) {
  if (attrs.Has(type)) queues = attrs.U32(type);
  const bool valid = queues >= 1 && queues <= kMaxQueues;
  return valid ? absl::OkStatus() : ErrnoStatus(EINVAL, sentence);
}

absl::Status ReadQueues(const NlAttrs& attrs, Device& device) {
  const absl::Status tx = ReadQueues(attrs, IFLA_NUM_TX_QUEUES, "Invalid number of transmit queues",
                                     device.num_tx_queues);
  if (!tx.ok()) return tx;
  return ReadQueues(attrs, IFLA_NUM_RX_QUEUES, "Invalid number of receive queues",
                    device.num_rx_queues);
}

absl::Status ReadMtu(const NlAttrs& attrs, Device& device) {
  if (!attrs.Has(IFLA_MTU)) return absl::OkStatus();
  const absl::Status status = CheckMtu(device, attrs.U32(IFLA_MTU));
  if (status.ok()) device.mtu = attrs.U32(IFLA_MTU);
  return status;
}

void ReadU32(const NlAttrs& attrs, uint16_t type, uint32_t& value) {
  if (attrs.Has(type)) value = attrs.U32(type);
}

// Nothing of this is checked at creation, unlike in a later change.
void ReadUnchecked(const NlAttrs& attrs, Device& device) {
  if (attrs.Has(IFLA_ADDRESS)) device.address = ReadAddress(attrs.Binary(IFLA_ADDRESS));
  if (attrs.Has(IFLA_BROADCAST)) device.broadcast = ReadAddress(attrs.Binary(IFLA_BROADCAST));
  ReadU32(attrs, IFLA_TXQLEN, device.txqlen);
  if (attrs.Has(IFLA_OPERSTATE)) RequestOperState(device, attrs.U8(IFLA_OPERSTATE));
  if (attrs.Has(IFLA_LINKMODE)) device.link_mode = attrs.U8(IFLA_LINKMODE);
  ReadU32(attrs, IFLA_GROUP, device.group);
  ReadU32(attrs, IFLA_GSO_MAX_SIZE, device.gso_max_size);
  ReadU32(attrs, IFLA_GSO_MAX_SEGS, device.gso_max_segs);
  ReadU32(attrs, IFLA_GRO_MAX_SIZE, device.gro_max_size);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Device>> CreateLink(Namespace& ns, const std::string& name,
                                                   const LinkKind& kind, const NlAttrs& attrs,
                                                   ExtAck& ack) {
  auto device = std::make_unique<Device>();
  device->ns = &ns;
  device->kind = &kind;
  device->name = name;
  if (const absl::Status status = ReadQueues(attrs, *device); !status.ok()) return status;
  kind.setup(*device);
  if (const absl::Status status = CheckLinkMessage(device.get(), attrs, ack); !status.ok()) {
    return status;
  }
  if (const absl::Status status = ReadMtu(attrs, *device); !status.ok()) return status;
  ReadUnchecked(attrs, *device);
  return device;
}

MacAddress RandomAddress() {
  static std::mt19937_64 generator{(uint64_t{std::random_device()()} << 32) |
                                   std::random_device()()};
  const uint64_t bits = generator();
  MacAddress address;
  std::memcpy(address.data(), &bits, address.size());
  address[0] = static_cast<uint8_t>((address[0] & 0xfe) | 0x02);
  return address;
}

}  // namespace vswitch
