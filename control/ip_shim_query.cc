// SPDX-License-Identifier: BSD-3-Clause
// Asks vswitch about links on a connection of its own: the C library's own functions do it with
// socket calls that cannot be replaced.
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "control/ip_shim.h"

namespace vswitch::shim {
namespace {

constexpr size_t kBuffer = 256 * 1024;

struct Request {
  nlmsghdr header;
  ifinfomsg link;
  char attributes[160];
};

void PutAttribute(Request& request, uint16_t type, const void* value, size_t length) {
  char* const place = reinterpret_cast<char*>(&request) + NLMSG_ALIGN(request.header.nlmsg_len);
  const rtattr header{static_cast<uint16_t>(RTA_LENGTH(length)), type};
  memcpy(place, &header, sizeof(header));
  memcpy(place + RTA_LENGTH(0), value, length);
  request.header.nlmsg_len = NLMSG_ALIGN(request.header.nlmsg_len) + RTA_LENGTH(length);
}

Request GetLink(uint16_t flags) {
  Request request{};
  request.header.nlmsg_len = NLMSG_LENGTH(sizeof(ifinfomsg));
  request.header.nlmsg_type = RTM_GETLINK;
  request.header.nlmsg_flags = NLM_F_REQUEST | flags;
  const uint32_t mask = RTEXT_FILTER_SKIP_STATS;
  PutAttribute(request, IFLA_EXT_MASK, &mask, sizeof(mask));
  return request;
}

template <typename T>
void CopyTo(const rtattr* attribute, T& out) {
  memcpy(&out, RTA_DATA(attribute), std::min(sizeof(out), RTA_PAYLOAD(attribute)));
}

void ReadAttribute(const rtattr* attribute, Link* link) {
  switch (attribute->rta_type) {
    case IFLA_IFNAME:
      CopyTo(attribute, link->name);
      link->name[sizeof(link->name) - 1] = '\0';
      return;
    case IFLA_MTU:
      return CopyTo(attribute, link->mtu);
    case IFLA_TXQLEN:
      return CopyTo(attribute, link->txqlen);
    case IFLA_ADDRESS:
      CopyTo(attribute, link->address);
      link->address_length =
          static_cast<uint8_t>(std::min(sizeof(link->address), RTA_PAYLOAD(attribute)));
      return;
    case IFLA_BROADCAST:
      return CopyTo(attribute, link->broadcast);
    default:
      return;
  }
}

Link ReadLink(const nlmsghdr* header) {
  Link link{};
  const auto* info = static_cast<const ifinfomsg*>(NLMSG_DATA(header));
  link.index = info->ifi_index;
  link.flags = info->ifi_flags;
  link.type = info->ifi_type;
  auto room = static_cast<int>(IFLA_PAYLOAD(header));
  for (const rtattr* a = IFLA_RTA(info); RTA_OK(a, room); a = RTA_NEXT(a, room)) {
    ReadAttribute(a, &link);
  }
  return link;
}

// Called with each link; 0 to go on, or the errno to end with.
using Visit = int (*)(void* context, const Link& link);

// One datagram of answers. -1 when more follow, else the result.
int ReadAnswers(const char* data, size_t length, bool dump, Visit visit, void* context) {
  const auto* header = reinterpret_cast<const nlmsghdr*>(data);
  auto room = static_cast<int>(length);
  for (; NLMSG_OK(header, static_cast<unsigned>(room)); header = NLMSG_NEXT(header, room)) {
    if (header->nlmsg_type == NLMSG_DONE) return 0;
    if (header->nlmsg_type == NLMSG_ERROR) {
      int error = -EPROTO;
      memcpy(&error, NLMSG_DATA(header), std::min(sizeof(error), NLMSG_PAYLOAD(header, 0) + 0ul));
      return -error;
    }
    if (header->nlmsg_type != RTM_NEWLINK || header->nlmsg_len < NLMSG_LENGTH(sizeof(ifinfomsg))) {
      continue;
    }
    const int result = visit(context, ReadLink(header));
    if (result != 0 || !dump) return result;
  }
  return -1;
}

int Talk(int fd, char* buffer, const Request& request, Visit visit, void* context) {
  iovec iov{const_cast<Request*>(&request), request.header.nlmsg_len};
  msghdr message{};
  message.msg_iov = &iov;
  message.msg_iovlen = 1;
  if (real_sendmsg(fd, &message, MSG_NOSIGNAL) < 0) return errno;
  const bool dump = (request.header.nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
  for (;;) {
    const ssize_t length = real_read(fd, buffer, kBuffer);
    if (length < 0 && errno == EINTR) continue;
    if (length <= 0) return length < 0 ? errno : EPROTONOSUPPORT;
    const int result = ReadAnswers(buffer, static_cast<size_t>(length), dump, visit, context);
    if (result >= 0) return result;
  }
}

int Query(const Request& request, Visit visit, void* context) {
  char* const buffer = static_cast<char*>(malloc(kBuffer));
  if (buffer == nullptr) return ENOMEM;
  const int fd = Connect(0, -1);
  const int result = fd < 0 ? EPROTONOSUPPORT : Talk(fd, buffer, request, visit, context);
  if (fd >= 0) real_close(fd);
  free(buffer);
  return result;
}

struct List {
  Link* links;
  size_t count, room;
};

int Append(void* context, const Link& link) {
  List& list = *static_cast<List*>(context);
  if (list.count == list.room) {
    const size_t room = list.room == 0 ? 16 : 2 * list.room;
    void* const grown = realloc(list.links, room * sizeof(Link));
    if (grown == nullptr) return ENOMEM;
    list.links = static_cast<Link*>(grown);
    list.room = room;
  }
  list.links[list.count++] = link;
  return 0;
}

int Keep(void* context, const Link& link) {
  *static_cast<Link*>(context) = link;
  return 0;
}

}  // namespace

int QueryLink(const char* name, int index, Link* link) {
  Request request = GetLink(0);
  if (name == nullptr) {
    request.link.ifi_index = index;
  } else {
    const size_t length = strnlen(name, 128);
    if (length == 0 || length > 127) return ENODEV;
    PutAttribute(request, length < 16 ? IFLA_IFNAME : IFLA_ALT_IFNAME, name, length + 1);
  }
  return Query(request, Keep, link);
}

int QueryLinks(Link** links, size_t* count) {
  List list{};
  const int result = Query(GetLink(NLM_F_DUMP), Append, &list);
  if (result != 0) {
    free(list.links);
    return result;
  }
  *links = list.links;
  *count = list.count;
  return 0;
}

}  // namespace vswitch::shim
