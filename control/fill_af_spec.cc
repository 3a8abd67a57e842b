// SPDX-License-Identifier: BSD-3-Clause
#include "control/fill_af_spec.h"

#include <linux/if_link.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace vswitch {

namespace {

constexpr uint32_t kMinInetMtu = 68;     // RFC 791
constexpr uint32_t kMinInet6Mtu = 1280;  // RFC 8200

// Array sizes of Linux 6.1; a reader takes them from the attribute's length.
constexpr size_t kInet6ConfCount = 59;  // DEVCONF_MAX
constexpr size_t kInet6StatCount = 38;  // __IPSTATS_MIB_MAX
constexpr size_t kIcmp6StatCount = 6;   // __ICMP6_MIB_MAX

constexpr uint32_t kInet6Ready = 0x80000000;  // IF_READY
constexpr uint32_t kMaxReassembly = 65535;    // IPV6_MAXPLEN
constexpr uint32_t kReachableTimeMs = 30000;  // RFC 4861, section 10
constexpr uint32_t kRetransTimeMs = 1000;

using Inet6Conf = std::array<int32_t, kInet6ConfCount>;

// ipv4_devconf_dflt, by IPV4_DEVCONF_* less one.
constexpr InetConf MakeInetConf() {
  InetConf conf{};
  for (const int on : {IPV4_DEVCONF_ACCEPT_REDIRECTS, IPV4_DEVCONF_SECURE_REDIRECTS,
                       IPV4_DEVCONF_SEND_REDIRECTS, IPV4_DEVCONF_SHARED_MEDIA,
                       IPV4_DEVCONF_ACCEPT_SOURCE_ROUTE, IPV4_DEVCONF_ARP_EVICT_NOCARRIER}) {
    conf[on - 1] = 1;
  }
  conf[IPV4_DEVCONF_IGMPV2_UNSOLICITED_REPORT_INTERVAL - 1] = 10000;
  conf[IPV4_DEVCONF_IGMPV3_UNSOLICITED_REPORT_INTERVAL - 1] = 1000;
  return conf;
}

// ipv6_devconf_dflt, by DEVCONF_*; times in ms.
constexpr Inet6Conf MakeInet6Conf() {
  Inet6Conf conf{};
  for (const int on :
       {DEVCONF_ACCEPT_RA, DEVCONF_ACCEPT_REDIRECTS, DEVCONF_AUTOCONF, DEVCONF_DAD_TRANSMITS,
        DEVCONF_ACCEPT_RA_DEFRTR, DEVCONF_ACCEPT_RA_PINFO, DEVCONF_ACCEPT_RA_RTR_PREF,
        DEVCONF_ACCEPT_DAD, DEVCONF_SUPPRESS_FRAG_NDISC, DEVCONF_ACCEPT_RA_MTU,
        DEVCONF_ACCEPT_RA_MIN_HOP_LIMIT, DEVCONF_ENHANCED_DAD, DEVCONF_NDISC_EVICT_NOCARRIER}) {
    conf[on] = 1;
  }
  conf[DEVCONF_HOPLIMIT] = 64;
  conf[DEVCONF_RTR_SOLICITS] = -1;
  conf[DEVCONF_RTR_SOLICIT_INTERVAL] = 4000;
  conf[DEVCONF_RTR_SOLICIT_DELAY] = 1000;
  conf[DEVCONF_TEMP_VALID_LFT] = 604800;
  conf[DEVCONF_TEMP_PREFERED_LFT] = 86400;
  conf[DEVCONF_REGEN_MAX_RETRY] = 3;
  conf[DEVCONF_MAX_DESYNC_FACTOR] = 600;
  conf[DEVCONF_MAX_ADDRESSES] = 16;
  conf[DEVCONF_RTR_PROBE_INTERVAL] = 60000;
  conf[DEVCONF_MLDV1_UNSOLICITED_REPORT_INTERVAL] = 10000;
  conf[DEVCONF_MLDV2_UNSOLICITED_REPORT_INTERVAL] = 1000;
  conf[DEVCONF_RTR_SOLICIT_MAX_INTERVAL] = 3600000;
  conf[DEVCONF_RA_DEFRTR_METRIC] = 1024;
  conf[DEVCONF_IOAM6_ID] = 65535;
  conf[DEVCONF_IOAM6_ID_WIDE] = -1;
  return conf;
}

constexpr InetConf MakeLoopbackConf() {
  InetConf conf = MakeInetConf();
  conf[IPV4_DEVCONF_NOXFRM - 1] = conf[IPV4_DEVCONF_NOPOLICY - 1] = 1;
  return conf;
}

constexpr InetConf kInetConf = MakeInetConf();
constexpr InetConf kLoopbackConf = MakeLoopbackConf();
constexpr Inet6Conf kInet6Conf = MakeInet6Conf();

bool IsLoopback(const Device& device) { return (device.flags & IFF_LOOPBACK) != 0; }

template <typename Array>
void PutArray(uint16_t type, const Array& array, NlWriter& writer) {
  writer.PutBytes(type, {reinterpret_cast<const uint8_t*>(array.data()),
                         array.size() * sizeof(typename Array::value_type)});
}

void PutInet6Conf(const Device& device, NlWriter& writer) {
  Inet6Conf conf = kInet6Conf;
  conf[DEVCONF_MTU6] = static_cast<int32_t>(device.mtu);
  conf[DEVCONF_ADDR_GEN_MODE] = device.addrgenmode;
  if (IsLoopback(device)) conf[DEVCONF_USE_TEMPADDR] = -1;
  if (device.inet6_without_dad) conf[DEVCONF_ACCEPT_DAD] = -1;
  PutArray(IFLA_INET6_CONF, conf, writer);
}

// No packet passes an IP stack of ours: all zero but the first entry, which is the length.
void PutInet6Stats(NlWriter& writer) {
  constexpr std::array<uint64_t, kInet6StatCount> kStats = {kInet6StatCount};
  constexpr std::array<uint64_t, kIcmp6StatCount> kIcmpStats = {kIcmp6StatCount};
  PutArray(IFLA_INET6_STATS, kStats, writer);
  PutArray(IFLA_INET6_ICMP6STATS, kIcmpStats, writer);
}

}  // namespace

uint32_t NeedsMtu(uint8_t family) { return family == AF_INET ? kMinInetMtu : kMinInet6Mtu; }

bool HasInet(const Device& device) { return device.ip_mtu >= kMinInetMtu; }

// A small MTU takes IPv6 away from every link but `lo` (addrconf_notify).
bool HasInet6(const Device& device) { return IsLoopback(device) || device.ip_mtu >= kMinInet6Mtu; }

const InetConf& DefaultInetConf() { return kInetConf; }

const InetConf& InetConfOf(const Device& device) {
  if (device.inet_conf != nullptr) return *device.inet_conf;
  return IsLoopback(device) ? kLoopbackConf : kInetConf;
}

void PutInet(const Device& device, NlWriter& writer) {
  PutArray(IFLA_INET_CONF, InetConfOf(device), writer);
}

void PutInet6(const Device& device, bool with_stats, NlWriter& writer) {
  writer.PutU32(IFLA_INET6_FLAGS, device.inet6_ready ? kInet6Ready : 0);
  const ifla_cacheinfo cache{kMaxReassembly, 0, kReachableTimeMs, kRetransTimeMs};
  writer.PutBytes(IFLA_INET6_CACHEINFO, {reinterpret_cast<const uint8_t*>(&cache), sizeof(cache)});
  PutInet6Conf(device, writer);
  if (with_stats) PutInet6Stats(writer);
  IpAddress token = IpAddress::Any(AF_INET6);
  std::copy(device.inet6_token.begin(), device.inet6_token.end(), token.bytes.begin() + 8);
  writer.PutBytes(IFLA_INET6_TOKEN, token.AsBytes());
  writer.PutU8(IFLA_INET6_ADDR_GEN_MODE, device.addrgenmode);
}

}  // namespace vswitch
