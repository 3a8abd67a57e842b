// SPDX-License-Identifier: BSD-3-Clause
#include "control/dump.h"

namespace vswitch {

namespace {

// On the first message of the page (nl_dump_check_consistent).
void FlagInterruption(Datagram& page) {
  auto header = ReadStruct<nlmsghdr>(page);
  header.nlmsg_flags |= NLM_F_DUMP_INTR;
  std::memcpy(page.data(), &header, sizeof(header));
}

}  // namespace

Dump::Dump(const nlmsghdr& request, uint32_t port_id, bool ext_ack, absl::Status status, ExtAck ack,
           std::unique_ptr<DumpSource> source)
    : request_(request),
      port_id_(port_id),
      ext_ack_(ext_ack),
      status_(std::move(status)),
      ack_(std::move(ack)),
      source_(std::move(source)),
      exhausted_(source_ == nullptr) {}

std::optional<Datagram> Dump::Next() {
  if (done_) return std::nullopt;
  DumpPage page;
  const bool interrupted = NoteVersion();
  if (!exhausted_) exhausted_ = source_->Fill(page);
  done_ = page.empty();  // NLMSG_DONE travels alone, as Linux 6.1 has it
  Datagram datagram = done_ ? Done() : std::move(page.bytes());
  if (interrupted) FlagInterruption(datagram);
  return datagram;
}

bool Dump::NoteVersion() {
  if (source_ == nullptr) return false;
  const uint64_t now = source_->version();
  return std::exchange(version_, now).value_or(now) != now;
}

Datagram Dump::Done() {
  return EncodeDone(NlMessage{.header = request_, .bytes = {}}, status_, ack_, port_id_, ext_ack_);
}

}  // namespace vswitch
