// SPDX-License-Identifier: BSD-3-Clause
#include "control/fill_neigh.h"

namespace vswitch {

namespace {

constexpr uint32_t kOldFlags = 0xff;  // those that fit ndm_flags

// In USER_HZ, hundredths of a second.
uint32_t Ticks(MonotonicTime::duration age) {
  using Hundredths = std::chrono::duration<int64_t, std::centi>;
  return static_cast<uint32_t>(std::chrono::duration_cast<Hundredths>(age).count());
}

nda_cacheinfo CacheInfo(const Neighbour& neighbour, MonotonicTime now) {
  const uint32_t references = (neighbour.timer.has_value() ? 1 : 0) + (neighbour.held ? 1 : 0);
  return {.ndm_confirmed = Ticks(now - neighbour.confirmed),
          .ndm_used = Ticks(now - neighbour.used),
          .ndm_updated = Ticks(now - neighbour.updated),
          .ndm_refcnt = references};
}

void PutTail(NlWriter& writer, uint8_t protocol, uint32_t flags) {
  if (protocol != RTPROT_UNSPEC) writer.PutU8(NDA_PROTOCOL, protocol);
  const uint32_t extended = flags >> kNtfExtShift;
  if (extended != 0) writer.PutU32(NDA_FLAGS_EXT, extended);
}

}  // namespace

void FillNeigh(const Neighbour& neighbour, const MessageHead& head, MonotonicTime now,
               Datagram& out) {
  NlWriter writer(out);
  writer.Begin(head.type, head.flags, head.seq, head.pid);
  writer.PutStruct(ndmsg{.ndm_family = neighbour.address.family,
                         .ndm_ifindex = neighbour.device->ifindex,
                         .ndm_state = neighbour.state,
                         .ndm_flags = static_cast<uint8_t>(neighbour.flags & kOldFlags),
                         .ndm_type = neighbour.type});
  writer.PutBytes(NDA_DST, neighbour.address.AsBytes());
  if (neighbour.valid()) writer.PutBytes(NDA_LLADDR, neighbour.lladdr);
  writer.PutU32(NDA_PROBES, neighbour.probes);
  const nda_cacheinfo info = CacheInfo(neighbour, now);
  writer.PutBytes(NDA_CACHEINFO, {reinterpret_cast<const uint8_t*>(&info), sizeof(info)});
  PutTail(writer, neighbour.protocol, neighbour.flags);
  writer.End();
}

void FillProxy(const NeighProxy& proxy, const MessageHead& head, Datagram& out) {
  NlWriter writer(out);
  writer.Begin(head.type, head.flags, head.seq, head.pid);
  writer.PutStruct(ndmsg{.ndm_family = proxy.address.family,
                         .ndm_ifindex = proxy.ifindex,
                         .ndm_state = NUD_NONE,
                         .ndm_flags = static_cast<uint8_t>((proxy.flags & kOldFlags) | NTF_PROXY),
                         .ndm_type = RTN_UNICAST});
  writer.PutBytes(NDA_DST, proxy.address.AsBytes());
  PutTail(writer, proxy.protocol, proxy.flags);
  writer.End();
}

void FillFdb(const FdbEntry& entry, const MessageHead& head, Datagram& out) {
  NlWriter writer(out);
  writer.Begin(head.type, head.flags, head.seq, head.pid);
  writer.PutStruct(ndmsg{.ndm_family = AF_BRIDGE,
                         .ndm_ifindex = entry.ifindex,
                         .ndm_state = entry.state,
                         .ndm_flags = NTF_SELF});
  writer.PutBytes(NDA_LLADDR, entry.mac);
  if (entry.vlan != 0) writer.PutU16(NDA_VLAN, entry.vlan);
  writer.End();
}

}  // namespace vswitch
