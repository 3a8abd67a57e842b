// SPDX-License-Identifier: BSD-3-Clause
#include "tests/support/guest_ram.h"

#include <sys/mman.h>

#include <cstdio>
#include <cstdlib>

namespace vswitch {
namespace {

constexpr uint64_t kPage = 4096;

uint64_t Pages(uint64_t size) { return (size + kPage - 1) / kPage * kPage; }

[[noreturn]] void Die(const char* what) {
  std::perror(what);
  std::abort();
}

// So that the region's last byte is the last of a page.
uint8_t* MapGuarded(uint64_t size) {
  const uint64_t pages = Pages(size);
  void* all = mmap(nullptr, pages + 2 * kPage, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (all == MAP_FAILED) Die("guest memory");
  uint8_t* usable = static_cast<uint8_t*>(all) + kPage;
  if (mprotect(usable, pages, PROT_READ | PROT_WRITE) != 0) Die("guest memory");
  return usable + (pages - size);
}

}  // namespace

GuestRam::GuestRam(std::span<const Region> regions) : memory_(Map(regions)) {}

GuestRam::~GuestRam() {
  for (const MemoryRegion& region : memory_.regions()) {
    const uint64_t pages = Pages(region.size);
    munmap(region.host - (pages - region.size) - kPage, pages + 2 * kPage);
  }
}

GuestMemory GuestRam::Map(std::span<const Region> regions) {
  std::vector<MemoryRegion> mapped;
  mapped.reserve(regions.size());
  for (const Region& region : regions) {
    mapped.push_back({region.guest, region.size, MapGuarded(region.size)});
  }
  absl::StatusOr<GuestMemory> memory = GuestMemory::Create(mapped);
  if (!memory.ok()) Die("guest memory");
  return *std::move(memory);
}

uint8_t* GuestRam::At(uint64_t address) const {
  const MemoryRegion* region = memory_.Find(address);
  if (region == nullptr) Die("an address outside the guest's memory");
  return region->host + (address - region->guest);
}

std::span<uint8_t> GuestRam::Bytes(size_t region) const {
  const MemoryRegion& found = memory_.regions()[region];
  return {found.host, found.size};
}

uint64_t GuestRam::Allocate(uint64_t size, uint64_t alignment) {
  const MemoryRegion& region = memory_.regions().front();
  const uint64_t start = (allocated_ + alignment - 1) / alignment * alignment;
  if (start + size > region.size) Die("the guest's memory is used up");
  allocated_ = start + size;
  return region.guest + start;
}

}  // namespace vswitch
