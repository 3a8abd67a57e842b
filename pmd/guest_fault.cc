// SPDX-License-Identifier: BSD-3-Clause
#include "pmd/guest_fault.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <mutex>

#include "dataplane/errno_status.h"

namespace vswitch {
namespace {

// The handler reads a slot while others change it. Guarded mappings never overlap, so one that
// holds the address of a fault is that one, however often the slot changed hands in between.
struct Slot {
  std::atomic<uintptr_t> start;  // 0: free, or about to be
  std::atomic<size_t> size;
  std::atomic<std::atomic<bool>*> faulted;
};

// librte_vhost's connections, of 8 memory regions and a log each.
constexpr int kSlots = 1024 * 9;

std::array<Slot, kSlots> g_slots;
std::atomic<int> g_slots_used;  // all behind were never used
std::mutex g_slots_mutex;       // for whoever changes them
thread_local constinit std::atomic<bool>* g_thread_faulted = nullptr;
struct sigaction g_previous;

// Straight to the kernel: sanitizers have functions of their own in place of mmap.
bool Replace(uintptr_t start, size_t size) {
  const long at = syscall(SYS_mmap, start, size, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0);
  return at == static_cast<long>(start);
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// A line of /proc/self/maps, byte by byte: "START-END rw-s OFFSET DEVICE INODE ...". There is
// little that a signal handler may call.
class MapsLine {
 public:
  // Whether the line is at its end, which begins the next.
  bool Add(char c) {
    if (ended_) *this = MapsLine();
    ended_ = c == '\n';
    const int digit = HexDigit(c);
    if (word_ < 2 && digit >= 0)
      bounds_[word_] = bounds_[word_] << 4 | static_cast<unsigned>(digit);
    shared_ |= word_ == 2 && c == 's';
    file_ |= word_ == 5 && digit > 0;
    word_ += c == '-' ? word_ == 0 : c == ' ' && word_ < 6;
    return ended_;
  }
  uintptr_t start() const { return bounds_[0]; }
  size_t size() const { return bounds_[1] - bounds_[0]; }
  bool shared() const { return shared_; }
  bool file() const { return file_; }

 private:
  uintptr_t bounds_[2] = {};
  unsigned word_ = 0;
  bool shared_ = false;
  bool file_ = false;
  bool ended_ = false;
};

// The mapping, of a file that is shared, in which `address` lies. All of it, whatever pages it has:
// the kernel would replace no part of a huge one.
bool ReplaceMapping(uintptr_t address) {
  const int maps = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
  if (maps < 0) return false;
  std::array<char, 1024> bytes;
  MapsLine line;
  bool found = false;
  for (ssize_t got; !found && (got = read(maps, bytes.data(), bytes.size())) > 0;) {
    for (ssize_t i = 0; i < got && !found; ++i) {
      found = line.Add(bytes[static_cast<size_t>(i)]) && address - line.start() < line.size();
    }
  }
  close(maps);
  if (!found) return false;
  // Without a file another thread was here first: such memory does not go.
  return !line.file() || (line.shared() && Replace(line.start(), line.size()));
}

bool ReplaceGuarded(uintptr_t address) {
  const int used = g_slots_used.load(std::memory_order_acquire);
  for (int i = 0; i < used; ++i) {
    Slot& slot = g_slots[static_cast<size_t>(i)];
    const uintptr_t start = slot.start.load(std::memory_order_acquire);
    const size_t size = slot.size.load(std::memory_order_acquire);
    std::atomic<bool>* faulted = slot.faulted.load(std::memory_order_acquire);
    if (start == 0 || address - start >= size || slot.start.load() != start) continue;
    faulted->store(true);
    return Replace(start, size) || ReplaceMapping(address);
  }
  return false;
}

bool ReplaceForThread(uintptr_t address) {
  if (g_thread_faulted == nullptr) return false;
  g_thread_faulted->store(true);
  return ReplaceMapping(address);
}

// As if we had not been asked.
void PassOn(int signal, siginfo_t* info, void* context) {
  if ((g_previous.sa_flags & SA_SIGINFO) != 0) {
    g_previous.sa_sigaction(signal, info, context);
  } else if (g_previous.sa_handler != SIG_DFL && g_previous.sa_handler != SIG_IGN) {
    g_previous.sa_handler(signal);
  } else {
    // A fault happens again once we return; what was sent does not.
    sigaction(signal, &g_previous, nullptr);
    if (info->si_code <= 0) raise(signal);
  }
}

void OnSigbus(int signal, siginfo_t* info, void* context) {
  const int saved_errno = errno;
  const auto address = reinterpret_cast<uintptr_t>(info->si_addr);
  // No page there, or one that the machine has lost.
  const bool gone = info->si_code == BUS_ADRERR || info->si_code == BUS_MCEERR_AR;
  if (!gone || (!ReplaceGuarded(address) && !ReplaceForThread(address))) {
    PassOn(signal, info, context);
  }
  errno = saved_errno;
}

void InstallHandler() {
  static std::once_flag once;
  std::call_once(once, [] {
    struct sigaction ours = {};
    ours.sa_sigaction = OnSigbus;
    ours.sa_flags = SA_SIGINFO | SA_RESTART;
    sigemptyset(&ours.sa_mask);
    sigaction(SIGBUS, nullptr, &g_previous);
    sigaction(SIGBUS, &ours, nullptr);
  });
}

}  // namespace

absl::StatusOr<GuardedMemory> GuardedMemory::Create(void* start, size_t size,
                                                    std::atomic<bool>& faulted) {
  InstallHandler();
  const std::lock_guard lock(g_slots_mutex);
  for (int i = 0; i < kSlots; ++i) {
    Slot& slot = g_slots[static_cast<size_t>(i)];
    if (slot.start.load() != 0) continue;
    slot.size.store(size);
    slot.faulted.store(&faulted);
    slot.start.store(reinterpret_cast<uintptr_t>(start));
    if (i >= g_slots_used.load()) g_slots_used.store(i + 1);
    return GuardedMemory(i);
  }
  return ErrnoStatus(ENOSPC, "too many memory regions of guests");
}

GuardedMemory::~GuardedMemory() {
  if (slot_ == kNone) return;
  const std::lock_guard lock(g_slots_mutex);
  g_slots[static_cast<size_t>(slot_)].start.store(0);
}

void GuardThread(std::atomic<bool>* faulted) {
  if (faulted != nullptr) InstallHandler();
  g_thread_faulted = faulted;
}

}  // namespace vswitch
