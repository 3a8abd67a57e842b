// SPDX-License-Identifier: BSD-3-Clause
// Frames out of a guest's ring and into another's.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "pmd/virtqueue/read_frames.h"
#include "pmd/virtqueue/write_frames.h"
#include "tests/support/guest_ram.h"
#include "tests/support/ring_driver.h"

namespace vswitch {
namespace {

constexpr uint16_t kSize = 64;

std::vector<uint8_t> Pattern(size_t length, uint8_t seed = 0) {
  std::vector<uint8_t> bytes(length);
  for (size_t i = 0; i < length; ++i) bytes[i] = static_cast<uint8_t>(seed + i * 5);
  return bytes;
}

template <typename Driver>
class VirtqueueFrames : public testing::Test {
 protected:
  static constexpr bool kPacked = std::is_same_v<Driver, PackedDriver>;

  explicit VirtqueueFrames() {
    Negotiate([](RingSetup&) {});
  }
  // Makes both rings anew.
  template <typename Change>
  void Negotiate(const Change& change) {
    sender_ = std::make_unique<Driver>(ram_, kSize);
    receiver_ = std::make_unique<Driver>(ram_, kSize);
    RingSetup from = sender_->Setup(), to = receiver_->Setup();
    from.indirect = true;
    change(from);
    change(to);
    header_size_ = from.header_size;
    from_ = std::make_unique<typename Driver::Ring>(sender_->MakeRing(from));
    to_ = std::make_unique<typename Driver::Ring>(receiver_->MakeRing(to));
  }

  // The guest sends header and frame, cut into pieces; returns where each piece lies.
  std::vector<GuestBuffer> Send(const std::vector<uint8_t>& frame,
                                const std::vector<uint32_t>& cuts = {},
                                const VnetHeader& header = {}, bool indirect = false) {
    std::vector<uint8_t> bytes(header_size_);
    std::memcpy(bytes.data(), &header, sizeof(header));
    bytes.insert(bytes.end(), frame.begin(), frame.end());
    std::vector<GuestBuffer> chain;
    size_t done = 0;
    for (size_t i = 0; done < bytes.size(); ++i) {
      const size_t left = bytes.size() - done;
      const auto piece =
          static_cast<uint32_t>(i < cuts.size() ? std::min<size_t>(cuts[i], left) : left);
      chain.push_back({ram_.Allocate(piece, 1), piece});
      std::memcpy(ram_.At(chain.back().address), bytes.data() + done, piece);
      done += piece;
    }
    indirect ? sender_->AddIndirect(chain) : sender_->Add(chain);
    return chain;
  }
  // One buffer, with a header in it from the last time.
  void PostUsed(const ReceiveHeader& header) {
    Post({2000});
    const uint64_t buffer = posted_[last_posted_].front().address;
    std::memcpy(ram_.At(buffer), &header, header_size_);
  }
  // The guest offers a chain of buffers to receive into.
  void Post(const std::vector<uint32_t>& lengths) {
    std::vector<GuestBuffer> chain;
    for (const uint32_t length : lengths) {
      chain.push_back({ram_.Allocate(length, 1), length, true});
      std::memset(ram_.At(chain.back().address), 0xee, length);
    }
    posted_.resize(kSize);
    last_posted_ = receiver_->Add(chain);
    posted_[last_posted_] = chain;
  }

  struct Received {
    ReceiveHeader header;
    std::vector<uint8_t> bytes;
  };
  // What stands in the buffers of a used chain, as far as they were written to.
  std::vector<uint8_t> BytesOf(const UsedChain& used) {
    std::vector<uint8_t> bytes;
    for (const GuestBuffer& buffer : posted_[used.id]) {
      const uint8_t* data = ram_.At(buffer.address);
      const auto left = static_cast<uint32_t>(used.length - bytes.size());
      const uint32_t written = std::min(left, buffer.length);
      bytes.insert(bytes.end(), data, data + written);
      const bool clean = std::all_of(data + written, data + buffer.length,
                                     [](uint8_t byte) { return byte == 0xee; });
      EXPECT_TRUE(clean) << "bytes behind the frame were written";
    }
    return bytes;
  }
  std::vector<Received> Receive() {
    std::vector<Received> frames;
    while (const auto used = receiver_->TakeUsed()) {
      if (used->length == 0) {
        ++returned_empty_;
        continue;
      }
      std::vector<uint8_t> bytes = BytesOf(*used);
      Received frame{};
      std::memcpy(&frame.header, bytes.data(), header_size_);
      const uint16_t buffers = header_size_ == 12 ? frame.header.num_buffers : 1;
      for (uint16_t i = 1; i < buffers; ++i) {
        const std::vector<uint8_t> more = BytesOf(*receiver_->TakeUsed());
        bytes.insert(bytes.end(), more.begin(), more.end());
      }
      frame.bytes.assign(bytes.begin() + header_size_, bytes.end());
      frames.push_back(std::move(frame));
    }
    return frames;
  }

  Written Write() { return WriteFrames(*to_, burst_.view(), store_.buffers); }
  // One burst through the switch.
  Written Move() {
    ReadFrames(*from_, store_, burst_);
    const Written written = Write();
    from_->Publish();
    return written;
  }
  size_t SendsDone() {
    size_t done = 0;
    while (sender_->TakeUsed().has_value()) ++done;
    return done;
  }

  GuestRam ram_{64u << 20};
  std::unique_ptr<Driver> sender_, receiver_;
  std::unique_ptr<typename Driver::Ring> from_, to_;
  uint16_t header_size_ = 12;
  std::vector<std::vector<GuestBuffer>> posted_;
  uint16_t last_posted_ = 0;
  size_t returned_empty_ = 0;
  FrameStore store_;
  Burst burst_;
};

using Drivers = testing::Types<SplitDriver, PackedDriver>;
struct Names {
  template <typename Driver>
  static std::string GetName(int) {
    return std::is_same_v<Driver, PackedDriver> ? "packed" : "split";
  }
};
TYPED_TEST_SUITE(VirtqueueFrames, Drivers, Names);

TYPED_TEST(VirtqueueFrames, ArriveAsTheyWereSent) {
  for (const uint32_t length : {14u, 60u, 64u, 127u, 128u, 129u, 1518u, 9000u, 65549u}) {
    SCOPED_TRACE(length);
    this->Send(Pattern(length));
    this->Post({length + 12});
    EXPECT_EQ(this->Move().refused, 0u);
    EXPECT_EQ(this->SendsDone(), 1u);
    const auto frames = this->Receive();
    ASSERT_EQ(frames.size(), 1u);
    EXPECT_EQ(frames[0].bytes, Pattern(length));
    EXPECT_EQ(frames[0].header.num_buffers, 1);
    EXPECT_EQ(frames[0].header.request.flags, 0);
  }
}

TYPED_TEST(VirtqueueFrames, ArriveHoweverTheyAreCut) {
  const std::vector<std::vector<uint32_t>> ways = {
      {12}, {10, 2}, {1, 1, 1, 9, 14}, {12, 128}, {12, 127}, {12, 129}, {12, 60, 100}, {140}, {141},
  };
  for (const bool indirect : {false, true}) {
    for (const auto& sent : ways) {
      for (const auto& received : ways) {
        this->Send(Pattern(500), sent, {}, indirect);
        std::vector<uint32_t> buffers = received;
        buffers.push_back(512);
        this->Post(buffers);
        this->Move();
        ASSERT_EQ(this->SendsDone(), 1u);
        const auto frames = this->Receive();
        ASSERT_EQ(frames.size(), 1u);
        ASSERT_EQ(frames[0].bytes, Pattern(500));
      }
    }
  }
}

TYPED_TEST(VirtqueueFrames, AreDeliveredAsTheyWereWhenTheyWereRead) {
  const auto sent = this->Send(Pattern(300));
  this->Post({512});
  ReadFrames(*this->from_, this->store_, this->burst_);
  std::memset(this->ram_.At(sent[0].address), 0xff, sent[0].length);  // the guest changes its mind
  this->Write();
  const auto frames = this->Receive();
  ASSERT_EQ(frames.size(), 1u);
  std::vector<uint8_t> expected = Pattern(300);
  std::fill(expected.begin() + GuestFrame::kHead, expected.end(), 0xff);
  EXPECT_EQ(frames[0].bytes, expected);
  EXPECT_EQ(frames[0].header.request.flags, 0);
}

TYPED_TEST(VirtqueueFrames, StayTheGuestsUntilTheyArePublished) {
  this->Send(Pattern(64));
  ReadFrames(*this->from_, this->store_, this->burst_);
  EXPECT_EQ(this->SendsDone(), 0u);
  this->from_->Publish();
  EXPECT_EQ(this->SendsDone(), 1u);
}

TYPED_TEST(VirtqueueFrames, CarryTheirRequests) {
  const VnetHeader header{VnetHeader::kNeedsChecksum, 0, 0, 0, 34, 6};
  this->Send(Pattern(100), {}, header);
  this->Send(Pattern(100), {12, 50}, header);
  this->Post({256});
  this->Post({12, 256});
  this->Move();
  const auto frames = this->Receive();
  ASSERT_EQ(frames.size(), 2u);
  for (const auto& frame : frames) {
    EXPECT_EQ(frame.header.request.flags, VnetHeader::kNeedsChecksum);
    EXPECT_EQ(frame.header.request.csum_start, 34);
    EXPECT_EQ(frame.header.request.csum_offset, 6);
    EXPECT_EQ(frame.header.num_buffers, 1);
    EXPECT_EQ(frame.bytes, Pattern(100));
  }
}

TYPED_TEST(VirtqueueFrames, AreRefusedWithRequestsThatMakeNoSense) {
  this->Send(Pattern(100), {}, {VnetHeader::kNeedsChecksum, 0, 0, 0, 98, 1});
  this->Send(Pattern(64, 1));
  this->Send(Pattern(100), {12}, {VnetHeader::kNeedsChecksum, 0, 0, 0, 98, 1});
  this->Send(Pattern(100), {}, {0, 1, 0, 1000, 0, 0});
  this->Send(Pattern(64, 2));
  ReadFrames(*this->from_, this->store_, this->burst_);
  EXPECT_EQ(this->burst_.malformed, 3);
  ASSERT_EQ(this->burst_.count, 2);
  EXPECT_EQ(this->burst_.packets[0].Headers()[0], 1);
  EXPECT_EQ(this->burst_.packets[1].Headers()[0], 2);
  this->from_->Publish();
  EXPECT_EQ(this->SendsDone(), 5u);
}

TYPED_TEST(VirtqueueFrames, AreRefusedWithoutAnEthernetHeader) {
  this->Send(Pattern(13));
  this->Send(Pattern(13), {12});
  this->Send(Pattern(14));
  ReadFrames(*this->from_, this->store_, this->burst_);
  EXPECT_EQ(this->burst_.malformed, 2);
  EXPECT_EQ(this->burst_.count, 1);
}

TYPED_TEST(VirtqueueFrames, HaveShorterHeadersInOldGuests) {
  this->Negotiate([](RingSetup& setup) { setup.header_size = 10; });
  this->Send(Pattern(200), {}, {VnetHeader::kNeedsChecksum, 0, 0, 0, 34, 6});
  this->Send(Pattern(201));
  this->Post({256});
  this->Post({3, 256});
  this->Move();
  const auto frames = this->Receive();
  ASSERT_EQ(frames.size(), 2u);
  EXPECT_EQ(frames[0].bytes, Pattern(200));
  EXPECT_EQ(frames[0].header.request.csum_offset, 6);
  EXPECT_EQ(frames[1].bytes, Pattern(201));
}

TYPED_TEST(VirtqueueFrames, DoNotInheritHeaders) {
  std::vector<ReceiveHeader> stale = {{{}, 0}, {{}, 1}, {{}, 2}, {{}, 0x100}};
  stale.push_back({{VnetHeader::kNeedsChecksum, 0, 0, 0, 34, 6}, 1});
  stale.push_back({{0, 0, 0, 0, 0, 6}, 1});
  for (const uint16_t size : {10, 12}) {
    this->Negotiate([size](RingSetup& setup) { setup.header_size = size; });
    for (const ReceiveHeader& header : stale) this->PostUsed(header);
    for (size_t i = 0; i < stale.size(); ++i) this->Send(Pattern(200));
    this->Move();
    const auto frames = this->Receive();
    ASSERT_EQ(frames.size(), stale.size());
    for (size_t i = 0; i < stale.size(); ++i) {
      const VnetHeader none{};
      EXPECT_EQ(std::memcmp(&frames[i].header.request, &none, sizeof(none)), 0) << i;
      EXPECT_EQ(frames[i].bytes, Pattern(200));
      EXPECT_EQ(frames[i].header.num_buffers, size == 12 ? 1 : 0) << i;
    }
  }
}

TYPED_TEST(VirtqueueFrames, SpanBuffersThatAreMergeable) {
  this->Negotiate([](RingSetup& setup) { setup.mergeable = true; });
  this->Send(Pattern(1000));
  this->Send(Pattern(60));
  for (int i = 0; i < 8; ++i) this->Post({256});
  EXPECT_EQ(this->Move().refused, 0u);
  const auto frames = this->Receive();
  ASSERT_EQ(frames.size(), 2u);
  EXPECT_EQ(frames[0].header.num_buffers, 4);
  EXPECT_EQ(frames[0].bytes, Pattern(1000));
  EXPECT_EQ(frames[1].header.num_buffers, 1);
  EXPECT_EQ(frames[1].bytes, Pattern(60));
}

// Each frame needs so many buffers that a burst does not fit a list.
TYPED_TEST(VirtqueueFrames, SpanMoreBuffersThanAListHolds) {
  GuestRam ram(16u << 20);
  TypeParam receiver(ram, 4096);
  RingSetup setup = receiver.Setup();
  setup.mergeable = true;
  auto to = receiver.MakeRing(setup);
  for (int i = 0; i < 4000; ++i) {
    const GuestBuffer buffer{ram.Allocate(64), 64, true};
    receiver.Add({&buffer, 1});
  }
  for (int i = 0; i < 8; ++i) this->Send(Pattern(64 * 200 - 12));
  ReadFrames(*this->from_, this->store_, this->burst_);
  ASSERT_EQ(this->burst_.count, 8);
  EXPECT_EQ(WriteFrames(to, this->burst_.view(), this->store_.buffers).refused, 0u);
  size_t used = 0;
  while (receiver.TakeUsed().has_value()) ++used;
  EXPECT_EQ(used, 8u * 200);
}

TYPED_TEST(VirtqueueFrames, DoNotHoldUpSmallerOnes) {
  for (const bool mergeable : {false, true}) {
    this->Negotiate([&](RingSetup& setup) { setup.mergeable = mergeable; });
    this->Send(Pattern(900));
    this->Send(Pattern(100, 1));
    this->Send(Pattern(901));
    this->Send(Pattern(100, 2));
    this->Send(Pattern(100, 3));
    this->Post({256});
    this->Post({256});
    EXPECT_EQ(this->Move().refused, 0b10101u);
    this->Post({256});
    this->Send(Pattern(100, 4));
    EXPECT_EQ(this->Move().refused, 0u);
    const auto frames = this->Receive();
    ASSERT_EQ(frames.size(), 3u);
    EXPECT_EQ(frames[0].bytes, Pattern(100, 1));
    EXPECT_EQ(frames[1].bytes, Pattern(100, 2));
    EXPECT_EQ(frames[2].bytes, Pattern(100, 4));
  }
}

TYPED_TEST(VirtqueueFrames, LeaveBuffersThatAreTooSmallInTheRing) {
  for (int round = 0; round < 40; ++round) {
    this->Send(Pattern(900));
    this->Send(Pattern(901));
    this->Post({256});
    this->Post({100, 156});
    this->Post({256});
    this->Post({256});  // all four would do if they were mergeable
    ASSERT_EQ(this->Move().refused, 0b11u);
    for (uint8_t i = 0; i < 4; ++i) this->Send(Pattern(200, i));
    ASSERT_EQ(this->Move().refused, 0u);
    ASSERT_EQ(this->SendsDone(), 6u);
    const auto frames = this->Receive();
    ASSERT_EQ(frames.size(), 4u);
    for (uint8_t i = 0; i < 4; ++i) ASSERT_EQ(frames[i].bytes, Pattern(200, i));
  }
}

TYPED_TEST(VirtqueueFrames, PassBuffersThatCannotBe) {
  this->Negotiate([](RingSetup& setup) { setup.mergeable = true; });
  const GuestBuffer bad{GuestRam::kBase - 4096, 256, true};
  this->receiver_->Add({&bad, 1});
  this->Post({256});
  this->receiver_->Add({&bad, 1});  // in the midst of a frame
  this->receiver_->Add({&bad, 1});
  this->Post({256});
  this->Post({256});
  this->Send(Pattern(400));
  this->Send(Pattern(100));
  const Written written = this->Move();
  EXPECT_EQ(written.refused, 0u);
  EXPECT_EQ(written.malformed, 3);
  const auto frames = this->Receive();
  EXPECT_EQ(this->returned_empty_, 3u);
  ASSERT_EQ(frames.size(), 2u);
  EXPECT_EQ(frames[0].bytes, Pattern(400));
  EXPECT_EQ(frames[1].bytes, Pattern(100));
  EXPECT_TRUE(this->receiver_->HasRoom(kSize));
}

TYPED_TEST(VirtqueueFrames, SurviveRandomWays) {
  std::mt19937 random(7);
  const auto pick = [&random](uint32_t from, uint32_t to) {
    return std::uniform_int_distribution<uint32_t>(from, to)(random);
  };
  for (int round = 0; round < 300; ++round) {
    if (round % 10 == 0) {
      this->Negotiate([&](RingSetup& setup) { setup.mergeable = round % 20 == 0; });
    }
    std::vector<std::vector<uint8_t>> sent;
    for (uint32_t i = pick(1, 6); i > 0; --i) {
      sent.push_back(Pattern(pick(14, 2000), static_cast<uint8_t>(pick(0, 255))));
      std::vector<uint32_t> cuts(pick(0, 5));
      for (uint32_t& cut : cuts) cut = pick(1, 300);
      this->Send(sent.back(), cuts, {}, pick(0, 1) == 1);
    }
    while (this->receiver_->HasRoom(4)) {
      std::vector<uint32_t> buffers(pick(0, 3), pick(12, 700));
      buffers.push_back(round % 20 < 10 ? pick(300, 2012) : 2012);
      this->Post(buffers);
    }
    uint32_t refused = this->Move().refused;
    const auto frames = this->Receive();
    size_t next = 0;
    for (const auto& frame : sent) {
      if ((refused & 1) == 0) {
        ASSERT_LT(next, frames.size());
        ASSERT_EQ(frames[next++].bytes, frame) << round;
      }
      refused >>= 1;
    }
    ASSERT_EQ(next, frames.size());
    ASSERT_EQ(this->SendsDone(), sent.size());
  }
}

TEST(VirtqueueFramesInOrder, AreGivenBackWithOneDescriptor) {
  GuestRam ram;
  PackedDriver driver(ram, kSize);
  driver.set_in_order();
  RingSetup setup = driver.Setup();
  setup.in_order = true;
  auto ring = driver.MakeRing(setup);
  const std::vector<GuestBuffer> chain(2, {GuestRam::kBase, 100});
  FrameStore store;
  Burst burst;
  for (int round = 0; round < 50; ++round) {
    std::vector<uint16_t> ids;
    for (int i = 0; i < 5; ++i) ids.push_back(driver.Add(std::span(chain).first(1 + i % 2)));
    ReadFrames(ring, store, burst);
    ASSERT_EQ(burst.count, 5);
    const RawDescriptor second = driver.descriptors()[1];
    ring.Publish();
    if (round == 0) {
      EXPECT_EQ(driver.descriptors()[1].details, second.details) << "needs no writing";
    }
    for (const uint16_t id : ids) ASSERT_EQ(driver.TakeUsed(), (UsedChain{id, 0}));
  }
}

// Each tells how much was written to it.
TEST(VirtqueueFramesInOrder, AreReceivedWithADescriptorEach) {
  GuestRam ram;
  PackedDriver driver(ram, kSize);
  driver.set_in_order();
  RingSetup setup = driver.Setup();
  setup.in_order = true;
  auto ring = driver.MakeRing(setup);
  const GuestBuffer buffer{GuestRam::kBase, 2048, true};
  FrameStore store;
  std::array<Packet, 3> packets;
  for (uint32_t i = 0; i < packets.size(); ++i) {
    packets[i] = PacketBuffer::FromGuest(store.frames[i], 60 + i);
    store.frames[i].rest_count = 0;
  }
  for (int round = 0; round < 50; ++round) {
    std::vector<uint16_t> ids;
    for (size_t i = 0; i < packets.size(); ++i) ids.push_back(driver.Add({&buffer, 1}));
    ASSERT_EQ(WriteFrames(ring, packets, store.buffers).refused, 0u);
    for (uint32_t i = 0; i < packets.size(); ++i) {
      const auto used = driver.TakeUsed();
      ASSERT_TRUE(used.has_value());
      EXPECT_EQ(used->length, 72 + i);
      EXPECT_EQ(used->id, ids[i]);
    }
  }
}

}  // namespace
}  // namespace vswitch
