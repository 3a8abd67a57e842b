// SPDX-License-Identifier: BSD-3-Clause
// Interface names, indexes and lists: the C library's functions, answered by vswitch. What they
// return is laid out as the C library does, whose own functions free it.
#include <ifaddrs.h>
#include <linux/if_packet.h>
#include <net/if.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "control/ip_shim.h"

namespace vswitch::shim {
namespace {

sockaddr_ll LinkAddress(const Link& link, const uint8_t* address) {
  sockaddr_ll out{};
  out.sll_family = AF_PACKET;
  out.sll_ifindex = link.index;
  out.sll_hatype = link.type;
  out.sll_halen = std::min<uint8_t>(link.address_length, sizeof(out.sll_addr));
  memcpy(out.sll_addr, address, out.sll_halen);
  return out;
}

// One per link, in a single block that begins with the first one's ifaddrs.
struct AddressEntry {
  ifaddrs entry;
  sockaddr_ll address, broadcast;
  char name[IFNAMSIZ];
};

void FillEntry(const Link& link, AddressEntry* out) {
  out->address = LinkAddress(link, link.address);
  out->broadcast = LinkAddress(link, link.broadcast);
  memcpy(out->name, link.name, sizeof(out->name));
  out->entry.ifa_name = out->name;
  out->entry.ifa_flags = link.flags;
  out->entry.ifa_addr = reinterpret_cast<sockaddr*>(&out->address);
  out->entry.ifa_broadaddr = reinterpret_cast<sockaddr*>(&out->broadcast);
}

struct if_nameindex* Discard(struct if_nameindex* list) {
  if_freenameindex(list);  // NOLINT(clang-analyzer-unix.MismatchedDeallocator): ours, with free
  errno = ENOBUFS;
  return nullptr;
}

struct if_nameindex* MakeNameIndex(const Link* links, size_t count) {
  auto* list = static_cast<struct if_nameindex*>(calloc(count + 1, sizeof(struct if_nameindex)));
  if (list == nullptr) return Discard(nullptr);
  for (size_t i = 0; i < count; ++i) {
    list[i].if_name = strdup(links[i].name);
    if (list[i].if_name == nullptr) return Discard(list);
    list[i].if_index = static_cast<unsigned>(links[i].index);
  }
  return list;
}

}  // namespace
}  // namespace vswitch::shim

using namespace vswitch::shim;  // NOLINT: the definitions below are C

VSWITCH_SHIM unsigned if_nametoindex(const char* name) noexcept {
  Link link;
  const int error = QueryLink(name, 0, &link);
  if (error == 0) return static_cast<unsigned>(link.index);
  errno = error;
  return 0;
}

VSWITCH_SHIM char* if_indextoname(unsigned index, char* name) noexcept {
  Link link;
  const int error = QueryLink(nullptr, static_cast<int>(index), &link);
  if (error == 0) return static_cast<char*>(memcpy(name, link.name, sizeof(link.name)));
  errno = error == ENODEV || error == EINVAL ? ENXIO : error;
  return nullptr;
}

VSWITCH_SHIM struct if_nameindex* if_nameindex() noexcept {
  Link* links = nullptr;
  size_t count = 0;
  const int error = QueryLinks(&links, &count);
  if (error != 0) {
    errno = error;
    return nullptr;
  }
  struct if_nameindex* const list = MakeNameIndex(links, count);
  free(links);
  return list;
}

// Link-level entries only.
VSWITCH_SHIM int getifaddrs(ifaddrs** out) noexcept {
  Link* links = nullptr;
  size_t count = 0;
  const int error = QueryLinks(&links, &count);
  auto* const entries =
      error != 0 ? nullptr : static_cast<AddressEntry*>(calloc(count + 1, sizeof(AddressEntry)));
  if (entries == nullptr) {
    free(links);
    errno = error != 0 ? error : ENOMEM;
    return -1;
  }
  for (size_t i = 0; i < count; ++i) {
    FillEntry(links[i], &entries[i]);
    if (i + 1 < count) entries[i].entry.ifa_next = &entries[i + 1].entry;
  }
  free(links);
  *out = &entries->entry;
  return 0;
}
