// SPDX-License-Identifier: BSD-3-Clause
// What Linux 6.1 answered to raw datagrams, with a veth pair present: v1 has index 2, v0 index 3.
#include <gtest/gtest.h>

#include <ostream>
#include <string>
#include <vector>

#include "tests/support/hex.h"
#include "tests/support/rtnl_fixture.h"

namespace vswitch {

namespace {

enum class Mode { kPlain, kStrict, kCapAck, kNoExtAck };
using enum Mode;

struct RawCase {
  const char* name;
  const char* request;
  std::vector<std::string> answers;
  Mode mode = kPlain;
};

void PrintTo(const RawCase& raw, std::ostream* out) { *out << raw.name; }

const RawCase kCases[] = {
    {"tiny-datagram", "100000001000", {}},
    {"no-request-flag",
     "2000000010000400010000000000000000000000030000000100000001000000",
     {"ERROR len=36 flags=0x100 seq=1 error=0"}},
    {"empty-payload",
     "10000000100005000100000000000000",
     {"ERROR len=36 flags=0x100 seq=1 error=0"}},
    {"short-ifinfomsg",
     "180000001000050001000000000000000000000000000000",
     {"ERROR len=72 flags=0x200 seq=1 error=-22 msg=\"Invalid header length\""}},
    {"newlink-negidx",
     "2000000010000504010000000000000000000000ffffffff0000000000000000",
     {"ERROR len=84 flags=0x200 seq=1 error=-22 msg=\"ifindex can't be negative\""}},
    {"mtu-2bytes",
     "28000000100005000100000000000000000000000300000000000000000000000600040000050000",
     {"ERROR len=144 flags=0x200 seq=1 error=-34 msg=\"Attribute failed policy validation\" "
      "offs=32 policy(32)"}},
    {"mtu-8bytes",
     "2c000000100005000100000000000000000000000300000000000000000000000c000400780500000000"
     "0000",
     {"ERROR len=36 flags=0x100 seq=1 error=0"}},
    {"name-15-nonul",
     "340000001000050001000000000000000000000003000000000000000000000013000300616263646566"
     "6768696a6b6c6d6e6f00",
     {"ERROR len=36 flags=0x100 seq=1 error=0"}},
    {"name-zerolen",
     "240000001000050001000000000000000000000003000000000000000000000004000300",
     {"ERROR len=124 flags=0x200 seq=1 error=-34 msg=\"Attribute failed policy validation\" "
      "offs=32 policy(16)"}},
    {"by-altname-idx0",
     "28000000100005000100000000000000000000000000000001000000010000000700350061610000",
     {"ERROR len=36 flags=0x100 seq=1 error=0"}},
    {"ifname-is-altname",
     "28000000100005000100000000000000000000000000000001000000010000000700030061610000",
     {"ERROR len=36 flags=0x100 seq=1 error=0"}},
    {"change-zero",
     "2000000010000500010000000000000000000000030000000100000000000000",
     {"ERROR len=36 flags=0x100 seq=1 error=0"}},
    {"setlink",
     "2000000013000500010000000000000000000000030000000100000001000000",
     {"ERROR len=36 flags=0x100 seq=1 error=0"}},
    {"setlink-none",
     "2000000013000500010000000000000000000000000000000000000000000000",
     {"ERROR len=52 flags=0x0 seq=1 error=-22"}},
    {"setlink-noidx",
     "2000000013000500010000000000000000000000630000000100000001000000",
     {"ERROR len=52 flags=0x0 seq=1 error=-19"}},
    {"dellink-name",
     "28000000110005000100000000000000000000000000000000000000000000000700030076300000",
     {"ERROR len=36 flags=0x100 seq=1 error=0"}},
    {"dellink-bulk",
     "2000000011000502010000000000000000000000030000000000000000000000",
     {"ERROR len=88 flags=0x200 seq=1 error=-95 msg=\"Bulk delete is not supported\""}},
    {"two-ns",
     "300000001000050001000000000000000000000003000000000000000000000008001c00000000000800"
     "130001000000",
     {"ERROR len=120 flags=0x200 seq=1 error=-22 msg=\"multiple netns identifying attributes "
      "specified\""}},
    {"ns-pid-bad",
     "280000001000050001000000000000000000000003000000000000000000000008001300ffff3f00",
     {"ERROR len=60 flags=0x0 seq=1 error=-3"}},
    {"linknsid-unknown",
     "400000001000050601000000000000000000000000000000000000000000000007000300643500000800"
     "25002a000000100012000900010064756d6d79000000",
     {"ERROR len=120 flags=0x200 seq=1 error=-22 msg=\"Unknown network namespace id\""}},
    {"existing-create-noexcl",
     "340000001000050401000000000000000000000000000000010000000100000007000300763000000c00"
     "12000800010076657468",
     {"ERROR len=36 flags=0x100 seq=1 error=0"}},
    {"existing-excl",
     "340000001000050601000000000000000000000000000000010000000100000007000300763000000c00"
     "12000800010076657468",
     {"ERROR len=72 flags=0x0 seq=1 error=-17"}},
    {"existing-replace",
     "340000001000050501000000000000000000000000000000000000000000000007000300763000000c00"
     "12000800010076657468",
     {"ERROR len=72 flags=0x0 seq=1 error=-95"}},
    {"existing-excl-noflag",
     "2000000010000502010000000000000000000000030000000000000000000000",
     {"ERROR len=52 flags=0x0 seq=1 error=-17"}},
    {"slavedata-nomaster",
     "3c000000100005000100000000000000000000000300000000000000000000001c0012000a0004006272"
     "6964676500000c0005000500010001000000",
     {"ERROR len=80 flags=0x0 seq=1 error=-95"}},
    {"create-unknownkind",
     "340000001000050401000000000000000000000000000000000000000000000007000300643000000c00"
     "12000800010066726f62",
     {"ERROR len=96 flags=0x200 seq=1 error=-95 msg=\"Unknown device type\""}},
    {"veth-peer-short",
     "440000001000050601000000000000000000000000000000000000000000000007000300783000001c00"
     "12000800010076657468100002000c0001000000000000000000",
     {"ERROR len=136 flags=0x200 seq=1 error=-34 msg=\"Attribute failed policy validation\" "
      "offs=56"}},
    {"veth-peer-noname",
     "4c0000001000050601000000000000000000000000000000000000000000000007000300783000002400"
     "12000800010076657468180002001400010000000000000000000000000000000000",
     {"ERROR len=36 flags=0x100 seq=1 error=0"}},
    {"veth-peer-badattr",
     "540000001000050601000000000000000000000000000000000000000000000007000300783000002c00"
     "12000800010076657468200002001c000100000000000000000000000000000000000500040001000000",
     {"ERROR len=188 flags=0x200 seq=1 error=-34 msg=\"Attribute failed policy validation\" "
      "offs=76 policy(32)"}},
    {"addr-40",
     "4c000000100005000100000000000000000000000300000000000000000000002c000100020202020202"
     "02020202020202020202020202020202020202020202020202020202020202020202",
     {"ERROR len=164 flags=0x200 seq=1 error=-34 msg=\"Attribute failed policy validation\" "
      "offs=32 policy(16)"}},
    {"afspec-unknown",
     "2c000000100005000100000000000000000000000300000000000000000000000c001a00080063000000"
     "0000",
     {"ERROR len=64 flags=0x0 seq=1 error=-97"}},
    {"afspec-inet6-badmode",
     "300000001000050001000000000000000000000003000000000000000000000010001a000c000a000500"
     "080009000000",
     {"ERROR len=68 flags=0x0 seq=1 error=-22"}},
    {"attr-len2",
     "28000000100005000100000000000000000000000300000000000000000000000200040001020304",
     {"ERROR len=80 flags=0x300 seq=1 error=0 msg=\"bytes leftover after parsing attributes\""}},
    {"dup-attr",
     "300000001000050001000000000000000000000003000000000000000000000008000400780500000800"
     "0400aa050000",
     {"ERROR len=36 flags=0x100 seq=1 error=0"}},
    {"carrier",
     "28000000100005000100000000000000000000000300000000000000000000000500210001000000",
     {"ERROR len=60 flags=0x0 seq=1 error=-95"}},
    {"get-idx",
     "2000000012000100010000000000000000000000030000000000000000000000",
     {"NEWLINK len=1424 flags=0x0 seq=1 idx=3 type=1 name=v0"}},
    {"get-none",
     "2000000012000100010000000000000000000000000000000000000000000000",
     {"ERROR len=52 flags=0x0 seq=1 error=-22"}},
    {"get-ack",
     "2000000012000500010000000000000000000000030000000000000000000000",
     {"NEWLINK len=1424 flags=0x0 seq=1 idx=3 type=1 name=v0",
      "ERROR len=36 flags=0x100 seq=1 error=0"}},
    {"get-strict-flags",
     "2000000012000100010000000000000000000000030000000100000001000000",
     {"ERROR len=104 flags=0x200 seq=1 error=-22 msg=\"Invalid values in header for get link "
      "request\""},
     kStrict},
    {"dump",
     "2000000012000103010000000000000000000000000000000000000000000000",
     {"NEWLINK len=1400 flags=0x2 seq=1 idx=1 type=772 name=lo",
      "NEWLINK len=1424 flags=0x2 seq=1 idx=2 type=1 name=v1",
      "NEWLINK len=1424 flags=0x2 seq=1 idx=3 type=1 name=v0",
      "DONE len=20 flags=0x2 seq=1 done=0"}},
    {"dump-ack",
     "2000000012000503010000000000000000000000000000000000000000000000",
     {"NEWLINK len=1400 flags=0x2 seq=1 idx=1 type=772 name=lo",
      "NEWLINK len=1424 flags=0x2 seq=1 idx=2 type=1 name=v1",
      "NEWLINK len=1424 flags=0x2 seq=1 idx=3 type=1 name=v0",
      "DONE len=20 flags=0x2 seq=1 done=0"}},
    {"dump-1byte",
     "1100000012000103010000000000000000",
     {"NEWLINK len=1400 flags=0x2 seq=1 idx=1 type=772 name=lo",
      "NEWLINK len=1424 flags=0x2 seq=1 idx=2 type=1 name=v1",
      "NEWLINK len=1424 flags=0x2 seq=1 idx=3 type=1 name=v0",
      "DONE len=20 flags=0x2 seq=1 done=0"}},
    {"dump-strict-idx",
     "2000000012000103010000000000000000000000030000000000000000000000",
     {"DONE len=76 flags=0x202 seq=1 done=-22 msg=\"Filter by device index not supported for link "
      "dumps\""},
     kStrict},
    {"dump-nonstrict-idx",
     "2000000012000103010000000000000000000000030000000000000000000000",
     {"NEWLINK len=1400 flags=0x2 seq=1 idx=1 type=772 name=lo",
      "NEWLINK len=1424 flags=0x2 seq=1 idx=2 type=1 name=v1",
      "NEWLINK len=1424 flags=0x2 seq=1 idx=3 type=1 name=v0",
      "DONE len=20 flags=0x2 seq=1 done=0"}},
    {"dump-strict-flags",
     "2000000012000103010000000000000000000000000000000100000000000000",
     {"DONE len=72 flags=0x202 seq=1 done=-22 msg=\"Invalid values in header for link dump "
      "request\""},
     kStrict},
    {"dump-strict-unknownattr",
     "28000000120001030100000000000000000000000000000000000000000000000800c80061626364",
     {"DONE len=48 flags=0x202 seq=1 done=-22 msg=\"Unknown attribute type\""},
     kStrict},
    {"dump-inet6",
     "200000001200010301000000000000000a000000000000000000000000000000",
     {"NEWLINK len=728 flags=0x2 seq=1 idx=1 type=772 name=lo",
      "NEWLINK len=736 flags=0x2 seq=1 idx=2 type=1 name=v1",
      "NEWLINK len=736 flags=0x2 seq=1 idx=3 type=1 name=v0",
      "DONE len=20 flags=0x2 seq=1 done=0"}},
    {"two-in-one",
     "200000001000050001000000000000000000000003000000010000000100000020000000100005000200"
     "00000000000000000000020000000100000001000000",
     {"ERROR len=36 flags=0x100 seq=1 error=0", "ERROR len=36 flags=0x100 seq=2 error=0"}},
    {"noack-ok", "2000000010000100010000000000000000000000030000000100000001000000", {}},
    {"padding",
     "200000001200010001000000000000000000000003000000000000000000000000000000000000000000"
     "000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
     "000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
     "00000000000000000000000000000000000000000000000000000000000000000000",
     {"NEWLINK len=1424 flags=0x0 seq=1 idx=3 type=1 name=v0"}},
    {"capack",
     "28000000100005000100000000000000000000000300000000000000000000000800040001000000",
     {"ERROR len=72 flags=0x300 seq=1 error=-22 msg=\"mtu less than device minimum\""},
     kCapAck},
    {"noextack",
     "28000000100005000100000000000000000000000300000000000000000000000800040001000000",
     {"ERROR len=60 flags=0x0 seq=1 error=-22"},
     kNoExtAck},
    {"extack",
     "28000000100005000100000000000000000000000300000000000000000000000800040001000000",
     {"ERROR len=96 flags=0x200 seq=1 error=-22 msg=\"mtu less than device minimum\""}},
    {"echo-del",
     "2000000011000d00010000000000000000000000030000000000000000000000",
     {"DELLINK len=624 flags=0x0 seq=1 idx=3 type=1 name=v0",
      "DELLINK len=624 flags=0x0 seq=1 idx=2 type=1 name=v1",
      "ERROR len=36 flags=0x100 seq=1 error=0"}},
    {"altname-none",
     "200000006c000500010000000000000000000000000000000000000000000000",
     {"ERROR len=52 flags=0x0 seq=1 error=-22"}},
    {"newifindex-neg",
     "280000001000050001000000000000000000000003000000000000000000000008003100ffffffff",
     {"ERROR len=132 flags=0x200 seq=1 error=-34 msg=\"integer out of range\" offs=32 policy(32)"}},
    {"linkinfo-empty",
     "2c0000001000050601000000000000000000000000000000000000000000000007000300643000000400"
     "1200",
     {"ERROR len=88 flags=0x200 seq=1 error=-95 msg=\"Unknown device type\""}},
};

class RtnlRawTest : public RtnlTest, public testing::WithParamInterface<RawCase> {};

TEST_P(RtnlRawTest, AnswersAsTheKernel) {
  const RawCase& raw = GetParam();
  AddVeth("v0", "v1");
  if (std::string(raw.name).find("altname") != std::string::npos) {
    RequestBuilder altname(RTM_NEWLINKPROP, NLM_F_ACK, Index(3));
    ASSERT_EQ(Ask(altname.BeginNested(IFLA_PROP_LIST).Str(IFLA_ALT_IFNAME, "aa").End()).error, 0);
  }
  client_.strict_check = raw.mode == kStrict;
  client_.cap_ack = raw.mode == kCapAck;
  client_.ext_ack = raw.mode != kNoExtAck;
  EXPECT_EQ(Raw(FromHex(raw.request)), raw.answers);
}

std::string CaseName(const testing::TestParamInfo<RawCase>& info) {
  std::string name = info.param.name;
  for (char& c : name) {
    if (c == '-') c = '_';
  }
  return name;
}

INSTANTIATE_TEST_SUITE_P(Recorded, RtnlRawTest, testing::ValuesIn(kCases), CaseName);

}  // namespace

}  // namespace vswitch
