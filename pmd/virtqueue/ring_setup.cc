// SPDX-License-Identifier: BSD-3-Clause
#include "pmd/virtqueue/ring_setup.h"

#include <algorithm>
#include <bit>
#include <cerrno>

#include "absl/strings/str_cat.h"
#include "dataplane/errno_status.h"
#include "pmd/virtqueue/ring_layout.h"

namespace vswitch {
namespace {

bool Aligned(const void* area, uintptr_t to) {
  return area != nullptr && reinterpret_cast<uintptr_t>(area) % to == 0;
}

absl::Status CheckAreas(const RingSetup& setup, uintptr_t driver, uintptr_t device) {
  const bool aligned = Aligned(setup.descriptors, kRingAlignment) &&
                       Aligned(setup.driver, driver) && Aligned(setup.device, device);
  if (!aligned) return ErrnoStatus(EINVAL, "a virtqueue of the guest is not aligned");
  if (setup.size == 0 || setup.size > kMaxRingSize) {
    return ErrnoStatus(EINVAL, absl::StrCat("no virtqueue has ", setup.size, " descriptors"));
  }
  return absl::OkStatus();
}

}  // namespace

RingAreas RingAreas::OfSplit(const RingSetup& setup) {
  const uint64_t size = setup.size;
  constexpr uint64_t kEvent = sizeof(uint16_t);
  return {{{{setup.descriptors, size * sizeof(RawDescriptor)},
            {setup.driver, sizeof(AvailableRing) + size * sizeof(uint16_t) + kEvent},
            {setup.device, sizeof(UsedRing) + size * sizeof(UsedElement) + kEvent}}}};
}

RingAreas RingAreas::OfPacked(const RingSetup& setup) {
  return {{{{setup.descriptors, setup.size * sizeof(RawDescriptor)},
            {setup.driver, sizeof(EventSuppression)},
            {setup.device, sizeof(EventSuppression)}}}};
}

bool RingAreas::LieIn(const GuestMemory& memory) const {
  return std::all_of(all.begin(), all.end(),
                     [&](const Area& area) { return memory.Contains(area.start, area.size); });
}

absl::Status CheckSplitSetup(const RingSetup& setup) {
  const absl::Status status = CheckAreas(setup, 2, 4);
  if (!status.ok() || std::has_single_bit(setup.size)) return status;
  return ErrnoStatus(EINVAL,
                     absl::StrCat("a split virtqueue of ", setup.size, " is no power of two"));
}

absl::Status CheckPackedSetup(const RingSetup& setup) { return CheckAreas(setup, 4, 4); }

}  // namespace vswitch
