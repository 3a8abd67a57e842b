// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/poll_schedule.h"

#include <rte_cycles.h>

#include <array>

namespace vswitch {

PollTimes PollTimes::OfTsc() {
  PollTimes times;
  const uint64_t hz = rte_get_tsc_hz();
  if (hz == 0) return times;
  for (uint64_t* time :
       {&times.longest_wait, &times.rest_after, &times.look, &times.idle_look, &times.silent_gap}) {
    *time = *time * hz / 1'000'000'000;
  }
  return times;
}

void PollSchedule::Follow(const PollList& list, uint64_t now) {
  number_ = list.number;
  polled_ = {list.polled.get(), 0};
  silent_ = {list.silent.get(), 0};
  resting_.Set(0);
  for (PollEntry* entry : list.entries) Enlist(*entry, now);
  if (silent_.count == 0) next_silent_ = kNever;
  if (resting() == 0) next_look_ = kNever;
}

void PollSchedule::Enlist(PollEntry& entry, uint64_t now) {
  switch (entry.state) {
    case PollEntry::State::kNew:
      return AddPolled(entry, now);
    case PollEntry::State::kPolled:
      return polled_.Add(entry);
    case PollEntry::State::kSilent:
      return silent_.Add(entry);
    case PollEntry::State::kResting:
      resting_.Add(1);
  }
}

void PollSchedule::Look(uint64_t now) {
  std::array<PollEntry*, 64> rung;
  const size_t count = bells_.Rung(rung);
  for (PollEntry* entry : std::span(rung).first(count)) {
    if (entry->state != PollEntry::State::kResting) continue;
    resting_.Set(resting() - 1);
    entry->backend->Wake(entry->queue);
    AddPolled(*entry, now);
  }
  const bool more = count == rung.size();
  next_look_ = resting() == 0 ? kNever
               : more         ? now
                              : now + (busy_ ? times_.look : times_.idle_look);
}

bool PollSchedule::BeginRest(PollEntry& entry) {
  return entry.bell >= 0 && entry.backend->Rest(entry.queue) && bells_.Arm(entry);
}

void PollSchedule::Rest(PollEntry& entry, uint64_t now) {
  entry.state = PollEntry::State::kResting;
  resting_.Add(1);
  next_look_ = std::min(next_look_, now + times_.idle_look);
}

void PollSchedule::AddSilent(PollEntry& entry, uint64_t now) {
  entry.state = PollEntry::State::kSilent;
  silent_.Add(entry);
  next_silent_ = std::min(next_silent_, now + SilentGap());
}

void PollSchedule::PollAgain(size_t silent_place, uint64_t now) {
  PollEntry& entry = *silent_.entries[silent_place];
  silent_.Remove(silent_place);
  AddPolled(entry, now);
}

void PollSchedule::AddPolled(PollEntry& entry, uint64_t now) {
  entry.state = PollEntry::State::kPolled;
  entry.last_packet = now;
  entry.due = now;
  polled_.Add(entry);
}

uint64_t PollSchedule::SilentGap() const {
  return std::max(times_.longest_wait / silent_.count, times_.silent_gap);
}

// A round, or a sleep, may have taken longer than a whole turn: nothing is looked at twice for
// that.
void PollSchedule::CatchUpSilent(uint64_t now, uint64_t gap) {
  const uint64_t turn = (silent_.count - 1) * gap;
  if (now - next_silent_ > turn) next_silent_ = now - turn;
}

}  // namespace vswitch
