// SPDX-License-Identifier: BSD-3-Clause
// The walk through a guest's descriptors, with rings and indirect tables that the input describes.
// Input: a byte of options, a byte for the ring's size, a byte for how many chains wait; then for
// each chain that waits the byte of its head (split rings); the rest are descriptors of 8 bytes,
// for the ring first, then for a table.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "pmd/virtqueue/packed_ring.h"
#include "pmd/virtqueue/read_frames.h"
#include "pmd/virtqueue/split_ring.h"
#include "pmd/virtqueue/write_frames.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/burst_promises.h"
#include "tests/support/guest_ram.h"

namespace vswitch {
namespace {

// Rings, a table, then buffers up to the end of the region; behind it another, then nothing.
constexpr uint64_t kBase = GuestRam::kBase;
constexpr uint64_t kDriver = 0x1000, kDevice = 0x2000, kTable = 0x3000, kBuffers = 0x4000;
constexpr uint64_t kFirstSize = 0x10000, kSecondSize = 0x1000;
constexpr size_t kTableSize = 256;

class Input {
 public:
  explicit Input(std::span<const uint8_t> bytes) : bytes_(bytes) {}
  bool empty() const { return bytes_.empty(); }
  // 0 behind the end.
  uint8_t Byte() {
    if (bytes_.empty()) return 0;
    const uint8_t byte = bytes_[0];
    bytes_ = bytes_.subspan(1);
    return byte;
  }
  uint16_t Word() {
    const uint8_t low = Byte();
    return static_cast<uint16_t>(low | Byte() << 8);
  }

 private:
  std::span<const uint8_t> bytes_;
};

// Where a descriptor points: mostly somewhere sensible.
uint64_t Address(uint8_t kind, uint16_t offset) {
  switch (kind % 6) {
    case 0:
      return kBase + kBuffers + offset % (kFirstSize - kBuffers);
    case 1:
      return kBase + kFirstSize - offset % 0x1000;  // close to where the regions meet
    case 2:
      return kBase + kTable + offset % 0x1000 / 16 * 16;
    case 3:
      return kBase + kFirstSize + kSecondSize - offset;
    case 4:
      return kBase + offset;  // the ring itself
    default:
      return uint64_t{kind} << 56 | offset;
  }
}

uint32_t Length(uint8_t kind, uint16_t length) {
  return (kind & 0x40) != 0 ? uint32_t{length} << (kind & 0xf) : length;
}

RawDescriptor ReadDescriptor(Input& input, bool packed) {
  const uint8_t where = input.Byte();
  const uint16_t offset = input.Word();
  const uint8_t size = input.Byte();
  const uint16_t length = input.Word();
  const uint8_t flags = input.Byte();
  const uint8_t next = input.Byte();
  constexpr uint16_t kAvailable = kDescriptorAvailable;
  const auto packed_flags =
      static_cast<uint16_t>((flags & 7) | ((flags & 8) != 0 ? 0 : kAvailable));
  const uint32_t bytes = Length(size, length);
  return {Address(where, offset),
          packed ? PackedDescriptor{bytes, next, packed_flags}.Details()
                 : SplitDescriptor{bytes, static_cast<uint16_t>(flags & 7), next}.Details()};
}

struct Options {
  bool packed, send, old_header;
  RingSetup setup;
};

Options ReadOptions(Input& input, GuestRam& ram) {
  const uint8_t bits = input.Byte();
  const uint8_t size = input.Byte();
  Options options{(bits & 1) != 0, (bits & 2) != 0, (bits & 4) != 0, {}};
  options.setup.descriptors = ram.At(kBase);
  options.setup.driver = ram.At(kBase + kDriver);
  options.setup.device = ram.At(kBase + kDevice);
  options.setup.size = static_cast<uint16_t>(options.packed ? 1 + size % 40 : 1 << size % 7);
  options.setup.memory = &ram.memory();
  options.setup.header_size = options.old_header ? 10 : 12;
  options.setup.mergeable = (bits & 8) != 0 && !options.old_header;
  options.setup.indirect = (bits & 16) != 0;
  options.setup.event_index = (bits & 32) != 0;
  options.setup.in_order = (bits & 64) != 0 && options.send;
  return options;
}

// What lies in buffers: some headers ask for nothing, some for something.
const std::vector<uint8_t>& Content() {
  static const std::vector<uint8_t> content = [] {
    std::vector<uint8_t> bytes(kFirstSize - kBuffers);
    for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<uint8_t>(i / 64 % 2 * i);
    return bytes;
  }();
  return content;
}

void Fill(Input& input, const Options& options, GuestRam& ram) {
  std::memset(ram.Bytes().data(), 0, kBuffers);
  std::copy(Content().begin(), Content().end(), ram.Bytes().begin() + kBuffers);
  auto* available = ram.At<AvailableRing>(kBase + kDriver);
  available->index = input.Byte();
  const uint16_t waiting = std::min(available->index, options.setup.size);
  for (uint16_t i = 0; !options.packed && i < waiting; ++i) available->entries()[i] = input.Byte();
  auto* ring = ram.At<RawDescriptor>(kBase);
  for (uint16_t i = 0; i < options.setup.size; ++i) {
    ring[i] = ReadDescriptor(input, options.packed);
  }
  auto* table = ram.At<RawDescriptor>(kBase + kTable);
  for (size_t i = 0; i < kTableSize && !input.empty(); ++i) {
    table[i] = ReadDescriptor(input, options.packed);
  }
}

// Frames for a receive ring: a small one, one of several buffers, one that never fits.
class SampleFrames {
 public:
  SampleFrames() {
    bytes_.fill(0x5a);
    for (size_t i = 0; i < kLengths.size(); ++i) {
      const uint32_t head = std::min<uint32_t>(kLengths[i], GuestFrame::kHead);
      rest_[i] = {bytes_.data(), kLengths[i] - head, 0, 0};
      frames_[i].rest = &rest_[i];
      frames_[i].rest_count = kLengths[i] > head;
      packets_[i] = PacketBuffer::FromGuest(frames_[i], kLengths[i]);
    }
  }
  std::span<const Packet> packets() const { return packets_; }

 private:
  static constexpr std::array<uint32_t, 5> kLengths = {60, 1500, 14, 65000, 128};
  std::array<uint8_t, 65000> bytes_;
  std::array<Segment, kLengths.size()> rest_;
  std::array<GuestFrame, kLengths.size()> frames_{};
  std::array<Packet, kLengths.size()> packets_;
};

template <typename Ring>
void Serve(const Options& options, const GuestRam& ram) {
  absl::StatusOr<Ring> ring = Ring::Create(options.setup, {});
  FUZZ_CHECK(ring.ok());
  static FrameStore store;
  static Burst burst;
  static SampleFrames frames;
  for (int round = 0; round < 3; ++round) {
    if (options.send) {
      ReadFrames(*ring, store, burst);
      CheckBurst(burst, ram.memory());
    } else {
      const Written written = WriteFrames(*ring, frames.packets(), store.buffers);
      FUZZ_CHECK(written.refused < 1u << frames.packets().size());
    }
    ring->Publish();
    ring->Notify();
    ring->SetKicks(round == 0);
  }
}

}  // namespace
}  // namespace vswitch

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace vswitch;
  static GuestRam ram(
      std::vector<GuestRam::Region>{{kBase, kFirstSize}, {kBase + kFirstSize, kSecondSize}});
  if (size > 8192) return 0;
  Input input({data, size});
  const Options options = ReadOptions(input, ram);
  Fill(input, options, ram);
  options.packed ? Serve<PackedRing>(options, ram) : Serve<SplitRing>(options, ram);
  return 0;
}
