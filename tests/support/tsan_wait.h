// SPDX-License-Identifier: BSD-3-Clause
// Included first in every source of a build for the thread sanitizer.
//
// A sender to an rte_ring that several send to waits until those before it have published theirs,
// and then publishes for all. DPDK 22.11 waits with relaxed loads: on x86 that orders what TSan,
// which knows the C++ memory model only, takes for a race between the receiver and the first
// sender. Here the same wait acquires when it is over. While it lasts it yields: tests have more
// threads than there are CPUs, and the one that is waited for wants to run.
#ifndef VSWITCH_TESTS_SUPPORT_TSAN_WAIT_H_
#define VSWITCH_TESTS_SUPPORT_TSAN_WAIT_H_

#define RTE_WAIT_UNTIL_EQUAL_ARCH_DEFINED  // DPDK's name for "somebody else defines the waits"
#include <rte_pause.h>
#include <sched.h>

template <typename T>
inline void WaitUntilEqual(volatile T* address, T expected) {
  while (__atomic_load_n(address, __ATOMIC_RELAXED) != expected) sched_yield();
  (void)__atomic_load_n(address, __ATOMIC_ACQUIRE);
}

static __rte_always_inline void rte_wait_until_equal_16(volatile uint16_t* address,
                                                        uint16_t expected, int) {
  WaitUntilEqual(address, expected);
}
static __rte_always_inline void rte_wait_until_equal_32(volatile uint32_t* address,
                                                        uint32_t expected, int) {
  WaitUntilEqual(address, expected);
}
static __rte_always_inline void rte_wait_until_equal_64(volatile uint64_t* address,
                                                        uint64_t expected, int) {
  WaitUntilEqual(address, expected);
}

#define RTE_WAIT_UNTIL_MASKED(address, mask, condition, expected, order)                   \
  do {                                                                                     \
    while (!((__atomic_load_n((address), __ATOMIC_RELAXED) & (mask)) condition(expected))) \
      sched_yield();                                                                       \
    (void)__atomic_load_n((address), __ATOMIC_ACQUIRE);                                    \
  } while (0)

#endif  // VSWITCH_TESTS_SUPPORT_TSAN_WAIT_H_
