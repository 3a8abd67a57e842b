// SPDX-License-Identifier: BSD-3-Clause
// What a handler of one kind of object gets, and what it answers.
#ifndef VSWITCH_CONTROL_REQUEST_H_
#define VSWITCH_CONTROL_REQUEST_H_

#include <linux/rtnetlink.h>

#include <memory>

#include "absl/status/statusor.h"
#include "control/client.h"
#include "control/dump.h"
#include "control/message_head.h"
#include "control/netlink.h"

namespace vswitch {

// One request, and where what is said about it goes. Views: valid during the call that got it.
struct Request {
  const NlMessage& message;
  Client& client;
  ExtAck& ack;

  uint16_t flags() const { return message.header.nlmsg_flags; }
  uint8_t family() const { return ReadStruct<rtgenmsg>(message.payload()).rtgen_family; }
};

// The head of a message that answers the request.
inline MessageHead ReplyHead(const Request& request, uint16_t type, int flags = 0) {
  return {.type = type,
          .flags = static_cast<uint16_t>(flags),
          .seq = request.message.header.nlmsg_seq,
          .pid = request.client.port_id};
}

using DumpStart = absl::StatusOr<std::unique_ptr<DumpSource>>;

}  // namespace vswitch

#endif  // VSWITCH_CONTROL_REQUEST_H_
