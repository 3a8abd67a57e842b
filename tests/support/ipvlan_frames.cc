// SPDX-License-Identifier: BSD-3-Clause
#include "tests/support/ipvlan_frames.h"

#include <arpa/inet.h>

#include <algorithm>

#include "tests/support/frames.h"

namespace vswitch {

namespace {

constexpr size_t kPayload = 20;

FrameContent AddressBytes(const std::string& text) {
  const bool ipv6 = text.find(':') != std::string::npos;
  FrameContent bytes(ipv6 ? 16 : 4);
  inet_pton(ipv6 ? AF_INET6 : AF_INET, text.c_str(), bytes.data());
  return bytes;
}

template <typename Range>
void Append(FrameContent& frame, const Range& bytes) {
  frame.insert(frame.end(), bytes.begin(), bytes.end());
}

FrameContent Header(const EthernetAddress& destination, const EthernetAddress& source,
                    uint16_t ethertype) {
  FrameContent frame;
  Append(frame, destination);
  Append(frame, source);
  Append(frame, std::array<int, 2>{ethertype >> 8, ethertype & 0xff});
  return frame;
}

uint16_t Sum(const FrameContent& bytes, size_t from, size_t to, uint32_t sum = 0) {
  for (size_t i = from; i < to; i += 2) sum += bytes[i] * 256u + bytes[i + 1];
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(sum);
}

void Store(FrameContent& bytes, size_t at, uint16_t value) {
  bytes[at] = static_cast<uint8_t>(value >> 8);
  bytes[at + 1] = static_cast<uint8_t>(value);
}

uint16_t IcmpSum(const FrameContent& frame) {
  const auto length = static_cast<uint32_t>(frame.size() - 54);
  return Sum(frame, 22, frame.size(), length + 58);
}

}  // namespace

AddressKey KeyOf(const std::string& address) {
  const FrameContent bytes = AddressBytes(address);
  if (bytes.size() == 4) return AddressKey::Ipv4(std::span<const uint8_t, 4>(bytes));
  return AddressKey::Ipv6(std::span<const uint8_t, 16>(bytes));
}

FrameContent IpFrame(const EthernetAddress& destination, const EthernetAddress& source,
                     const std::string& to, const std::string& from, uint8_t ttl) {
  const FrameContent target = AddressBytes(to);
  const bool ipv6 = target.size() == 16;
  FrameContent frame = Header(destination, source, ipv6 ? 0x86dd : 0x0800);
  if (ipv6) {
    Append(frame, std::array<uint8_t, 8>{0x60, 0, 0, 0, 0, kPayload, 17, ttl});
  } else {
    Append(frame, std::array<uint8_t, 12>{0x45, 0, 0, 20 + kPayload, 0, 0, 0, 0, ttl, 17, 0, 0});
  }
  Append(frame, AddressBytes(from));
  Append(frame, target);
  if (!ipv6) Store(frame, 24, static_cast<uint16_t>(~Sum(frame, 14, 34)));
  frame.resize(frame.size() + kPayload, 0x5a);
  return frame;
}

FrameContent ArpRequest(const EthernetAddress& destination, const EthernetAddress& source,
                        const std::string& target, const std::string& sender) {
  FrameContent frame = Header(destination, source, 0x0806);
  Append(frame, std::array<uint8_t, 8>{0, 1, 8, 0, 6, 4, 0, 1});
  Append(frame, source);
  Append(frame, AddressBytes(sender));
  Append(frame, EthernetAddress{});
  Append(frame, AddressBytes(target));
  return frame;
}

FrameContent Solicitation(const EthernetAddress& destination, const EthernetAddress& source,
                          const std::string& target, const std::string& from) {
  const FrameContent address = AddressBytes(target);
  const bool probe = from == "::";
  FrameContent frame = Header(destination, source, 0x86dd);
  Append(frame,
         std::array<uint8_t, 8>{0x60, 0, 0, 0, 0, static_cast<uint8_t>(probe ? 24 : 32), 58, 255});
  Append(frame, AddressBytes(from));
  FrameContent group = AddressBytes("ff02::1:ff00:0");
  std::copy(address.end() - 3, address.end(), group.end() - 3);
  Append(frame, group);
  Append(frame, std::array<uint8_t, 8>{135, 0, 0, 0, 0, 0, 0, 0});
  Append(frame, address);
  if (!probe) {
    Append(frame, std::array<uint8_t, 2>{1, 1});
    Append(frame, source);
  }
  Store(frame, 56, static_cast<uint16_t>(~IcmpSum(frame)));
  return frame;
}

FrameContent OtherFrame(const EthernetAddress& destination, const EthernetAddress& source,
                        uint16_t ethertype) {
  FrameContent frame = Header(destination, source, ethertype);
  frame.resize(60, 0x33);
  return frame;
}

FrameContent Tagged(FrameContent frame, uint16_t vlan) {
  const std::array<uint8_t, 4> tag = {0x81, 0, static_cast<uint8_t>(vlan >> 8),
                                      static_cast<uint8_t>(vlan)};
  frame.insert(frame.begin() + 12, tag.begin(), tag.end());
  return frame;
}

FrameContent With(FrameContent frame, size_t offset, uint8_t value) {
  frame[offset] = value;
  return frame;
}

FrameContent Cut(FrameContent frame, size_t length) {
  frame.resize(length);
  return frame;
}

bool HasValidChecksum(const FrameContent& frame) {
  if (frame[12] == 0x08) return Sum(frame, 14, 34) == 0xffff;
  return IcmpSum(frame) == 0xffff;
}

Packet PacketOf(const FrameContent& frame, const Offload& offload) {
  const Packet packet = MakeFrame(static_cast<uint32_t>(frame.size()), 0, offload);
  auto rest = frame.begin();
  for (rte_mbuf* m = PacketBuffer::Mbuf(packet); m != nullptr; m = m->next) {
    std::copy_n(rest, m->data_len, rte_pktmbuf_mtod(m, uint8_t*));
    rest += m->data_len;
  }
  return packet;
}

}  // namespace vswitch
