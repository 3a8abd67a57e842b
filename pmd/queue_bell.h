// SPDX-License-Identifier: BSD-3-Clause
// What wakes a queue that rests: the kicks of a guest, and we ourselves.
#ifndef VSWITCH_PMD_QUEUE_BELL_H_
#define VSWITCH_PMD_QUEUE_BELL_H_

namespace vswitch {

// Any thread. Nothing is ever read out of the guest's descriptors, which may be anything: each ring
// is heard once (EPOLLET).
class QueueBell {
 public:
  QueueBell();
  ~QueueBell();
  QueueBell(const QueueBell&) = delete;
  QueueBell& operator=(const QueueBell&) = delete;

  // Readable when somebody rang since Hear; -1: the process has no descriptor left.
  int fd() const { return rings_ ? epoll_ : -1; }
  void Ring() const;
  void Hear() const;
  // The guest's eventfd rings, too, until it is removed, which comes before it is closed. False for
  // any other descriptor.
  bool Add(int kick_fd) const;
  void Remove(int kick_fd) const;

 private:
  const int epoll_;
  const int own_;
  const bool rings_;
};

}  // namespace vswitch

#endif  // VSWITCH_PMD_QUEUE_BELL_H_
