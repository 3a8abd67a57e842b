// SPDX-License-Identifier: BSD-3-Clause
// The life of a neighbour: who is asked, who is told, and when it ends.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "control/neigh_proxies.h"
#include "control/neigh_table.h"
#include "dataplane/errno_status.h"

namespace vswitch {

namespace {

using std::chrono::seconds;
using Lines = std::vector<std::string>;

constexpr MacAddress kMac{2, 0, 0, 0, 0, 9}, kOtherMac{2, 0, 0, 0, 0, 10};

std::string NameOf(uint8_t state) {
  switch (state) {
    case NUD_NONE:
      return "none";
    case NUD_INCOMPLETE:
      return "incomplete";
    case NUD_REACHABLE:
      return "reachable";
    case NUD_STALE:
      return "stale";
    case NUD_DELAY:
      return "delay";
    case NUD_PROBE:
      return "probe";
    case NUD_FAILED:
      return "failed";
    case NUD_NOARP:
      return "noarp";
    case NUD_PERMANENT:
      return "permanent";
    default:
      return "?";
  }
}

// Writes down what it is told.
class Log : public NeighAnnouncer, public NeighResolver {
 public:
  void Announce(const Neighbour& neighbour, uint16_t type, uint32_t pid) override {
    Add(type == RTM_NEWNEIGH ? "new" : type == RTM_DELNEIGH ? "del" : "get", neighbour);
    last_pid = pid;
  }
  uint8_t TypeOf(const Device&, const IpAddress& address) override {
    return address.IsMulticast() ? uint8_t{RTN_MULTICAST} : type;
  }
  void Solicit(const Neighbour& neighbour) override { Add("solicit", neighbour); }
  void Resolved(const Neighbour& neighbour) override { Add("resolved", neighbour); }
  void Failed(const Neighbour& neighbour) override { Add("gave-up", neighbour); }

  Lines Take() { return std::exchange(lines_, {}); }

  uint8_t type = RTN_UNICAST;
  uint32_t last_pid = 0;

 private:
  void Add(const std::string& what, const Neighbour& neighbour) {
    lines_.push_back(absl::StrCat(what, " ", NameOf(neighbour.state)));
  }

  Lines lines_;
};

class NeighTableTest : public testing::Test {
 protected:
  NeighTableTest() {
    device_.ifindex = 2;
    device_.address = {2, 0, 0, 0, 0, 1};
    table_.set_resolver(&log_);
  }

  Neighbour& Make(const std::string& address = "10.1.0.9", bool permanent = false) {
    const auto made = table_.Create(device_, *IpAddress::Parse(address), 0, permanent, now_);
    EXPECT_TRUE(made.ok());
    return **made;
  }
  // As `ip neigh replace` does, unless `flags` say otherwise.
  absl::Status Set(Neighbour& neighbour, const MacAddress* mac, uint8_t state,
                   uint32_t flags = kNeighAdmin | kNeighOverride | kNeighOverrideRouter) {
    return table_.Update(neighbour, mac, state, flags, 77, now_);
  }
  // What an answer from the network does.
  absl::Status Hear(Neighbour& neighbour, const MacAddress& mac, uint8_t state, uint32_t flags) {
    return table_.Update(neighbour, &mac, state, flags, 0, now_);
  }
  void Pass(std::chrono::milliseconds time) {
    now_ += time;
    table_.Run(now_);
  }
  // Lets time pass from deadline to deadline.
  Lines Follow(seconds time) {
    const MonotonicTime end = now_ + time;
    for (auto next = table_.NextDeadline(); next.has_value() && *next <= end;
         next = table_.NextDeadline()) {
      now_ = std::max(now_, *next);
      table_.Run(now_);
    }
    now_ = end;
    return log_.Take();
  }

  MonotonicTime now_{seconds(1000)};
  Log log_;
  Device device_;
  NeighTable table_{AF_INET, log_};
};

TEST_F(NeighTableTest, AProgramIsAskedBeforeEverybody) {
  table_.OwnParams(device_).app_probes = 2;
  Neighbour& neighbour = Make();
  EXPECT_FALSE(table_.Use(neighbour, now_));
  EXPECT_EQ(log_.Take(), Lines{"get incomplete"});
  Pass(seconds(1));
  Pass(seconds(1));
  EXPECT_EQ(log_.Take(), (Lines{"get incomplete", "solicit incomplete"}));
}

TEST_F(NeighTableTest, ResolutionAsksThreeTimesAndGivesUp) {
  Neighbour& neighbour = Make();
  EXPECT_FALSE(table_.Use(neighbour, now_));
  EXPECT_EQ(log_.Take(), Lines{"solicit incomplete"});
  EXPECT_FALSE(table_.Use(neighbour, now_));
  EXPECT_EQ(log_.Take(), Lines{});
  EXPECT_EQ(Follow(seconds(2)), (Lines{"solicit incomplete", "solicit incomplete"}));
  EXPECT_EQ(Follow(seconds(1)), (Lines{"gave-up failed", "new failed"}));
  EXPECT_FALSE(neighbour.timer.has_value());
}

TEST_F(NeighTableTest, AnAnswerResolves) {
  Neighbour& neighbour = Make();
  table_.Use(neighbour, now_);
  log_.Take();
  EXPECT_TRUE(Hear(neighbour, kMac, NUD_REACHABLE, kNeighOverride).ok());
  EXPECT_EQ(log_.Take(), (Lines{"new reachable", "resolved reachable"}));
  EXPECT_EQ(neighbour.lladdr, kMac);
  EXPECT_TRUE(table_.Use(neighbour, now_));
}

TEST_F(NeighTableTest, UnusedBecomesStaleAndUsedAgainIsProbed) {
  Neighbour& neighbour = Make();
  EXPECT_TRUE(Set(neighbour, &kMac, NUD_REACHABLE).ok());
  log_.Take();
  EXPECT_EQ(Follow(seconds(50)), Lines{"new stale"});
  EXPECT_TRUE(table_.Use(neighbour, now_));  // packets go, and the address is checked meanwhile
  EXPECT_EQ(neighbour.state, NUD_DELAY);
  EXPECT_EQ(Follow(seconds(5)), (Lines{"solicit probe", "new probe"}));
  EXPECT_EQ(Follow(seconds(3)),
            (Lines{"solicit probe", "solicit probe", "gave-up failed", "new failed"}));
}

TEST_F(NeighTableTest, ConfirmedWhileDelayedIsReachable) {
  Neighbour& neighbour = Make();
  Set(neighbour, &kMac, NUD_STALE).IgnoreError();
  table_.Use(neighbour, now_);
  Pass(seconds(3));
  table_.Confirm(neighbour, now_);
  log_.Take();
  EXPECT_EQ(Follow(seconds(2)), Lines{"new reachable"});
}

TEST_F(NeighTableTest, WhatTheNetworkSaysDoesNotChangePermanentEntries) {
  Neighbour& neighbour = Make("10.1.0.9", true);
  Set(neighbour, &kMac, NUD_PERMANENT).IgnoreError();
  EXPECT_EQ(ErrnoOf(Hear(neighbour, kOtherMac, NUD_STALE, kNeighOverride)), EPERM);
  EXPECT_EQ(neighbour.lladdr, kMac);
}

TEST_F(NeighTableTest, AnotherLladdrNeedsOverride) {
  Neighbour& neighbour = Make();
  Set(neighbour, &kMac, NUD_REACHABLE).IgnoreError();
  EXPECT_TRUE(Hear(neighbour, kOtherMac, NUD_REACHABLE, 0).ok());
  EXPECT_EQ(neighbour.lladdr, kMac);
  EXPECT_TRUE(Hear(neighbour, kOtherMac, NUD_REACHABLE, kNeighWeakOverride).ok());
  EXPECT_EQ(neighbour.lladdr, kMac);
  EXPECT_EQ(neighbour.state, NUD_STALE);
  EXPECT_TRUE(Hear(neighbour, kOtherMac, NUD_REACHABLE, kNeighOverride).ok());
  EXPECT_EQ(neighbour.lladdr, kOtherMac);
}

TEST_F(NeighTableTest, ValidStateNeedsAnLladdr) {
  Neighbour& neighbour = Make();
  const absl::Status status = Set(neighbour, nullptr, NUD_PERMANENT);
  EXPECT_EQ(ErrnoOf(status), EINVAL);
  EXPECT_EQ(status.message(), "No link layer address given");
  EXPECT_EQ(neighbour.state, NUD_NONE);
  Set(neighbour, &kMac, NUD_STALE).IgnoreError();
  EXPECT_TRUE(Set(neighbour, nullptr, NUD_PERMANENT).ok());
  EXPECT_EQ(neighbour.lladdr, kMac);
}

TEST_F(NeighTableTest, DeletingTellsOfFailureFirst) {
  Neighbour& neighbour = Make();
  Set(neighbour, &kMac, NUD_REACHABLE).IgnoreError();
  log_.Take();
  table_.Delete(neighbour, 5, now_);
  EXPECT_EQ(log_.Take(), (Lines{"new failed", "gave-up failed", "del failed"}));
  EXPECT_EQ(table_.size(), 0u);
  EXPECT_FALSE(table_.NextDeadline() < now_ + seconds(1));
}

TEST_F(NeighTableTest, LostCarrierSparesPermanentEntries) {
  Set(Make("10.1.0.9", true), &kMac, NUD_PERMANENT).IgnoreError();
  Set(Make("10.1.0.10"), &kMac, NUD_REACHABLE).IgnoreError();
  Device other;
  other.ifindex = 3;
  EXPECT_TRUE(table_.Create(other, *IpAddress::Parse("10.1.0.11"), 0, false, now_).ok());
  table_.Flush(device_, true);
  EXPECT_EQ(table_.size(), 2u);
  table_.Flush(device_, false);
  EXPECT_EQ(table_.size(), 1u);
  EXPECT_NE(table_.Find(other, *IpAddress::Parse("10.1.0.11")), nullptr);
}

TEST_F(NeighTableTest, KindsOfAddressThatNobodyIsAskedAbout) {
  EXPECT_EQ(Make("224.1.2.3").state, NUD_NOARP);
  EXPECT_EQ(Make("224.129.2.3").lladdr, (MacAddress{1, 0, 0x5e, 1, 2, 3}));
  log_.type = RTN_BROADCAST;
  EXPECT_EQ(Make("10.1.0.255").lladdr, device_.broadcast);
  log_.type = RTN_UNICAST;
  device_.flags |= IFF_NOARP;
  EXPECT_EQ(Make("10.1.0.1").lladdr, device_.address);
  device_.flags |= IFF_LOOPBACK;
  EXPECT_EQ(Make("10.1.0.2").address, IpAddress::Any(AF_INET));
}

TEST_F(NeighTableTest, StrangersCannotFillTheMemory) {
  Set(Make("10.1.0.9", true), &kMac, NUD_PERMANENT).IgnoreError();
  size_t made = 0;
  for (uint32_t i = 0; i < 5000; ++i) {
    const auto entry = table_.Create(device_, IpAddress::V4(0x0a020000 + i), 0, false, now_);
    if (!entry.ok()) {
      EXPECT_EQ(ErrnoOf(entry.status()), ENOBUFS);
      continue;
    }
    ++made;
    table_.Use(**entry, now_);
  }
  EXPECT_EQ(made, table_.limits().thresh3);
  EXPECT_NE(table_.Find(device_, *IpAddress::Parse("10.1.0.9")), nullptr);
  // Those that failed make room.
  Follow(seconds(10));
  EXPECT_TRUE(table_.Create(device_, IpAddress::V4(0x0a030000), 0, false, now_).ok());
  EXPECT_LE(table_.size(), table_.limits().thresh2 + 1);
}

// A search is through all entries: strangers must not cause one each.
TEST_F(NeighTableTest, AFullTableIsSearchedNowAndThen) {
  uint32_t last = 0x0a020000;
  const auto create = [&] {
    const auto entry = table_.Create(device_, IpAddress::V4(last++), 0, false, now_);
    if (entry.ok()) table_.Use(**entry, now_);
    return entry.ok();
  };
  while (create()) {
  }
  Neighbour& useless = *table_.Find(device_, IpAddress::V4(0x0a020000));
  EXPECT_TRUE(Set(useless, nullptr, NUD_FAILED).ok());
  EXPECT_FALSE(create());
  Pass(std::chrono::milliseconds(101));
  EXPECT_TRUE(create());
}

TEST_F(NeighTableTest, CountsTheNeighboursOfTheHighestLink) {
  Device highest;
  highest.ifindex = INT32_MAX;
  Make();
  EXPECT_EQ(table_.CountOf(highest), 0u);
  EXPECT_TRUE(table_.Create(highest, IpAddress::V4(0x0a020001), 0, false, now_).ok());
  EXPECT_EQ(table_.CountOf(highest), 1u);
  EXPECT_EQ(table_.CountOf(device_), 1u);
}

TEST_F(NeighTableTest, PermanentEntriesHaveNoLimit) {
  for (uint32_t i = 0; i < 3000; ++i) {
    const auto entry = table_.Create(device_, IpAddress::V4(0x0a020000 + i), 0, true, now_);
    ASSERT_TRUE(entry.ok());
    Set(**entry, &kMac, NUD_PERMANENT).IgnoreError();
  }
  EXPECT_TRUE(table_.Create(device_, IpAddress::V4(0x0a030000), 0, false, now_).ok());
}

TEST_F(NeighTableTest, ManagedEntriesAreKeptFresh) {
  Neighbour& neighbour = Make();
  EXPECT_TRUE(Set(neighbour, nullptr, NUD_NONE, kNeighAdmin | kNeighManaged).ok());
  log_.Take();
  EXPECT_EQ(Follow(seconds(1)).front(), "solicit incomplete");
  EXPECT_EQ(Follow(seconds(3)).back(), "new failed");
  EXPECT_EQ(Follow(seconds(3)).front(), "solicit incomplete");
}

TEST(NeighProxies, OfOneLinkOrOfAll) {
  NeighProxies proxies;
  const IpAddress address = *IpAddress::Parse("10.1.0.20");
  proxies.Add(address, 2);
  EXPECT_NE(proxies.Find(address, 2), nullptr);
  EXPECT_EQ(proxies.Find(address, 3), nullptr);
  proxies.Add(address, 0);
  EXPECT_NE(proxies.Find(address, 3), nullptr);
  Device device;
  device.ifindex = 2;
  proxies.Flush(device, AF_INET6);
  EXPECT_TRUE(proxies.Remove(address, 2));
  EXPECT_FALSE(proxies.Remove(address, 2));
  EXPECT_NE(proxies.Find(address, 2), nullptr);
}

TEST(NeighProxies, ALinkThatGoesTakesItsOwnAlong) {
  NeighProxies proxies;
  const auto add = [&](const char* address, int32_t ifindex) {
    proxies.Add(*IpAddress::Parse(address), ifindex);
  };
  for (const int32_t ifindex : {1, 2, 3}) {
    add("0.0.0.0", ifindex);
    add("255.0.0.1", ifindex);
    add("::", ifindex);
  }
  Device device;
  device.ifindex = 2;
  proxies.Flush(device, AF_INET);
  size_t left = 0;
  std::optional<NeighProxies::Key> key;
  while (const NeighProxy* proxy = proxies.After(key)) {
    EXPECT_TRUE(proxy->ifindex != 2 || proxy->address.family == AF_INET6);
    key = NeighProxies::KeyOf(*proxy);
    ++left;
  }
  EXPECT_EQ(left, 7u);
  EXPECT_EQ(proxies.Find(*IpAddress::Parse("255.0.0.1"), 2), nullptr);
}

}  // namespace

}  // namespace vswitch
