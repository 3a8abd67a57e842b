// SPDX-License-Identifier: BSD-3-Clause
// Tells lost, duplicated and reordered packets of one flow apart by their sequence numbers.
#ifndef VSWITCH_PERF_SEQUENCE_H_
#define VSWITCH_PERF_SEQUENCE_H_

#include <cstdint>
#include <vector>

namespace vswitch {

enum class Arrival : uint8_t {
  kFirst,
  kRepeated,  // it had arrived before
  kEarlier,   // sent before those that count
};

// One thread. Numbers are expected to arrive as first, first + 1, first + 2, …
class SequenceChecker {
 public:
  // How far behind the newest number a late packet may be and still be recognised. Far more than
  // any path through a switch holds, so that what is older can only be a second copy.
  static constexpr uint32_t kWindow = 1 << 16;
  static constexpr uint32_t kMinWindow = 64;

  // `window` is a power of two, at least kMinWindow.
  explicit SequenceChecker(uint32_t window = kWindow)
      : mask_(window / 64 - 1), seen_(window / 64) {}

  // The window of one of `flows` flows that take turns: together they have kWindow.
  static uint32_t WindowFor(uint32_t flows);

  // Forgets everything. What was sent before number `first` is none of the counts any more.
  void Restart(uint64_t first);

  // Takes the number of a packet that arrived intact.
  Arrival Take(uint64_t sequence) {
    if (sequence != next_) return TakeUnexpected(sequence);
    Mark(next_++);
    ++unique_;
    return Arrival::kFirst;
  }

  // Packets that arrived at least once.
  uint64_t unique() const { return unique_; }
  // Arrivals of a packet that had arrived before.
  uint64_t duplicated() const { return duplicated_; }
  // Packets that arrived after one with a higher number; they are not lost.
  uint64_t reordered() const { return reordered_; }
  // Of the numbers [first, sent), those that have not arrived (yet).
  uint64_t Lost(uint64_t sent) const {
    return sent > first_ + unique_ ? sent - first_ - unique_ : 0;
  }

 private:
  Arrival TakeUnexpected(uint64_t sequence);
  void SkipTo(uint64_t sequence);

  uint64_t window() const { return seen_.size() * 64; }
  void Mark(uint64_t sequence) { Word(sequence) |= Bit(sequence); }
  void Clear(uint64_t sequence) { Word(sequence) &= ~Bit(sequence); }
  bool Seen(uint64_t sequence) { return (Word(sequence) & Bit(sequence)) != 0; }
  uint64_t& Word(uint64_t sequence) { return seen_[sequence / 64 & mask_]; }
  static uint64_t Bit(uint64_t sequence) { return uint64_t{1} << sequence % 64; }

  const uint64_t mask_;  // of words in seen_
  uint64_t first_ = 0;
  uint64_t next_ = 0;  // one above the highest number seen
  uint64_t unique_ = 0;
  uint64_t duplicated_ = 0;
  uint64_t reordered_ = 0;
  // A bit for each of the numbers [next_ - window, next_), by number modulo window. Bits of a
  // number that in-order arrival passes are set again and again, so only gaps need clearing.
  std::vector<uint64_t> seen_;
};

}  // namespace vswitch

#endif  // VSWITCH_PERF_SEQUENCE_H_
