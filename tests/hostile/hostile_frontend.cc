// SPDX-License-Identifier: BSD-3-Clause
// hostile_frontend SOCKET... [--sessions N | --seconds N] [--seed N]: VMMs that do their worst to a
// running switch. Each connects to its socket again and again, starts its guest as it should or
// nearly so, and then sends any message at any time, hands over descriptors that are no eventfds or
// wait for ever, takes memory back that is in use, hangs up in the middle of a message, and has its
// rings scribbled over all the while. Prints what was tried.
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cinttypes>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "pmd/guest_fault.h"
#include "pmd/vhost_user.h"
#include "pmd/virtqueue/ring_layout.h"
#include "pmd/virtqueue/shared_memory.h"
#include "tests/hostile/frontend_memory.h"

namespace vswitch {
namespace {

using enum vhost_user::Request;
constexpr uint32_t kSetMtu = 20, kMostRequests = 44;

struct Counts {
  uint64_t sessions = 0, messages = 0, accepted = 0, refused = 0, shrunk = 0, cut = 0, words = 0,
           used = 0;

  void Add(const Counts& other) {
    sessions += other.sessions;
    messages += other.messages;
    accepted += other.accepted;
    refused += other.refused;
    shrunk += other.shrunk;
    cut += other.cut;
    words += other.words;
    used += other.used;
  }
};

// Descriptors of a session, closed with it.
class Descriptors {
 public:
  Descriptors() = default;
  ~Descriptors() {
    for (const int fd : all_) close(fd);
  }
  Descriptors(const Descriptors&) = delete;
  Descriptors& operator=(const Descriptors&) = delete;

  int Keep(int fd) {
    if (fd >= 0) all_.push_back(fd);
    return fd;
  }
  // To be kicked, or called.
  int Good() { return Keep(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)); }
  int Any(Random& random) {
    switch (random.Below(8)) {
      case 0:
        return FullEventfd();
      case 1:
        return FullPipe(random.Percent(50));
      case 2:
        return FullSocket();
      case 3:
        return Keep(open("/dev/null", O_RDWR | O_CLOEXEC));
      case 4:
        return Keep(open("/", O_RDONLY | O_CLOEXEC));
      case 5:
        return Keep(epoll_create1(EPOLL_CLOEXEC));
      default:
        return Good();
    }
  }

 private:
  int FullEventfd() {
    const int fd = Keep(eventfd(0, EFD_CLOEXEC));
    eventfd_write(fd, UINT64_MAX - 1);
    return fd;
  }
  int FullPipe(bool read_end_stays) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0) return -1;
    Fill(Keep(ends[1]));
    read_end_stays ? void(Keep(ends[0])) : void(close(ends[0]));
    return ends[1];
  }
  int FullSocket() {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) return -1;
    Keep(ends[0]);
    Fill(Keep(ends[1]));
    return ends[1];
  }
  static void Fill(int fd) {
    const std::array<char, 4096> bytes = {};
    fcntl(fd, F_SETFL, O_NONBLOCK);
    while (write(fd, bytes.data(), bytes.size()) > 0) continue;
    fcntl(fd, F_SETFL, 0);
  }

  std::vector<int> all_;
};

// Never waits for the switch, but for a connection.
class Connection {
 public:
  Connection(const std::string& path, Counts& counts) : counts_(counts) {
    fd_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
    path.copy(address.sun_path, sizeof(address.sun_path) - 1);
    if (connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) < 0) Close();
  }
  ~Connection() { Close(); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  bool open() const { return fd_ >= 0; }
  void Close() {
    if (fd_ >= 0) close(fd_);
    fd_ = -1;
  }

  // Until all that was sent has been handled.
  void Settle() {
    answered_ = false;
    Send(kGetFeatures, {});
    while (!answered_ && fd_ >= 0) {
      pollfd reply{.fd = fd_, .events = POLLIN, .revents = 0};
      if (poll(&reply, 1, 5000) != 1) return Close();
      ReadReplies();
    }
  }

  // A message of which only `whole` bytes are sent, if they are fewer.
  void Send(uint32_t request, std::span<const uint8_t> payload, std::span<const int> fds = {},
            size_t whole = SIZE_MAX) {
    if (fd_ < 0) return;
    const vhost_user::Header header{request, vhost_user::kVersion | vhost_user::kNeedReply,
                                    static_cast<uint32_t>(payload.size())};
    std::vector<uint8_t> bytes(sizeof(header) + payload.size());
    std::memcpy(bytes.data(), &header, sizeof(header));
    std::copy(payload.begin(), payload.end(), bytes.begin() + sizeof(header));
    iovec vector{bytes.data(), std::min(bytes.size(), whole)};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(16 * sizeof(int))> control = {};
    msghdr message{};
    message.msg_iov = &vector;
    message.msg_iovlen = 1;
    if (!fds.empty()) Attach(fds, control, message);
    ++counts_.messages;
    if (sendmsg(fd_, &message, MSG_NOSIGNAL) < 0) Close();
    ReadReplies();
  }

 private:
  static void Attach(std::span<const int> fds, std::span<char> control, msghdr& message) {
    message.msg_control = control.data();
    message.msg_controllen = CMSG_SPACE(fds.size_bytes());
    cmsghdr* item = CMSG_FIRSTHDR(&message);
    item->cmsg_level = SOL_SOCKET;
    item->cmsg_type = SCM_RIGHTS;
    item->cmsg_len = CMSG_LEN(fds.size_bytes());
    std::memcpy(CMSG_DATA(item), fds.data(), fds.size_bytes());
  }
  // What is there.
  void ReadReplies() {
    std::array<uint8_t, 4096> bytes;
    const ssize_t got = fd_ < 0 ? 0 : recv(fd_, bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (got == 0) return Close();
    if (got > 0) replies_.insert(replies_.end(), bytes.data(), bytes.data() + got);
    vhost_user::Header header;
    while (replies_.size() >= sizeof(header)) {
      std::memcpy(&header, replies_.data(), sizeof(header));
      const size_t whole = sizeof(header) + header.size;
      if (replies_.size() < whole) return;
      if (header.size == 8) Count(header, &replies_[sizeof(header)]);
      replies_.erase(replies_.begin(), replies_.begin() + static_cast<ptrdiff_t>(whole));
    }
  }
  // Questions are answered, all others acknowledged: with 0, if they were accepted.
  void Count(const vhost_user::Header& header, const uint8_t* payload) {
    uint64_t value;
    std::memcpy(&value, payload, sizeof(value));
    answered_ |= header.request == kGetFeatures;
    if (header.request != kGetFeatures) ++(value == 0 ? counts_.accepted : counts_.refused);
  }

  Counts& counts_;
  int fd_;
  std::vector<uint8_t> replies_;
  bool answered_ = false;
};

template <typename T>
std::span<const uint8_t> BytesOf(const T& value) {
  return {reinterpret_cast<const uint8_t*>(&value), sizeof(value)};
}

// One connection, from its start to an end that it may not have chosen.
class Session {
 public:
  Session(const std::string& path, uint64_t seed, Counts& counts)
      : random_(seed),
        counts_(counts),
        memory_(random_),
        packed_(random_.Percent(50)),
        connection_(path, counts),
        scribbler_(memory_, packed_, seed + 1) {}
  ~Session() {
    counts_.words += scribbler_.words();
    for (uint64_t i = 0; i < kRings; ++i) {
      counts_.used += LoadOnce(reinterpret_cast<UsedRing*>(memory_.Ring(i) + kDeviceArea)->index);
    }
  }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  void Run() {
    if (!connection_.open()) return;
    ++counts_.sessions;
    Start();
    for (uint64_t steps = random_.Below(60); steps > 0 && connection_.open(); --steps) Step();
  }

 private:
  // As a VMM does, but for a message now and then.
  void Start() {
    const uint64_t features = Features(),
                   protocol = 0x3b;  // MQ, LOG_SHMFD, REPLY_ACK, MTU and others
    connection_.Settle();
    connection_.Send(kGetProtocolFeatures, {});
    connection_.Send(kSetProtocolFeatures, BytesOf(protocol));
    connection_.Send(kSetOwner, {});
    connection_.Send(kSetFeatures, BytesOf(features));
    SetMemory(/*good=*/true);
    for (uint32_t ring = 0; ring < kRings; ++ring) StartRing(ring);
    for (uint32_t ring = 0; ring < kRings; ++ring) Enable(ring, true);
    if (random_.Percent(90)) connection_.Settle();
  }
  void StartRing(uint32_t ring) {
    SetState(kSetVringNum, ring, 1u << (3 + random_.Below(6)));
    SetState(kSetVringBase, ring, packed_ ? 0x80008000 : 0);
    SetAddress(ring, /*good=*/true);
    SetDescriptor(kSetVringCall, ring, descriptors_.Any(random_));
    SetDescriptor(kSetVringKick, ring, descriptors_.Good());
    if (random_.Percent(5)) Step();
  }

  void Step() {
    const uint64_t ring = random_.Below(random_.Percent(95) ? kRings : 256);
    switch (random_.Below(22)) {
      case 0:
        return SendAnything();
      case 1:
        return SetMemory(/*good=*/true);
      case 2:
        return SetMemory(/*good=*/false);
      case 3:
        return SetState(kSetVringNum, ring, random_.Below(random_.Percent(80) ? 512 : 0x10000));
      case 4:
        return SetAddress(ring, /*good=*/false);
      case 5:
        return SetAddress(ring, /*good=*/true);
      case 6:
        return SetState(kSetVringBase, ring, random_.Any());
      case 7:
        return SetDescriptor(kSetVringKick, ring, descriptors_.Any(random_));
      case 8:
        return SetDescriptor(kSetVringCall, ring, descriptors_.Any(random_));
      case 9:
        return Enable(ring, random_.Percent(50));
      case 10:
        return SetFeatures();
      case 11:
        SetState(kGetVringBase, ring, 0);
        return SetState(kGetVringBase, ring, 0);
      case 12:
        return SetLog();
      case 13:
        return connection_.Send(random_.Percent(50) ? kSendRarp : kSetMtu, BytesOf(random_.Any()));
      case 14:
        return random_.Percent(20) ? connection_.Send(kResetOwner, {}) : Rest();
      case 15:
        return random_.Percent(20) ? HangUp() : Rest();
      case 16:
        return random_.Percent(40) ? TakeBack() : Rest();
      case 17:
        return StartRing(static_cast<uint32_t>(ring));
      default:
        return Rest();
    }
  }

  uint64_t Features() {
    constexpr uint64_t kAlways = 1ULL << 32 | 1ULL << 30;  // VERSION_1, PROTOCOL_FEATURES
    // MRG_RXBUF, MQ, INDIRECT_DESC, EVENT_IDX, IN_ORDER, LOG_ALL
    constexpr std::array<int, 6> kMaybe = {15, 22, 28, 29, 35, 26};
    uint64_t features = kAlways | (packed_ ? 1ULL << 34 : 0);
    for (const int bit : kMaybe) features |= random_.Percent(60) ? 1ULL << bit : 0;
    return features;
  }
  // Another kind of ring, too; what is offered, or not.
  void SetFeatures() {
    uint64_t features = Features();
    if (random_.Percent(50)) features ^= 1ULL << (random_.Percent(50) ? 34 : random_.Below(64));
    connection_.Send(kSetFeatures, BytesOf(features));
  }

  void SetState(uint32_t request, uint64_t ring, uint64_t value) {
    const uint32_t state[2] = {static_cast<uint32_t>(ring), static_cast<uint32_t>(value)};
    connection_.Send(request, BytesOf(state));
  }
  void Enable(uint64_t ring, bool enable) { SetState(kSetVringEnable, ring, enable); }
  void SetDescriptor(uint32_t request, uint64_t ring, int fd) {
    const uint64_t number = ring | (random_.Percent(3) ? 1 << 8 : 0);  // none
    connection_.Send(request, BytesOf(number), {&fd, fd >= 0 ? 1u : 0u});
  }

  void SetMemory(bool good) {
    struct {
      uint32_t count, padding = 0;
      struct {
        uint64_t guest, size, user, offset;
      } regions[8];
    } table = {};
    std::vector<int> fds;
    for (const FrontendMemory::Region& region : memory_.regions()) {
      table.regions[fds.size()] = {region.guest, region.size, region.user, 0};
      fds.push_back(region.fd);
    }
    table.count = static_cast<uint32_t>(fds.size());
    if (!good) {
      // More than the file has, wrapping around, in each other, none at all; offsets of any size.
      auto& victim = table.regions[random_.Below(fds.size())];
      uint64_t* words[] = {&victim.guest, &victim.size, &victim.user, &victim.offset};
      *words[random_.Below(4)] = random_.Percent(50) ? random_.Below(1 << 20) & ~uint64_t{4095}
                                                     : random_.Any() >> random_.Below(64);
      if (random_.Percent(20)) table.count = static_cast<uint32_t>(random_.Below(12));
    }
    connection_.Send(kSetMemTable, BytesOf(table), fds);
  }

  void SetAddress(uint64_t ring, bool good) {
    struct {
      uint32_t index, flags;
      uint64_t areas[3], log;
    } addresses = {};
    addresses.index = static_cast<uint32_t>(ring);
    addresses.flags = random_.Percent(30);
    const FrontendMemory::Region& region = memory_.regions()[0];
    const uint64_t start = region.user + ring % kRings * kRingStride;
    const uint64_t areas[3] = {start, start + kDeviceArea, start + kDriverArea};
    std::copy(std::begin(areas), std::end(areas), std::begin(addresses.areas));
    addresses.log = random_.Percent(50) ? region.guest : random_.Any();
    if (!good) {
      uint64_t& area = addresses.areas[random_.Below(3)];
      area = random_.Percent(60) ? region.user + region.size - random_.Below(64) * 16
                                 : random_.Any() >> random_.Below(64);
    }
    connection_.Send(kSetVringAddr, BytesOf(addresses));
  }

  // Too small, larger than its file, or not from its start.
  void SetLog() {
    const FrontendMemory::Region& region = memory_.regions().back();
    const uint64_t log[2] = {random_.Percent(50) ? 1 + random_.Below(4096) : random_.Below(1 << 24),
                             random_.Percent(60) ? 0 : random_.Below(1 << 20) & ~uint64_t{4095}};
    connection_.Send(kSetLogBase, BytesOf(log), {&region.fd, 1});
  }

  void SendAnything() {
    std::array<uint8_t, 512> payload;
    std::generate(payload.begin(), payload.end(), [this] { return random_.Any() & 7; });
    std::array<int, 8> fds;
    const uint64_t count = random_.Percent(60) ? 0 : random_.Below(fds.size() + 1);
    for (uint64_t i = 0; i < count; ++i) fds[i] = descriptors_.Good();
    const uint64_t size =
        random_.Percent(70) ? 8 * random_.Below(6) : random_.Below(payload.size());
    connection_.Send(static_cast<uint32_t>(random_.Below(kMostRequests)),
                     std::span(payload).first(size), std::span(fds).first(count));
  }

  void HangUp() {
    ++counts_.cut;
    const uint64_t payload[4] = {};
    connection_.Send(kSetVringAddr, BytesOf(payload), {}, random_.Below(40));
    Rest();
    connection_.Close();
  }

  void TakeBack() {
    ++counts_.shrunk;
    const size_t region = random_.Below(memory_.regions().size());
    memory_.Shrink(region, random_.Percent(50) ? 0 : random_.Below(memory_.regions()[region].size));
  }

  void Rest() { usleep(static_cast<useconds_t>(random_.Below(3000))); }

  Random random_;
  Counts& counts_;
  Descriptors descriptors_;
  FrontendMemory memory_;
  const bool packed_;
  Connection connection_;
  Scribbler scribbler_;
};

struct Arguments {
  std::vector<std::string> sockets;
  uint64_t sessions = 100;  // of each socket
  uint64_t seconds = 0;
  uint64_t seed = 1;
};

Arguments Parse(std::span<char*> words) {
  Arguments arguments;
  for (size_t i = 1; i < words.size(); ++i) {
    const std::string_view word = words[i];
    uint64_t* value = word == "--sessions"  ? &arguments.sessions
                      : word == "--seconds" ? &arguments.seconds
                      : word == "--seed"    ? &arguments.seed
                                            : nullptr;
    if (value == nullptr) {
      arguments.sockets.emplace_back(word);
    } else if (++i < words.size()) {
      *value = std::strtoull(words[i], nullptr, 10);
    }
  }
  return arguments;
}

void Torment(const Arguments& arguments, size_t which, Counts& counts) {
  using Clock = std::chrono::steady_clock;
  // What is taken back from the switch is gone here, too.
  std::atomic<bool> faulted{false};
  GuardThread(&faulted);
  const Clock::time_point end = Clock::now() + std::chrono::seconds(arguments.seconds);
  const std::string& path = arguments.sockets[which];
  for (uint64_t i = 0; arguments.seconds > 0 ? Clock::now() < end : i < arguments.sessions; ++i) {
    Session(path, arguments.seed + (i * arguments.sockets.size() + which) * 1000003, counts).Run();
  }
}

}  // namespace
}  // namespace vswitch

int main(int argc, char** argv) {
  using namespace vswitch;
  const Arguments arguments = Parse({argv, static_cast<size_t>(argc)});
  if (arguments.sockets.empty()) {
    std::fprintf(stderr, "usage: %s SOCKET... [--sessions N | --seconds N] [--seed N]\n", argv[0]);
    return 2;
  }
  std::printf("seed %" PRIu64 "\n", arguments.seed);
  std::vector<Counts> counts(arguments.sockets.size());
  std::vector<std::thread> threads;
  for (size_t i = 0; i < counts.size(); ++i) {
    threads.emplace_back([&, i] { Torment(arguments, i, counts[i]); });
  }
  for (std::thread& thread : threads) thread.join();
  Counts all;
  for (const Counts& one : counts) all.Add(one);
  std::printf("%" PRIu64 " sessions, %" PRIu64 " messages (%" PRIu64 " accepted, %" PRIu64
              " refused, %" PRIu64 " cut), memory taken back %" PRIu64 " times, %" PRIu64
              " words scribbled, used indices sum up to %" PRIu64 "\n",
              all.sessions, all.messages, all.accepted, all.refused, all.cut, all.shrunk, all.words,
              all.used);
  // An attack that gets nowhere proves nothing.
  const bool got_somewhere =
      all.sessions > 0 && all.accepted > 0 && all.refused > 0 && all.used > 0;
  return got_somewhere ? 0 : 1;
}
