// SPDX-License-Identifier: BSD-3-Clause
// Answers that end a request: NLMSG_ERROR (netlink_ack) and NLMSG_DONE (netlink_dump_done).
#include "control/netlink.h"
#include "dataplane/errno_status.h"

namespace vswitch {

namespace {

// A request may leave a sentence behind before it fails without one; the kernel sends that one too.
std::string Sentence(const absl::Status& status, const ExtAck& ack) {
  if (status.message().empty()) return ack.warning;
  return {status.message().data(), status.message().size()};
}

// A sentence that would not fit an attribute is cut: some quote names that a client sent.
void PutSentence(NlWriter& writer, const std::string& sentence) {
  constexpr size_t kLongest = 1024;
  if (!sentence.empty()) writer.PutString(NLMSGERR_ATTR_MSG, sentence.substr(0, kLongest));
}

void PutDetails(NlWriter& writer, const ExtAck& ack) {
  if (ack.offset.has_value()) writer.PutU32(NLMSGERR_ATTR_OFFS, *ack.offset);
  if (ack.policy.empty()) return;
  writer.PutBytes(NLMSGERR_ATTR_POLICY | NLA_F_NESTED, ack.policy);
}

}  // namespace

Datagram EncodeAck(const NlMessage& request, const absl::Status& status, const ExtAck& ack,
                   uint32_t port_id, bool cap_ack, bool ext_ack) {
  const bool capped = status.ok() || cap_ack;
  const std::string sentence = Sentence(status, ack);
  const bool details = !status.ok() && (ack.offset.has_value() || !ack.policy.empty());
  const bool tlvs = ext_ack && (!sentence.empty() || details);

  Datagram out;
  NlWriter writer(out);
  writer.Begin(NLMSG_ERROR, (capped ? NLM_F_CAPPED : 0) | (tlvs ? NLM_F_ACK_TLVS : 0),
               request.header.nlmsg_seq, port_id);
  writer.PutStruct(int32_t{-ErrnoOf(status)});
  writer.PutRaw(capped ? request.bytes.first(sizeof(nlmsghdr)) : request.bytes);
  if (tlvs) PutSentence(writer, sentence);
  if (tlvs && details) PutDetails(writer, ack);
  writer.End();
  return out;
}

Datagram EncodeDone(const NlMessage& request, const absl::Status& status, const ExtAck& ack,
                    uint32_t port_id, bool ext_ack) {
  const std::string sentence = Sentence(status, ack);
  const bool tlvs = ext_ack && !sentence.empty();

  Datagram out;
  NlWriter writer(out);
  writer.Begin(NLMSG_DONE,
               static_cast<uint16_t>(NLM_F_MULTI | ack.done_flags | (tlvs ? NLM_F_ACK_TLVS : 0)),
               request.header.nlmsg_seq, port_id);
  writer.PutStruct(int32_t{-ErrnoOf(status)});
  if (tlvs) PutSentence(writer, sentence);
  writer.End();
  return out;
}

}  // namespace vswitch
