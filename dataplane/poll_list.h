// SPDX-License-Identifier: BSD-3-Clause
// The backend queues that a worker owns.
#ifndef VSWITCH_DATAPLANE_POLL_LIST_H_
#define VSWITCH_DATAPLANE_POLL_LIST_H_

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "dataplane/backend.h"
#include "dataplane/netdev.h"

namespace vswitch {

// One queue, and where its worker stands with it. Lives with its Port, from list to list: an event
// of its bell carries a pointer to it.
struct alignas(64) PollEntry {
  // Written by the control thread before the entry is in a list.
  Backend* backend = nullptr;
  DeviceId device;
  uint16_t queue = 0;
  bool wire = false;  // behind it is a NIC, which loses what is not fetched in time
  int bell = -1;      // Backend::Bell; -1, too, when it cannot be watched

  // Written by the worker.
  enum class State : uint8_t {
    kNew,      // in no list that the worker has seen
    kPolled,   // looked at in every round, or nearly
    kSilent,   // looked at now and then: it cannot rest
    kResting,  // not looked at until its bell rings
  };
  State state = State::kNew;
  uint64_t last_packet = 0;  // when it gave one, or began to be polled
  uint64_t due = 0;          // when it is looked at next, if polled
};

// Const once published, but for the room that the worker's schedule takes in it.
struct PollList {
  PollList(uint64_t list_number, std::vector<PollEntry*> list_entries)
      : number(list_number),
        entries(std::move(list_entries)),
        polled(std::make_unique<PollEntry*[]>(entries.size())),
        silent(std::make_unique<PollEntry*[]>(entries.size())) {}

  // Tells it from the one before, in whose memory it may be: a worker may have slept meanwhile.
  const uint64_t number;
  const std::vector<PollEntry*> entries;
  const std::unique_ptr<PollEntry*[]> polled, silent;
};

}  // namespace vswitch

#endif  // VSWITCH_DATAPLANE_POLL_LIST_H_
