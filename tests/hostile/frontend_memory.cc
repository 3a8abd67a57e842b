// SPDX-License-Identifier: BSD-3-Clause
#include "tests/hostile/frontend_memory.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "pmd/guest_fault.h"
#include "pmd/virtqueue/ring_layout.h"
#include "pmd/virtqueue/shared_memory.h"

namespace vswitch {
namespace {

constexpr uint64_t kGuestBase = 0x10000000, kUserBase = 0x7f0000000000;
constexpr uint64_t kRegionSize = 0x40000;

template <typename T>
void Poke(uint8_t* at, uint64_t value) {
  StoreOnce(*reinterpret_cast<T*>(at), static_cast<T>(value));
}

}  // namespace

FrontendMemory::FrontendMemory(Random& random) {
  const uint64_t count = 1 + random.Below(3);
  uint64_t guest = kGuestBase;
  for (uint64_t i = 0; i < count; ++i) {
    const int fd = memfd_create("hostile", MFD_CLOEXEC);
    void* bytes = MAP_FAILED;
    if (fd >= 0 && ftruncate(fd, kRegionSize) == 0) {
      bytes = mmap(nullptr, kRegionSize, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    }
    if (bytes == MAP_FAILED) {
      std::perror("hostile memory");
      std::abort();
    }
    regions_.push_back({fd, guest, kUserBase + guest, kRegionSize, static_cast<uint8_t*>(bytes)});
    guest += kRegionSize + (random.Percent(50) ? 0 : 0x100000);  // some adjoin
  }
}

FrontendMemory::~FrontendMemory() {
  for (const Region& region : regions_) {
    munmap(region.bytes, region.size);
    close(region.fd);
  }
}

void FrontendMemory::Shrink(size_t region, uint64_t size) const {
  if (ftruncate(regions_[region].fd, static_cast<off_t>(size)) < 0) std::perror("ftruncate");
}

uint64_t FrontendMemory::RandomAddress(Random& random) const {
  const Region& region = regions_[random.Below(regions_.size())];
  if (random.Percent(90)) return region.guest + kBuffers + random.Below(region.size - kBuffers);
  if (random.Percent(50)) return region.guest + region.size - random.Below(256);
  return random.Any() >> random.Below(64);
}

Scribbler::Scribbler(const FrontendMemory& memory, bool packed, uint64_t seed)
    : memory_(memory), packed_(packed), random_(seed), thread_([this] { Run(); }) {}

Scribbler::~Scribbler() {
  stop_.store(true);
  thread_.join();
}

void Scribbler::Run() {
  // What was taken back from the switch is gone here, too.
  std::atomic<bool> faulted{false};
  GuardThread(&faulted);
  while (!stop_.load(std::memory_order_relaxed)) {
    for (int i = 0; i < 64; ++i) Scribble();
    words_.fetch_add(64, std::memory_order_relaxed);
    usleep(20);
  }
}

void Scribbler::Scribble() {
  const uint64_t index = random_.Below(kRings);
  uint8_t* ring = memory_.Ring(index);
  const bool writable = index % 2 == 0;
  auto* available = reinterpret_cast<AvailableRing*>(ring + kDriverArea);
  const auto* used = reinterpret_cast<const UsedRing*>(ring + kDeviceArea);
  const uint64_t kind = random_.Below(100);
  if (kind < 50) {
    WriteDescriptor(ring + random_.Below(kMaxRing) * sizeof(RawDescriptor), writable);
  } else if (kind < 70) {
    StoreOnce(available->entries()[random_.Below(kMaxRing)],
              static_cast<uint16_t>(random_.Below(kMaxRing)));
  } else if (kind < 90) {  // in a packed ring: the driver's event suppression
    const uint64_t ahead = random_.Below(random_.Percent(95) ? 32 : 1024);
    StoreOnce(available->index, static_cast<uint16_t>(LoadOnce(used->index) + ahead));
  } else if (kind < 95) {
    Poke<uint64_t>(ring + (random_.Below(kRingStride) & ~uint64_t{7}), random_.Any());
  } else {
    const auto& region = memory_.regions()[random_.Below(memory_.regions().size())];
    Poke<uint32_t>(region.bytes + (random_.Below(region.size) & ~uint64_t{3}), random_.Below(256));
  }
}

void Scribbler::WriteDescriptor(uint8_t* at, bool writable) {
  const uint64_t length = random_.Percent(95) ? 16 + random_.Below(1600) : random_.Any();
  uint64_t flags = writable != random_.Percent(2) ? kDescriptorWrite : 0;
  if (random_.Percent(10)) flags |= kDescriptorNext;
  if (random_.Percent(5)) flags |= kDescriptorIndirect;
  if (packed_) flags |= random_.Percent(50) ? kDescriptorAvailable : kDescriptorUsed;
  const uint64_t other = random_.Below(kMaxRing);  // the next one, or its id
  Poke<uint64_t>(at, memory_.RandomAddress(random_));
  Poke<uint64_t>(at + 8, (length & UINT32_MAX) |
                             (packed_ ? other << 32 | flags << 48 : flags << 32 | other << 48));
}

}  // namespace vswitch
