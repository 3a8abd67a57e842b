// SPDX-License-Identifier: BSD-3-Clause
// Copying frames' bytes from and to guests.
#ifndef VSWITCH_PMD_VIRTQUEUE_COPY_H_
#define VSWITCH_PMD_VIRTQUEUE_COPY_H_

#include <emmintrin.h>

#include <cstdint>
#include <cstring>

namespace vswitch {

namespace copy_internal {

template <uint32_t kBytes>
void CopyFixed(uint8_t* to, const uint8_t* from) {
  static_assert(kBytes % sizeof(__m128i) == 0);
  constexpr uint32_t kWords = kBytes / sizeof(__m128i);
  __m128i words[kWords];
  for (uint32_t i = 0; i < kWords; ++i) {
    words[i] = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from) + i);
  }
  for (uint32_t i = 0; i < kWords; ++i) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to) + i, words[i]);
  }
}

// The first and the last kBytes, which overlap. REQUIRES: kBytes <= length <= 2 * kBytes
template <uint32_t kBytes>
void CopyEnds(uint8_t* to, const uint8_t* from, uint32_t length) {
  CopyFixed<kBytes>(to, from);
  CopyFixed<kBytes>(to + length - kBytes, from + length - kBytes);
}

}  // namespace copy_internal

// Without a call for what has 16 to 128 bytes. Where a guest makes both overlap, `to` may get other
// bytes of it than it had.
inline void CopyBytes(uint8_t* to, const uint8_t* from, uint32_t length) {
  using namespace copy_internal;
  if (length > 128 || length < 16) [[unlikely]] {
    std::memmove(to, from, length);
  } else if (length > 64) {
    CopyEnds<64>(to, from, length);
  } else if (length == 64) {
    CopyFixed<64>(to, from);
  } else if (length >= 32) {
    CopyEnds<32>(to, from, length);
  } else {
    CopyEnds<16>(to, from, length);
  }
}

}  // namespace vswitch

#endif  // VSWITCH_PMD_VIRTQUEUE_COPY_H_
