// SPDX-License-Identifier: BSD-3-Clause
// The netlink codec over hostile datagrams: everything that reads a client's bytes before a request
// is executed, and the answers that echo them. Input: 1 byte of socket options, the datagram.
#include <linux/rtnetlink.h>

#include <string>
#include <vector>

#include "control/link_request.h"
#include "control/netlink.h"
#include "dataplane/errno_status.h"
#include "tests/fuzz/fuzz.h"

namespace vswitch {
namespace {

class FuzzClient : public Client {
 public:
  explicit FuzzClient(uint8_t options) {
    strict_check = (options & 1) != 0;
    cap_ack = (options & 2) != 0;
    ext_ack = (options & 4) != 0;
  }
  void Send(Datagram) override {}
};

// An attribute is a view into the request, where its offset says.
void CheckAttr(const NlAttr& attr, const NlMessage& message) {
  const size_t end = attr.offset + sizeof(nlattr) + attr.value.size();
  FUZZ_CHECK(end <= message.bytes.size());
  FUZZ_CHECK(attr.value.empty() ||
             attr.value.data() == message.bytes.data() + attr.offset + sizeof(nlattr));
}

void CheckAttrs(const NlAttrs& attrs, const NlMessage& message) {
  for (uint16_t type = 0; type <= attrs.max_type(); ++type) {
    if (!attrs.Has(type)) continue;
    CheckAttr(*attrs.Find(type), message);
    FUZZ_CHECK(attrs.String(type).size() <= attrs.Binary(type).size());
  }
}

// Lists inside an attribute, as PROP_LIST and AF_SPEC have them, two levels deep.
void CheckList(const NlAttr& nest, const NlMessage& message, int depth) {
  const std::vector<NlAttr> list = ListAttributes(nest.value, nest.offset + sizeof(nlattr));
  FUZZ_CHECK(list.size() * sizeof(nlattr) <= nest.value.size());
  for (const NlAttr& attr : list) {
    CheckAttr(attr, message);
    if (depth > 0) CheckList(attr, message, depth - 1);
  }
}

void CheckRequest(const LinkRequest& request) {
  CheckAttrs(request.attrs, request.message);
  CheckAttrs(request.link_info, request.message);
  if (request.data.has_value()) CheckAttrs(*request.data, request.message);
  for (const uint16_t type : {IFLA_PROP_LIST, IFLA_AF_SPEC, IFLA_LINKINFO}) {
    if (request.attrs.Has(type)) CheckList(*request.attrs.Find(type), request.message, 1);
  }
}

// A reply is one whole message that a client can walk.
void CheckReply(const Datagram& reply, uint16_t type) {
  NlReader reader(reply);
  const std::optional<NlMessage> message = reader.Next();
  FUZZ_CHECK(message.has_value());
  FUZZ_CHECK(message->header.nlmsg_type == type);
  FUZZ_CHECK(message->bytes.size() == reply.size());
  FUZZ_CHECK(reply.size() % NLMSG_ALIGNTO == 0);
}

void CheckAnswers(const NlMessage& message, const absl::Status& status, const ExtAck& ack,
                  const FuzzClient& client) {
  FUZZ_CHECK(!ack.offset.has_value() || *ack.offset < message.bytes.size());
  const Datagram reply = EncodeAck(message, status, ack, 1, client.cap_ack, client.ext_ack);
  CheckReply(reply, NLMSG_ERROR);
  FUZZ_CHECK(ReadStruct<int32_t>(Bytes(reply).subspan(sizeof(nlmsghdr))) == -ErrnoOf(status));
  CheckReply(EncodeDone(message, status, ack, 1, client.ext_ack), NLMSG_DONE);
}

void TryLinkRequest(const NlMessage& message, FuzzClient& client) {
  ExtAck ack;
  absl::StatusOr<LinkRequest> request = ParseLinkRequest(message, client, ack);
  absl::Status status = request.status();
  if (status.ok()) {
    status = ParseLinkInfo(*request, ack);
    CheckRequest(*request);
  }
  CheckAnswers(message, status, ack, client);
}

void TryGetLink(const NlMessage& message, FuzzClient& client, bool dump) {
  ExtAck ack;
  const absl::StatusOr<LinkRequest> request = ParseGetLink(message, client, dump, ack);
  if (request.ok()) CheckRequest(*request);
  FUZZ_CHECK(request.ok() || client.strict_check || !dump);
  CheckAnswers(message, request.status(), ack, client);
}

}  // namespace
}  // namespace vswitch

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  vswitch::FuzzClient client(data[0]);
  // A copy of its own, so that a sanitizer sees a read beyond the end.
  const vswitch::Datagram datagram(data + 1, data + size);
  vswitch::NlReader reader(datagram);
  while (const std::optional<vswitch::NlMessage> message = reader.Next()) {
    vswitch::TryLinkRequest(*message, client);
    vswitch::TryGetLink(*message, client, /*dump=*/false);
    vswitch::TryGetLink(*message, client, /*dump=*/true);
  }
  return 0;
}
