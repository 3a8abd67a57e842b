// SPDX-License-Identifier: BSD-3-Clause
// Network namespaces that a request names by a number of this process: a descriptor, or a process
// as it is called here. vswitch cannot know what they mean, so each is sent along.
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/magic.h>
#include <linux/net_namespace.h>
#include <linux/nsfs.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "control/ip_shim.h"

namespace vswitch::shim {
namespace {

// Looks at one datagram. What is malformed is left to vswitch, which sees it just so.
class NetnsSearch {
 public:
  explicit NetnsSearch(NetnsNames& names) : names_(names) {}

  void Datagram(const char* data, size_t length) {
    while (length >= sizeof(nlmsghdr)) {
      nlmsghdr header;
      memcpy(&header, data, sizeof(header));
      if (header.nlmsg_len < sizeof(header) || header.nlmsg_len > length) return;
      Message(header.nlmsg_type, data + NLMSG_HDRLEN, header.nlmsg_len - NLMSG_HDRLEN);
      const size_t advance = std::min<size_t>(length, NLMSG_ALIGN(header.nlmsg_len));
      data += advance;
      length -= advance;
    }
  }

 private:
  using Visit = void (NetnsSearch::*)(uint16_t type, const char* value, size_t length);

  void Message(uint16_t type, const char* payload, size_t length) {
    switch (type) {
      case RTM_NEWLINK:
      case RTM_SETLINK:
        return Attributes(payload, length, sizeof(ifinfomsg), &NetnsSearch::LinkAttribute);
      case RTM_NEWNSID:
      case RTM_GETNSID:
        return Attributes(payload, length, sizeof(rtgenmsg), &NetnsSearch::NsidAttribute);
      default:
        return;
    }
  }

  void Attributes(const char* data, size_t length, size_t header, Visit visit) {
    header = NLMSG_ALIGN(header);
    if (length < header) return;
    data += header;
    length -= header;
    while (length >= sizeof(rtattr)) {
      rtattr attribute;
      memcpy(&attribute, data, sizeof(attribute));
      if (attribute.rta_len < sizeof(attribute) || attribute.rta_len > length) return;
      (this->*visit)(attribute.rta_type & NLA_TYPE_MASK, data + RTA_LENGTH(0),
                     attribute.rta_len - RTA_LENGTH(0));
      const size_t advance = std::min<size_t>(length, RTA_ALIGN(attribute.rta_len));
      data += advance;
      length -= advance;
    }
  }

  void LinkAttribute(uint16_t type, const char* value, size_t length) {
    if (type == IFLA_NET_NS_FD) return Add(NetnsHandle::kFd, value, length);
    if (type == IFLA_NET_NS_PID) return Add(NetnsHandle::kPid, value, length);
    if (type == IFLA_LINKINFO) Attributes(value, length, 0, &NetnsSearch::InfoAttribute);
  }

  void InfoAttribute(uint16_t type, const char* value, size_t length) {
    if (type == IFLA_INFO_DATA) Attributes(value, length, 0, &NetnsSearch::DataAttribute);
  }

  // Of a veth: the other end. For any other kind the numbers found here are not asked for.
  void DataAttribute(uint16_t type, const char* value, size_t length) {
    if (type != VETH_INFO_PEER) return;
    Attributes(value, length, sizeof(ifinfomsg), &NetnsSearch::LinkAttribute);
  }

  void NsidAttribute(uint16_t type, const char* value, size_t length) {
    if (type == NETNSA_FD) Add(NetnsHandle::kFd, value, length);
    if (type == NETNSA_PID) Add(NetnsHandle::kPid, value, length);
  }

  void Add(NetnsHandle handle, const char* value, size_t length) {
    uint32_t number;
    if (length < sizeof(number)) return;
    memcpy(&number, value, sizeof(number));
    names_.Add(handle, number);
  }

  NetnsNames& names_;
};

// What the kernel would say about a descriptor that it is asked to take for a namespace; 0: it is
// one (get_net_ns_by_fd).
uint16_t CheckFd(int fd) {
  struct statfs info;
  if (fstatfs(fd, &info) != 0) return errno == EBADF ? EBADF : EINVAL;
  const bool netns = info.f_type == NSFS_MAGIC && ioctl(fd, NS_GET_NSTYPE) == CLONE_NEWNET;
  return netns ? 0 : EINVAL;
}

// Opens the namespace of a process, or fails with what the kernel would say.
int OpenProcess(uint32_t pid) {
  char path[64];
  snprintf(path, sizeof(path), "/proc/%u/ns/net", pid);
  return open(path, O_RDONLY | O_CLOEXEC);
}

}  // namespace

NetnsNames::~NetnsNames() {
  for (size_t i = 0; i < fd_count_; ++i) {
    if (fds_[i].ours) real_close(fds_[i].fd);
  }
}

void NetnsNames::Search(const msghdr& message) {
  if (message.msg_iovlen == 1) {
    NetnsSearch(*this).Datagram(static_cast<const char*>(message.msg_iov->iov_base),
                                message.msg_iov->iov_len);
    return;
  }
  size_t length = 0;
  for (size_t i = 0; i < message.msg_iovlen; ++i) length += message.msg_iov[i].iov_len;
  auto* const whole = static_cast<char*>(malloc(length));
  if (whole == nullptr) return;
  char* end = whole;
  for (size_t i = 0; i < message.msg_iovlen; ++i) {
    end = std::copy_n(static_cast<const char*>(message.msg_iov[i].iov_base),
                      message.msg_iov[i].iov_len, end);
  }
  NetnsSearch(*this).Datagram(whole, length);
  free(whole);
}

void NetnsNames::Add(NetnsHandle handle, uint32_t number) {
  for (size_t i = 0; i < count_; ++i) {
    if (entries_[i].handle == handle && entries_[i].number == number) return;
  }
  if (count_ == kMaxNetnsEntries) return;
  const bool by_pid = handle == NetnsHandle::kPid;
  const int fd = by_pid ? OpenProcess(number) : static_cast<int>(number);
  uint16_t error = 0;
  if (by_pid && fd < 0) error = errno == ENOENT ? ESRCH : EPERM;
  if (!by_pid) error = CheckFd(fd);
  entries_[count_++] = {.handle = handle, .error = error, .number = number};
  if (error == 0) fds_[fd_count_++] = {.fd = fd, .ours = by_pid};
}

size_t NetnsNames::Write(char* control) const {
  if (fd_count_ == 0) return 0;
  auto* const rights = reinterpret_cast<cmsghdr*>(control);
  rights->cmsg_level = SOL_SOCKET;
  rights->cmsg_type = SCM_RIGHTS;
  rights->cmsg_len = CMSG_LEN(fd_count_ * sizeof(int));
  for (size_t i = 0; i < fd_count_; ++i) {
    memcpy(CMSG_DATA(rights) + i * sizeof(int), &fds_[i].fd, sizeof(int));
  }
  return CMSG_SPACE(fd_count_ * sizeof(int));
}

}  // namespace vswitch::shim
