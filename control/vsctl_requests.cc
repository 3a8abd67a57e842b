// SPDX-License-Identifier: BSD-3-Clause
#include "control/vsctl_requests.h"

#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include <array>
#include <cstdio>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "control/protocol.h"

namespace vswitch {
namespace {

constexpr char kLinkAddUsage[] =
    "link add NAME type ethdev devargs DEVARGS [address MAC] [mtu N] [up]";

struct LinkWords {
  std::string name, type, devargs, address, mtu;
  bool up = false;
};

std::string* ValueOf(const std::string& key, LinkWords& words) {
  if (key == "type") return &words.type;
  if (key == "devargs") return &words.devargs;
  if (key == "address") return &words.address;
  if (key == "mtu") return &words.mtu;
  return nullptr;
}

absl::Status Usage(const std::string& problem) {
  return absl::InvalidArgumentError(absl::StrCat(problem, "; usage: vsctl ", kLinkAddUsage));
}

absl::StatusOr<LinkWords> ReadLinkWords(const std::vector<std::string>& in) {
  LinkWords words;
  if (!in.empty()) words.name = in[0];
  for (size_t i = 1; i < in.size(); ++i) {
    if (in[i] == "up") {
      words.up = true;
      continue;
    }
    std::string* const value = ValueOf(in[i], words);
    if (value == nullptr) return Usage(absl::StrCat("unknown word '", in[i], "'"));
    if (++i == in.size()) return Usage(absl::StrCat("'", in[i - 1], "' needs a value"));
    *value = in[i];
  }
  if (words.name.empty()) return Usage("no name");
  if (words.type != "ethdev") return Usage("other types are made by vsctl ip link add");
  if (words.devargs.empty()) return Usage("no devargs");
  return words;
}

std::optional<std::array<uint8_t, 6>> ParseMac(const std::string& text) {
  std::array<uint8_t, 6> mac;
  char end;
  if (sscanf(text.c_str(), "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx%c", &mac[0], &mac[1], &mac[2],
             &mac[3], &mac[4], &mac[5], &end) != 6) {
    return std::nullopt;
  }
  return mac;
}

// Reads what can be wrong about the optional words and writes them.
absl::Status PutLinkOptions(const LinkWords& words, NlWriter& writer) {
  if (!words.mtu.empty()) {
    uint32_t mtu;
    if (!absl::SimpleAtoi(words.mtu, &mtu)) return Usage("mtu must be a number");
    writer.PutU32(IFLA_MTU, mtu);
  }
  if (!words.address.empty()) {
    const auto mac = ParseMac(words.address);
    if (!mac.has_value()) return Usage("address must be like 02:00:00:00:00:01");
    writer.PutBytes(IFLA_ADDRESS, *mac);
  }
  return absl::OkStatus();
}

NlWriter BeginRequest(Datagram& datagram, uint16_t type, uint16_t flags) {
  NlWriter writer(datagram);
  writer.Begin(type, static_cast<uint16_t>(NLM_F_REQUEST | flags), 1, 0);
  return writer;
}

}  // namespace

absl::StatusOr<Datagram> LinkAddRequest(const std::vector<std::string>& words) {
  const absl::StatusOr<LinkWords> link = ReadLinkWords(words);
  if (!link.ok()) return link.status();
  Datagram datagram;
  NlWriter writer = BeginRequest(datagram, RTM_NEWLINK, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL);
  ifinfomsg header{};
  if (link->up) header.ifi_flags = header.ifi_change = IFF_UP;
  writer.PutStruct(header);
  if (absl::Status status = PutLinkOptions(*link, writer); !status.ok()) return status;
  writer.PutString(IFLA_IFNAME, link->name);
  const size_t info = writer.BeginNest(IFLA_LINKINFO);
  writer.PutString(IFLA_INFO_KIND, link->type);
  const size_t data = writer.BeginNest(IFLA_INFO_DATA);
  writer.PutString(kEthdevDevargs, link->devargs);
  writer.EndNest(data);
  writer.EndNest(info);
  writer.End();
  return datagram;
}

absl::StatusOr<Datagram> AttachRequest(const std::string& device, const std::string& backend,
                                       const std::vector<std::string>& words) {
  Datagram datagram;
  NlWriter writer = BeginRequest(datagram, kMsgAttach, NLM_F_ACK);
  writer.PutString(kAttrDevice, device);
  writer.PutString(kAttrBackend, backend);
  for (const std::string& word : words) {
    // devargs are full of '=' themselves.
    const bool bare = backend == "ethdev" && !absl::StartsWith(word, "devargs=") &&
                      !absl::StartsWith(word, "queues=");
    if (!bare && !absl::StrContains(word, "=")) {
      return absl::InvalidArgumentError(absl::StrCat("'", word, "' is not KEY=VALUE"));
    }
    writer.PutString(kAttrOption, bare ? absl::StrCat("devargs=", word) : word);
  }
  writer.End();
  return datagram;
}

Datagram DetachRequest(const std::string& device) {
  Datagram datagram;
  NlWriter writer = BeginRequest(datagram, kMsgDetach, NLM_F_ACK);
  writer.PutString(kAttrDevice, device);
  writer.End();
  return datagram;
}

Datagram ShowRequest(const std::string& device) {
  Datagram datagram;
  NlWriter writer = BeginRequest(datagram, kMsgShow, NLM_F_DUMP);
  if (!device.empty()) writer.PutString(kAttrDevice, device);
  writer.End();
  return datagram;
}

Datagram WorkersRequest() {
  Datagram datagram;
  BeginRequest(datagram, kMsgWorkers, NLM_F_DUMP).End();
  return datagram;
}

}  // namespace vswitch
