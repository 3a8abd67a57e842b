// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/rcu.h"

#include <sched.h>

#include <cstdlib>
#include <new>

namespace vswitch {

Rcu::Rcu(uint32_t max_readers) {
  const uint32_t readers = max_readers == 0 ? 1 : max_readers;
  const size_t size = rte_rcu_qsbr_get_memsize(readers);
  const size_t rounded = (size + RTE_CACHE_LINE_SIZE - 1) & ~size_t{RTE_CACHE_LINE_SIZE - 1};
  auto* memory = static_cast<rte_rcu_qsbr*>(std::aligned_alloc(RTE_CACHE_LINE_SIZE, rounded));
  if (memory == nullptr) throw std::bad_alloc();
  qsbr_.reset(memory);
  rte_rcu_qsbr_init(memory, readers);
}

void Rcu::Online(uint32_t reader) {
  rte_rcu_qsbr_thread_register(qsbr_.get(), reader);
  rte_rcu_qsbr_thread_online(qsbr_.get(), reader);
}

void Rcu::Offline(uint32_t reader) {
  rte_rcu_qsbr_thread_offline(qsbr_.get(), reader);
  rte_rcu_qsbr_thread_unregister(qsbr_.get(), reader);
}

void Rcu::Pause(uint32_t reader) { rte_rcu_qsbr_thread_offline(qsbr_.get(), reader); }

void Rcu::Resume(uint32_t reader) { rte_rcu_qsbr_thread_online(qsbr_.get(), reader); }

// A reader may share the caller's CPU: what spins keeps it from getting on.
void Rcu::Synchronize() {
  const uint64_t token = rte_rcu_qsbr_start(qsbr_.get());
  while (rte_rcu_qsbr_check(qsbr_.get(), token, /*wait=*/false) == 0) sched_yield();
}

void Rcu::Free::operator()(rte_rcu_qsbr* qsbr) const { std::free(qsbr); }

}  // namespace vswitch
