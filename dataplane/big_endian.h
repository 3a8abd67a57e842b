// SPDX-License-Identifier: BSD-3-Clause
// Numbers in network byte order, at any address.
#ifndef VSWITCH_DATAPLANE_BIG_ENDIAN_H_
#define VSWITCH_DATAPLANE_BIG_ENDIAN_H_

#include <cstdint>

namespace vswitch {

inline uint16_t ReadBe16(const uint8_t* bytes) {
  return static_cast<uint16_t>(bytes[0] << 8 | bytes[1]);
}
inline uint32_t ReadBe32(const uint8_t* bytes) {
  return uint32_t{ReadBe16(bytes)} << 16 | ReadBe16(bytes + 2);
}
inline void WriteBe16(uint8_t* bytes, uint16_t value) {
  bytes[0] = static_cast<uint8_t>(value >> 8);
  bytes[1] = static_cast<uint8_t>(value);
}
inline void WriteBe32(uint8_t* bytes, uint32_t value) {
  WriteBe16(bytes, static_cast<uint16_t>(value >> 16));
  WriteBe16(bytes + 2, static_cast<uint16_t>(value));
}

}  // namespace vswitch

#endif  // VSWITCH_DATAPLANE_BIG_ENDIAN_H_
