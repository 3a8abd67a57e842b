// SPDX-License-Identifier: BSD-3-Clause
// Read-copy-update between workers (readers) and whoever retires what they read, on rte_rcu_qsbr.
#ifndef VSWITCH_DATAPLANE_RCU_H_
#define VSWITCH_DATAPLANE_RCU_H_

#include <rte_rcu_qsbr.h>

#include <cstdint>
#include <memory>

namespace vswitch {

class Rcu {
 public:
  // Readers are numbered [0, max_readers). Works before rte_eal_init.
  explicit Rcu(uint32_t max_readers);

  // Reader thread. Between Online and Offline the reader may hold published pointers, but not
  // across Quiescent.
  void Online(uint32_t reader);
  void Offline(uint32_t reader);
  // Reader thread, online. In between it holds nothing, and nobody waits for it.
  void Pause(uint32_t reader);
  void Resume(uint32_t reader);
  void Quiescent(uint32_t reader) { rte_rcu_qsbr_quiescent(qsbr_.get(), reader); }

  // Any thread that is not an online reader. Returns once no reader can still hold what was
  // unpublished before the call. Never call it with a lock held that a worker may be waiting for.
  void Synchronize();

 private:
  struct Free {
    void operator()(rte_rcu_qsbr* qsbr) const;
  };
  std::unique_ptr<rte_rcu_qsbr, Free> qsbr_;
};

}  // namespace vswitch

#endif  // VSWITCH_DATAPLANE_RCU_H_
