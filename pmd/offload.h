// SPDX-License-Identifier: BSD-3-Clause
// Translates between Offload and the flags of mbufs.
//
// Inside the switch the request stands in Packet::offload() alone: mbufs behind packets carry no TX
// flags, so that a burst in which nobody asks for anything is sent without touching them. Receive
// keeps that promise, Send sets flags on what it hands on.
#ifndef VSWITCH_PMD_OFFLOAD_H_
#define VSWITCH_PMD_OFFLOAD_H_

#include <rte_mbuf.h>

#include <cstdint>
#include <span>

#include "dataplane/packet.h"

namespace vswitch {

// What a far end takes as a request; the rest is completed before it gets the frame.
struct OffloadSupport {
  bool checksum = false;
  bool tso4 = false;  // REQUIRES checksum, as in virtio 1.1, 5.1.3.1
  bool tso6 = false;

  bool Takes(const Offload& offload) const {
    if (offload.gso == GsoType::kTcp4) return checksum && tso4;
    if (offload.gso == GsoType::kTcp6) return checksum && tso6;
    return checksum || !offload.needs_checksum;
  }
};

// More segments than this from one frame are refused: a segment of a few bytes would let a guest
// keep a worker busy for milliseconds.
inline constexpr uint32_t kMaxSegments = 1024;

// Checks a stranger's request against the frame of `length` bytes that begins with `head`. False
// when it makes no sense. A GSO frame that fits one segment stops being one, as in the kernel's
// virtio_net_hdr_to_skb.
bool CheckOffload(std::span<const uint8_t> head, uint32_t length, Offload& offload);

// What librte_vhost's compliant flags say of a received frame: RX_L4_CKSUM_NONE for a partial
// checksum, RX_LRO and tso_segsz for GSO.
inline bool HasRxRequest(uint64_t ol_flags) {
  return (ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) == RTE_MBUF_F_RX_L4_CKSUM_NONE ||
         (ol_flags & RTE_MBUF_F_RX_LRO) != 0;
}
// REQUIRES: HasRxRequest(mbuf->ol_flags). False when the frame does not bear out the request.
bool OffloadFromRxFlags(const rte_mbuf* mbuf, Offload* offload);

// What another DPDK program asks for with TX flags (rte_mbuf_core.h). Clears them, completes an
// IPv4 header checksum at once and writes the pseudo-header sum that Offload promises, whatever
// stood there: DPDK leaves the length out of it for TSO. False when the request makes no sense or
// names an offload we do not carry.
bool TakeTxFlags(rte_mbuf* mbuf, Offload* offload);  // REQUIRES: some are set
inline bool TakeTxRequest(rte_mbuf* mbuf, Offload* offload) {
  if ((mbuf->ol_flags & RTE_MBUF_F_TX_OFFLOAD_MASK) == 0) [[likely]]
    return true;
  return TakeTxFlags(mbuf, offload);
}

// Either of the two, for a frame that another program may stand behind.
inline bool TakeRequest(rte_mbuf* mbuf, Offload* offload) {
  if (!TakeTxRequest(mbuf, offload)) return false;
  if (offload->Any() || !HasRxRequest(mbuf->ol_flags)) [[likely]]
    return true;
  return OffloadFromRxFlags(mbuf, offload);
}

// Asks whoever gets `mbuf` to do what `offload` says. False, and nothing is set, when TX flags
// cannot say it: the checksum is not plain TCP or UDP over plain IP. `ip_checksum` adds
// RTE_MBUF_F_TX_IP_CKSUM to IPv4 GSO frames, as NICs need it.
bool SetTxRequest(rte_mbuf* mbuf, const Offload& offload, bool ip_checksum);

}  // namespace vswitch

#endif  // VSWITCH_PMD_OFFLOAD_H_
