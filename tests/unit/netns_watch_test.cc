// SPDX-License-Identifier: BSD-3-Clause
// Which namespaces ended, whatever became of the events that told so. Needs root.
#include "control/netns_watch.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>

#include "tests/support/new_netns.h"

namespace vswitch {
namespace {

// What TakeEnded says until it has said `count`, or nothing for a while.
std::vector<uint64_t> Collect(NetnsWatch& watch, size_t count) {
  constexpr int kPatience = 10000;
  std::vector<uint64_t> all;
  pollfd event{watch.fd(), POLLIN, 0};
  while (all.size() < count && poll(&event, 1, kPatience) == 1) {
    const std::vector<uint64_t> some = watch.TakeEnded();
    all.insert(all.end(), some.begin(), some.end());
  }
  std::sort(all.begin(), all.end());
  return all;
}

TEST(NetnsWatchTest, TellsWhatEnded) {
  NetnsWatch watch;
  UniqueFd first = NewNetns(), second = NewNetns();
  ASSERT_TRUE(first.valid()) << "needs root";
  EXPECT_TRUE(watch.Add(first.get(), 1));
  EXPECT_TRUE(watch.Add(second.get(), 2));
  first.reset();
  EXPECT_EQ(Collect(watch, 1), std::vector<uint64_t>{1});
  second.reset();
  EXPECT_EQ(Collect(watch, 1), std::vector<uint64_t>{2});
}

TEST(NetnsWatchTest, SaysWhenItCannotWatch) {
  NetnsWatch watch;
  EXPECT_FALSE(watch.Add(-1, 1));
}

TEST(NetnsWatchTest, LostEventsAreMadeUpFor) {
  NetnsWatch watch;
  constexpr int kNone = 0;  // the kernel makes the least of it that it allows
  ASSERT_EQ(setsockopt(watch.fd(), SOL_SOCKET, SO_RCVBUF, &kNone, sizeof(kNone)), 0);
  const UniqueFd stays = NewNetns();
  ASSERT_TRUE(stays.valid()) << "needs root";
  EXPECT_TRUE(watch.Add(stays.get(), 100));
  std::vector<UniqueFd> ends;
  std::vector<uint64_t> inodes;
  for (uint64_t inode = 1; inode <= 16; ++inode) {
    ends.push_back(NewNetns());
    inodes.push_back(inode);
    EXPECT_TRUE(watch.Add(ends.back().get(), inode));
  }
  ends.clear();
  EXPECT_EQ(Collect(watch, inodes.size()), inodes);
}

}  // namespace
}  // namespace vswitch
