// SPDX-License-Identifier: BSD-3-Clause
#include "control/switch_requests.h"

#include <algorithm>
#include <cerrno>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "control/backend_options.h"
#include "control/link_kind.h"
#include "control/protocol.h"
#include "control/show.h"
#include "dataplane/errno_status.h"

namespace vswitch {
namespace {

constexpr size_t kDumpDatagram = 16384;  // a full one; a message is never split
constexpr uint16_t kMaxText = 4096;
constexpr size_t kJsonPiece = 32768;  // the length of an attribute has 16 bits

constexpr NlPolicy kPolicy[] = {
    {NlType::kReject},           {NlType::kString, 127},  // kAttrDevice: may be an alternative name
    {NlType::kString, 31},                                // kAttrBackend
    {NlType::kString, kMaxText}, {NlType::kReject},       // kAttrJson: answers only
};

struct Request {
  const NlMessage& message;
  Client& client;
  Rtnl& rtnl;
  NlAttrs attrs;
};

absl::StatusOr<Device*> FindDevice(const Request& request) {
  if (!request.attrs.Has(kAttrDevice)) return ErrnoStatus(EINVAL, "device name missing");
  const std::string name = request.attrs.String(kAttrDevice);
  Device* device = request.client.ns->FindByName(name);
  if (device == nullptr) return ErrnoStatus(ENODEV);
  return device;
}

absl::StatusOr<std::map<std::string, std::string>> ReadOptions(Bytes attrs) {
  std::map<std::string, std::string> options;
  for (const NlAttr& attr : ListAttributes(attrs, sizeof(nlmsghdr))) {
    if (attr.type != kAttrOption) continue;
    const std::string text(attr.value.begin(), std::find(attr.value.begin(), attr.value.end(), 0));
    const std::vector<std::string> parts = absl::StrSplit(text, absl::MaxSplits('=', 1));
    if (parts.size() != 2) {
      return ErrnoStatus(EINVAL, absl::StrCat("option must be key=value: ", text));
    }
    if (!options.emplace(parts[0], parts[1]).second) {
      return ErrnoStatus(EINVAL, absl::StrCat("option given twice: ", parts[0]));
    }
  }
  return options;
}

absl::Status Attach(Request& request) {
  const absl::StatusOr<Device*> device = FindDevice(request);
  if (!device.ok()) return device.status();
  if (!request.attrs.Has(kAttrBackend)) return ErrnoStatus(EINVAL, "backend type missing");
  const auto options = ReadOptions(request.message.payload());
  if (!options.ok()) return options.status();
  const absl::StatusOr<BackendSpec> spec =
      ParseBackendSpec(request.attrs.String(kAttrBackend), *options);
  if (!spec.ok()) return spec.status();
  return request.rtnl.Attach(**device, *spec);
}

absl::Status Detach(Request& request) {
  const absl::StatusOr<Device*> device = FindDevice(request);
  if (!device.ok()) return device.status();
  return request.rtnl.Detach(**device);
}

// Admins see every namespace, others their own.
std::vector<Namespace*> VisibleNamespaces(const Request& request) {
  if (!request.client.admin) return {request.client.ns};
  return request.rtnl.registry().namespaces();
}

absl::Status Show(const Request& request, std::vector<std::string>& objects) {
  const bool one = request.attrs.Has(kAttrDevice);
  const std::string name = one ? request.attrs.String(kAttrDevice) : std::string();
  for (const Namespace* ns : VisibleNamespaces(request)) {
    const std::vector<Device*> devices =
        one ? std::vector<Device*>{ns->FindByName(name)} : ns->DumpOrder();
    for (const Device* device : devices) {
      // Every namespace that was ever seen has a lo.
      if (device == nullptr || (device->kind == nullptr && ns != request.client.ns)) continue;
      objects.push_back(ShowDevice(*device, request.rtnl.registry(), request.rtnl.dataplane()));
    }
  }
  if (one && objects.empty()) return ErrnoStatus(ENODEV);
  return absl::OkStatus();
}

absl::Status Workers(const Request& request, std::vector<std::string>& objects) {
  const Dataplane& dataplane = request.rtnl.dataplane();
  const SlotNames names = NamesOfPolledDevices(request.rtnl.registry(), dataplane);
  for (uint16_t i = 0; i < dataplane.workers().size(); ++i) {
    objects.push_back(ShowWorker(i, names, dataplane));
  }
  return absl::OkStatus();
}

void PutJson(const std::string& text, NlWriter& writer) {
  const Bytes bytes(reinterpret_cast<const uint8_t*>(text.data()), text.size());
  for (size_t at = 0; at < bytes.size(); at += kJsonPiece) {
    writer.PutBytes(kAttrJson, bytes.subspan(at, std::min(kJsonPiece, bytes.size() - at)));
  }
}

void SendDump(const Request& request, const std::vector<std::string>& objects) {
  Datagram datagram;
  const nlmsghdr& header = request.message.header;
  for (const std::string& object : objects) {
    if (!datagram.empty() && datagram.size() + object.size() > kDumpDatagram) {
      request.client.Send(std::exchange(datagram, {}));
    }
    NlWriter writer(datagram);
    writer.Begin(header.nlmsg_type, NLM_F_MULTI, header.nlmsg_seq, request.client.port_id);
    PutJson(object, writer);
    writer.End();
  }
  if (!datagram.empty()) request.client.Send(std::move(datagram));
  request.client.Send(
      EncodeDone(request.message, absl::OkStatus(), ExtAck(), request.client.port_id, true));
}

absl::Status Change(Request& request) {
  if (!request.client.admin) return ErrnoStatus(EPERM);
  return request.message.header.nlmsg_type == kMsgAttach ? Attach(request) : Detach(request);
}

bool IsDump(uint16_t type) { return type == kMsgShow || type == kMsgWorkers; }

// Sets *answered when the answer is complete without an acknowledgement.
absl::Status Execute(const NlMessage& message, Client& client, Rtnl& rtnl, ExtAck& ack,
                     bool* answered) {
  absl::StatusOr<NlAttrs> attrs =
      ParseAttributes(message.payload(), sizeof(nlmsghdr), kPolicy, NlParse::kStrict, &ack);
  if (!attrs.ok()) return attrs.status();
  Request request{message, client, rtnl, *std::move(attrs)};
  std::vector<std::string> objects;
  absl::Status status;
  switch (message.header.nlmsg_type) {
    case kMsgAttach:
    case kMsgDetach:
      return Change(request);
    case kMsgShow:
      status = Show(request, objects);
      break;
    case kMsgWorkers:
      status = Workers(request, objects);
      break;
    default:
      return ErrnoStatus(EOPNOTSUPP);
  }
  if (!status.ok()) return status;
  SendDump(request, objects);
  *answered = true;
  return status;
}

}  // namespace

bool IsSwitchRequest(Bytes datagram) {
  const uint16_t type = ReadStruct<nlmsghdr>(datagram).nlmsg_type;
  return type >= kMsgAttach && type <= kMsgWorkers;
}

void HandleSwitchRequests(Rtnl& rtnl, Bytes datagram, Client& client) {
  NlReader reader(datagram);
  bool dumped = false;
  while (const std::optional<NlMessage> message = reader.Next()) {
    if ((message->header.nlmsg_flags & NLM_F_REQUEST) == 0) continue;
    ExtAck ack;
    bool answered = false;
    // One dump a datagram, as in rtnetlink: one about thousands of devices asks for megabytes, and
    // a datagram holds thousands of requests.
    const bool busy = dumped && IsDump(message->header.nlmsg_type);
    const absl::Status status =
        busy ? ErrnoStatus(EBUSY) : Execute(*message, client, rtnl, ack, &answered);
    dumped |= answered;
    if (answered || (status.ok() && (message->header.nlmsg_flags & NLM_F_ACK) == 0)) continue;
    client.Send(EncodeAck(*message, status, ack, client.port_id, client.cap_ack, true));
  }
}

}  // namespace vswitch
