// SPDX-License-Identifier: BSD-3-Clause
// A switch that does one thing wrong: the real data path between two vhost-user guests, with a
// fault planted where packets come in.
//   faulty_switch CONTROL_CPU WORKER_CPU none|drop|reorder|corrupt|duplicate EVERY SOCKET SOCKET
// Prints "ready" and forwards until SIGTERM. EVERY: one packet in so many is treated wrongly.
#include <rte_eal.h>
#include <rte_mbuf.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "dataplane/dataplane.h"
#include "dataplane/packet_buffer.h"
#include "dataplane/veth.h"
#include "pmd/factory.h"

namespace vswitch {
namespace {

// Does something to packet `at` of a burst; false when it cannot be done to this one. What is put
// into `next` (empty) comes before anything else is received.
using Fault = bool (*)(Burst& burst, uint16_t at, Burst& next);

bool Drop(Burst& burst, uint16_t at, Burst& /*next*/) {
  PacketBuffer::Free({&burst.packets[at], 1});
  std::move(burst.packets.begin() + at + 1, burst.packets.begin() + burst.count,
            burst.packets.begin() + at);
  --burst.count;
  return true;
}

bool Reorder(Burst& burst, uint16_t at, Burst& /*next*/) {
  if (at + 1 >= burst.count) return false;
  std::swap(burst.packets[at], burst.packets[at + 1]);
  return true;
}

bool Corrupt(Burst& burst, uint16_t at, Burst& /*next*/) {
  if (!PacketBuffer::ToMbuf(burst.packets[at])) return false;
  const rte_mbuf* mbuf = PacketBuffer::Mbuf(burst.packets[at]);
  ++*rte_pktmbuf_mtod_offset(mbuf, uint8_t*, mbuf->data_len - 1);
  return true;
}

bool Duplicate(Burst& burst, uint16_t at, Burst& next) {
  rte_mbuf* copy = PacketBuffer::Copy(burst.packets[at]);
  if (copy == nullptr) return false;
  next.packets[next.count++] = PacketBuffer::FromMbuf(copy, burst.packets[at].offload());
  return true;
}

Fault FaultOf(const std::string& name) {
  if (name == "drop") return Drop;
  if (name == "reorder") return Reorder;
  if (name == "corrupt") return Corrupt;
  if (name == "duplicate") return Duplicate;
  return nullptr;
}

// Another backend, but for the fault in what it receives.
class FaultyBackend final : public Backend {
 public:
  FaultyBackend(std::unique_ptr<Backend> inner, Fault fault, uint64_t every)
      : Backend(inner->copies_from_guests()),
        inner_(std::move(inner)),
        fault_(fault),
        every_(every),
        left_(every) {}

  uint16_t queues() const override { return inner_->queues(); }
  SendResult Send(uint16_t queue, Burst& burst) override { return inner_->Send(queue, burst); }
  void Finish(uint16_t queue) override { inner_->Finish(queue); }
  BackendStatus Status() const override { return inner_->Status(); }

  // A packet to which it cannot be done is let through, and its successor is due.
  void Receive(uint16_t queue, Burst& burst) override {
    if (next_.count > 0) {
      burst = std::exchange(next_, {});
      return;
    }
    inner_->Receive(queue, burst);
    const uint16_t received = burst.count;
    if (left_ > received) {
      left_ -= received;
    } else if (fault_ != nullptr && received > 0) {
      const bool done = fault_(burst, static_cast<uint16_t>(left_ - 1), next_);
      left_ = done ? every_ - (received - left_) : 1;
    }
  }

 private:
  const std::unique_ptr<Backend> inner_;
  const Fault fault_;
  const uint64_t every_;
  Burst next_;
  uint64_t left_;  // packets up to and with the next that is treated wrongly
};

[[noreturn]] void Die(const std::string& what) {
  std::fprintf(stderr, "faulty_switch: %s\n", what.c_str());
  std::exit(1);
}

void StartEal(const std::string& control_cpu, const std::string& worker_cpu) {
  std::vector<std::string> words = {"faulty_switch",
                                    "--no-huge",
                                    "--no-shconf",
                                    "--no-pci",
                                    "--no-telemetry",
                                    "-m",
                                    "64",
                                    "--log-level=3",
                                    "--lcores",
                                    "0@" + control_cpu + ",1@" + worker_cpu};
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  if (rte_eal_init(static_cast<int>(argv.size()), argv.data()) < 0) Die("EAL did not start");
}

std::unique_ptr<Backend> Listen(const std::string& socket, const BackendEnv& env) {
  BackendSpec spec;
  spec.path = socket;
  auto backend = CreateBackend(spec, "faulty", 1500, env);
  if (!backend.ok()) Die(std::string(backend.status().message()));
  return *std::move(backend);
}

void Publish(Dataplane& dataplane, DeviceId self, DeviceId peer) {
  const VethState state{.self = self, .peer = peer, .up = true, .carrier = true};
  dataplane.Publish(self, std::make_unique<Veth>(state));
}

void Serve(Fault fault, uint64_t every, const std::array<std::string, 2>& sockets) {
  const std::unique_ptr<rte_mempool, void (*)(rte_mempool*)> pool(
      rte_pktmbuf_pool_create("packets", 8191, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY),
      rte_mempool_free);
  if (pool == nullptr) Die("no packet buffers");
  Dataplane dataplane(1);
  const BackendEnv env{.pool = pool.get(), .rcu = &dataplane.rcu()};
  const std::array devices = {dataplane.CreateDevice(), dataplane.CreateDevice()};
  for (size_t i = 0; i < devices.size(); ++i) {
    Publish(dataplane, devices[i], devices[1 - i]);
    dataplane.Attach(devices[i],
                     std::make_unique<FaultyBackend>(Listen(sockets[i], env), fault, every));
  }
  dataplane.Commit();
  dataplane.Start({1});
  std::puts("ready");
  std::fflush(stdout);
  sigset_t stop;
  sigemptyset(&stop);
  sigaddset(&stop, SIGTERM);
  int signal = 0;
  sigwait(&stop, &signal);
  // Guests go while workers still run: their leaving waits for workers.
  for (const DeviceId device : devices) dataplane.RemoveDevice(device);
  dataplane.Commit();
}

int Main(const std::vector<std::string>& words) {
  if (words.size() != 7) Die("see the head of faulty_switch.cc");
  const Fault fault = FaultOf(words[3]);
  if (fault == nullptr && words[3] != "none") Die("no such fault: " + words[3]);
  sigset_t stop;
  sigemptyset(&stop);
  sigaddset(&stop, SIGTERM);
  sigprocmask(SIG_BLOCK, &stop, nullptr);  // also in the threads to come
  StartEal(words[1], words[2]);
  Serve(fault, std::stoull(words[4]), {words[5], words[6]});
  rte_eal_cleanup();
  return 0;
}

}  // namespace
}  // namespace vswitch

int main(int argc, char** argv) {
  return vswitch::Main(std::vector<std::string>(argv, argv + argc));
}
