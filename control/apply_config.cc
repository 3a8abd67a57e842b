// SPDX-License-Identifier: BSD-3-Clause
#include "control/apply_config.h"

#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>

#include <cerrno>
#include <cstring>
#include <map>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "control/backend_options.h"
#include "control/client.h"
#include "control/netlink.h"
#include "control/protocol.h"
#include "dataplane/errno_status.h"

namespace vswitch {
namespace {

// What rtnetlink answered to one request.
struct Answer {
  int error = 0;  // positive errno
  std::string sentence;
  uint32_t offset = 0;  // of the offending attribute; 0: not said

  std::string Reason() const { return sentence.empty() ? std::strerror(error) : sentence; }
};

// Stands in for a client with every right in the namespace of the process. Its acknowledgements
// leave out the request (NETLINK_CAP_ACK).
class ConfigClient final : public Client {
 public:
  explicit ConfigClient(Namespace& home) {
    ns = &home;
    admin = ext_ack = cap_ack = true;
  }

  void Send(Datagram datagram) override {
    NlReader reader(datagram);
    for (std::optional<NlMessage> message; (message = reader.Next()).has_value();) {
      if (message->header.nlmsg_type == NLMSG_ERROR) Read(message->payload());
    }
  }

  const Answer& answer() const { return answer_; }

 private:
  void Read(Bytes payload) {
    answer_ = Answer{.error = -ReadStruct<nlmsgerr>(payload).error, .sentence = "", .offset = 0};
    if (payload.size() <= sizeof(nlmsgerr)) return;
    for (const NlAttr& attr : ListAttributes(payload.subspan(sizeof(nlmsgerr)), 0)) {
      if (attr.type == NLMSGERR_ATTR_OFFS) answer_.offset = ReadStruct<uint32_t>(attr.value);
      if (attr.type != NLMSGERR_ATTR_MSG) continue;
      answer_.sentence.assign(attr.value.begin(), attr.value.end());
      answer_.sentence = answer_.sentence.c_str();  // up to the NUL
    }
  }

  Answer answer_;
};

// Where a key of the file went into a request.
struct Place {
  const LinkEndConfig* end;
  std::string path;  // "link[0]"
  std::string key;
};

// One request being written, with the way back from its attributes to the file.
class Request {
 public:
  template <typename Header>
  Request(uint16_t type, uint16_t flags, const Header& header) : writer_(bytes_) {
    writer_.Begin(type, static_cast<uint16_t>(NLM_F_REQUEST | NLM_F_ACK | flags), 1, 0);
    writer_.PutStruct(header);
  }

  NlWriter& writer() { return writer_; }
  const Datagram& Finish() {
    writer_.End();
    return bytes_;
  }

  void Mark(const LinkEndConfig& end, const std::string& path, const std::string& key) {
    places_[static_cast<uint32_t>(writer_.size())] = {&end, path, key};
  }
  const Place* At(uint32_t offset) const {
    const auto place = places_.find(offset);
    return place == places_.end() ? nullptr : &place->second;
  }

 private:
  Datagram bytes_;
  NlWriter writer_;
  std::map<uint32_t, Place> places_;
};

void PutNumber(Request& request, uint16_t type, const std::optional<uint32_t>& value,
               const LinkEndConfig& end, const std::string& path, const std::string& key) {
  if (!value.has_value()) return;
  request.Mark(end, path, key);
  request.writer().PutU32(type, *value);
}

void PutEnd(Request& request, const LinkEndConfig& end, const std::string& path) {
  request.Mark(end, path, "name");
  request.writer().PutString(IFLA_IFNAME, end.name);
  if (end.address.has_value()) {
    request.Mark(end, path, "address");
    const auto mac = ParseMacAddress(*end.address);
    if (mac.has_value()) request.writer().PutBytes(IFLA_ADDRESS, *mac);
  }
  PutNumber(request, IFLA_MTU, end.mtu, end, path, "mtu");
  PutNumber(request, IFLA_TXQLEN, end.txqueuelen, end, path, "txqueuelen");
  PutNumber(request, IFLA_GROUP, end.group, end, path, "group");
  PutNumber(request, IFLA_NUM_TX_QUEUES, end.numtxqueues, end, path, "numtxqueues");
  PutNumber(request, IFLA_NUM_RX_QUEUES, end.numrxqueues, end, path, "numrxqueues");
}

ifinfomsg HeaderOf(const LinkEndConfig& end) {
  ifinfomsg header{};
  header.ifi_index = static_cast<int>(end.index.value_or(0));
  return header;
}

void PutPeer(Request& request, const LinkEndConfig& peer, const std::string& path) {
  NlWriter& writer = request.writer();
  const size_t data = writer.BeginNest(IFLA_INFO_DATA);
  const size_t nest = writer.BeginNest(VETH_INFO_PEER);
  writer.PutStruct(HeaderOf(peer));
  PutEnd(request, peer, path);
  writer.EndNest(nest);
  writer.EndNest(data);
}

void PutDevargs(Request& request, const LinkConfig& link, const std::string& path) {
  NlWriter& writer = request.writer();
  const size_t data = writer.BeginNest(IFLA_INFO_DATA);
  request.Mark(link, path, "devargs");
  writer.PutString(kEthdevDevargs, link.devargs);
  writer.EndNest(data);
}

void PutU16(Request& request, uint16_t type, const std::optional<uint16_t>& value,
            const LinkConfig& link, const std::string& path, const std::string& key) {
  if (!value.has_value()) return;
  request.Mark(link, path, key);
  request.writer().PutU16(type, *value);
}

void PutIpvlan(Request& request, const LinkConfig& link, const std::string& path) {
  const size_t data = request.writer().BeginNest(IFLA_INFO_DATA);
  PutU16(request, IFLA_IPVLAN_MODE, link.mode, link, path, "mode");
  PutU16(request, IFLA_IPVLAN_FLAGS, link.flags, link, path, "flags");
  request.writer().EndNest(data);
}

void PutLinkInfo(Request& request, const LinkConfig& link, const std::string& path) {
  NlWriter& writer = request.writer();
  const size_t info = writer.BeginNest(IFLA_LINKINFO);
  request.Mark(link, path, "kind");
  writer.PutString(IFLA_INFO_KIND, link.kind);
  if (link.peer.has_value()) PutPeer(request, *link.peer, path + ".peer");
  if (!link.devargs.empty()) PutDevargs(request, link, path);
  if (link.mode.has_value() || link.flags.has_value()) PutIpvlan(request, link, path);
  writer.EndNest(info);
}

// Applies one [[link]].
class LinkLoader {
 public:
  LinkLoader(const std::string& file, const LinkConfig& link, size_t number, Rtnl& rtnl)
      : file_(file), link_(link), path_(absl::StrCat("link[", number, "]")), rtnl_(rtnl) {}

  absl::Status Load() {
    absl::Status status = Create();
    if (status.ok()) status = Attach(link_, path_);
    if (status.ok() && link_.peer.has_value()) status = Attach(*link_.peer, PeerPath());
    if (status.ok()) status = AddAddresses(link_, path_);
    if (status.ok() && link_.peer.has_value()) status = AddAddresses(*link_.peer, PeerPath());
    if (status.ok()) status = SetUp(link_, path_);
    if (status.ok() && link_.peer.has_value()) status = SetUp(*link_.peer, PeerPath());
    return status;
  }

 private:
  absl::Status Create() {
    Request request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, HeaderOf(link_));
    PutEnd(request, link_, path_);
    if (!link_.lower.empty()) {
      const Device* lower = Find(link_.lower);
      const Place place{&link_, path_, "link"};
      if (lower == nullptr) return Failure(place, NoSuchLower());
      PutNumber(request, IFLA_LINK, static_cast<uint32_t>(lower->ifindex), link_, path_, "link");
    }
    PutLinkInfo(request, link_, path_);
    const Answer answer = Execute(request);
    if (answer.error == 0) return absl::OkStatus();
    const Place* place = request.At(answer.offset);
    return Failure(place == nullptr ? Blame(answer.error) : *place, answer.Reason());
  }

  absl::Status Attach(const LinkEndConfig& end, const std::string& path) {
    if (!end.backend.has_value()) return absl::OkStatus();
    const absl::StatusOr<BackendSpec> spec =
        ParseBackendSpec(end.backend->type, end.backend->options);
    const absl::Status status = spec.ok() ? rtnl_.Attach(*Find(end.name), *spec) : spec.status();
    if (status.ok()) return status;
    const Answer answer{
        .error = ErrnoOf(status), .sentence = std::string(status.message()), .offset = 0};
    return Failure({&end, path, "backend"}, answer.Reason());
  }

  // As `ip addr add ADDRESS dev NAME`.
  absl::Status AddAddresses(const LinkEndConfig& end, const std::string& path) {
    for (const IpAddressConfig& address : end.addresses) {
      ifaddrmsg header{};
      header.ifa_family = static_cast<uint8_t>(address.family);
      header.ifa_prefixlen = address.prefix_length;
      header.ifa_index = static_cast<uint32_t>(Find(end.name)->ifindex);
      Request request(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, header);
      const Bytes bytes = Bytes(address.bytes).first(address.family == AF_INET ? 4 : 16);
      request.writer().PutBytes(IFA_LOCAL, bytes);
      request.writer().PutBytes(IFA_ADDRESS, bytes);
      const Answer answer = Execute(request);
      if (answer.error == 0) continue;
      return Failure({&end, path, "addresses"},
                     absl::StrCat("\"", address.text, "\": ", answer.Reason()));
    }
    return absl::OkStatus();
  }

  // As `ip link set NAME up`.
  absl::Status SetUp(const LinkEndConfig& end, const std::string& path) {
    if (!end.up) return absl::OkStatus();
    ifinfomsg header{};
    header.ifi_index = Find(end.name)->ifindex;
    header.ifi_flags = header.ifi_change = IFF_UP;
    Request request(RTM_NEWLINK, 0, header);
    const Answer answer = Execute(request);
    return answer.error == 0 ? absl::OkStatus() : Failure({&end, path, "up"}, answer.Reason());
  }

  Answer Execute(Request& request) {
    ConfigClient client(rtnl_.registry().initial());
    rtnl_.Handle(request.Finish(), client);
    return client.answer();
  }

  std::string NoSuchLower() const {
    return absl::StrCat("there is no \"", link_.lower, "\" yet: links are made in this order");
  }

  Device* Find(const std::string& name) { return rtnl_.registry().initial().FindByName(name); }
  std::string PeerPath() const { return path_ + ".peer"; }

  bool TakenIndex(const LinkEndConfig& end) {
    const int index = static_cast<int>(end.index.value_or(0));
    return index > 0 && rtnl_.registry().initial().FindByIndex(index) != nullptr;
  }

  // The key behind an error that does not name its attribute. Nothing of the link is left by now,
  // so a name or index that is there belongs to another.
  Place Blame(int error) {
    if (error == EEXIST || error == EBUSY) return BlameTaken();
    if (error == EOPNOTSUPP) return {&link_, path_, "kind"};
    if (!link_.lower.empty()) return {&link_, path_, "link"};
    return {&link_, path_, link_.devargs.empty() ? "" : "devargs"};
  }

  Place BlameTaken() {
    if (TakenIndex(link_)) return {&link_, path_, "index"};
    if (!link_.lower.empty() && Find(link_.name) == nullptr) return {&link_, path_, "link"};
    if (!link_.peer.has_value() || Find(link_.name) != nullptr) return {&link_, path_, "name"};
    const bool index = Find(link_.peer->name) == nullptr && TakenIndex(*link_.peer);
    return {&*link_.peer, PeerPath(), index ? "index" : "name"};
  }

  absl::Status Failure(const Place& place, const std::string& reason) const {
    const auto line = place.end->key_lines.find(place.key);
    return absl::FailedPreconditionError(absl::StrCat(
        file_, ":", line == place.end->key_lines.end() ? place.end->line : line->second, ": ",
        place.path, place.key.empty() ? "" : ".", place.key, ": ", reason));
  }

  const std::string& file_;
  const LinkConfig& link_;
  const std::string path_;
  Rtnl& rtnl_;
};

}  // namespace

absl::Status ApplyConfig(const Options& options, Rtnl& rtnl) {
  for (size_t i = 0; i < options.links.size(); ++i) {
    LinkLoader loader(options.config_file, options.links[i], i, rtnl);
    if (absl::Status status = loader.Load(); !status.ok()) return status;
  }
  rtnl.Commit();
  return absl::OkStatus();
}

}  // namespace vswitch
