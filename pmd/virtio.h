// SPDX-License-Identifier: BSD-3-Clause
// Words of the virtio 1.1 specification; <linux/virtio_net.h> is not C++.
#ifndef VSWITCH_PMD_VIRTIO_H_
#define VSWITCH_PMD_VIRTIO_H_

#include <cstdint>

namespace vswitch {

// Feature bits, 5.1.3. HOST: the guest sends it; GUEST: the guest takes it.
enum VirtioNetFeature : uint64_t {
  kVirtioNetGuestCsum = 1ULL << 1,
  kVirtioNetGso = 1ULL << 6,  // 5.1.3.2, legacy: any HOST_TSO, HOST_ECN, HOST_UFO
  kVirtioNetGuestTso4 = 1ULL << 7,
  kVirtioNetGuestTso6 = 1ULL << 8,
  kVirtioNetGuestEcn = 1ULL << 9,
  kVirtioNetGuestUfo = 1ULL << 10,
  kVirtioNetHostEcn = 1ULL << 13,
  kVirtioNetHostUfo = 1ULL << 14,
  kVirtioNetMrgRxbuf = 1ULL << 15,
};

// Of any device, 6.
enum VirtioFeature : uint64_t {
  kVhostLogAll = 1ULL << 26,  // vhost-user: keeps a dirty log
  kVirtioRingIndirect = 1ULL << 28,
  kVirtioRingEventIndex = 1ULL << 29,
  kVirtioVersion1 = 1ULL << 32,
  kVirtioRingPacked = 1ULL << 34,
  kVirtioInOrder = 1ULL << 35,
};

// virtio_net_hdr, 5.1.6, without num_buffers; in the host's byte order on a tap.
struct VnetHeader {
  static constexpr uint8_t kNeedsChecksum = 1;  // flags

  uint8_t flags;
  uint8_t gso_type;  // GsoType
  uint16_t hdr_len;
  uint16_t gso_size;
  uint16_t csum_start;
  uint16_t csum_offset;
};
static_assert(sizeof(VnetHeader) == 10);

}  // namespace vswitch

#endif  // VSWITCH_PMD_VIRTIO_H_
