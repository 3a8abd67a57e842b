// SPDX-License-Identifier: BSD-3-Clause
// What Linux 6.1 answered to raw datagrams that are not about a link, with a veth pair present: v1
// has index 2, v0 index 3.
#include <gtest/gtest.h>

#include <ostream>
#include <string>
#include <vector>

#include "tests/support/hex.h"
#include "tests/support/rtnl_fixture.h"

namespace vswitch {

namespace {

struct FamilyCase {
  const char* name;
  const char* request;
  std::vector<std::string> answers;
  bool strict = false;
};

void PrintTo(const FamilyCase& raw, std::ostream* out) { *out << raw.name; }

const FamilyCase kCases[] = {
    {"bulk-delete-of-routes",
     "1100000019000502010000000000000002",
     {"ERROR len=76 flags=0x200 seq=1 error=-95 msg=\"Bulk delete is not supported\""}},
    {"bulk-delete-of-no-family",
     "1c000000190005020100000000000000000000000000000000000000",
     {"ERROR len=48 flags=0x0 seq=1 error=-95"}},
    {"rule-of-bridges",
     "1c000000200005000100000000000000070000000000000000000000",
     {"ERROR len=80 flags=0x200 seq=1 error=-97 msg=\"Rule family not supported\""}},
    {"nexthop-of-bridges",
     "180000006800050001000000000000000700000000000000",
     {"ERROR len=72 flags=0x200 seq=1 error=-22 msg=\"Invalid address family\""}},
    {"anycast-dump-of-no-family",
     "140000003e000503010000000000000000000000",
     {"ERROR len=40 flags=0x0 seq=1 error=-95"}},
    {"strict-link-dump-inet6",
     "110000001200050301000000000000000a",
     {"DONE len=68 flags=0x202 seq=1 done=-22 msg=\"ipv6: Invalid header for link dump request\""},
     true},
    {"strict-link-dump-inet6-attribute",
     "240000001200050301000000000000000a00000000000000000000000000000004000100",
     {"DONE len=56 flags=0x202 seq=1 done=-22 msg=\"ipv6: Invalid data after header\""},
     true},
    {"strict-link-dump-bridge",
     "1100000012000503010000000000000007",
     {"DONE len=60 flags=0x202 seq=1 done=-22 msg=\"Invalid header for bridge link dump\""},
     true},
    {"strict-link-dump-bridge-attribute",
     "28000000120001030100000000000000070000000000000000000000000000000800010002000000",
     {"DONE len=76 flags=0x202 seq=1 done=-22 msg=\"Unsupported attribute in bridge link dump "
      "request\""},
     true},
    {"link-dump-bridge-short",
     "1400000012000503010000000000000007000000",
     {"DONE len=48 flags=0x202 seq=1 done=0 msg=\"Invalid header length\""}},
    {"link-dump-bridge-attribute",
     "240000001200010301000000000000000700000000000000000000000000000004000300",
     {"DONE len=60 flags=0x202 seq=1 done=0 msg=\"Attribute failed policy validation\""}},
    {"strict-mroute-link-dump",
     "1100000012000503010000000000000080",
     {"DONE len=64 flags=0x202 seq=1 done=-22 msg=\"ipv4: Invalid header for ipmr link dump\""},
     true},
    {"mroute-add",
     "2000000018000500010000000000000080000000000000000000000004000100",
     {"ERROR len=136 flags=0x200 seq=1 error=-34 msg=\"Attribute failed policy validation\" "
      "offs=28 policy(32)"}},
    {"mroute-del-short",
     "1100000019000500010000000000000080",
     {"ERROR len=40 flags=0x0 seq=1 error=-22"}},
    {"mroute-get",
     "1c0000001a0005000100000000000000800000000000000000000000",
     {"ERROR len=48 flags=0x0 seq=1 error=-2"}},
    {"mroute-get-short",
     "110000001a000500010000000000000080",
     {"ERROR len=100 flags=0x200 seq=1 error=-22 msg=\"ipv4: Invalid header for multicast route "
      "get request\""}},
    {"mroute-get-inet6",
     "1c0000001a0005000100000000000000810000000000000000000000",
     {"ERROR len=84 flags=0x200 seq=1 error=-2 msg=\"ipv6: MR table does not exist\""}},
    {"mroute-get-inet6-address",
     "200000001a000500010000000000000081000000000000000000000004000100",
     {"ERROR len=128 flags=0x200 seq=1 error=-34 msg=\"binary attribute size out of range\" "
      "offs=28 policy(24)"}},
    {"strict-mroute-dump",
     "110000001a000503010000000000000080",
     {"DONE len=60 flags=0x202 seq=1 done=-22 msg=\"Invalid header for FIB dump request\""},
     true},
    {"mrule-dump",
     "1c000000220005030100000000000000810000000000000000000000",
     {"type=32 len=60 flags=0x2 seq=1", "DONE len=20 flags=0x2 seq=1 done=0"}},
    {"neigh-dump-short",
     "110000001e000503010000000000000002",
     {"DONE len=48 flags=0x202 seq=1 done=0 msg=\"Invalid header length\""}},
    {"strict-netconf-dump-short",
     "1100000052000503010000000000000002",
     {"DONE len=80 flags=0x202 seq=1 done=-22 msg=\"ipv4: Invalid data after header in netconf "
      "dump request\""},
     true},
    {"neigh-nexthop-size",
     "300000001c0005000100000000000000020000000300000080000000080001000a01000909000d000200000000000"
     "000",
     {"ERROR len=144 flags=0x200 seq=1 error=-22 msg=\"invalid attribute length\" offs=36 "
      "policy(32)"}},
    {"neigh-nexthop-nested",
     "2c0000001c0005000100000000000000020000000300000080000000080001000a01000908000d8002000000",
     {"ERROR len=140 flags=0x200 seq=1 error=-22 msg=\"NLA_F_NESTED not expected\" offs=36 "
      "policy(32)"}},
    {"neigh-extended-flags",
     "2c0000001c0005000100000000000000020000000300000080000000080001000a01000908000f00ffffffff",
     {"ERROR len=96 flags=0x200 seq=1 error=-22 msg=\"reserved bit set\" offs=36"}},
    {"neigh-state-mask",
     "2c0000001c0005000100000000000000020000000300000080000000080001000a0100090800100002000000",
     {"ERROR len=100 flags=0x200 seq=1 error=-22 msg=\"Unsupported attribute\" offs=36"}},
    {"neigh-protocol-size",
     "280000001c0005000100000000000000020000000300000080000000080001000a01000904000c00",
     {"ERROR len=144 flags=0x200 seq=1 error=-34 msg=\"Attribute failed policy validation\" "
      "offs=36 policy(32)"}},
    {"route-nexthop-size",
     "3800000018000504010000000000000002100000fe03fd0100000000080001000a090000080004000300000009001"
     "e000200000000000000",
     {"ERROR len=152 flags=0x200 seq=1 error=-22 msg=\"invalid attribute length\" offs=44 "
      "policy(32)"}},
    {"addrlabel-add-size",
     "200000004800050001000000000000000a000000000000000000000004000100",
     {"ERROR len=100 flags=0x200 seq=1 error=-34 msg=\"Attribute failed policy validation\" "
      "offs=28"}},
    {"addrlabel-add-nothing",
     "1c0000004800050001000000000000000a0000000000000000000000",
     {"ERROR len=48 flags=0x0 seq=1 error=-22"}},
    {"addrlabel-get-short",
     "110000004a00050001000000000000000a",
     {"ERROR len=92 flags=0x200 seq=1 error=-22 msg=\"ipv6: Invalid header for addrlabel get "
      "request\""}},
    {"strict-addrlabel-dump",
     "200000004a00050301000000000000000a000000000000000000000004000100",
     {"DONE len=88 flags=0x202 seq=1 done=-22 msg=\"ipv6: Invalid data after header for address "
      "label dump request\""},
     true},
    {"addrlabel-dump-of-no-family",
     "200000004a000503010000000000000000000000000000000000000004000100",
     {"ERROR len=52 flags=0x0 seq=1 error=-95"}},
    {"strict-nsid-attribute",
     "1c0000005a0005000100000000000000000000000800050002000000",
     {"ERROR len=104 flags=0x200 seq=1 error=-22 msg=\"Unsupported attribute in peer netns getid "
      "request\""},
     true},
};

class RtnlFamiliesTest : public RtnlTest, public testing::WithParamInterface<FamilyCase> {};

TEST_P(RtnlFamiliesTest, AnswersAsTheKernel) {
  const FamilyCase& raw = GetParam();
  AddVeth("v0", "v1");
  client_.strict_check = raw.strict;
  EXPECT_EQ(Raw(FromHex(raw.request)), raw.answers);
}

std::string CaseName(const testing::TestParamInfo<FamilyCase>& info) {
  std::string name = info.param.name;
  for (char& c : name) {
    if (c == '-') c = '_';
  }
  return name;
}

INSTANTIATE_TEST_SUITE_P(Recorded, RtnlFamiliesTest, testing::ValuesIn(kCases), CaseName);

}  // namespace

}  // namespace vswitch
