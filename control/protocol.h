// SPDX-License-Identifier: BSD-3-Clause
// What travels over rtnl.sock (AF_UNIX SOCK_SEQPACKET) beside rtnetlink: how a client announces
// itself, sets netlink socket options, and vswitch's own requests. Shared by the server, the shim
// and vsctl. Plain C structs in host byte order.
#ifndef VSWITCH_CONTROL_PROTOCOL_H_
#define VSWITCH_CONTROL_PROTOCOL_H_

#include <linux/netlink.h>

#include <cstddef>
#include <cstdint>

namespace vswitch {

// The longest datagram a client may send; a longer one ends the connection.
inline constexpr uint32_t kMaxDatagram = 256 * 1024;

// Message types below NLMSG_MIN_TYPE are never executed by rtnetlink; 14 and 15 are ours when they
// come as the only message of a datagram, 13 when it comes first. None is answered.
inline constexpr uint16_t kMsgHello =
    15;  // payload HelloRequest; SCM_RIGHTS: eventfd, netns fd (in this order)
inline constexpr uint16_t kMsgOption = 14;  // payload OptionRequest
inline constexpr uint16_t kMsgNetns = 13;   // payload NetnsEntry…, requests follow

// Sent once, first. The server then signals the eventfd (adds 1) after each later datagram has been
// executed and its replies are queued on the socket or in the server, Hello and Option included. A
// client that sends no Hello gets no signal, port id 0 and the namespace of the vswitch process.
// The netns fd is /proc/thread-self/ns/net of the client. Anything but one eventfd and one network
// namespace ends the connection.
struct HelloRequest {
  uint32_t version = 1;
  uint32_t port_id = 0;  // nl_pid the client believes it has
};

// What a descriptor or process number in the requests of this datagram means (IFLA_NET_NS_FD,
// IFLA_NET_NS_PID, NETNSA_FD, NETNSA_PID): only the client can tell, the server never guesses. A
// number that is not listed means nothing: EBADF or ESRCH. SCM_RIGHTS brings the namespaces of the
// entries without error, in order, and nothing else.
enum class NetnsHandle : uint16_t { kFd = 0, kPid = 1 };
struct NetnsEntry {
  NetnsHandle handle;
  uint16_t error;  // 0: a descriptor came; else the errno to answer with
  uint32_t number;
};
inline constexpr size_t kMaxNetnsEntries = 64;

enum class SocketOption : uint32_t {
  kGroups = 0,          // value: bind mask, groups 1..32; replaces the mask
  kAddMembership = 1,   // value: group number, may be above 32
  kDropMembership = 2,  // value: group number
  kExtAck = 11,         // values as in NETLINK_*: 0 or 1
  kCapAck = 10,
  kStrictCheck = 12,
  kNoEnobufs = 5,
  kListenAllNsid = 8,
  kPortId = 100,  // value: the nl_pid that the client chose in bind()
};

struct OptionRequest {
  SocketOption option;
  uint32_t value;
};

// A client that listens to all namespaces (kListenAllNsid, for those who may change things) gets
// the notifications of every namespace that has an id in its own. From then on each datagram to it
// begins with this message.
struct NsidPrefix {
  nlmsghdr header = {sizeof(NsidPrefix), kMsgNetns, 0, 0, 0};
  int32_t id = -1;  // negative: of its own namespace
};

// A client that reads notifications too slowly loses some. Where they are missing it finds a bare
// NLMSG_OVERRUN, the only message without payload that is ever sent: the shim makes ENOBUFS of it.
// With kNoEnobufs it is not told.

// vswitch's own requests: ordinary netlink messages (NLM_F_REQUEST|NLM_F_ACK, extended ACK errors)
// with these types, far above RTM_MAX. The payload is attributes only, all strings unless noted.
inline constexpr uint16_t kMsgAttach =
    0x7600;  // kAttrDevice, kAttrBackend, kAttrOption… ; answered by an ACK
inline constexpr uint16_t kMsgDetach =
    0x7601;  // kAttrDevice; answered by an ACK after the grace period
inline constexpr uint16_t kMsgShow =
    0x7602;  // [kAttrDevice]; NLM_F_MULTI messages, one object each, then NLMSG_DONE
inline constexpr uint16_t kMsgWorkers = 0x7603;  // nothing; as kMsgShow

enum : uint16_t {
  kAttrDevice = 1,   // device name
  kAttrBackend = 2,  // "vhost", "tap", "ring", "ethdev"
  kAttrOption = 3,   // "key=value", repeated
  kAttrJson = 4,     // JSON text without NUL; an object may be cut into several, to be joined
};

// IFLA_INFO_DATA of kind "ethdev".
enum : uint16_t { kEthdevDevargs = 1 };

}  // namespace vswitch

#endif  // VSWITCH_CONTROL_PROTOCOL_H_
