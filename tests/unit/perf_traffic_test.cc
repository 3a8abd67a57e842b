// SPDX-License-Identifier: BSD-3-Clause
// vswitch-perf's sending and receiving over rings, with a test in the place of the switch.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rte_ring.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "perf/ceiling.h"
#include "perf/receiver.h"
#include "perf/report.h"
#include "perf/traffic.h"

namespace vswitch {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr uint32_t kMillion = 1'000'000;
constexpr uint32_t kTag = 1000;

struct RingFree {
  void operator()(rte_ring* ring) const {
    void* entry = nullptr;
    while (rte_ring_dequeue(ring, &entry) == 0) rte_pktmbuf_free(static_cast<rte_mbuf*>(entry));
    rte_ring_free(ring);
  }
};
using Ring = std::unique_ptr<rte_ring, RingFree>;

Ring NewRing(const char* name) {
  return Ring(rte_ring_create(name, 1024, SOCKET_ID_ANY, RING_F_EXACT_SZ));
}

TrafficOptions Windowed(uint64_t count, uint32_t window = 64) {
  TrafficOptions options;
  options.flows = 1;
  options.count = count;
  options.window = window;
  options.phases = {{}};
  return options;
}

// A stream from port 0 to port 1; what goes in waits in `in` until the test puts it into `out`.
class StreamTest : public testing::Test {
 protected:
  // The switch: takes packet `number` (from 0) and puts into `out` what it likes.
  using Switch = std::function<void(uint64_t number, rte_mbuf* packet)>;

  void Start(const TrafficOptions& options) {
    options_.traffic = options;
    from_ = *PerfPort::OverRings(in_.get(), back_.get(), options.size.largest());
    to_ = *PerfPort::OverRings(back_.get(), out_.get(), options.size.largest());
    streams_.push_back(std::make_unique<Stream>(options_.traffic,
                                                StreamSpec{.tag = kTag, .way = {0, 1}}, 1, *from_));
    receiver_ = std::make_unique<Receiver>(*to_, 1, streams_, kTag, options.burst);
  }

  void Put(rte_mbuf* packet) { ASSERT_EQ(rte_ring_enqueue(out_.get(), packet), 0); }

  void Move(const Switch& forward) {
    void* packet = nullptr;
    while (rte_ring_dequeue(in_.get(), &packet) == 0) {
      forward(moved_++, static_cast<rte_mbuf*>(packet));
    }
  }

  // Until everything was sent and what is left does not come any more.
  void RunThrough(const Switch& forward) {
    uint32_t moved = 1;
    while (moved > 0) {
      moved = stream().Send();
      Move(forward);
      moved += receiver_->Poll();
    }
  }

  Stream& stream() { return *streams_.front(); }

  std::vector<std::string> Faults() {
    RunResult run;
    run.directions.push_back(
        {.way = {0, 1}, .counts = stream().Counts(), .latency = stream().latency()});
    return ReportOf(options_, run, {}).faults;
  }

  PerfOptions options_;
  // The rings go first: what is left in them belongs to the ports' pools.
  std::unique_ptr<PerfPort> from_, to_;
  const Ring in_ = NewRing("in"), out_ = NewRing("out"), back_ = NewRing("back");
  Streams streams_;
  std::unique_ptr<Receiver> receiver_;
  uint64_t moved_ = 0;
};

TEST_F(StreamTest, AFlawlessSwitchHasNoFault) {
  Start(Windowed(kMillion));
  RunThrough([&](uint64_t, rte_mbuf* packet) { Put(packet); });
  const StreamCounts counts = stream().Counts();
  EXPECT_EQ(counts.offered, kMillion);
  EXPECT_EQ(counts.received, kMillion);
  EXPECT_EQ(counts.bytes, 64 * uint64_t{kMillion});
  EXPECT_EQ(stream().latency().count(), kMillion);
  EXPECT_EQ(stream().in_flight(), 0);
  EXPECT_THAT(Faults(), IsEmpty());
}

TEST_F(StreamTest, OneLostInAMillionIsReported) {
  Start(Windowed(kMillion));
  RunThrough([&](uint64_t number, rte_mbuf* packet) {
    number == 654'321 ? rte_pktmbuf_free(packet) : Put(packet);
  });
  EXPECT_THAT(Faults(), ElementsAre("A to B: 1 lost"));
}

TEST_F(StreamTest, OneReorderedInAMillionIsReported) {
  Start(Windowed(kMillion));
  rte_mbuf* held = nullptr;
  RunThrough([&](uint64_t number, rte_mbuf* packet) {
    if (number == 654'321) {
      held = packet;
      return;
    }
    Put(packet);
    if (held != nullptr) Put(std::exchange(held, nullptr));
  });
  EXPECT_THAT(Faults(), ElementsAre("A to B: 1 reordered"));
}

TEST_F(StreamTest, OneByteCorruptedInAMillionFramesIsReported) {
  Start(Windowed(kMillion));
  RunThrough([&](uint64_t number, rte_mbuf* packet) {
    if (number == 654'321) *rte_pktmbuf_mtod_offset(packet, uint8_t*, 60) ^= 0x10;
    Put(packet);
  });
  EXPECT_THAT(Faults(), ElementsAre("A to B: 1 lost", "A to B: 1 corrupted"));
}

TEST_F(StreamTest, OneDuplicateInAMillionIsReported) {
  Start(Windowed(kMillion));
  RunThrough([&](uint64_t number, rte_mbuf* packet) {
    if (number == 654'321) Put(rte_pktmbuf_copy(packet, packet->pool, 0, UINT32_MAX));
    Put(packet);
  });
  EXPECT_THAT(Faults(), ElementsAre("A to B: 1 duplicated"));
}

// A copy of the packet that is `first` bytes long, and the rest behind it.
rte_mbuf* InTwoPieces(rte_mbuf* packet, uint32_t first) {
  rte_mbuf* copy = rte_pktmbuf_copy(packet, packet->pool, 0, first);
  EXPECT_EQ(rte_pktmbuf_chain(copy, rte_pktmbuf_copy(packet, packet->pool, first, UINT32_MAX)), 0);
  rte_pktmbuf_free(packet);
  return copy;
}

class PiecesTest : public StreamTest, public testing::WithParamInterface<Verify> {
 protected:
  void StartWith(uint32_t size, uint64_t count) {
    TrafficOptions options = Windowed(count);
    options.size = SizeMix::Fixed(size);
    options.verify = GetParam();
    Start(options);
  }
};

TEST_P(PiecesTest, AFrameMayArriveInPieces) {
  StartWith(200, 4);
  RunThrough([&](uint64_t number, rte_mbuf* packet) {
    const std::array<uint32_t, 4> first = {20, 63, 64, 199};
    Put(InTwoPieces(packet, first.at(number)));
  });
  EXPECT_THAT(Faults(), IsEmpty());
  EXPECT_EQ(stream().Counts().bytes, 4 * 200);
}

TEST_P(PiecesTest, APieceTooManyOrTooFewIsCorruption) {
  StartWith(200, 2);
  RunThrough([&](uint64_t number, rte_mbuf* packet) {
    rte_mbuf* more = rte_pktmbuf_copy(packet, packet->pool, 0, 100);
    if (number == 1) {
      rte_pktmbuf_free(std::exchange(packet, more));
    } else {
      ASSERT_EQ(rte_pktmbuf_chain(packet, more), 0);
    }
    Put(packet);
  });
  EXPECT_THAT(Faults(), ElementsAre("A to B: 2 lost", "A to B: 2 corrupted"));
}

TEST_P(PiecesTest, LongFramesLieInBuffersOfTheUsualSize) {
  StartWith(9000, 2000);
  RunThrough([&](uint64_t, rte_mbuf* packet) {
    EXPECT_EQ(packet->pkt_len, 9000);
    EXPECT_EQ(packet->nb_segs, 5);
    uint32_t length = 0;
    for (const rte_mbuf* part = packet; part != nullptr; part = part->next) {
      EXPECT_LE(part->buf_len, RTE_MBUF_DEFAULT_BUF_SIZE);
      EXPECT_LE(part->data_off + part->data_len, part->buf_len);
      length += part->data_len;
    }
    EXPECT_EQ(length, 9000);
    Put(packet);
  });
  EXPECT_THAT(Faults(), IsEmpty());
  EXPECT_EQ(stream().Counts().received, 2000);
}

INSTANTIATE_TEST_SUITE_P(Verifies, PiecesTest, testing::Values(Verify::kHeader, Verify::kFull));

TEST_F(StreamTest, OneByteCorruptedInTheLastPieceIsReported) {
  TrafficOptions options = Windowed(1000);
  options.size = SizeMix::Fixed(9000);
  Start(options);
  RunThrough([&](uint64_t number, rte_mbuf* packet) {
    rte_mbuf* last = rte_pktmbuf_lastseg(packet);
    if (number == 321) *rte_pktmbuf_mtod_offset(last, uint8_t*, last->data_len - 1) ^= 1;
    Put(packet);
  });
  EXPECT_THAT(Faults(), ElementsAre("A to B: 1 lost", "A to B: 1 corrupted"));
}

TEST_F(StreamTest, LongFramesThatNobodyLooksAtAreWrittenOnce) {
  TrafficOptions options = Windowed(5000);
  options.size = SizeMix::Fixed(9000);
  options.verify = Verify::kNone;
  Start(options);
  std::vector<uint8_t> first(64);
  RunThrough([&](uint64_t number, rte_mbuf* packet) {
    const auto* frame = rte_pktmbuf_mtod(packet, const uint8_t*);
    if (number == 0) std::memcpy(first.data(), frame, first.size());
    EXPECT_EQ(std::memcmp(first.data(), frame, 42), 0);  // up to the numbers
    EXPECT_EQ(packet->pkt_len, 9000);
    EXPECT_EQ(packet->hash.usr, kTag);
    Put(packet);
  });
}

TEST_F(StreamTest, ABurstIsOfSoManyBuffers) {
  TrafficOptions options = Windowed(0, 0);
  options.size = SizeMix::Fixed(9000);
  Start(options);
  EXPECT_EQ(stream().Send(), 6);
  EXPECT_EQ(stream().Send(), 6);
  Move([&](uint64_t, rte_mbuf* packet) { Put(packet); });
  EXPECT_EQ(receiver_->Poll(), 6);
  EXPECT_EQ(receiver_->Poll(), 6);
  EXPECT_EQ(receiver_->Poll(), 0);
  EXPECT_EQ(receiver_->counts().full, 2);
}

TEST_F(StreamTest, ShortFramesBesideLongOnesGiveTheirBuffersBack) {
  TrafficOptions options = Windowed(10'000);
  options.size = {{64, 9000}, {0, 1, 0}};
  Start(options);
  RunThrough([&](uint64_t, rte_mbuf* packet) {
    EXPECT_EQ(packet->nb_segs, packet->pkt_len == 64 ? 1 : 5);
    EXPECT_EQ(packet->next == nullptr, packet->pkt_len == 64);
    Put(packet);
  });
  EXPECT_THAT(Faults(), IsEmpty());
  EXPECT_EQ(stream().Counts().received, 10'000);
}

TEST_F(StreamTest, LongProbesAreChecked) {
  TrafficOptions options = Windowed(1);
  options.size = SizeMix::Fixed(9000);
  Start(options);
  EXPECT_EQ(stream().Probe(0, 1), 1);
  Move([&](uint64_t, rte_mbuf* packet) { Put(packet); });
  receiver_->Poll();
  EXPECT_TRUE(stream().up());
}

TEST_F(StreamTest, StrangersFramesAreForeign) {
  Start(Windowed(1));
  RunThrough([&](uint64_t, rte_mbuf* packet) {
    Put(rte_pktmbuf_copy(packet, packet->pool, 0, 20));
    rte_mbuf* other = rte_pktmbuf_copy(packet, packet->pool, 0, UINT32_MAX);
    const uint32_t tag = kTag + 1;
    std::memcpy(rte_pktmbuf_mtod_offset(other, uint8_t*, 42), &tag, sizeof(tag));
    Put(other);
    Put(packet);
  });
  EXPECT_EQ(receiver_->counts().foreign, 2);
  EXPECT_THAT(Faults(), IsEmpty());
}

TEST_F(StreamTest, FramesAtAnotherPortAreMisdelivered) {
  Start(Windowed(5));
  Receiver elsewhere(*to_, 2, streams_, kTag);
  for (int i = 0; i < 2; ++i) {
    stream().Send();
    Move([&](uint64_t, rte_mbuf* packet) { Put(packet); });
    elsewhere.Poll();
  }
  EXPECT_EQ(stream().Counts().misdelivered, 5);
  EXPECT_EQ(stream().Counts().lost, 5);
}

TEST_F(StreamTest, TheWindowBoundsWhatIsInFlight) {
  Start(Windowed(0, 40));
  for (int i = 0; i < 5; ++i) stream().Send();
  EXPECT_EQ(stream().in_flight(), 40);
  Move([&](uint64_t, rte_mbuf* packet) { Put(packet); });
  receiver_->Poll();
  EXPECT_EQ(stream().in_flight(), 8);
  EXPECT_EQ(stream().Send(), 32);
}

TEST_F(StreamTest, ABurstIsOfferedAndTakenWholeButForTheLast) {
  TrafficOptions options = Windowed(600, 512 + 100);
  options.burst = 256;
  Start(options);
  EXPECT_EQ(stream().Send(), 256);
  EXPECT_EQ(stream().Send(), 256);
  EXPECT_EQ(stream().Send(), 88);
  Move([&](uint64_t, rte_mbuf* packet) { Put(packet); });
  EXPECT_EQ(receiver_->Poll(), 256);
  EXPECT_EQ(receiver_->Poll(), 256);
  EXPECT_EQ(receiver_->Poll(), 88);
}

TEST_F(StreamTest, APartOfABurstWaitsForTheRest) {
  TrafficOptions options = Windowed(0, 300);
  options.burst = 256;
  Start(options);
  EXPECT_EQ(stream().Send(), 256);
  EXPECT_EQ(stream().Send(), 0);  // the window has room for 44
}

TEST_F(StreamTest, WhatTheRingDoesNotTakeIsNumberedAgain) {
  TrafficOptions options = Windowed(3000, 0);
  options.flows = 7;
  Start(options);
  for (int i = 0; i < 50; ++i) stream().Send();  // 1600, but there is room for 1024
  EXPECT_EQ(stream().Counts().offered, 1024);
  EXPECT_GT(stream().sends().cut_short, 0);
  RunThrough([&](uint64_t, rte_mbuf* packet) { Put(packet); });
  EXPECT_EQ(stream().Counts().received, 3000);
  EXPECT_EQ(stream().Counts().lost + stream().Counts().reordered, 0);
}

TEST_F(StreamTest, WhatWasSentBeforeCountingStartedCountsForNothing) {
  TrafficOptions options = Windowed(0, 40);
  options.flows = 3;
  Start(options);
  std::vector<rte_mbuf*> held;
  stream().Send();
  Move([&](uint64_t number, rte_mbuf* packet) {
    number == 0 ? rte_pktmbuf_free(packet) : held.push_back(packet);
  });
  stream().StartCounting();
  EXPECT_EQ(stream().Counts().lost, 0);
  for (rte_mbuf* packet : held) Put(packet);
  receiver_->Poll();
  EXPECT_EQ(stream().in_flight(), 1);
  EXPECT_EQ(stream().Counts().received, 0);
  stream().Send();
  Move([&](uint64_t, rte_mbuf* packet) { Put(packet); });
  receiver_->Poll();
  EXPECT_EQ(stream().Counts().offered, 32);
  EXPECT_EQ(stream().Counts().received, 32);
  EXPECT_EQ(stream().latency().count(), 32);
  EXPECT_THAT(Faults(), IsEmpty());
}

TEST_F(StreamTest, WhatArrivedBeforeCountingStartedIsNotUnderWay) {
  TrafficOptions options = Windowed(0, 0);
  options.verify = Verify::kNone;
  Start(options);
  const auto forward = [&](uint64_t, rte_mbuf* packet) { Put(packet); };
  for (int i = 0; i < 3; ++i) {
    stream().Send();
    Move(forward);
    receiver_->Poll();
  }
  EXPECT_EQ(stream().in_flight(), 0);
  stream().Send();  // arrives later
  stream().StartCounting();
  receiver_->StartCounting();
  stream().Send();
  Move(forward);
  while (receiver_->Poll() > 0) continue;
  EXPECT_EQ(stream().Counts().offered, 32);
  EXPECT_EQ(stream().Counts().received, 32);
}

TEST_F(StreamTest, FlowsAndSizesAreTakenInTurn) {
  TrafficOptions options = Windowed(24);
  options.flows = 5;
  options.size = SizeMix::Imix();
  Start(options);
  std::array<uint32_t, 2048> by_size{};
  std::vector<uint16_t> ports;
  RunThrough([&](uint64_t, rte_mbuf* packet) {
    ++by_size[packet->pkt_len];
    ports.push_back(*rte_pktmbuf_mtod_offset(packet, uint16_t*, 34));
    Put(packet);
  });
  EXPECT_EQ(by_size[64], 14);
  EXPECT_EQ(by_size[570], 8);
  EXPECT_EQ(by_size[1518], 2);
  for (size_t i = 0; i + 5 < ports.size(); ++i) {
    EXPECT_EQ(ports[i], ports[i + 5]);
    EXPECT_NE(ports[i], ports[i + 1]);
  }
  EXPECT_EQ(stream().Counts().bytes, 14 * 64 + 8 * 570 + 2 * 1518);
}

TEST_F(StreamTest, ProbesAnnounceEveryFlowAndAreNoTraffic) {
  TrafficOptions options = Windowed(1);
  options.flows = 3;
  Start(options);
  EXPECT_FALSE(stream().up());
  EXPECT_EQ(stream().Probe(0, 3), 3);
  Move([&](uint64_t, rte_mbuf* packet) { Put(packet); });
  receiver_->Poll();
  EXPECT_TRUE(stream().up());
  EXPECT_EQ(stream().Counts().probes_received, 3);
  EXPECT_EQ(stream().Counts().received, 0);
}

TEST(QueueSharesTest, StreamsOfAllQueuesShareFlowsCountAndWindow) {
  const Ring ring = NewRing("shares");
  const auto port = *PerfPort::OverRings(ring.get(), ring.get(), 64);
  TrafficOptions options = Windowed(10, 5);
  options.flows = 8;
  uint64_t in_flight = 0;
  uint32_t flows = 0;
  for (uint16_t queue = 0; queue < 3; ++queue) {
    Stream stream(options, {.tag = kTag, .way = {0, 1}, .queue = queue}, 3, *port);
    flows += stream.flows();
    stream.Send();
    in_flight += stream.in_flight();
  }
  EXPECT_EQ(flows, 8);
  EXPECT_EQ(in_flight, 5);
}

// Port 0 sends to itself.
class LoopTest : public testing::Test {
 protected:
  void SetUp() override { ports_.push_back(*PerfPort::OverRings(ring_.get(), ring_.get(), 1518)); }

  Ports ports_;
  const Ring ring_ = NewRing("loop");
  std::atomic<bool> stop_{false};
};

TEST_F(LoopTest, PhasesAndSamplesAddUpToTheRun) {
  TrafficOptions options = Windowed(0, 0);
  options.phases = {{.rate = 2e5, .seconds = 0.02}, {.rate = 0, .seconds = 0.01}};
  options.warmup = 0.005;
  options.interval_ms = 5;
  options.flows = 4;
  const std::vector<Way> ways = {{0, 0, true}};
  Traffic traffic(options, ways, ports_, stop_);
  ASSERT_TRUE(traffic.BringUp().ok());
  bool started = false;
  const RunResult run = traffic.Run(0, [&] { started = true; });
  EXPECT_TRUE(started);
  EXPECT_EQ(run.end, RunEnd::kDone);
  ASSERT_EQ(run.directions.size(), 1);
  const StreamCounts& counts = run.directions[0].counts;
  EXPECT_EQ(counts.received, counts.offered);
  ASSERT_EQ(run.phases.size(), 2);
  EXPECT_EQ(run.phases[0].phase.rate, 2e5);
  EXPECT_EQ(run.phases[0].interval.offered + run.phases[1].interval.offered, counts.offered);
  ASSERT_GE(run.samples.size(), 5);
  uint64_t sampled = 0;
  for (const Sample& sample : run.samples) sampled += sample.interval.received;
  EXPECT_GT(sampled, 0);
  EXPECT_LE(sampled, counts.received);
  EXPECT_EQ(run.load.offered, counts.offered);
}

TEST_F(LoopTest, ABusyPortIsBoundToNoRateAndNotTimed) {
  TrafficOptions options = Windowed(0, 0);
  options.phases = {{.rate = 100, .seconds = 0.02}};
  options.busy = 1;
  Traffic traffic(options, {{0, 0, true}}, ports_, stop_);
  ASSERT_TRUE(traffic.BringUp().ok());
  const RunResult run = traffic.Run(0);
  ASSERT_EQ(run.directions.size(), 1);
  EXPECT_GT(run.directions[0].counts.received, 1000);
  EXPECT_EQ(run.directions[0].latency.count(), 0);
}

TEST_F(LoopTest, EndsAtItsCountAndReportsEveryField) {
  PerfOptions options;
  options.traffic = Windowed(10'000);
  options.traffic.size = SizeMix::Imix();
  options.port.sockets = {"/a", "/b"};
  const std::vector<Way> ways = {{0, 0, true}};
  Traffic traffic(options.traffic, ways, ports_, stop_);
  ASSERT_TRUE(traffic.BringUp().ok());
  const Report report = ReportOf(options, traffic.Run(0), {.pps = 5, .cycles_per_packet = 7});
  const auto json = nlohmann::json::parse(ReportJson(options, report));
  EXPECT_TRUE(json["valid"]);
  EXPECT_EQ(json["size"], "imix");
  EXPECT_EQ(json["queue_size"], 256);
  EXPECT_EQ(json["directions"][0]["received"], 10'000);
  EXPECT_EQ(json["latency_ns"]["count"], 10'000);
  EXPECT_GE(json["latency_ns"]["p99_9"], json["latency_ns"]["p50"]);
  EXPECT_GT(json["latency_ns"]["max"], 0);
  EXPECT_GT(json["generator"]["cycles_per_packet"], 0);
  EXPECT_EQ(json["ceiling"]["cycles_per_packet"], 7);
  EXPECT_GT(json["bits_per_second"], json["pps"]);
  EXPECT_FALSE(json.contains("switch"));
}

TEST_F(LoopTest, StopsWhenToldTo) {
  const TrafficOptions options = Windowed(0);
  const std::vector<Way> ways = {{0, 0, true}};
  Traffic traffic(options, ways, ports_, stop_);
  ASSERT_TRUE(traffic.BringUp().ok());
  stop_ = true;
  EXPECT_EQ(traffic.Run(0).end, RunEnd::kInterrupted);
}

TEST(CeilingTest, IsMeasuredWithTheFramesOfTheRun) {
  TrafficOptions options = Windowed(5);
  options.flows = 100;
  const std::atomic<bool> stop{false};
  const auto ceiling = MeasureCeiling(options, 0.01, stop);
  ASSERT_TRUE(ceiling.ok());
  EXPECT_GT(ceiling->pps, 0);
  EXPECT_GT(ceiling->cycles_per_packet, 0);
}

}  // namespace
}  // namespace vswitch
