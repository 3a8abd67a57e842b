// SPDX-License-Identifier: BSD-3-Clause
// Which of its queues a worker looks at in a round: active ones always, silent ones ever more
// rarely, resting ones not until their bell rings.
#ifndef VSWITCH_DATAPLANE_POLL_SCHEDULE_H_
#define VSWITCH_DATAPLANE_POLL_SCHEDULE_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "dataplane/bells.h"
#include "dataplane/counters.h"
#include "dataplane/poll_list.h"

namespace vswitch {

// In ticks of the clock that rounds are given; as they stand, of nanoseconds.
struct PollTimes {
  uint64_t longest_wait = 20'000;   // between two looks at a queue that is polled
  uint64_t rest_after = 1'000'000;  // without a packet
  uint64_t look = 20'000;           // between two looks at the bells
  uint64_t idle_look = 5'000;       // the same when nothing else is to do
  uint64_t silent_gap = 2'000;      // at least, between looks at two queues that cannot rest

  // Of the TSC. REQUIRES: EAL is initialised, else they are as they stand.
  static PollTimes OfTsc();
};

// Belongs to the worker.
class PollSchedule {
 public:
  // What a look at a queue found.
  struct Found {
    uint32_t packets = 0;
    bool anything = false;  // packets, or what is none
  };

  explicit PollSchedule(Bells& bells) : bells_(bells) {}
  void set_times(const PollTimes& times) { times_ = times; }

  // One round over what is due in `list`. poll(PollEntry&) looks at a queue and returns Found. The
  // packets of all of them. A clock that stands still makes all queues due in every round.
  template <typename Poll>
  uint32_t Round(const PollList& list, uint64_t now, const Poll& poll) {
    if (list.number != number_) [[unlikely]]
      Follow(list, now);
    if (now >= next_look_) [[unlikely]]
      Look(now);
    uint32_t packets = 0;
    if (now >= next_silent_) [[unlikely]]
      packets += PollSilent(now, poll);
    packets += PollPolled(now, poll);
    busy_ = packets > 0;
    return packets;
  }

  // Whether there was no newer list in the last round.
  bool Knows(const PollList& list) const { return list.number == number_; }
  // Whether nothing is to do before a bell rings, or a queue is due that cannot rest.
  bool AllRest(uint64_t now) const { return polled_.count == 0 && now < next_silent_; }
  bool HasSilent() const { return silent_.count > 0; }
  // Any thread.
  uint64_t resting() const { return resting_.Read(); }
  uint64_t rest_after() const { return times_.rest_after; }
  // What rang while nobody looked is to be seen in the next round.
  void LookSoon() { next_look_ = 0; }

 private:
  static constexpr uint64_t kNever = UINT64_MAX;
  // Some hundred nanoseconds each: those of a thousand queues that fall silent together must not
  // come in one round.
  static constexpr uint32_t kRestsPerRound = 4;
  static constexpr uint32_t kSilentPerRound = 32;

  // Entries in no order, in the room that a list has for them.
  struct Crowd {
    PollEntry** entries = nullptr;
    size_t count = 0;

    void Add(PollEntry& entry) { entries[count++] = &entry; }
    void Remove(size_t place) { entries[place] = entries[--count]; }
  };

  template <typename Poll>
  uint32_t PollPolled(uint64_t now, const Poll& poll) {
    uint32_t packets = 0;
    bool tired = tired_;
    for (size_t i = 0; i < polled_.count; ++i) {
      PollEntry& entry = *polled_.entries[i];
      if (now < entry.due) continue;
      const Found found = poll(entry);
      packets += found.packets;
      tired |= Heard(entry, found.anything, now);
    }
    if (tired) [[unlikely]]
      packets += RetireTired(now, poll);
    return packets;
  }

  // A quarter of the silence so far goes by before the next look. Whether it is time for a rest.
  bool Heard(PollEntry& entry, bool anything, uint64_t now) const {
    if (anything) {
      entry.last_packet = now;
      return false;
    }
    const uint64_t silence = now - entry.last_packet;
    entry.due = now + std::min(silence / 4, times_.longest_wait);
    return IsTired(entry, now);
  }

  bool IsTired(const PollEntry& entry, uint64_t now) const {
    return !entry.wire && now - entry.last_packet >= times_.rest_after;
  }

  template <typename Poll>
  uint32_t RetireTired(uint64_t now, const Poll& poll) {
    uint32_t packets = 0;
    uint32_t budget = kRestsPerRound;
    for (size_t i = 0; i < polled_.count && budget > 0;) {
      PollEntry& entry = *polled_.entries[i];
      const bool tired = IsTired(entry, now);
      if (tired && Retire(entry, now, poll, packets)) {
        polled_.Remove(i);
      } else {
        ++i;
      }
      budget -= tired ? 1 : 0;
    }
    tired_ = budget == 0;
    return packets;
  }

  // What came before the far end knew that it must ring comes without: the last look finds it, and
  // then there is no rest.
  template <typename Poll>
  bool Retire(PollEntry& entry, uint64_t now, const Poll& poll, uint32_t& packets) {
    if (!BeginRest(entry)) return AddSilent(entry, now), true;
    const Found found = poll(entry);
    packets += found.packets;
    if (!found.anything) return Rest(entry, now), true;
    entry.backend->Wake(entry.queue);
    entry.last_packet = now;
    return false;
  }

  // One after the other, so that each is looked at after the longest wait, or, when they are so
  // many that this would take too much of the worker's time, after a time for each of them.
  template <typename Poll>
  uint32_t PollSilent(uint64_t now, const Poll& poll) {
    uint32_t packets = 0;
    const uint64_t gap = SilentGap();
    CatchUpSilent(now, gap);
    for (uint32_t n = 0; n < kSilentPerRound && now >= next_silent_ && silent_.count > 0; ++n) {
      next_silent_ += gap;
      if (++cursor_ >= silent_.count) cursor_ = 0;
      PollEntry& entry = *silent_.entries[cursor_];
      const Found found = poll(entry);
      packets += found.packets;
      if (found.anything) PollAgain(cursor_, now);
    }
    if (silent_.count == 0) next_silent_ = kNever;
    return packets;
  }

  void Follow(const PollList& list, uint64_t now);
  void Enlist(PollEntry& entry, uint64_t now);
  void Look(uint64_t now);
  bool BeginRest(PollEntry& entry);
  void Rest(PollEntry& entry, uint64_t now);
  void AddSilent(PollEntry& entry, uint64_t now);
  void PollAgain(size_t silent_place, uint64_t now);
  void AddPolled(PollEntry& entry, uint64_t now);
  uint64_t SilentGap() const;
  void CatchUpSilent(uint64_t now, uint64_t gap);

  Bells& bells_;
  PollTimes times_;
  uint64_t number_ = 0;  // of the list whose entries are in the crowds
  Crowd polled_, silent_;
  Counter resting_;
  size_t cursor_ = 0;            // the silent entry that was looked at last
  uint64_t next_look_ = kNever;  // at the bells
  uint64_t next_silent_ = kNever;
  bool busy_ = false;   // packets came in the last round
  bool tired_ = false;  // a queue that is to rest was left for the next round
};

}  // namespace vswitch

#endif  // VSWITCH_DATAPLANE_POLL_SCHEDULE_H_
