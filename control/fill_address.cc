// SPDX-License-Identifier: BSD-3-Clause
#include "control/fill_address.h"

#include <linux/rtnetlink.h>

#include <chrono>

namespace vswitch {

namespace {

using std::chrono::seconds;

// Hundredths of a second since the clock began (cstamp_delta).
uint32_t Stamp(MonotonicTime time) {
  using Centiseconds = std::chrono::duration<int64_t, std::centi>;
  return static_cast<uint32_t>(
      std::chrono::duration_cast<Centiseconds>(time.time_since_epoch()).count());
}

uint32_t Left(uint32_t lifetime, int64_t age) {
  if (lifetime == kForever) return kForever;
  return lifetime > age ? static_cast<uint32_t>(lifetime - age) : 0;
}

bool LastsForever(const InetAddress& address) {
  const bool permanent = (address.flags & IFA_F_PERMANENT) != 0;
  return permanent && (address.family() == AF_INET || address.preferred_lifetime == kForever);
}

ifa_cacheinfo CacheInfo(const InetAddress& address, MonotonicTime now) {
  ifa_cacheinfo info{kForever, kForever, Stamp(address.created), Stamp(address.updated)};
  if (LastsForever(address)) return info;
  const int64_t age = std::chrono::duration_cast<seconds>(now - address.updated).count();
  info.ifa_prefered = Left(address.preferred_lifetime, age);
  // A preferred lifetime without end keeps the valid one from being counted down.
  const bool counted = address.preferred_lifetime != kForever;
  info.ifa_valid = counted ? Left(address.valid_lifetime, age) : address.valid_lifetime;
  return info;
}

void PutCacheInfo(const InetAddress& address, MonotonicTime now, NlWriter& writer) {
  const ifa_cacheinfo info = CacheInfo(address, now);
  writer.PutBytes(IFA_CACHEINFO, {reinterpret_cast<const uint8_t*>(&info), sizeof(info)});
}

void PutIp(uint16_t type, const IpAddress& address, NlWriter& writer) {
  writer.PutBytes(type, address.AsBytes());
}

void PutUnlessZero(uint16_t type, const IpAddress& address, NlWriter& writer) {
  if (!address.IsAny()) PutIp(type, address, writer);
}

void PutInet(const InetAddress& address, MonotonicTime now, NlWriter& writer) {
  PutUnlessZero(IFA_ADDRESS, address.peer, writer);
  PutUnlessZero(IFA_LOCAL, address.local, writer);
  PutUnlessZero(IFA_BROADCAST, address.broadcast, writer);
  if (!address.label.empty()) writer.PutString(IFA_LABEL, address.label);
  if (address.protocol != 0) writer.PutU8(IFA_PROTO, address.protocol);
  writer.PutU32(IFA_FLAGS, address.flags);
  if (address.rt_priority != 0) writer.PutU32(IFA_RT_PRIORITY, address.rt_priority);
  PutCacheInfo(address, now, writer);
}

void PutInet6(const InetAddress& address, MonotonicTime now, NlWriter& writer) {
  if (address.has_peer()) PutIp(IFA_LOCAL, address.local, writer);
  PutIp(IFA_ADDRESS, address.peer, writer);
  if (address.rt_priority != 0) writer.PutU32(IFA_RT_PRIORITY, address.rt_priority);
  PutCacheInfo(address, now, writer);
  writer.PutU32(IFA_FLAGS, address.flags);
  if (address.protocol != 0) writer.PutU8(IFA_PROTO, address.protocol);
}

}  // namespace

void FillAddress(int32_t ifindex, const InetAddress& address, const AddressMessage& message,
                 Datagram& out) {
  NlWriter writer(out);
  writer.Begin(message.type, message.flags, message.seq, message.pid);
  ifaddrmsg header{};
  header.ifa_family = address.family();
  header.ifa_prefixlen = address.prefix_length;
  header.ifa_flags = static_cast<uint8_t>(address.flags);
  header.ifa_scope = address.scope;
  header.ifa_index = static_cast<uint32_t>(ifindex);
  writer.PutStruct(header);
  if (message.target_netnsid.has_value()) {
    writer.PutS32(IFA_TARGET_NETNSID, *message.target_netnsid);
  }
  (address.family() == AF_INET ? PutInet : PutInet6)(address, message.now, writer);
  writer.End();
}

}  // namespace vswitch
