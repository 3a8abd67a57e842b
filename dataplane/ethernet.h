// SPDX-License-Identifier: BSD-3-Clause
// The Ethernet header of a packet.
#ifndef VSWITCH_DATAPLANE_ETHERNET_H_
#define VSWITCH_DATAPLANE_ETHERNET_H_

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <span>

#include "dataplane/big_endian.h"
#include "dataplane/packet.h"

namespace vswitch {

using EthernetAddress = std::array<uint8_t, 6>;
inline constexpr EthernetAddress kBroadcastAddress = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

// A view; REQUIRES: HasEthernetHeader.
class EthernetView {
 public:
  explicit EthernetView(std::span<const uint8_t> headers) : bytes_(headers.data()) {}

  EthernetAddress destination() const { return AddressAt(0); }
  EthernetAddress source() const { return AddressAt(6); }
  uint16_t ethertype() const { return ReadBe16(bytes_ + 12); }
  // Broadcast is a group, too.
  bool IsForGroup() const { return (bytes_[0] & 1) != 0; }
  bool IsForItself() const { return std::memcmp(bytes_, bytes_ + 6, 6) == 0; }

 private:
  EthernetAddress AddressAt(size_t offset) const {
    EthernetAddress address;
    std::copy_n(bytes_ + offset, address.size(), address.begin());
    return address;
  }

  const uint8_t* bytes_;
};

inline bool HasEthernetHeader(const Packet& packet) {
  return packet.Headers().size() >= kEthernetHeaderSize;
}

// REQUIRES: room for an Ethernet header.
inline void SetAddresses(std::span<uint8_t> headers, const EthernetAddress& destination,
                         const EthernetAddress& source) {
  std::copy(destination.begin(), destination.end(), headers.begin());
  std::copy(source.begin(), source.end(), headers.begin() + 6);
}

}  // namespace vswitch

#endif  // VSWITCH_DATAPLANE_ETHERNET_H_
