// SPDX-License-Identifier: BSD-3-Clause
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <thread>
#include <vector>

#include "control/unique_fd.h"
#include "pmd/guest_fault.h"

namespace vswitch {
namespace {

constexpr size_t kPage = 4096;
constexpr size_t kSize = 64 * kPage;

// Memory as a VMM shares it.
class SharedFile {
 public:
  SharedFile() : fd_(memfd_create("guest", 0)) {
    EXPECT_EQ(ftruncate(fd_.get(), kSize), 0);
    void* mapped = mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_SHARED, fd_.get(), 0);
    EXPECT_NE(mapped, MAP_FAILED);
    bytes_ = static_cast<uint8_t*>(mapped);
    for (size_t i = 0; i < kSize; ++i) bytes_[i] = 7;
  }
  ~SharedFile() { munmap(bytes_, kSize); }
  SharedFile(const SharedFile&) = delete;
  SharedFile& operator=(const SharedFile&) = delete;

  void Shrink(size_t size) const { EXPECT_EQ(ftruncate(fd_.get(), static_cast<off_t>(size)), 0); }
  uint8_t* bytes() const { return bytes_; }
  uint8_t Read(size_t at) const { return std::atomic_ref(bytes_[at]).load(); }
  void Write(size_t at, uint8_t byte) const { std::atomic_ref(bytes_[at]).store(byte); }

 private:
  const UniqueFd fd_;
  uint8_t* bytes_;
};

TEST(GuardedMemory, BecomesZerosWhenItIsGone) {
  const SharedFile file;
  std::atomic<bool> faulted = false;
  const auto guard = GuardedMemory::Create(file.bytes(), kSize, faulted);
  ASSERT_TRUE(guard.ok());
  file.Shrink(kPage);
  EXPECT_EQ(file.Read(0), 7) << "still there";
  EXPECT_FALSE(faulted);
  EXPECT_EQ(file.Read(kSize - 1), 0);
  EXPECT_TRUE(faulted);
  EXPECT_EQ(file.Read(0), 0) << "all of it";
  file.Write(kPage, 3);
  EXPECT_EQ(file.Read(kPage), 3) << "and ours";
}

TEST(GuardedMemory, MayBeWrittenToWhenItIsGone) {
  const SharedFile file;
  std::atomic<bool> faulted = false;
  const auto guard = GuardedMemory::Create(file.bytes(), kSize, faulted);
  file.Shrink(0);
  file.Write(5 * kPage, 9);
  EXPECT_TRUE(faulted);
  EXPECT_EQ(file.Read(5 * kPage), 9);
}

TEST(GuardedMemory, IsTheGuestsWhoseMemoryIsGone) {
  const SharedFile file, other;
  std::atomic<bool> faulted = false, other_faulted = false;
  const auto other_guard = GuardedMemory::Create(other.bytes(), kSize, other_faulted);
  const auto guard = GuardedMemory::Create(file.bytes(), kSize, faulted);
  file.Shrink(0);
  EXPECT_EQ(file.Read(0), 0);
  EXPECT_TRUE(faulted);
  EXPECT_FALSE(other_faulted);
  EXPECT_EQ(other.Read(0), 7);
}

TEST(GuardedMemory, MayGoUnderSeveralThreads) {
  for (int round = 0; round < 20; ++round) {
    const SharedFile file;
    std::atomic<bool> faulted = false;
    const auto guard = GuardedMemory::Create(file.bytes(), kSize, faulted);
    std::vector<std::thread> readers;
    for (int i = 0; i < 4; ++i) {
      readers.emplace_back([&] {
        for (size_t at = 0; !faulted; at = (at + kPage) % kSize) {
          const uint8_t byte = file.Read(at);
          EXPECT_TRUE(byte == 7 || byte == 0) << int{byte};
        }
        EXPECT_EQ(file.Read(kSize - 1), 0);
      });
    }
    file.Shrink(0);
    for (std::thread& reader : readers) reader.join();
    EXPECT_TRUE(faulted);
  }
}

TEST(GuardedMemory, ComesAndGoesWhileOthersFault) {
  std::atomic<bool> stop = false;
  std::thread others([&] {
    const SharedFile file;
    std::atomic<bool> faulted = false;
    while (!stop) {
      const auto first = GuardedMemory::Create(file.bytes(), kPage, faulted);
      const auto second = GuardedMemory::Create(file.bytes() + kPage, kSize - kPage, faulted);
    }
    EXPECT_FALSE(faulted);
  });
  for (int round = 0; round < 200; ++round) {
    const SharedFile file;
    std::atomic<bool> faulted = false;
    const auto guard = GuardedMemory::Create(file.bytes(), kSize, faulted);
    file.Shrink(0);
    EXPECT_EQ(file.Read(kPage), 0);
    EXPECT_TRUE(faulted);
  }
  stop = true;
  others.join();
}

TEST(GuardedMemory, HasRoomForAllGuestsThereCanBe) {
  const SharedFile file;
  std::atomic<bool> faulted = false;
  std::vector<GuardedMemory> guards;
  for (int i = 0; i < 1024 * 9; ++i) {
    auto guard = GuardedMemory::Create(file.bytes(), kSize, faulted);
    ASSERT_TRUE(guard.ok()) << i;
    guards.push_back(*std::move(guard));
  }
  EXPECT_FALSE(GuardedMemory::Create(file.bytes(), kSize, faulted).ok());
  guards.pop_back();
  EXPECT_TRUE(GuardedMemory::Create(file.bytes(), kSize, faulted).ok());
}

TEST(GuardThread, ReplacesMappingsThatNobodyGuards) {
  const SharedFile file;
  std::atomic<bool> faulted = false;
  GuardThread(&faulted);
  file.Shrink(kPage);
  EXPECT_EQ(file.Read(3 * kPage + 5), 0);
  EXPECT_TRUE(faulted);
  file.Write(kSize - 1, 4);
  EXPECT_EQ(file.Read(kSize - 1), 4);
  GuardThread(nullptr);
}

TEST(GuardThread, MayBeForSeveralThreads) {
  for (int round = 0; round < 50; ++round) {
    const SharedFile file;
    std::atomic<int> ready = 0;
    std::vector<std::thread> readers;
    for (int i = 0; i < 4; ++i) {
      readers.emplace_back([&] {
        std::atomic<bool> faulted = false;
        GuardThread(&faulted);
        ++ready;
        while (file.Read(kPage) == 7) continue;
        EXPECT_EQ(file.Read(0), 0);
      });
    }
    while (ready < 4) std::this_thread::yield();
    file.Shrink(0);
    for (std::thread& reader : readers) reader.join();
  }
}

// The kernel replaces no part of one, and who maps a file need not know that it has them.
TEST(GuardedMemory, MayEndWithinAHugePage) {
  constexpr size_t kHuge = 2 << 20;
  const UniqueFd fd(memfd_create("guest", MFD_HUGETLB));
  ASSERT_EQ(ftruncate(fd.get(), kHuge), 0);
  void* mapped =
      mmap(nullptr, kHuge, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd.get(), 0);
  ASSERT_NE(mapped, MAP_FAILED);
  ASSERT_EQ(ftruncate(fd.get(), 0), 0);
  std::atomic<bool> faulted = false;
  {
    const auto guard = GuardedMemory::Create(mapped, kPage, faulted);
    errno = 5;
    EXPECT_EQ(std::atomic_ref(*static_cast<uint8_t*>(mapped)).load(), 0);
    EXPECT_EQ(errno, 5);
  }
  EXPECT_TRUE(faulted);
  munmap(mapped, kHuge);
}

uint8_t TouchWhatIsGone(const SharedFile& file) {
  file.Shrink(0);
  return file.Read(0);
}

TEST(GuestFaultDeathTest, OtherFaultsStillKill) {
  const SharedFile file, other;
  std::atomic<bool> faulted = false;
  const auto guard = GuardedMemory::Create(file.bytes(), kSize, faulted);
  EXPECT_DEATH(TouchWhatIsGone(other), "");
  EXPECT_DEATH(raise(SIGBUS), "");
  EXPECT_EQ(TouchWhatIsGone(file), 0);
}

TEST(GuestFaultDeathTest, SoDoThoseOfMemoryThatIsNoLongerGuarded) {
  const SharedFile file;
  std::atomic<bool> faulted = false;
  { const auto guard = GuardedMemory::Create(file.bytes(), kSize, faulted); }
  GuardThread(&faulted);
  GuardThread(nullptr);
  EXPECT_DEATH(TouchWhatIsGone(file), "");
}

TEST(GuestFaultDeathTest, SoDoThoseOfOurOwnFiles) {
  const UniqueFd fd(memfd_create("ours", 0));
  void* mapped = mmap(nullptr, kPage, PROT_READ, MAP_PRIVATE, fd.get(), 0);
  std::atomic<bool> faulted = false;
  GuardThread(&faulted);
  EXPECT_DEATH(std::atomic_ref(*static_cast<uint8_t*>(mapped)).load(), "");
  GuardThread(nullptr);
  munmap(mapped, kPage);
}

void FaultWithAHandlerOfOthers() {
  const SharedFile file, other;
  std::atomic<bool> faulted = false;
  std::signal(SIGBUS, [](int) { _exit(7); });
  const auto guard = GuardedMemory::Create(file.bytes(), kSize, faulted);
  TouchWhatIsGone(file);
  TouchWhatIsGone(other);
}

TEST(GuestFaultDeathTest, AnEarlierHandlerIsAsked) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");  // a process in which nothing was guarded yet
  EXPECT_EXIT(FaultWithAHandlerOfOthers(), testing::ExitedWithCode(7), "");
}

}  // namespace
}  // namespace vswitch
