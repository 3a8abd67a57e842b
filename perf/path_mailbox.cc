// SPDX-License-Identifier: BSD-3-Clause
#include <array>
#include <memory>
#include <vector>

#include "dataplane/mailbox.h"
#include "dataplane/packet_buffer.h"
#include "perf/path.h"
#include "perf/small_switch.h"

namespace vswitch {
namespace {

class MailboxPath final : public Path {
 public:
  explicit MailboxPath(uint32_t burst) : Path(burst) {
    for (rte_mbuf* frame : NewFrames(burst)) packets_.push_back(PacketBuffer::FromMbuf(frame));
  }
  ~MailboxPath() override { PacketBuffer::Free(packets_); }

  void Run() override {
    mailbox_.Post({}, packets_);
    drained_ = mailbox_.Drain(letters_);
  }
  void After() override { Require(drained_ == units(), "letters were lost"); }

 private:
  Mailbox mailbox_;
  std::vector<Packet> packets_;
  std::array<Letter, Burst::kCapacity> letters_;
  uint16_t drained_ = 0;
};

}  // namespace

std::unique_ptr<Path> MakeMailbox(uint32_t size) { return std::make_unique<MailboxPath>(size); }

}  // namespace vswitch
