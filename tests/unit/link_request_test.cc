// SPDX-License-Identifier: BSD-3-Clause
// Raw requests and what Linux 6.1 answered, as far as parsing alone decides it.
#include "control/link_request.h"

#include <gtest/gtest.h>
#include <linux/if.h>
#include <linux/veth.h>
#include <sys/socket.h>

#include <cerrno>

#include "control/link_kind.h"
#include "dataplane/errno_status.h"
#include "tests/support/hex.h"

namespace vswitch {
namespace {

class TestClient : public Client {
 public:
  void Send(Datagram) override {}
};

// An answer as `nlraw` prints it.
struct Answer {
  int error;
  std::string message;
  int offset;       // -1: none
  int policy;       // bytes of the policy; 0: none
  uint32_t length;  // of the whole message
  uint16_t flags;

  bool operator==(const Answer&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Answer& answer) {
  return out << "len=" << answer.length << " flags=" << std::hex << answer.flags << std::dec
             << " error=" << answer.error << " msg=\"" << answer.message
             << "\" offs=" << answer.offset << " policy(" << answer.policy << ")";
}

Answer Describe(const Datagram& reply, size_t echoed) {
  const auto header = ReadStruct<nlmsghdr>(reply);
  Answer answer{ReadStruct<int32_t>(Bytes(reply).subspan(sizeof(header))),
                "",
                -1,
                0,
                header.nlmsg_len,
                header.nlmsg_flags};
  EXPECT_EQ(header.nlmsg_len, reply.size());
  const size_t start = sizeof(header) + sizeof(int32_t) + NLMSG_ALIGN(echoed);
  for (const NlAttr& attr : ListAttributes(Bytes(reply).subspan(start), 0)) {
    if (attr.type == NLMSGERR_ATTR_MSG) {
      answer.message = std::string(attr.value.begin(), attr.value.end() - 1);
    } else if (attr.type == NLMSGERR_ATTR_OFFS) {
      answer.offset = ReadStruct<int32_t>(attr.value);
    } else if (attr.type == NLMSGERR_ATTR_POLICY) {
      answer.policy = static_cast<int>(attr.value.size());
    }
  }
  return answer;
}

enum class How { kNewLink, kGet, kStrictGet, kDump, kStrictDump };

bool IsDump(How how) { return how == How::kDump || how == How::kStrictDump; }

class LinkRequestTest : public testing::Test {
 protected:
  absl::Status Parse(const NlMessage& message, How how, ExtAck& ack) {
    client_.strict_check = how == How::kStrictGet || how == How::kStrictDump;
    auto request = how == How::kNewLink ? ParseLinkRequest(message, client_, ack)
                                        : ParseGetLink(message, client_, IsDump(how), ack);
    if (!request.ok()) return request.status();
    request_ = *std::move(request);
    return how == How::kNewLink ? ParseLinkInfo(request_, ack) : absl::OkStatus();
  }

  // Parses the request and answers it as if nothing else could fail.
  Answer AnswerTo(const std::string& hex, How how) {
    datagram_ = FromHex(hex);
    const NlMessage message = NlReader(datagram_).Next().value();
    ack_ = {};
    const absl::Status status = Parse(message, how, ack_);
    if (IsDump(how)) return Describe(EncodeDone(message, status, ack_, 0, true), 0);
    const size_t echoed = status.ok() ? sizeof(nlmsghdr) : message.bytes.size();
    return Describe(EncodeAck(message, status, ack_, 0, false, true), echoed);
  }

  TestClient client_;
  Datagram datagram_;
  LinkRequest request_;
  ExtAck ack_;
};

constexpr char kPolicy[] = "Attribute failed policy validation";

struct RecordedCase {
  const char* id;
  How how;
  const char* hex;
  Answer answer;
};

const Answer kOk{0, "", -1, 0, 36, 0x100};
const RecordedCase kRecorded[] = {
    {"raw-short-ifinfomsg",
     How::kNewLink,
     "180000001000050001000000000000000000000000000000",
     {-EINVAL, "Invalid header length", -1, 0, 72, 0x200}},
    {"raw-mtu-2bytes",
     How::kNewLink,
     "28000000100005000100000000000000000000000300000000000000000000000600040000050000",
     {-ERANGE, kPolicy, 32, 32, 144, 0x200}},
    {"raw-mtu-8bytes", How::kNewLink,
     "2c000000100005000100000000000000000000000300000000000000000000000c0004007805000000000000",
     kOk},
    {"raw-name-15-nonul", How::kNewLink,
     "34000000100005000100000000000000000000000300000000000000000000001300030061626364"
     "65666768696a6b6c6d6e6f00",
     kOk},
    {"raw-name-zerolen",
     How::kNewLink,
     "240000001000050001000000000000000000000003000000000000000000000004000300",
     {-ERANGE, kPolicy, 32, 16, 124, 0x200}},
    {"raw-addr-40",
     How::kNewLink,
     "4c000000100005000100000000000000000000000300000000000000000000002c00010002020202"
     "020202020202020202020202020202020202020202020202020202020202020202020202",
     {-ERANGE, kPolicy, 32, 16, 164, 0x200}},
    {"raw-attr-len2",
     How::kNewLink,
     "28000000100005000100000000000000000000000300000000000000000000000200040001020304",
     {0, "bytes leftover after parsing attributes", -1, 0, 80, 0x300}},
    {"raw-dup-attr", How::kNewLink,
     "30000000100005000100000000000000000000000300000000000000000000000800040078050000"
     "08000400aa050000",
     kOk},
    {"raw-newifindex-neg",
     How::kNewLink,
     "280000001000050001000000000000000000000003000000000000000000000008003100ffffffff",
     {-ERANGE, "integer out of range", 32, 32, 132, 0x200}},
    {"raw-veth-peer-short",
     How::kNewLink,
     "44000000100005060100000000000000000000000000000000000000000000000700030078300000"
     "1c0012000800010076657468100002000c0001000000000000000000",
     {-ERANGE, kPolicy, 56, 0, 136, 0x200}},
    {"raw-kind-emptystr",
     How::kNewLink,
     "28000000100005060100000000000000000000000000000000000000000000000800120004000100",
     {-ERANGE, "", -1, 0, 60, 0}},
    {"raw-linkinfo-empty", How::kNewLink,
     "2c00000010000506010000000000000000000000000000000000000000000000070003006430000004001200",
     kOk},
    {"raw-get-none", How::kGet, "2000000012000100010000000000000000000000000000000000000000000000",
     kOk},
    {"raw-get-strict-flags",
     How::kStrictGet,
     "2000000012000100010000000000000000000000030000000100000001000000",
     {-EINVAL, "Invalid values in header for get link request", -1, 0, 104, 0x200}},
    {"raw-dump-1byte", How::kDump, "1100000012000103010000000000000000", {0, "", -1, 0, 20, 0x2}},
    {"raw-dump-strict-idx",
     How::kStrictDump,
     "2000000012000103010000000000000000000000030000000000000000000000",
     {-EINVAL, "Filter by device index not supported for link dumps", -1, 0, 76, 0x202}},
    {"raw-dump-nonstrict-idx",
     How::kDump,
     "2000000012000103010000000000000000000000030000000000000000000000",
     {0, "", -1, 0, 20, 0x2}},
    {"raw-dump-strict-flags",
     How::kStrictDump,
     "2000000012000103010000000000000000000000000000000100000000000000",
     {-EINVAL, "Invalid values in header for link dump request", -1, 0, 72, 0x202}},
    {"raw-dump-strict-unknownattr",
     How::kStrictDump,
     "28000000120001030100000000000000000000000000000000000000000000000800c80061626364",
     {-EINVAL, "Unknown attribute type", -1, 0, 48, 0x202}},
    {"raw-dump-master-nomaster",
     How::kStrictDump,
     "280000001200010301000000000000000000000000000000000000000000000008000a00ffffffff",
     {0, "", -1, 0, 20, 0x2}},
    {"raw-dump-inet6",
     How::kDump,
     "200000001200010301000000000000000a000000000000000000000000000000",
     {0, "", -1, 0, 20, 0x2}},
};

TEST_F(LinkRequestTest, AnswersAsRecorded) {
  for (const RecordedCase& recorded : kRecorded) {
    EXPECT_EQ(AnswerTo(recorded.hex, recorded.how), recorded.answer) << recorded.id;
  }
}

// --- Requests written here, for the rules that no recorded case shows ---------------------------

// A link request with this header and one attribute (none for type 0).
std::string Request(const ifinfomsg& header, uint16_t type = 0, const std::string& value = "") {
  Datagram out;
  NlWriter writer(out);
  writer.Begin(RTM_NEWLINK, NLM_F_REQUEST, 1, 0);
  writer.PutStruct(header);
  if (type != 0) writer.PutBytes(type, FromHex(value));
  writer.End();
  return ToHex(out);
}

TEST_F(LinkRequestTest, PolicyOfLinux) {
  struct {
    int type;
    const char* value;
    int error;
  } const cases[] = {
      {IFLA_IFNAME, "61616161616161616161616161616161", -ERANGE},
      {IFLA_IFNAME, "61616161616161616161616161616100", 0},
      {IFLA_CARRIER, "", -ERANGE},
      {IFLA_OPERSTATE, "06", 0},
      {IFLA_LINKMODE, "", -ERANGE},
      {IFLA_PROTO_DOWN, "", -ERANGE},
      {IFLA_LINK, "0100", -ERANGE},
      {IFLA_MASTER, "010000", -ERANGE},
      {IFLA_TXQLEN, "", -ERANGE},
      {IFLA_GROUP, "01", -ERANGE},
      {IFLA_NET_NS_PID, "01", -ERANGE},
      {IFLA_NET_NS_FD, "01", -ERANGE},
      {IFLA_EXT_MASK, "01", -ERANGE},
      {IFLA_NUM_TX_QUEUES, "01", -ERANGE},
      {IFLA_NUM_RX_QUEUES, "01", -ERANGE},
      {IFLA_LINK_NETNSID, "01", -ERANGE},
      {IFLA_TARGET_NETNSID, "01", -ERANGE},
      {IFLA_GRO_MAX_SIZE, "01", -ERANGE},
      {IFLA_GSO_MAX_SEGS, "01", -ERANGE},
      {IFLA_GSO_MAX_SIZE, "40010000", -ERANGE},
      {IFLA_GSO_MAX_SIZE, "41010000", 0},
      {IFLA_NEW_IFINDEX, "00000000", -ERANGE},
      {IFLA_NEW_IFINDEX, "01000000", 0},
      {IFLA_MAP, "00", -ERANGE},
      {IFLA_IFALIAS, "", 0},
      {IFLA_PERM_ADDRESS, "020000000001", -EINVAL},
      {IFLA_TSO_MAX_SIZE, "00000100", -EINVAL},
      {IFLA_TSO_MAX_SEGS, "00000100", -EINVAL},
      {IFLA_ALLMULTI, "01000000", -EINVAL},
      {IFLA_PARENT_DEV_NAME, "6162", -EINVAL},
      {IFLA_LINKINFO, "0102", -ERANGE},
      {IFLA_AF_SPEC, "0102", -ERANGE},
      {IFLA_XDP, "0102", -ERANGE},
      {IFLA_PROP_LIST, "0102", -ERANGE},
      {IFLA_PROTO_DOWN_REASON, "0102", -ERANGE},
      {IFLA_QDISC, "", 0},
      {IFLA_STATS64, "", 0},
      {IFLA_ALLMULTI + 1, "", 0},
  };
  for (const auto& entry : cases) {
    const std::string hex = Request({}, static_cast<uint16_t>(entry.type), entry.value);
    EXPECT_EQ(AnswerTo(hex, How::kNewLink).error, entry.error) << entry.type << " " << entry.value;
  }
}

TEST_F(LinkRequestTest, LengthLimitsOfNamesAndAlias) {
  const auto error = [this](uint16_t type, size_t bytes) {
    return AnswerTo(Request({}, type, std::string(2 * bytes, '6')), How::kNewLink).error;
  };
  EXPECT_EQ(error(IFLA_ALT_IFNAME, 127), 0);
  EXPECT_EQ(error(IFLA_ALT_IFNAME, 128), -ERANGE);
  EXPECT_EQ(error(IFLA_IFALIAS, 255), 0);
  EXPECT_EQ(error(IFLA_IFALIAS, 256), -ERANGE);
  EXPECT_EQ(error(IFLA_ADDRESS, 32), 0);
  EXPECT_EQ(error(IFLA_ADDRESS, 33), -ERANGE);
  EXPECT_EQ(error(IFLA_BROADCAST, 33), -ERANGE);
}

TEST_F(LinkRequestTest, KeepsHeaderAttributesAndLinkInfo) {
  const ifinfomsg header{AF_PACKET, 0, 0, 7, IFF_UP, IFF_UP};
  // KIND "veth" without NUL, DATA with an empty PEER of 16 zero bytes.
  const std::string info =
      "0800010076657468"
      "1800020014000100" +
      std::string(32, '0');
  EXPECT_EQ(AnswerTo(Request(header, IFLA_LINKINFO, info), How::kNewLink).error, 0);
  EXPECT_EQ(request_.header.ifi_index, 7);
  EXPECT_EQ(request_.header.ifi_flags, static_cast<unsigned>(IFF_UP));
  EXPECT_EQ(request_.client, &client_);
  EXPECT_EQ(request_.kind_name, "veth");
  ASSERT_NE(request_.kind, nullptr);
  ASSERT_NE(request_.info_data, nullptr);
  ASSERT_TRUE(request_.data.has_value());
  EXPECT_EQ(request_.data->Binary(VETH_INFO_PEER).size(), 16u);
  EXPECT_EQ(request_.slave_data, nullptr);
}

TEST_F(LinkRequestTest, UnknownKindKeepsItsDataUnparsed) {
  const std::string info =
      "0800010066726f62"
      "0800020004000a00"
      "0c000500"
      "0500010001000000";
  EXPECT_EQ(AnswerTo(Request({}, IFLA_LINKINFO, info), How::kNewLink).error, 0);
  EXPECT_EQ(request_.kind_name, "frob");
  EXPECT_EQ(request_.kind, nullptr);
  EXPECT_NE(request_.info_data, nullptr);
  EXPECT_FALSE(request_.data.has_value());
  EXPECT_NE(request_.slave_data, nullptr);
}

TEST_F(LinkRequestTest, WithoutLinkInfoThereIsNoKind) {
  EXPECT_EQ(AnswerTo(Request({}), How::kNewLink).error, 0);
  EXPECT_EQ(request_.kind_name, "");
  EXPECT_EQ(request_.kind, nullptr);
  EXPECT_EQ(request_.info_data, nullptr);
}

TEST_F(LinkRequestTest, StrictGetAllowsSelectorsOnly) {
  for (const uint16_t type : {IFLA_IFNAME, IFLA_ALT_IFNAME, IFLA_EXT_MASK, IFLA_TARGET_NETNSID}) {
    EXPECT_EQ(AnswerTo(Request({}, type, "01000000"), How::kStrictGet).error, 0) << type;
  }
  for (const uint16_t type : {IFLA_MTU, IFLA_MASTER, IFLA_LINKINFO, IFLA_GROUP}) {
    const std::string hex = Request({}, type, "04000100");
    EXPECT_EQ(AnswerTo(hex, How::kStrictGet).message, "Unsupported attribute in get link request");
    EXPECT_EQ(AnswerTo(hex, How::kGet).error, 0) << type;
  }
  const Answer unknown = AnswerTo(Request({}, 200, "01000000"), How::kStrictGet);
  EXPECT_EQ(unknown.message, "Unknown attribute type");
  EXPECT_EQ(unknown.offset, 32);
}

TEST_F(LinkRequestTest, StrictDumpAllowsFiltersOnly) {
  for (const uint16_t type : {IFLA_TARGET_NETNSID, IFLA_EXT_MASK, IFLA_MASTER, IFLA_LINKINFO}) {
    EXPECT_EQ(AnswerTo(Request({}, type, "04000100"), How::kStrictDump).error, 0) << type;
  }
  for (const uint16_t type : {IFLA_IFNAME, IFLA_MTU, IFLA_GROUP}) {
    const std::string hex = Request({}, type, "01000000");
    EXPECT_EQ(AnswerTo(hex, How::kStrictDump).message,
              "Unsupported attribute in link dump request");
    EXPECT_EQ(AnswerTo(hex, How::kDump).error, 0) << type;
  }
}

TEST_F(LinkRequestTest, EveryHeaderFieldCountsInAStrictRequest) {
  ifinfomsg pad{}, type{}, flags{}, change{};
  pad.__ifi_pad = 1;
  type.ifi_type = 1;
  flags.ifi_flags = 1;
  change.ifi_change = 1;
  for (const ifinfomsg& header : {pad, type, flags, change}) {
    EXPECT_EQ(AnswerTo(Request(header), How::kStrictGet).error, -EINVAL);
    EXPECT_EQ(AnswerTo(Request(header), How::kStrictDump).error, -EINVAL);
    EXPECT_EQ(AnswerTo(Request(header), How::kGet).error, 0);
    EXPECT_EQ(AnswerTo(Request(header), How::kDump).error, 0);
  }
}

TEST_F(LinkRequestTest, ShortHeaders) {
  const std::string hex = "1f000000120001000100000000000000" + std::string(30, '0');
  EXPECT_EQ(AnswerTo(hex, How::kNewLink).message, "Invalid header length");
  EXPECT_EQ(AnswerTo(hex, How::kGet).message, "Invalid header for get link");
  EXPECT_EQ(AnswerTo(hex, How::kStrictGet).message, "Invalid header for get link");
  EXPECT_EQ(AnswerTo(hex, How::kStrictDump).message, "Invalid header for link dump");
  EXPECT_EQ(AnswerTo("10000000120001000100000000000000", How::kNewLink).message,
            "Invalid header length");
}

TEST_F(LinkRequestTest, LegacyDumpIgnoresAttributesItCannotParse) {
  const Answer answer = AnswerTo(Request({}, IFLA_MASTER, "01"), How::kDump);
  EXPECT_EQ(answer.error, 0);
  EXPECT_EQ(answer.message, kPolicy);
  EXPECT_FALSE(request_.attrs.Has(IFLA_MASTER));
}

TEST_F(LinkRequestTest, LegacyDumpOfOldClients) {
  // rtgenmsg and an attribute right behind its padding, as `ip -4` of old sends it.
  EXPECT_EQ(AnswerTo("1c0000001200010301000000000000001100000008001d0009000000", How::kDump).error,
            0);
  ASSERT_TRUE(request_.attrs.Has(IFLA_EXT_MASK));
  EXPECT_EQ(request_.attrs.U32(IFLA_EXT_MASK), 9u);
  EXPECT_EQ(request_.attrs.Find(IFLA_EXT_MASK)->offset, 20u);
  EXPECT_EQ(request_.header.ifi_family, AF_PACKET);
}

TEST_F(LinkRequestTest, Inet6DumpKnowsNoAttributes) {
  ifinfomsg header{};
  header.ifi_family = AF_INET6;
  EXPECT_EQ(AnswerTo(Request(header, IFLA_MASTER, "01000000"), How::kDump).error, 0);
  EXPECT_FALSE(request_.attrs.Has(IFLA_MASTER));
  EXPECT_EQ(AnswerTo(Request(header), How::kStrictDump).error, 0);
  EXPECT_EQ(AnswerTo(Request(header, IFLA_MASTER, "01000000"), How::kStrictDump).message,
            "ipv6: Invalid data after header");
  const std::string short_hex = "1f0000001200010301000000000000000a" + std::string(28, '0');
  EXPECT_EQ(AnswerTo(short_hex, How::kStrictDump).message,
            "ipv6: Invalid header for link dump request");
  header.ifi_index = 3;
  EXPECT_EQ(AnswerTo(Request(header), How::kStrictDump).message,
            "ipv6: Invalid values in header for dump request");
}

TEST_F(LinkRequestTest, KindNamesAreCutAsModuleNames) {
  const std::string info = "44000100" + std::string(128, '6');
  EXPECT_EQ(AnswerTo(Request({}, IFLA_LINKINFO, info), How::kNewLink).error, 0);
  EXPECT_EQ(request_.kind_name, std::string(55, 'f'));
}

}  // namespace
}  // namespace vswitch
