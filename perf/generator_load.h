// SPDX-License-Identifier: BSD-3-Clause
// Whether the generator or the switch was the limit.
#ifndef VSWITCH_PERF_GENERATOR_LOAD_H_
#define VSWITCH_PERF_GENERATOR_LOAD_H_

#include <cstdint>
#include <string>

namespace vswitch {

// What the generator did while it was sending.
struct GeneratorLoad {
  uint64_t cycles = 0;       // TSC
  uint64_t busy_cycles = 0;  // of rounds that moved a packet
  uint64_t offered = 0;      // packets
  uint64_t received = 0;
  uint64_t missed = 0;           // due by the rate, but not offered in time
  uint64_t send_bursts = 0;      // attempts
  uint64_t sends_cut_short = 0;  // of these, the sending ring had not room enough
  uint64_t receive_polls = 0;    // of queues that something is sent to
  uint64_t full_receives = 0;    // of these, a whole burst: more was waiting

  // Busy cycles for each packet's way out and back.
  double CyclesPerPacket() const;
  double Busy() const { return Share(busy_cycles, cycles); }
  double RingFull() const { return Share(sends_cut_short, send_bursts); }
  double ReceiveFull() const { return Share(full_receives, receive_polls); }

  // Why the result is the generator's and not the switch's, empty when it is the switch's. `flat
  // out`: nothing but the switch was to limit the rate.
  std::string WhyLimited(bool flat_out) const;

 private:
  static double Share(uint64_t part, uint64_t whole) {
    return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
  }
};

}  // namespace vswitch

#endif  // VSWITCH_PERF_GENERATOR_LOAD_H_
