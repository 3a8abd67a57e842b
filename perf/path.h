// SPDX-License-Identifier: BSD-3-Clause
// Ways through the switch that can be taken again and again: Google Benchmark times them
// (bench_paths.cc), callgrind counts their instructions (count_paths.cc).
#ifndef VSWITCH_PERF_PATH_H_
#define VSWITCH_PERF_PATH_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace vswitch {

// A step is Before, Run, After. Instructions are counted in Run alone; time is that of whole steps,
// since a clock costs more than many a path.
class Path {
 public:
  // `units` packets or requests go through in a step.
  explicit Path(uint32_t units) : units_(units) {}
  virtual ~Path() = default;
  Path(const Path&) = delete;
  Path& operator=(const Path&) = delete;

  // What the world outside does: sends packets, takes out those that came through.
  virtual void Before() {}
  virtual void Run() = 0;
  virtual void After() {}

  uint32_t units() const { return units_; }

 private:
  const uint32_t units_;
};

using PathMaker = std::unique_ptr<Path> (*)(uint32_t size);

// A path's full name is NAME/SIZE.
struct PathFamily {
  std::string name;
  std::string description;
  std::vector<uint32_t> sizes;
  PathMaker make;
};

// Every path there is; needs EAL to make one.
std::span<const PathFamily> PathFamilies();

// `size` is the packets of a burst.
std::unique_ptr<Path> MakeVethHop(uint32_t size);
std::unique_ptr<Path> MakeCrossCoreHop(uint32_t size);
std::unique_ptr<Path> MakeMailbox(uint32_t size);
// `size` is the number of receivers that a full burst of letters alternates between.
std::unique_ptr<Path> MakeStaging(uint32_t size);
// `size` is the number of ports, devices or links there are.
std::unique_ptr<Path> MakeIdleRound(uint32_t size);
std::unique_ptr<Path> MakeBesideSilent(uint32_t size);
std::unique_ptr<Path> MakeBesideResting(uint32_t size);
std::unique_ptr<Path> MakeDeviceLookup(uint32_t size);
std::unique_ptr<Path> MakeIndexLookup(uint32_t size);
std::unique_ptr<Path> MakeNameLookup(uint32_t size);
std::unique_ptr<Path> MakeNewLink(uint32_t size);
// `size` is the bytes of a frame.
std::unique_ptr<Path> MakeSplitGuests(uint32_t size);
std::unique_ptr<Path> MakePackedGuests(uint32_t size);
// `size` is the number of addresses that packets of a burst are for.
std::unique_ptr<Path> MakeIpvlanL2(uint32_t size);
std::unique_ptr<Path> MakeIpvlanL3(uint32_t size);
std::unique_ptr<Path> MakeIpvlanWire(uint32_t size);
// `size` is the number of addresses there are.
std::unique_ptr<Path> MakeAddressFind(uint32_t size);
std::unique_ptr<Path> MakeAddressLookup(uint32_t size);
std::unique_ptr<Path> MakeAddressChange(uint32_t size);
std::unique_ptr<Path> MakeRteFind(uint32_t size);
std::unique_ptr<Path> MakeRteLookup(uint32_t size);
std::unique_ptr<Path> MakeRteChange(uint32_t size);
// `size` is the number of requests in a datagram.
std::unique_ptr<Path> MakeParse(uint32_t size);

}  // namespace vswitch

#endif  // VSWITCH_PERF_PATH_H_
