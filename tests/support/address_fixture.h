// SPDX-License-Identifier: BSD-3-Clause
// Requests about IP addresses, and their answers as text.
#ifndef VSWITCH_TESTS_SUPPORT_ADDRESS_FIXTURE_H_
#define VSWITCH_TESTS_SUPPORT_ADDRESS_FIXTURE_H_

#include <linux/if_addr.h>

#include <optional>
#include <string>
#include <vector>

#include "tests/support/rtnl_fixture.h"

namespace vswitch {

using Lines = std::vector<std::string>;

// What `ip addr add` and its siblings say.
struct Ifa {
  std::string device;
  std::string local;    // "10.0.0.1/24"
  std::string address;  // IFA_ADDRESS, if not the same; "-" for no attribute
  std::string broadcast;
  std::string label;
  uint32_t flags = 0;
  uint8_t scope = 0;
  std::optional<ifa_cacheinfo> lifetimes;  // preferred, valid
  uint32_t metric = 0;
  int32_t ifindex = 0;  // instead of a device
};

ifa_cacheinfo Lifetimes(uint32_t valid, uint32_t preferred);

class AddressTest : public RtnlTest {
 protected:
  using RtnlTest::RtnlTest;
  static constexpr uint16_t kCreate = NLM_F_CREATE | NLM_F_EXCL;
  static constexpr uint16_t kReplace = NLM_F_CREATE | NLM_F_REPLACE;

  // v0 (ifindex 3) and its peer v1 (2), with known MAC addresses.
  void SetUp() override;
  using RtnlTest::SetUp;

  Datagram Request(uint16_t type, uint16_t flags, const Ifa& ifa);
  // The errno of the answer.
  int Add(const Ifa& ifa, uint16_t flags = kCreate) { return Change(RTM_NEWADDR, flags, ifa); }
  int Del(const Ifa& ifa) { return Change(RTM_DELADDR, 0, ifa); }
  int Change(uint16_t type, uint16_t flags, const Ifa& ifa);
  // The addresses of a dump, one line each, such as "v0 10.0.0.1/24 brd 10.0.0.255 label=v0
  // flags=0x80"; scope, peer, metric, lifetimes and protocol are there unless they are the default.
  Lines Show(uint8_t family = AF_UNSPEC);
  // What was told to any group since the last call: addresses as above with "+" or "-" before,
  // links as "link v0 up", netconf as "+netconf v0 inet".
  Lines Told();
};

}  // namespace vswitch

#endif  // VSWITCH_TESTS_SUPPORT_ADDRESS_FIXTURE_H_
