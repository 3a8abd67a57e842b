// SPDX-License-Identifier: BSD-3-Clause
// A guest that keeps a MAC address of its own behind a device whose address it shares with others
// (backend option mac=rewrite).
#ifndef VSWITCH_PMD_MAC_REWRITE_H_
#define VSWITCH_PMD_MAC_REWRITE_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>

#include "dataplane/backend.h"

struct rte_mempool;

namespace vswitch {

using MacBytes = std::array<uint8_t, 6>;

// What a guest sends: `guest` becomes `device` as the source, and where ARP and neighbour discovery
// say who the sender is. An ICMPv6 checksum stays as right as it was; with `checksum_pending` it is
// filled in later and left alone.
void TranslateFromGuest(std::span<uint8_t> frame, const MacBytes& guest, const MacBytes& device,
                        bool checksum_pending);

// What it gets: `device` becomes `guest` as the destination, and where ARP says who is asked or
// answered. In what others say of themselves `device` is the address of a neighbour that shares it,
// and stays.
void TranslateToGuest(std::span<uint8_t> frame, const MacBytes& guest, const MacBytes& device);

// Stands between a device and a backend. The guest's address is the source of what it sent last.
// Before it has sent anything nothing is translated, and unicast IPv4 becomes ARP's question for
// it.
class MacRewrite final : public Backend {
 public:
  // `pool` is for questions to the guest.
  MacRewrite(std::unique_ptr<Backend> backend, rte_mempool* pool)
      : Backend(backend->copies_from_guests()), backend_(std::move(backend)), pool_(pool) {}

  uint16_t queues() const override { return backend_->queues(); }
  void Receive(uint16_t queue, Burst& burst) override;
  void Finish(uint16_t queue) override { backend_->Finish(queue); }
  int Bell(uint16_t queue) const override { return backend_->Bell(queue); }
  bool Rest(uint16_t queue) override { return backend_->Rest(queue); }
  void Wake(uint16_t queue) override { backend_->Wake(queue); }
  SendResult Send(uint16_t queue, Burst& burst) override;
  BackendStatus Status() const override;
  absl::Status SetMtu(uint32_t mtu) override { return backend_->SetMtu(mtu); }
  std::optional<NicState> Nic() const override { return backend_->Nic(); }
  absl::Status SetAddress(const MacBytes& address) override {
    return backend_->SetAddress(address);
  }
  void OnAddress(const MacBytes& address) override;

 private:
  void ToGuest(Packet& packet, const MacBytes& guest, const MacBytes& device);
  void AskGuest(Packet& packet, const MacBytes& device);

  const std::unique_ptr<Backend> backend_;
  rte_mempool* const pool_;
  // Six bytes in memory order; 0: none. Any worker, and the control thread, read and write them.
  std::atomic<uint64_t> device_{0}, guest_{0};
};

}  // namespace vswitch

#endif  // VSWITCH_PMD_MAC_REWRITE_H_
