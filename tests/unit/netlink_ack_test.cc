// SPDX-License-Identifier: BSD-3-Clause
// Answers: bytes that a Linux kernel sent for the same request.
#include <gtest/gtest.h>

#include <cerrno>

#include "control/netlink.h"
#include "dataplane/errno_status.h"
#include "tests/support/hex.h"

namespace vswitch {
namespace {

constexpr uint32_t kPort = 0x435f;
constexpr char kSetHeader[] = "10000500010000000000000000000000030000000000000000000000";

// The set request of veth end 3 with these attributes.
std::string SetRequest(const std::string& length, const std::string& attrs) {
  return length + "000000" + kSetHeader + attrs;
}

Datagram AckFor(const std::string& request, std::span<const NlPolicy> policy) {
  const Datagram datagram = FromHex(request);
  const NlMessage message = NlReader(datagram).Next().value();
  ExtAck ack;
  const auto attrs =
      ParseAttributes(message.payload().subspan(16), 32, policy, NlParse::kLegacy, &ack);
  return EncodeAck(message, attrs.status(), ack, kPort, false, true);
}

struct AnswerCase {
  const char* what;
  std::string request;
  NlPolicy policy;
  std::string answer;  // after the echoed request
  int error;
};

TEST(EncodeAck, DescribesThePolicyAsLinux) {
  const std::string failed =
      "27000100417474726962757465206661696c656420706f6c6963792076616c69646174696f6e0000"
      "0800020020000000";
  const std::string range =
      "19000100696e7465676572206f7574206f662072616e6765000000000800020020000000";
  const AnswerCase cases[] = {
      {"u32",
       SetRequest("28", "0600010000050000"),
       {NlType::kU32},
       failed + "240004800c00040000000000000000000c000500ffffffff000000000800010004000000",
       ERANGE},
      {"u8",
       SetRequest("24", "04000100"),
       {NlType::kU8},
       failed + "240004800c00040000000000000000000c000500ff000000000000000800010002000000",
       ERANGE},
      {"u32 with a minimum",
       SetRequest("28", "0800010001000000"),
       {NlType::kU32, 0, 193},
       range + "240004800c000400c1000000000000000c000500ffffffff000000000800010004000000",
       ERANGE},
      {"s32 with a minimum",
       SetRequest("28", "08000100ffffffff"),
       {NlType::kS32, 0, 1},
       range + "240004800c00020001000000000000000c000300ffffff7f000000000800010008000000",
       ERANGE},
      {"string",
       SetRequest("24", "04000100"),
       {NlType::kString, 15},
       failed + "14000480080007000f000000080001000b000000",
       ERANGE},
      {"binary",
       SetRequest("28", "0700010061626300"),
       {NlType::kBinary, 2},
       failed + "140004800800070002000000080001000a000000",
       ERANGE},
      {"NUL string without limit",
       SetRequest("28", "0700010061626300"),
       {NlType::kNulString},
       failed + "0c000480080001000c000000",
       EINVAL},
      {"nested",
       SetRequest("28", "0600010061620000"),
       {NlType::kNested},
       failed + "0c000480080001000d000000",
       ERANGE},
      {"rejected", SetRequest("28", "0800010061626364"), {NlType::kReject}, failed, EINVAL},
      {"at least",
       SetRequest("28", "0600010061620000"),
       {NlType::kUnspecified, 32},
       failed,
       ERANGE},
  };
  for (const AnswerCase& answer : cases) {
    const NlPolicy policy[] = {{}, answer.policy};
    const Datagram ack = AckFor(answer.request, policy);
    const size_t echoed = answer.request.size() / 2;
    EXPECT_EQ(ToHex(Bytes(ack).subspan(20, echoed)), answer.request) << answer.what;
    EXPECT_EQ(ToHex(Bytes(ack).subspan(20 + echoed)), answer.answer) << answer.what;
    EXPECT_EQ(ReadStruct<int32_t>(Bytes(ack).subspan(16)), -answer.error) << answer.what;
    const auto header = ReadStruct<nlmsghdr>(ack);
    EXPECT_EQ(header.nlmsg_len, ack.size()) << answer.what;
    EXPECT_EQ(header.nlmsg_flags, NLM_F_ACK_TLVS) << answer.what;
  }
}

TEST(EncodeAck, WholeAnswer) {
  const NlPolicy policy[] = {{}, {}, {}, {NlType::kString, 15}};
  EXPECT_EQ(ToHex(AckFor(SetRequest("24", "04000300"), policy)),
            "7c00000002000002010000005f430000deffffff"
            "240000001000050001000000000000000000000003000000000000000000000004000300"
            "27000100417474726962757465206661696c656420706f6c6963792076616c69646174696f6e0000"
            "080002002000000014000480080007000f000000080001000b000000");
}

class AckTest : public testing::Test {
 protected:
  std::string Ack(const absl::Status& status, const ExtAck& ack, bool cap_ack, bool ext_ack) {
    return ToHex(EncodeAck(message_, status, ack, kPort, cap_ack, ext_ack));
  }
  std::string Done(const absl::Status& status, const ExtAck& ack, bool ext_ack) {
    return ToHex(EncodeDone(message_, status, ack, kPort, ext_ack));
  }

  const std::string request_ = SetRequest("28", "0700030061626300");
  const Datagram datagram_ = FromHex(request_);
  const NlMessage message_ = NlReader(datagram_).Next().value();
};

TEST_F(AckTest, SuccessEchoesTheHeaderOnly) {
  EXPECT_EQ(Ack(absl::OkStatus(), {}, false, true),
            "2400000002000001010000005f43000000000000" + request_.substr(0, 32));
}

TEST_F(AckTest, SuccessLeavesOffsetAndPolicyOut) {
  ExtAck ack;
  ack.offset = 32;
  ack.policy = FromHex("0800010004000000");
  EXPECT_EQ(Ack(absl::OkStatus(), ack, false, true),
            "2400000002000001010000005f43000000000000" + request_.substr(0, 32));
}

TEST_F(AckTest, SuccessWithAWarning) {
  ExtAck ack;
  ack.warning = "abc";
  EXPECT_EQ(
      Ack(absl::OkStatus(), ack, false, true),
      "2c00000002000003010000005f43000000000000" + request_.substr(0, 32) + "0800010061626300");
  EXPECT_EQ(Ack(absl::OkStatus(), ack, false, false),
            "2400000002000001010000005f43000000000000" + request_.substr(0, 32));
}

TEST_F(AckTest, ErrorEchoesTheRequest) {
  EXPECT_EQ(Ack(ErrnoStatus(ENODEV), {}, false, true),
            "3c00000002000000010000005f430000edffffff" + request_);
  EXPECT_EQ(Ack(ErrnoStatus(ENODEV, "abc"), {}, false, true),
            "4400000002000002010000005f430000edffffff" + request_ + "0800010061626300");
  EXPECT_EQ(Ack(ErrnoStatus(ENODEV, "abc"), {}, false, false),
            "3c00000002000000010000005f430000edffffff" + request_);
}

TEST_F(AckTest, CapAckEchoesTheHeaderOfAFailedRequest) {
  EXPECT_EQ(
      Ack(ErrnoStatus(ENODEV, "abc"), {}, true, true),
      "2c00000002000003010000005f430000edffffff" + request_.substr(0, 32) + "0800010061626300");
}

TEST_F(AckTest, ABareErrorCarriesTheWarningOfTheParser) {
  ExtAck ack;
  ack.warning = "abc";
  EXPECT_EQ(Ack(ErrnoStatus(EEXIST), ack, false, true),
            "4400000002000002010000005f430000efffffff" + request_ + "0800010061626300");
}

TEST_F(AckTest, OverlongSentencesAreCut) {
  const Datagram out =
      EncodeAck(message_, ErrnoStatus(EINVAL, std::string(70000, 'x')), {}, kPort, true, true);
  EXPECT_LT(out.size(), 2000u);
  EXPECT_EQ(ReadStruct<nlmsghdr>(out).nlmsg_len, out.size());
}

TEST(EncodeAck, PadsARequestOfOddLength) {
  // SETLINK of an unknown device with three stray bytes, as Linux answered it.
  const Datagram datagram =
      FromHex("2300000013000500010000000000000000000000630000000000000000000000000000");
  const NlMessage message = NlReader(datagram).Next().value();
  ExtAck ack;
  ack.warning = "bytes leftover after parsing attributes";
  EXPECT_EQ(ToHex(EncodeAck(message, ErrnoStatus(ENODEV), ack, kPort, false, true)),
            "6400000002000002010000005f430000edffffff"
            "230000001300050001000000000000000000000063000000000000000000000000000000"
            "2c0001006279746573206c6566746f7665722061667465722070617273696e672061747472696275746573"
            "00");
}

TEST_F(AckTest, DoneCarriesTheErrorOfADump) {
  EXPECT_EQ(Done(absl::OkStatus(), {}, true), "1400000003000200010000005f43000000000000");
  EXPECT_EQ(Done(ErrnoStatus(EINVAL, "abc"), {}, true),
            "1c00000003000202010000005f430000eaffffff0800010061626300");
  EXPECT_EQ(Done(ErrnoStatus(EINVAL, "abc"), {}, false),
            "1400000003000200010000005f430000eaffffff");
  ExtAck ack;
  ack.offset = 32;  // not told in Linux 6.1
  EXPECT_EQ(Done(ErrnoStatus(EINVAL), ack, true), "1400000003000200010000005f430000eaffffff");
}

}  // namespace
}  // namespace vswitch
