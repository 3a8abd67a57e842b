// SPDX-License-Identifier: BSD-3-Clause
// What every fuzz target offers: libFuzzer calls it with invented inputs, the replay test with the
// files of the target's corpus.
#ifndef VSWITCH_TESTS_FUZZ_FUZZ_H_
#define VSWITCH_TESTS_FUZZ_FUZZ_H_

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

// Returns 0, or aborts when an input breaks a promise of the code under test.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

// A promise. Stays in release builds, unlike assert.
#define FUZZ_CHECK(condition)                                                        \
  do {                                                                               \
    if (!(condition)) {                                                              \
      std::fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                                  \
    }                                                                                \
  } while (false)

#endif  // VSWITCH_TESTS_FUZZ_FUZZ_H_
