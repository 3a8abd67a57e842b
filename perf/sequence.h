// SPDX-License-Identifier: BSD-3-Clause
// Tells lost, duplicated and reordered packets of one flow apart by their sequence numbers.
#ifndef VSWITCH_PERF_SEQUENCE_H_
#define VSWITCH_PERF_SEQUENCE_H_

#include <array>
#include <cstdint>

namespace vswitch {

// One thread. Numbers start at 0 and are expected to arrive as 0, 1, 2, …
class SequenceChecker {
 public:
  // How far behind the newest number a late packet may be and still be recognised. Far more than
  // any path through a switch holds, so that what is older can only be a second copy.
  static constexpr uint64_t kWindow = 1 << 16;

  // Takes the number of a packet that arrived intact.
  void Take(uint64_t sequence) {
    if (sequence == next_) {
      Mark(next_++);
      ++unique_;
    } else {
      TakeUnexpected(sequence);
    }
  }

  // Packets that arrived at least once.
  uint64_t unique() const { return unique_; }
  // Arrivals of a packet that had arrived before.
  uint64_t duplicated() const { return duplicated_; }
  // Packets that arrived after one with a higher number; they are not lost.
  uint64_t reordered() const { return reordered_; }
  // Of the numbers [0, sent), those that have not arrived (yet).
  uint64_t Lost(uint64_t sent) const { return sent > unique_ ? sent - unique_ : 0; }

 private:
  void TakeUnexpected(uint64_t sequence);
  void SkipTo(uint64_t sequence);

  void Mark(uint64_t sequence) { Word(sequence) |= Bit(sequence); }
  void Clear(uint64_t sequence) { Word(sequence) &= ~Bit(sequence); }
  bool Seen(uint64_t sequence) { return (Word(sequence) & Bit(sequence)) != 0; }
  uint64_t& Word(uint64_t sequence) { return seen_[sequence % kWindow / 64]; }
  static uint64_t Bit(uint64_t sequence) { return uint64_t{1} << sequence % 64; }

  uint64_t next_ = 0;  // one above the highest number seen
  uint64_t unique_ = 0;
  uint64_t duplicated_ = 0;
  uint64_t reordered_ = 0;
  // A bit for each of the numbers [next_ - kWindow, next_), by number modulo kWindow. Bits of a
  // number that in-order arrival passes are set again and again, so only gaps need clearing.
  std::array<uint64_t, kWindow / 64> seen_{};
};

}  // namespace vswitch

#endif  // VSWITCH_PERF_SEQUENCE_H_
