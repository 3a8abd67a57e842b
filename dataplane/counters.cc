// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/counters.h"

namespace vswitch {

void DeviceTotals::Accumulate(const DeviceCounters& counters) {
  rx_packets += counters.rx_packets.Read();
  rx_bytes += counters.rx_bytes.Read();
  tx_packets += counters.tx_packets.Read();
  tx_bytes += counters.tx_bytes.Read();
  rx_dropped += counters.rx_dropped.Read();
  tx_dropped += counters.tx_dropped.Read();
  rx_errors += counters.rx_errors.Read();
  tx_errors += counters.tx_errors.Read();
  multicast += counters.multicast.Read();
  for (size_t i = 0; i < kDropReasonCount; ++i) drops[i] += counters.drops[i].Read();
}

}  // namespace vswitch
