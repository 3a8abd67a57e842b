// SPDX-License-Identifier: BSD-3-Clause
// The guest's end of a vhost-user socket in this process: its memory, its split virtqueues and the
// messages QEMU would send for it (docs/interop/vhost-user.rst in QEMU; virtio 1.1, 2.6).
#ifndef VSWITCH_TESTS_SUPPORT_FAKE_GUEST_H_
#define VSWITCH_TESTS_SUPPORT_FAKE_GUEST_H_

#include <array>
#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <vector>

#include "pmd/virtio.h"

namespace vswitch {

inline constexpr uint64_t kVirtioNetCsum = 1ULL << 0;
inline constexpr uint64_t kVirtioNetHostTso4 = 1ULL << 11;
inline constexpr uint64_t kVirtioNetHostTso6 = 1ULL << 12;
inline constexpr uint64_t kVirtioNetMq = 1ULL << 22;

// One thread. Every message waits for its acknowledgement, so that what it asks for has happened
// when the call returns. Aborts the test process when the other side does not answer.
class FakeGuest {
 public:
  static constexpr uint16_t kMaxPairs = 4;
  static constexpr uint16_t kRingSize = 256;
  static constexpr uint32_t kBufferSize = 4096;  // of a receive buffer

  FakeGuest();
  ~FakeGuest();
  FakeGuest(const FakeGuest&) = delete;
  FakeGuest& operator=(const FakeGuest&) = delete;

  // Becomes the server of `path` (mode=client on the other side); Accept waits for the other side.
  void Listen(const std::string& path);
  void Accept();
  // Connects to a server.
  void Connect(const std::string& path);
  void Disconnect();
  bool connected() const { return connection_ >= 0; }

  // What the other side offers.
  uint64_t OfferedFeatures();
  // Chooses features (those needed for the transport are added), describes memory and rings of
  // `pairs` queue pairs, and enables the first `enabled` of them.
  void Start(uint64_t features, uint16_t pairs = 1, uint16_t enabled = UINT16_MAX);
  void EnablePair(uint16_t pair, bool enable);
  // Returns as soon as it is acknowledged: all of it has happened after the next message only.
  void EnableRing(uint16_t index, bool enable);
  // Takes the rings back, as when the guest reboots. Returns how many chains of each ring the other
  // side says it has taken, modulo 2^16.
  std::vector<uint16_t> Stop();
  // After Stop: goes on with the rings as they are, the other side from there.
  void Continue(std::span<const uint16_t> taken);

  // Wants to know which pages are written to, or no longer, as when the guest moves to another
  // machine.
  void LogWrites(bool on);
  // Those that the other side named since the last call. They are counted from the first one of
  // the guest's memory.
  std::vector<uint32_t> TakeWrittenPages();
  static uint32_t PageOfBuffer(uint16_t pair, uint16_t buffer);  // to receive into
  static uint32_t PageOfUsedRing(uint16_t index);

  // The guest with this address has arrived: has the other side say so.
  void Announce(const std::array<uint8_t, 6>& mac);

  // Puts `count` empty buffers into the receive ring of a pair.
  void PostBuffers(uint16_t pair, uint16_t count);
  // Puts a frame into the send ring of a pair.
  void Transmit(uint16_t pair, const VnetHeader& header, std::span<const uint8_t> bytes);
  // Frames of the send ring that the other side has taken.
  uint16_t TransmitsDone(uint16_t pair) const;
  // The other side asks not to be notified of what is put into ring `index`.
  bool NotificationsOff(uint16_t index) const;

  // How often the other side interrupted for ring `index` since the last call.
  uint64_t TakeCalls(uint16_t index) const;

  // Tells the other side that there is something new in ring `index`.
  void Kick(uint16_t index) const;

  struct Received {
    VnetHeader header;
    std::vector<uint8_t> bytes;
  };
  // What came into the receive ring of a pair since the last call.
  std::vector<Received> TakeReceived(uint16_t pair);

 private:
  struct Ring {
    uint16_t avail = 0;  // next to make available
    uint16_t used = 0;   // next to take back
    uint32_t data = 0;   // next free byte of a send ring's data area
    int kick = -1;
    int call = -1;
  };

  uint8_t* RingMemory(uint16_t index) const;
  uint8_t* DataMemory(uint16_t index) const;
  void WriteDescriptor(uint16_t index, uint16_t slot, const uint8_t* data, uint32_t size,
                       uint16_t flags, uint16_t next) const;
  void MakeAvailable(uint16_t index, uint16_t head);

  // librte_vhost acknowledges a message before it acts on rings that became ready or not; it has
  // done so when it answers the next message.
  void Settle();
  void SetUpRing(uint16_t index);
  void DescribeRing(uint16_t index, uint16_t taken);
  void SendMemoryTable();
  void Request(uint32_t request, std::span<const uint8_t> payload, int fd = -1);
  std::vector<uint8_t> Ask(uint32_t request, std::span<const uint8_t> payload = {}, int fd = -1);
  void SendMessage(uint32_t request, uint32_t flags, std::span<const uint8_t> payload, int fd);
  std::vector<uint8_t> ReadReply(uint32_t request);

  uint8_t* memory_ = nullptr;
  int memory_fd_ = -1;
  uint8_t* log_ = nullptr;
  int log_fd_ = -1;
  int listener_ = -1;
  int connection_ = -1;
  uint64_t features_ = 0;
  uint16_t pairs_ = 0;
  Ring rings_[2 * kMaxPairs];
};

}  // namespace vswitch

#endif  // VSWITCH_TESTS_SUPPORT_FAKE_GUEST_H_
