// SPDX-License-Identifier: BSD-3-Clause
// Dumps: answers of any length, composed one datagram at a time as the client reads (netlink_dump).
#ifndef VSWITCH_CONTROL_DUMP_H_
#define VSWITCH_CONTROL_DUMP_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "control/netlink.h"

namespace vswitch {

// One datagram of a dump: whole messages only.
class DumpPage {
 public:
  // What fits a page-sized socket buffer of the kernel (NLMSG_GOODSIZE): a reader with small
  // buffers must not lose messages.
  static constexpr size_t kSize = 3776;

  // `compose(Datagram&)` appends one message. False when it does not fit any more: it is taken
  // back, and comes first in the next page. One message always fits.
  template <typename Compose>
  bool Add(Compose compose) {
    const size_t before = bytes_.size();
    compose(bytes_);
    if (bytes_.size() <= kSize || before == 0) return true;
    bytes_.resize(before);
    return false;
  }

  bool empty() const { return bytes_.empty(); }
  Datagram& bytes() { return bytes_; }

 private:
  Datagram bytes_;
};

// What is dumped. Lives as long as its dump, which may be long: it keeps no pointers to devices or
// namespaces but looks them up again for each page.
class DumpSource {
 public:
  virtual ~DumpSource() = default;
  // Adds the messages that come next. False when the page is full and there is more.
  virtual bool Fill(DumpPage& page) = 0;
  // Differs from before when something was added or removed meanwhile: what is dumped may then lack
  // entries or have them twice.
  virtual uint64_t version() const = 0;
};

// A dump on its way to a client. `status` and `ack` are what its NLMSG_DONE says; with an error
// there is nothing else, and no source.
class Dump {
 public:
  Dump(const nlmsghdr& request, uint32_t port_id, bool ext_ack, absl::Status status, ExtAck ack,
       std::unique_ptr<DumpSource> source);

  // The next datagram: entries, or at last the one with NLMSG_DONE; then nullopt. The first message
  // of one has NLM_F_DUMP_INTR when things changed since the one before.
  std::optional<Datagram> Next();

 private:
  // Whether the source changed since the page before.
  bool NoteVersion();
  Datagram Done();

  const nlmsghdr request_;
  const uint32_t port_id_;
  const bool ext_ack_;
  const absl::Status status_;
  const ExtAck ack_;
  const std::unique_ptr<DumpSource> source_;
  std::optional<uint64_t> version_;  // at the page before
  bool exhausted_;                   // all entries are out
  bool done_ = false;                // and NLMSG_DONE is, too
};

}  // namespace vswitch

#endif  // VSWITCH_CONTROL_DUMP_H_
