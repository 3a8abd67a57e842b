// SPDX-License-Identifier: BSD-3-Clause
#ifndef VSWITCH_CONTROL_FIB6_SOURCE_H_
#define VSWITCH_CONTROL_FIB6_SOURCE_H_

#include <array>
#include <cstdint>
#include <optional>

#include "control/address_labels.h"
#include "control/device.h"

namespace vswitch {

// Picks the best of IPv6 addresses as source of packets to a destination (RFC 6724, as
// ipv6_dev_get_saddr applies it).
class SourceChoice6 {
 public:
  // `out`: the device they leave through, if that is known. All arguments must outlive this.
  SourceChoice6(const AddressLabels& labels, const IpAddress& dst, const Device* out);

  // All addresses of the device.
  void Consider(const Device& device);
  // Whether only addresses of the device they leave through may be chosen.
  bool only_out() const { return only_out_; }
  // Whether, having seen the addresses of that device, others need not be looked at; but for the
  // destination itself.
  bool settled() const;
  const InetAddress* best() const { return best_; }

 private:
  // One number for each rule, in order: greater is better.
  using Coarse = std::array<int, 5>;  // rules 1 to 5
  using Fine = std::array<int, 3>;    // rules 6 and later, which take longer to tell

  Coarse RateCoarsely(const InetAddress& address, const Device& device) const;
  Fine RateFinely(const InetAddress& address, const Device& device) const;

  const AddressLabels& labels_;
  const IpAddress& dst_;
  const Device* const out_;
  const uint8_t scope_;
  const bool only_out_;
  const uint32_t label_;
  const InetAddress* best_ = nullptr;
  const Device* best_device_ = nullptr;
  Coarse coarse_{};
  std::optional<Fine> fine_;  // of the best, once it was needed
};

}  // namespace vswitch

#endif  // VSWITCH_CONTROL_FIB6_SOURCE_H_
