// SPDX-License-Identifier: BSD-3-Clause
#include "tests/support/rtnl_fixture.h"

#include <linux/if_link.h>
#include <linux/veth.h>

#include "absl/strings/str_format.h"
#include "control/link_request.h"

namespace vswitch {

namespace {

NlAttrs LinkAttrs(const NlMessage& message) {
  ExtAck ack;
  // Types that are refused in requests come in answers: no policy.
  const std::vector<NlPolicy> any(LinkPolicy().size());
  return *ParseAttributes(message.payload().subspan(sizeof(ifinfomsg)), 0, any, NlParse::kLegacy,
                          &ack);
}

std::string DescribeExtAck(Bytes tlvs) {
  std::string text;
  for (const NlAttr& attr : ListAttributes(tlvs, 0)) {
    if (attr.type == NLMSGERR_ATTR_MSG) {
      text += absl::StrFormat(" msg=\"%s\"", reinterpret_cast<const char*>(attr.value.data()));
    } else if (attr.type == NLMSGERR_ATTR_OFFS) {
      text += absl::StrFormat(" offs=%u", ReadStruct<uint32_t>(attr.value));
    } else if (attr.type == NLMSGERR_ATTR_POLICY) {
      text += absl::StrFormat(" policy(%u)", attr.value.size());
    }
  }
  return text;
}

std::string DescribeOne(const NlMessage& message) {
  const nlmsghdr& header = message.header;
  const std::string start = absl::StrFormat("len=%u flags=0x%x seq=%u", header.nlmsg_len,
                                            header.nlmsg_flags, header.nlmsg_seq);
  const Bytes payload = message.payload();
  const bool tlvs = (header.nlmsg_flags & NLM_F_ACK_TLVS) != 0;
  if (header.nlmsg_type == NLMSG_DONE) {
    return "DONE " + start + absl::StrFormat(" done=%d", ReadStruct<int32_t>(payload)) +
           (tlvs ? DescribeExtAck(payload.subspan(4)) : "");
  }
  if (header.nlmsg_type == NLMSG_ERROR) {
    const auto inner = ReadStruct<nlmsghdr>(payload.subspan(4));
    const bool capped = (header.nlmsg_flags & NLM_F_CAPPED) != 0;
    const size_t echoed = capped ? sizeof(nlmsghdr) : NLMSG_ALIGN(inner.nlmsg_len);
    return "ERROR " + start + absl::StrFormat(" error=%d", ReadStruct<int32_t>(payload)) +
           (tlvs ? DescribeExtAck(payload.subspan(4 + echoed)) : "");
  }
  if (header.nlmsg_type != RTM_NEWLINK && header.nlmsg_type != RTM_DELLINK) {
    return absl::StrFormat("type=%u ", header.nlmsg_type) + start;
  }
  const auto link = ReadStruct<ifinfomsg>(payload);
  return (header.nlmsg_type == RTM_NEWLINK ? "NEWLINK " : "DELLINK ") + start +
         absl::StrFormat(" idx=%d type=%u name=%s", link.ifi_index, link.ifi_type,
                         LinkAttrs(message).String(IFLA_IFNAME));
}

std::string DescribeNotification(const NlMessage& message) {
  const auto link = ReadStruct<ifinfomsg>(message.payload());
  const NlAttrs attrs = LinkAttrs(message);
  std::string text = message.header.nlmsg_type == RTM_NEWLINK ? "NEWLINK " : "DELLINK ";
  text += attrs.String(IFLA_IFNAME);
  text += (link.ifi_flags & IFF_UP) != 0 ? " up" : " down";
  text += absl::StrFormat(" change=0x%x operstate=%d", link.ifi_change, attrs.U8(IFLA_OPERSTATE));
  if (attrs.Has(IFLA_LINK)) text += absl::StrFormat(" link=%u", attrs.U32(IFLA_LINK));
  return text;
}

}  // namespace

std::vector<std::string> DescribeMessages(Bytes datagram) {
  std::vector<std::string> lines;
  NlReader reader(datagram);
  while (const auto message = reader.Next()) lines.push_back(DescribeOne(*message));
  return lines;
}

RequestBuilder& RequestBuilder::BeginVethPeer(const ifinfomsg& header) {
  Begin(IFLA_LINKINFO).Str(IFLA_INFO_KIND, "veth").Begin(IFLA_INFO_DATA).Begin(VETH_INFO_PEER);
  writer_.PutStruct(header);
  return *this;
}

Answer RtnlTest::Ask(const Datagram& datagram) {
  client_.sent.clear();
  rtnl_.Handle(datagram, client_);
  if (client_.sent.empty()) return {};
  NlReader reader(client_.sent.back());
  const auto message = reader.Next();
  EXPECT_TRUE(message.has_value());
  EXPECT_EQ(message->header.nlmsg_type, NLMSG_ERROR);
  Answer answer{.error = -ReadStruct<int32_t>(message->payload())};
  if ((message->header.nlmsg_flags & NLM_F_ACK_TLVS) == 0) return answer;
  const auto inner = ReadStruct<nlmsghdr>(message->payload().subspan(4));
  const bool capped = (message->header.nlmsg_flags & NLM_F_CAPPED) != 0;
  const size_t echoed = capped ? sizeof(nlmsghdr) : NLMSG_ALIGN(inner.nlmsg_len);
  for (const NlAttr& attr : ListAttributes(message->payload().subspan(4 + echoed), 0)) {
    if (attr.type != NLMSGERR_ATTR_MSG) continue;
    answer.sentence = reinterpret_cast<const char*>(attr.value.data());
  }
  return answer;
}

std::vector<std::string> RtnlTest::Raw(const Datagram& datagram) {
  client_.sent.clear();
  rtnl_.Handle(datagram, client_);
  std::vector<std::string> lines;
  for (const Datagram& sent : client_.sent) {
    for (std::string& line : DescribeMessages(sent)) lines.push_back(std::move(line));
  }
  return lines;
}

void RtnlTest::AddVeth(const std::string& main, const std::string& peer) {
  RequestBuilder request(RTM_NEWLINK, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL);
  request.Str(IFLA_IFNAME, main).BeginVethPeer().Str(IFLA_IFNAME, peer).End().End().End();
  ASSERT_EQ(Ask(request).error, 0);
}

void RtnlTest::AddDummy(const std::string& name) {
  RequestBuilder request(RTM_NEWLINK, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL);
  ASSERT_EQ(Ask(request.Str(IFLA_IFNAME, name).Kind("dummy")).error, 0);
}

void RtnlTest::SetUp(const std::string& name, bool up) {
  const uint32_t flags = up ? IFF_UP : 0;
  ifinfomsg header = Index(Get(name).ifindex);
  header.ifi_flags = flags;
  header.ifi_change = IFF_UP;
  ASSERT_EQ(Ask(RequestBuilder(RTM_NEWLINK, NLM_F_ACK, header)).error, 0);
}

Device& RtnlTest::Get(const std::string& name) {
  Device* device = ns().FindByName(name);
  if (device == nullptr) ADD_FAILURE() << "no device " << name;
  return device == nullptr ? ns().lo() : *device;
}

void RtnlTest::Wait(std::chrono::milliseconds time) {
  now_ += time;
  rtnl_.RunTimers();
}

std::vector<std::string> RtnlTest::Notifications() {
  std::vector<std::string> lines;
  for (const Datagram& datagram : std::exchange(multicast_.sent, {})) {
    NlReader reader(datagram);
    while (const auto message = reader.Next()) lines.push_back(DescribeNotification(*message));
  }
  return lines;
}

}  // namespace vswitch
