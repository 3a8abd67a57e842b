// SPDX-License-Identifier: BSD-3-Clause
// What a worker owes to those who read what it wrote.
#include "dataplane/notifications.h"

#include <gtest/gtest.h>

#include <array>

#include "dataplane/dataplane.h"

namespace vswitch {
namespace {

class Reader final : public Notifiable {
 public:
  void Notify() override { ++notified_; }
  int notified() const { return notified_; }

 private:
  int notified_ = 0;
};

// Has something to finish in each round.
class Source final : public Backend {
 public:
  explicit Source(Reader& reader) : reader_(reader) {}

  uint16_t queues() const override { return 1; }
  void Receive(uint16_t /*queue*/, Burst& burst) override { burst.malformed = 1; }
  void Finish(uint16_t /*queue*/) override {
    Notifications::Ours().Owe(reader_);
    EXPECT_EQ(reader_.notified(), rounds_++) << "not before the end of the round";
  }
  SendResult Send(uint16_t /*queue*/, Burst& /*burst*/) override { return {}; }
  BackendStatus Status() const override { return {"source", "up", "", 1}; }

 private:
  Reader& reader_;
  int rounds_ = 0;
};

TEST(Notifications, AreSettledOnce) {
  Notifications notifications;
  std::array<Reader, 3> readers;
  for (Reader& reader : readers) notifications.Owe(reader);
  for (const Reader& reader : readers) EXPECT_EQ(reader.notified(), 0);
  for (int i = 0; i < 2; ++i) {
    notifications.Settle();
    for (const Reader& reader : readers) EXPECT_EQ(reader.notified(), 1);
  }
}

TEST(Notifications, OfManyRingsDoNotWaitForTheRestOfTheRound) {
  Notifications notifications;
  std::array<Reader, 100> readers;
  for (size_t i = 0; i < readers.size(); ++i) {
    notifications.Owe(readers[i]);
    if (i < 8) continue;
    EXPECT_EQ(readers[i - 8].notified(), 1);
  }
  notifications.Settle();
  for (const Reader& reader : readers) EXPECT_EQ(reader.notified(), 1);
}

TEST(Notifications, AWorkerSettlesThemInEachRound) {
  Reader reader;
  Dataplane plane(1);
  const DeviceId device = plane.CreateDevice();
  plane.Attach(device, std::make_unique<Source>(reader));
  plane.Commit();
  for (int round = 1; round <= 3; ++round) {
    plane.workers()[0]->RunOnce();
    EXPECT_EQ(reader.notified(), round);
  }
}

}  // namespace
}  // namespace vswitch
