// SPDX-License-Identifier: BSD-3-Clause
#include "control/netlink.h"

#include <gtest/gtest.h>

#include <array>
#include <cerrno>

#include "dataplane/errno_status.h"
#include "tests/support/hex.h"

namespace vswitch {
namespace {

Datagram Message(uint16_t type, uint32_t seq, Bytes payload) {
  Datagram out;
  NlWriter writer(out);
  writer.Begin(type, NLM_F_REQUEST, seq, 0);
  writer.PutRaw(payload);
  writer.End();
  return out;
}

std::vector<NlMessage> ReadAll(const Datagram& datagram) {
  std::vector<NlMessage> messages;
  NlReader reader(datagram);
  while (const std::optional<NlMessage> message = reader.Next()) messages.push_back(*message);
  return messages;
}

void Append(Datagram& to, const Datagram& from) { to.insert(to.end(), from.begin(), from.end()); }

// --- Requests in a datagram ---------------------------------------------------------------------

TEST(NlReader, WalksAllRequests) {
  Datagram datagram = Message(16, 1, FromHex("01020304"));
  Append(datagram, Message(17, 2, {}));
  const std::vector<NlMessage> messages = ReadAll(datagram);
  ASSERT_EQ(messages.size(), 2u);
  EXPECT_EQ(messages[0].header.nlmsg_type, 16);
  EXPECT_EQ(ToHex(messages[0].payload()), "01020304");
  EXPECT_EQ(messages[1].header.nlmsg_seq, 2u);
  EXPECT_TRUE(messages[1].payload().empty());
}

TEST(NlReader, StopsAtZeroPadding) {
  Datagram datagram = Message(18, 1, {});
  datagram.resize(datagram.size() + 128);
  EXPECT_EQ(ReadAll(datagram).size(), 1u);
}

TEST(NlReader, StopsAtLengthsThatDoNotFit) {
  EXPECT_TRUE(ReadAll({}).empty());
  EXPECT_TRUE(ReadAll(FromHex("100000001000")).empty());
  for (const uint32_t length : {0u, 15u, 17u, 0x7fffffffu, 0x80000000u, 0xfffffffdu, 0xffffffffu}) {
    Datagram datagram = Message(16, 1, {});
    std::memcpy(datagram.data(), &length, sizeof(length));
    EXPECT_TRUE(ReadAll(datagram).empty()) << length;
  }
}

TEST(NlReader, AdvancesByRoundedLengthButNotBeyondTheEnd) {
  Datagram first = Message(16, 1, FromHex("00"));
  first[0] = 17;  // 16 and 1 byte of payload; padded to 20
  Datagram datagram = first;
  Append(datagram, first);
  datagram.resize(datagram.size() - 3);  // the last request comes without its padding
  const std::vector<NlMessage> messages = ReadAll(datagram);
  ASSERT_EQ(messages.size(), 2u);
  EXPECT_EQ(messages[1].bytes.size(), 17u);
  EXPECT_EQ(messages[1].payload().size(), 1u);
}

TEST(ReadStruct, MissingBytesReadAsZero) {
  EXPECT_EQ(ReadStruct<uint32_t>(FromHex("0102")), 0x0201u);
  EXPECT_EQ(ReadStruct<uint32_t>({}), 0u);
  EXPECT_EQ(ReadStruct<uint16_t>(FromHex("010203")), 0x0201u);
}

// --- Attributes ---------------------------------------------------------------------------------

TEST(ListAttributes, GivesTypeOffsetAndValueInOrder) {
  // Type 3 with one byte (padded), type 4 with the nested bit, type 4 again.
  const Datagram bytes = FromHex(
      "0500030061000000"
      "08000480aabbccdd"
      "04000400");
  const std::vector<NlAttr> list = ListAttributes(bytes, 32);
  ASSERT_EQ(list.size(), 3u);
  EXPECT_EQ(list[0].type, 3);
  EXPECT_EQ(list[0].offset, 32u);
  EXPECT_EQ(ToHex(list[0].value), "61");
  EXPECT_EQ(list[1].type, 4);
  EXPECT_EQ(list[1].offset, 40u);
  EXPECT_EQ(ToHex(list[1].value), "aabbccdd");
  EXPECT_EQ(list[2].offset, 48u);
  EXPECT_TRUE(list[2].value.empty());
}

TEST(ListAttributes, StopsAtTheFirstMalformedOne) {
  EXPECT_EQ(ListAttributes(FromHex("04000100"
                                   "03000200"
                                   "04000300"),
                           0)
                .size(),
            1u);
  EXPECT_EQ(ListAttributes(FromHex("04000100"
                                   "09000200aabbccdd"),
                           0)
                .size(),
            1u);
  EXPECT_EQ(ListAttributes(FromHex("04000100"
                                   "ffff"),
                           0)
                .size(),
            1u);
  EXPECT_EQ(ListAttributes(FromHex("04000100"
                                   "0500020061"),
                           0)
                .size(),
            2u)
      << "unpadded last one";
}

const std::array<NlPolicy, 12> kPolicy = {{
    {},                         // 0
    {NlType::kU8},              // 1
    {NlType::kU16},             // 2
    {NlType::kU32, 0, 193},     // 3
    {NlType::kS32, 0, 1},       // 4
    {NlType::kU64},             // 5
    {NlType::kString, 3},       // 6
    {NlType::kNulString, 3},    // 7
    {NlType::kBinary, 4},       // 8
    {NlType::kNested},          // 9
    {NlType::kReject},          // 10
    {NlType::kUnspecified, 4},  // 11
}};

// Parses one attribute of `type` with this value and says how it was refused: errno, 0 for not.
int ErrnoFor(uint16_t type, const char* value) {
  Datagram bytes;
  NlWriter(bytes).PutBytes(type, FromHex(value));
  ExtAck ack;
  const auto attrs = ParseAttributes(bytes, 0, kPolicy, NlParse::kLegacy, &ack);
  EXPECT_EQ(attrs.ok(), !ack.offset.has_value());
  return ErrnoOf(attrs.status());
}

struct FormCase {
  const char* what;
  uint16_t type;
  const char* value;
  int error;
};

TEST(ParseAttributes, AppliesThePolicyOfEachType) {
  const FormCase cases[] = {
      {"u8", 1, "01", 0},
      {"u8 without a byte", 1, "", ERANGE},
      {"u16 of one byte", 2, "01", ERANGE},
      {"u16 of four bytes", 2, "01000000", 0},
      {"u32 of three bytes", 3, "ffffff", ERANGE},
      {"u32 at its minimum", 3, "c1000000", 0},
      {"u32 below its minimum", 3, "c0000000", ERANGE},
      {"u32 of eight bytes: the first four count", 3, "c000000001000000", ERANGE},
      {"u32 above any int32", 3, "ffffffff", 0},
      {"s32 at its minimum", 4, "01000000", 0},
      {"s32 below its minimum", 4, "00000000", ERANGE},
      {"s32 negative", 4, "ffffffff", ERANGE},
      {"u64 of seven bytes", 5, "01020304050607", ERANGE},
      {"u64", 5, "0102030405060708", 0},
      {"string", 6, "616200", 0},
      {"string without NUL", 6, "616263", 0},
      {"longest string with NUL", 6, "61626300", 0},
      {"string too long", 6, "61626364", ERANGE},
      {"empty string attribute", 6, "", ERANGE},
      {"just a NUL", 6, "00", 0},
      {"only one NUL is free", 6, "6162630000", ERANGE},
      {"NUL string", 7, "616200", 0},
      {"longest NUL string", 7, "61626300", 0},
      {"NUL string without NUL", 7, "6162", EINVAL},
      {"NUL string of no bytes", 7, "", EINVAL},
      {"NUL beyond the limit", 7, "6162636400", EINVAL},
      {"bytes behind the NUL count", 7, "6100616161", ERANGE},
      {"binary", 8, "01020304", 0},
      {"empty binary", 8, "", 0},
      {"binary too long", 8, "0102030405", ERANGE},
      {"empty nest", 9, "", 0},
      {"nest of three bytes", 9, "010203", ERANGE},
      {"nest of four bytes", 9, "04000100", 0},
      {"rejected", 10, "00", EINVAL},
      {"rejected and empty", 10, "", EINVAL},
      {"at least", 11, "01020304", 0},
      {"more than at least", 11, "0102030405", 0},
      {"less than at least", 11, "010203", ERANGE},
  };
  for (const FormCase& form : cases) {
    EXPECT_EQ(ErrnoFor(form.type, form.value), form.error) << form.what;
  }
}

TEST(ParseAttributes, LastOfATypeWinsAndUnknownOnesAreSkipped) {
  const Datagram bytes = FromHex(
      "0600020001000000"
      "0600020002000000"
      "08000c00ffffffff"
      "08000000ffffffff");
  ExtAck ack;
  const auto attrs = ParseAttributes(bytes, 0, kPolicy, NlParse::kLegacy, &ack);
  ASSERT_TRUE(attrs.ok());
  EXPECT_EQ(attrs->U16(2), 2);
  EXPECT_EQ(attrs->Find(2)->offset, 8u);
  EXPECT_FALSE(attrs->Has(0));
  EXPECT_FALSE(attrs->Has(12));
  EXPECT_EQ(attrs->Find(1), nullptr);
  EXPECT_EQ(ack.warning, "");
}

TEST(ParseAttributes, ByteOrderAndNestedBitsAreNoPartOfTheType) {
  const Datagram bytes = FromHex(
      "0600028001000000"
      "0800044002000000");
  ExtAck ack;
  const auto attrs = ParseAttributes(bytes, 0, kPolicy, NlParse::kLegacy, &ack);
  ASSERT_TRUE(attrs.ok());
  EXPECT_EQ(attrs->U16(2), 1);
  EXPECT_EQ(attrs->S32(4), 2);
}

TEST(ParseAttributes, StrictRefusesUnknownTypes) {
  for (const char* hex : {"0600020001000000"
                          "04000c00",
                          "0600020001000000"
                          "04000000"}) {
    ExtAck ack;
    const auto attrs = ParseAttributes(FromHex(hex), 32, kPolicy, NlParse::kStrict, &ack);
    EXPECT_EQ(ErrnoOf(attrs.status()), EINVAL);
    EXPECT_EQ(attrs.status().message(), "Unknown attribute type");
    EXPECT_EQ(ack.offset, 40u);
    EXPECT_TRUE(ack.policy.empty());
  }
}

TEST(ParseAttributes, LeftoverBytesAreAWarningOrAnError) {
  const Datagram bytes = FromHex(
      "0600020001000000"
      "02000400");
  ExtAck ack;
  const auto attrs = ParseAttributes(bytes, 0, kPolicy, NlParse::kLegacy, &ack);
  ASSERT_TRUE(attrs.ok());
  EXPECT_TRUE(attrs->Has(2));
  EXPECT_EQ(ack.warning, "bytes leftover after parsing attributes");

  ExtAck strict;
  const auto refused = ParseAttributes(bytes, 0, kPolicy, NlParse::kStrict, &strict);
  EXPECT_EQ(ErrnoOf(refused.status()), EINVAL);
  EXPECT_EQ(refused.status().message(), "bytes leftover after parsing attributes");
  EXPECT_FALSE(strict.offset.has_value());
}

TEST(ParseAttributes, WithoutAckErrorsHaveNoSentence) {
  const auto policy = ParseAttributes(FromHex("04000200"), 0, kPolicy, NlParse::kLegacy, nullptr);
  EXPECT_EQ(ErrnoOf(policy.status()), ERANGE);
  EXPECT_EQ(policy.status().message(), "");
  const auto left = ParseAttributes(FromHex("0102"), 0, kPolicy, NlParse::kStrict, nullptr);
  EXPECT_EQ(ErrnoOf(left.status()), EINVAL);
  EXPECT_EQ(left.status().message(), "");
  EXPECT_TRUE(ParseAttributes(FromHex("0102"), 0, kPolicy, NlParse::kLegacy, nullptr).ok());
}

TEST(ParseAttributes, WithoutPolicyEverythingIsUnknown) {
  ExtAck ack;
  const auto attrs = ParseAttributes(FromHex("04000100"), 0, {}, NlParse::kLegacy, &ack);
  ASSERT_TRUE(attrs.ok());
  EXPECT_FALSE(attrs->Has(1));
}

TEST(ParseNested, OffsetsCountFromTheRequest) {
  const Datagram bytes = FromHex(
      "0c000900"
      "0600020001000000");
  const NlAttr nest = ListAttributes(bytes, 32).at(0);
  ExtAck ack;
  const auto attrs = ParseNested(nest, kPolicy, &ack);
  ASSERT_TRUE(attrs.ok());
  EXPECT_EQ(attrs->Find(2)->offset, 36u);
}

TEST(ParseNested, HostileNestingIsFlat) {
  // As many nests inside each other as 64 KiB hold: only one level is looked at.
  Datagram bytes;
  for (size_t left = 65532; left >= 4; left -= 4) {
    const nlattr header{static_cast<uint16_t>(left), 9};
    const auto* raw = reinterpret_cast<const uint8_t*>(&header);
    bytes.insert(bytes.end(), raw, raw + sizeof(header));
  }
  ExtAck ack;
  const auto attrs = ParseAttributes(bytes, 0, kPolicy, NlParse::kLegacy, &ack);
  ASSERT_TRUE(attrs.ok());
  EXPECT_EQ(attrs->Binary(9).size(), 65528u);
  EXPECT_EQ(ListAttributes(bytes, 0).size(), 1u);
}

TEST(NlAttrs, StringEndsAtTheFirstNulOrTheEnd) {
  const Datagram with_nul = FromHex("610062"), without = FromHex("616263");
  NlAttrs attrs(2);
  attrs.Set({1, 0, with_nul});
  attrs.Set({2, 0, without});
  EXPECT_EQ(attrs.String(1), "a");
  EXPECT_EQ(attrs.String(2), "abc");
}

// --- Writer -------------------------------------------------------------------------------------

TEST(NlWriter, WritesMessagesOneAfterTheOther) {
  Datagram out = FromHex("ffffffff");
  NlWriter writer(out);
  writer.Begin(16, 2, 7, 9);
  writer.PutU8(1, 0xab);
  writer.PutU16(2, 0x0102);
  writer.PutString(3, "abc");
  writer.PutZeros(4, 5);
  EXPECT_EQ(writer.size(), 52u);
  writer.End();
  writer.Begin(3, 0, 0, 0);
  writer.End();
  EXPECT_EQ(ToHex(out),
            "ffffffff"
            "34000000100002000700000009000000"
            "05000100ab000000"
            "0600020002010000"
            "0800030061626300"
            "090004000000000000000000"
            "10000000030000000000000000000000");
}

TEST(NlWriter, NestsHoldWhatIsWrittenBetween) {
  Datagram out;
  NlWriter writer(out);
  const size_t outer = writer.BeginNest(1);
  writer.PutU64(2, 5);
  const size_t inner = writer.BeginNest(3, true);
  writer.EndNest(inner);
  writer.EndNest(outer);
  EXPECT_EQ(ToHex(out),
            "14000100"
            "0c0002000500000000000000"
            "04000380");
}

}  // namespace
}  // namespace vswitch
