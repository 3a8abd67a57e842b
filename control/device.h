// SPDX-License-Identifier: BSD-3-Clause
// The control thread's record of a link: what struct net_device is to rtnetlink.
#ifndef VSWITCH_CONTROL_DEVICE_H_
#define VSWITCH_CONTROL_DEVICE_H_

#include <linux/if.h>
#include <linux/if_arp.h>

#include <array>
#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "control/inet_device.h"
#include "control/mac_lists.h"
#include "dataplane/netdev.h"

namespace vswitch {

class LowerPort;
class Namespace;
struct IpvlanSlave;
struct LinkKind;

// IFLA_OPERSTATE (RFC 2863).
enum class OperState : uint8_t {
  kUnknown = 0,
  kNotPresent = 1,
  kDown = 2,
  kLowerLayerDown = 3,
  kTesting = 4,
  kDormant = 5,
  kUp = 6
};

struct Device {
  DeviceId id;  // in the dataplane; invalid for devices that never forward (lo)
  Namespace* ns = nullptr;
  const LinkKind* kind = nullptr;  // null for lo
  int32_t ifindex = 0;
  std::string name;
  std::vector<std::string> altnames;
  std::string alias;

  uint16_t type = ARPHRD_ETHER;
  uint32_t flags =
      0;  // IFF_* the user can set plus the fixed ones; RUNNING, LOWER_UP, DORMANT are derived
  uint32_t promiscuity = 0;
  uint32_t allmulti = 0;
  bool unicast_promiscuous = false;  // one of `promiscuity` is for unicast: mac_lists, or
  uint32_t upper_unicast = 0;        // so many that stand on it receive some and are up
  MacAddress address{};
  MacAddress broadcast{0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
  MacAddress perm_address{};                           // zero: none
  uint32_t mtu = 1500, min_mtu = 68, max_mtu = 65535;  // max 0: no limit
  bool inet6_unsettled = false;  // it has new addresses that Addresses::Settle comes to
  // The MTU that IPv4 and IPv6 know. An ipvlan slave follows its lower device without telling them.
  uint32_t ip_mtu = 1500;
  uint32_t group = 0;
  uint32_t txqlen = 1000;
  uint32_t num_tx_queues = 1, num_rx_queues = 1;
  uint32_t gso_max_size = 65536, gso_max_segs = 65535, gro_max_size = 65536;
  uint32_t tso_max_size = 65536, tso_max_segs = 65535;
  uint8_t link_mode = 0;
  uint8_t addrgenmode = 0;

  bool carrier = true, dormant = false, testing = false;
  OperState operstate = OperState::kUnknown;  // stored state; reported DOWN while not IFF_UP
  uint32_t carrier_up_count = 0, carrier_down_count = 0;
  bool qdisc_active = false;  // "noqueue" since the first UP, "noop" before and in DELLINK
  bool was_down = false;      // IFF_UP was cleared: it left its groups then

  Device* link = nullptr;  // veth peer, lower device of an ipvlan
  bool has_link = false;   // IFLA_LINK is shown (0 while `link` is null)
  Device* master = nullptr;
  // What takes the packets that this device receives (rx_handler_data); null: nobody. Who put it
  // there owns it.
  LowerPort* lower_port = nullptr;
  std::shared_ptr<IpvlanSlave> ipvlan;  // of an ipvlan
  // Tells links of one address from each other in what is made from the address; 0: none.
  uint16_t dev_id = 0;
  bool unregistering = false;   // its RTM_DELLINK is being composed: no AF_SPEC/INET6 any more
  std::string devargs;          // ethdev
  bool wants_l3_stats = false;  // counters in hardware were asked for (RTM_SETSTATS)

  // Null while it has no address. The rest is of IPv6: it was up with carrier and has not gone down
  // since (IF_READY); no duplicate address detection (accept_dad -1); the random part of addresses
  // of mode "random" (0: not drawn yet); the lower half of IFLA_INET6_TOKEN.
  std::unique_ptr<InetDevice> inet;
  bool inet6_ready = false, inet6_without_dad = false;
  uint64_t inet6_random_id = 0;
  std::array<uint8_t, 8> inet6_token{};
  // Null while it receives but what its protocols want.
  std::unique_ptr<MacLists> mac_lists;
  // What IFLA_INET_CONF set; null: the defaults (struct ipv4_devconf).
  std::unique_ptr<InetConf> inet_conf;

  // Bookkeeping of the registry and of Rtnl.
  bool registered = false;     // findable in its namespace
  bool announced = false;      // its first RTM_NEWLINK was sent, so its RTM_DELLINK must be, too
  bool carrier_event = false;  // waits in LinkWatch
  uint64_t serial = 0;         // order of registration
  size_t batch_position = 0;   // in the DeleteBatch it is in
  std::list<Device*>::iterator dump_position{};

  bool up() const { return (flags & IFF_UP) != 0; }
};

}  // namespace vswitch

#endif  // VSWITCH_CONTROL_DEVICE_H_
