// SPDX-License-Identifier: BSD-3-Clause
// What single pieces cost: a veth hop between two ring backends, a mailbox, a parsed newlink.
// Run with `meson test --benchmark` or by hand; compares code with code on one machine, nothing
// else.
#include <benchmark/benchmark.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <rte_eal.h>
#include <rte_mbuf.h>
#include <rte_ring.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "control/client.h"
#include "control/link_request.h"
#include "control/netlink.h"
#include "dataplane/dataplane.h"
#include "dataplane/mailbox.h"
#include "dataplane/packet_buffer.h"
#include "dataplane/veth.h"
#include "pmd/factory.h"

namespace vswitch {
namespace {

void Require(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "bench_veth: %s\n", what);
  std::exit(1);
}

rte_mempool* Pool() {
  static rte_mempool* pool =
      rte_pktmbuf_pool_create("bench", 1023, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
  Require(pool != nullptr, "no packet buffers");
  return pool;
}

// Frames of 64 bytes without offload requests.
std::vector<rte_mbuf*> Frames(size_t count) {
  std::vector<rte_mbuf*> frames(count);
  const int failed = rte_pktmbuf_alloc_bulk(Pool(), frames.data(), static_cast<unsigned>(count));
  Require(failed == 0, "no packet buffers");
  for (rte_mbuf* frame : frames) Require(rte_pktmbuf_append(frame, 64) != nullptr, "no room");
  return frames;
}

// A veth pair whose worker is stepped by hand, with a ring behind each end.
class VethPair {
 public:
  VethPair() : dataplane_(1), a_(dataplane_.CreateDevice()), b_(dataplane_.CreateDevice()) {
    Publish(a_, b_);
    Publish(b_, a_);
    Attach(a_, "a");
    Attach(b_, "b");
    dataplane_.Commit();
  }

  Worker& worker() { return *dataplane_.workers()[0]; }

 private:
  void Publish(DeviceId self, DeviceId peer) {
    dataplane_.Publish(self, std::make_unique<Veth>(VethState{
                                 .self = self, .peer = peer, .up = true, .carrier = true}));
  }
  void Attach(DeviceId device, const std::string& name) {
    const BackendSpec spec{.type = BackendType::kRing};
    auto backend = CreateBackend(spec, name, 1500, {.pool = Pool(), .rcu = &dataplane_.rcu()});
    Require(backend.ok(), "no ring backend");
    dataplane_.Attach(device, *std::move(backend));
  }

  Dataplane dataplane_;
  const DeviceId a_;
  const DeviceId b_;
};

void VethHop(benchmark::State& state) {
  VethPair pair;
  rte_ring* in = rte_ring_lookup("a_rx");
  rte_ring* out = rte_ring_lookup("b_tx");
  const auto burst = static_cast<unsigned>(state.range(0));
  std::vector<rte_mbuf*> frames = Frames(burst);
  void** table = reinterpret_cast<void**>(frames.data());
  while (state.KeepRunning()) {
    rte_ring_enqueue_burst(in, table, burst, nullptr);
    pair.worker().RunOnce();
    if (rte_ring_dequeue_burst(out, table, burst, nullptr) != burst) {
      state.SkipWithError("frames were lost");
      return;
    }
  }
  rte_pktmbuf_free_bulk(frames.data(), burst);
  state.SetItemsProcessed(state.iterations() * burst);
}
BENCHMARK(VethHop)->Arg(1)->Arg(8)->Arg(32);

void MailboxPostDrain(benchmark::State& state) {
  Mailbox mailbox;
  std::vector<Packet> packets;
  for (rte_mbuf* frame : Frames(static_cast<size_t>(state.range(0)))) {
    packets.push_back(PacketBuffer::FromMbuf(frame));
  }
  std::array<Letter, Burst::kCapacity> letters;
  while (state.KeepRunning()) {
    mailbox.Post({}, packets);
    benchmark::DoNotOptimize(mailbox.Drain(letters));
  }
  PacketBuffer::Free(packets);
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(MailboxPostDrain)->Arg(1)->Arg(8)->Arg(32);

class NobodyClient final : public Client {
 public:
  void Send(Datagram) override {}
};

// What `ip link add a type veth peer name b` sends.
Datagram NewVeth() {
  Datagram datagram;
  NlWriter writer(datagram);
  writer.Begin(RTM_NEWLINK, NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, 1, 0);
  writer.PutStruct(ifinfomsg{});
  writer.PutString(IFLA_IFNAME, "a");
  const size_t info = writer.BeginNest(IFLA_LINKINFO);
  writer.PutBytes(IFLA_INFO_KIND, {reinterpret_cast<const uint8_t*>("veth"), 4});
  const size_t data = writer.BeginNest(IFLA_INFO_DATA);
  const size_t peer = writer.BeginNest(VETH_INFO_PEER);
  writer.PutStruct(ifinfomsg{});
  writer.PutString(IFLA_IFNAME, "b");
  writer.EndNest(peer);
  writer.EndNest(data);
  writer.EndNest(info);
  writer.End();
  return datagram;
}

void ParseNewVeth(benchmark::State& state) {
  const Datagram datagram = NewVeth();
  NobodyClient client;
  while (state.KeepRunning()) {
    ExtAck ack;
    const auto message = NlReader(datagram).Next();
    auto request = ParseLinkRequest(*message, client, ack);
    if (!request.ok() || !ParseLinkInfo(*request, ack).ok()) {
      state.SkipWithError("the request was refused");
      return;
    }
    benchmark::DoNotOptimize(request->kind);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(ParseNewVeth);

// EAL without hugepages, devices or leftovers, on whatever CPU the benchmark runs.
void StartEal(const char* program) {
  std::vector<std::string> words = {
      program,          "--no-huge",         "--no-shconf", "--no-pci",
      "--no-telemetry", "--log-level=error", "-m",          "64"};
  std::vector<char*> argv;
  argv.reserve(words.size());
  for (std::string& word : words) argv.push_back(word.data());
  Require(rte_eal_init(static_cast<int>(argv.size()), argv.data()) >= 0, "EAL did not start");
}

}  // namespace
}  // namespace vswitch

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  vswitch::StartEal(argv[0]);
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
