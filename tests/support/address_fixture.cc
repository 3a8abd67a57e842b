// SPDX-License-Identifier: BSD-3-Clause
#include "tests/support/address_fixture.h"

#include <linux/if_link.h>
#include <linux/netconf.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "control/ip_address.h"

namespace vswitch {

namespace {

constexpr size_t kAddressAttributes = IFA_PROTO;

NlAttrs Attributes(Bytes payload, size_t header, size_t last) {
  ExtAck ack;
  const std::vector<NlPolicy> any(last + 1);
  return *ParseAttributes(payload.subspan(header), 0, any, NlParse::kLegacy, &ack);
}

std::string Ip(const NlAttrs& attrs, uint16_t type, uint8_t family) {
  return FindAddress(attrs, type, family).value_or(IpAddress()).ToString();
}

std::string NameOf(const Namespace& ns, int32_t ifindex) {
  const Device* device = ns.FindByIndex(ifindex);
  return device == nullptr ? absl::StrCat("if", ifindex) : device->name;
}

std::string DescribeLifetimes(const ifa_cacheinfo& info) {
  if (info.ifa_valid == UINT32_MAX && info.ifa_prefered == UINT32_MAX) return "";
  return absl::StrCat(" valid=", info.ifa_valid, " preferred=", info.ifa_prefered);
}

std::string DescribeAddress(const Namespace& ns, Bytes payload) {
  const auto header = ReadStruct<ifaddrmsg>(payload);
  const NlAttrs attrs = Attributes(payload, sizeof(header), kAddressAttributes);
  const uint8_t family = header.ifa_family;
  const uint16_t own = attrs.Has(IFA_LOCAL) ? IFA_LOCAL : IFA_ADDRESS;
  std::string text =
      absl::StrCat(NameOf(ns, static_cast<int32_t>(header.ifa_index)), " ", Ip(attrs, own, family));
  const std::string peer = Ip(attrs, IFA_ADDRESS, family);
  if (peer != Ip(attrs, own, family)) absl::StrAppend(&text, " peer ", peer);
  absl::StrAppend(&text, "/", header.ifa_prefixlen);
  if (attrs.Has(IFA_BROADCAST)) absl::StrAppend(&text, " brd ", Ip(attrs, IFA_BROADCAST, family));
  if (header.ifa_scope != 0) absl::StrAppend(&text, " scope=", header.ifa_scope);
  if (attrs.Has(IFA_LABEL)) absl::StrAppend(&text, " label=", attrs.String(IFA_LABEL));
  absl::StrAppendFormat(&text, " flags=0x%x", attrs.U32(IFA_FLAGS));
  if (attrs.Has(IFA_RT_PRIORITY)) absl::StrAppend(&text, " metric=", attrs.U32(IFA_RT_PRIORITY));
  if (attrs.Has(IFA_PROTO)) absl::StrAppend(&text, " proto=", attrs.U8(IFA_PROTO));
  return text + DescribeLifetimes(ReadStruct<ifa_cacheinfo>(attrs.Binary(IFA_CACHEINFO)));
}

std::string DescribeNetconf(const Namespace& ns, Bytes payload) {
  const NlAttrs attrs = Attributes(payload, NLMSG_ALIGN(sizeof(netconfmsg)), NETCONFA_MAX);
  const uint8_t family = payload[0];
  const std::string name = NameOf(ns, attrs.S32(NETCONFA_IFINDEX));
  return absl::StrCat("netconf ", name, family == AF_INET ? " inet" : " inet6");
}

std::string DescribeAny(const Namespace& ns, const NlMessage& message) {
  const Bytes payload = message.payload();
  switch (message.header.nlmsg_type) {
    case RTM_NEWADDR:
      return "+" + DescribeAddress(ns, payload);
    case RTM_DELADDR:
      return "-" + DescribeAddress(ns, payload);
    case RTM_NEWNETCONF:
      return "+" + DescribeNetconf(ns, payload);
    case RTM_DELNETCONF:
      return "-" + DescribeNetconf(ns, payload);
    default:
      return "";
  }
}

std::string DescribeLink(const NlMessage& message) {
  const auto link = ReadStruct<ifinfomsg>(message.payload());
  const NlAttrs attrs = Attributes(message.payload(), sizeof(link), IFLA_MAX);
  return absl::StrCat(message.header.nlmsg_type == RTM_DELLINK ? "-" : "", "link ",
                      attrs.String(IFLA_IFNAME), (link.ifi_flags & IFF_UP) != 0 ? " up" : " down");
}

}  // namespace

ifa_cacheinfo Lifetimes(uint32_t valid, uint32_t preferred) {
  return {.ifa_prefered = preferred, .ifa_valid = valid};
}

void AddressTest::SetUp() {
  AddVeth("v0", "v1");
  Get("v0").address = {2, 0, 0, 0, 0, 1};
  Get("v1").address = {2, 0, 0, 0, 0, 2};
  Told();
}

Datagram AddressTest::Request(uint16_t type, uint16_t flags, const Ifa& ifa) {
  const std::vector<std::string> parts = absl::StrSplit(ifa.local, '/');
  const IpAddress local = *IpAddress::Parse(parts[0]);
  ifaddrmsg header{};
  header.ifa_family = local.family;
  header.ifa_prefixlen = static_cast<uint8_t>(std::stoi(parts[1]));
  header.ifa_scope = ifa.scope;
  header.ifa_index =
      static_cast<uint32_t>(ifa.ifindex != 0 ? ifa.ifindex : Get(ifa.device).ifindex);
  Datagram datagram;
  NlWriter writer(datagram);
  writer.Begin(type, static_cast<uint16_t>(NLM_F_REQUEST | NLM_F_ACK | flags), 1, 0);
  writer.PutStruct(header);
  writer.PutBytes(IFA_LOCAL, local.AsBytes());
  const std::string address = ifa.address.empty() ? parts[0] : ifa.address;
  if (address != "-") writer.PutBytes(IFA_ADDRESS, IpAddress::Parse(address)->AsBytes());
  if (!ifa.broadcast.empty()) {
    writer.PutBytes(IFA_BROADCAST, IpAddress::Parse(ifa.broadcast)->AsBytes());
  }
  if (!ifa.label.empty()) writer.PutString(IFA_LABEL, ifa.label);
  if (ifa.flags != 0) writer.PutU32(IFA_FLAGS, ifa.flags);
  if (ifa.metric != 0) writer.PutU32(IFA_RT_PRIORITY, ifa.metric);
  if (ifa.lifetimes.has_value()) {
    const auto* bytes = reinterpret_cast<const uint8_t*>(&*ifa.lifetimes);
    writer.PutBytes(IFA_CACHEINFO, {bytes, sizeof(*ifa.lifetimes)});
  }
  writer.End();
  return datagram;
}

int AddressTest::Change(uint16_t type, uint16_t flags, const Ifa& ifa) {
  return Ask(Request(type, flags, ifa)).error;
}

Lines AddressTest::Show(uint8_t family) {
  Datagram request;
  NlWriter writer(request);
  writer.Begin(RTM_GETADDR, NLM_F_REQUEST | NLM_F_DUMP, 1, 0);
  writer.PutStruct(ifaddrmsg{.ifa_family = family});
  writer.End();
  client_.sent.clear();
  rtnl_.Handle(request, client_);
  Lines lines;
  for (const Datagram& datagram : client_.sent) {
    NlReader reader(datagram);
    while (const auto message = reader.Next()) {
      if (message->header.nlmsg_type != RTM_NEWADDR) continue;
      lines.push_back(DescribeAddress(ns(), message->payload()));
    }
  }
  return lines;
}

Lines AddressTest::Told() {
  Lines lines;
  for (const auto& [group, datagram] : std::exchange(multicast_.all, {})) {
    NlReader reader(datagram);
    while (const auto message = reader.Next()) {
      const std::string text =
          group == RTNLGRP_LINK ? DescribeLink(*message) : DescribeAny(ns(), *message);
      if (!text.empty()) lines.push_back(text);
    }
  }
  return lines;
}

}  // namespace vswitch
