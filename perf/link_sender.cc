// SPDX-License-Identifier: BSD-3-Clause
// Creates, deletes or dumps veth links on one rtnetlink socket, many requests to a datagram, and
// says in JSON how long that took. Talks to the kernel; under `vsctl run --` to vswitch.
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <sys/socket.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <iostream>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using Bytes = std::vector<char>;

void Put(Bytes& out, const void* data, size_t length) {
  const char* const bytes = static_cast<const char*>(data);
  out.insert(out.end(), bytes, bytes + length);
  out.resize(NLMSG_ALIGN(out.size()));
}

void PutAttribute(Bytes& out, uint16_t type, const void* data, size_t length) {
  const rtattr header{static_cast<uint16_t>(RTA_LENGTH(length)), type};
  Put(out, &header, sizeof(header));
  Put(out, data, length);
}

void PutNest(Bytes& out, uint16_t type, const Bytes& inner) {
  PutAttribute(out, type, inner.data(), inner.size());
}

void PutName(Bytes& out, const std::string& name) {
  PutAttribute(out, IFLA_IFNAME, name.c_str(), name.size() + 1);
}

// One request; its sequence number is the number of the pair.
void PutRequest(Bytes& out, uint16_t type, uint16_t flags, uint32_t sequence, const Bytes& attrs) {
  nlmsghdr header{};
  header.nlmsg_len = static_cast<uint32_t>(NLMSG_LENGTH(sizeof(ifinfomsg)) + attrs.size());
  header.nlmsg_type = type;
  header.nlmsg_flags = static_cast<uint16_t>(NLM_F_REQUEST | flags);
  header.nlmsg_seq = sequence;
  const ifinfomsg link{};
  Put(out, &header, sizeof(header));
  Put(out, &link, sizeof(link));
  Put(out, attrs.data(), attrs.size());
}

std::string NameOf(const std::string& prefix, uint32_t pair, char end) {
  return prefix + std::to_string(pair) + end;
}

Bytes CreateRequest(const std::string& prefix, uint32_t pair) {
  Bytes peer, data, info, attrs, request;
  const ifinfomsg header{};
  Put(peer, &header, sizeof(header));
  PutName(peer, NameOf(prefix, pair, 'b'));
  PutNest(data, VETH_INFO_PEER, peer);
  PutAttribute(info, IFLA_INFO_KIND, "veth", 4);
  PutNest(info, IFLA_INFO_DATA, data);
  PutName(attrs, NameOf(prefix, pair, 'a'));
  PutNest(attrs, IFLA_LINKINFO, info);
  PutRequest(request, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, pair, attrs);
  return request;
}

Bytes DeleteRequest(const std::string& prefix, uint32_t pair) {
  Bytes attrs, request;
  PutName(attrs, NameOf(prefix, pair, 'a'));
  PutRequest(request, RTM_DELLINK, 0, pair, attrs);
  return request;
}

class Socket {
 public:
  Socket() : fd_(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE)), buffer_(1 << 20) {
    if (fd_ < 0) throw std::runtime_error(std::string("socket: ") + std::strerror(errno));
    const int room = 8 << 20;
    setsockopt(fd_, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room));
    setsockopt(fd_, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
  }
  ~Socket() { close(fd_); }
  Socket(const Socket&) = delete;

  void Send(const Bytes& datagram) const {
    if (send(fd_, datagram.data(), datagram.size(), 0) < 0) {
      throw std::runtime_error(std::string("send: ") + std::strerror(errno));
    }
  }

  // Calls `visit` with each message until it returns false.
  template <typename Visit>
  void Receive(Visit visit) {
    for (bool more = true; more;) {
      const ssize_t length = recv(fd_, buffer_.data(), buffer_.size(), 0);
      if (length < 0) throw std::runtime_error(std::string("recv: ") + std::strerror(errno));
      auto room = static_cast<int>(length);
      const auto* header = reinterpret_cast<const nlmsghdr*>(buffer_.data());
      for (; more && NLMSG_OK(header, static_cast<unsigned>(room));) {
        more = visit(*header);
        header = NLMSG_NEXT(header, room);
      }
    }
  }

 private:
  const int fd_;
  std::vector<char> buffer_;
};

int ErrorOf(const nlmsghdr& header) {
  nlmsgerr error;
  std::memcpy(&error, NLMSG_DATA(&header), sizeof(error));
  return -error.error;
}

// Only the last request of a datagram asks for an acknowledgement; errors come unasked.
template <typename MakeRequest>
void SendAll(Socket& socket, uint32_t first, uint32_t pairs, uint32_t batch, MakeRequest request) {
  for (uint32_t done = 0; done < pairs;) {
    const uint32_t count = std::min(batch, pairs - done);
    Bytes datagram;
    size_t last = 0;
    for (uint32_t i = 0; i < count; ++i) {
      last = datagram.size();
      const Bytes one = request(first + done + i);
      Put(datagram, one.data(), one.size());
    }
    reinterpret_cast<nlmsghdr*>(&datagram[last])->nlmsg_flags |= NLM_F_ACK;
    socket.Send(datagram);
    socket.Receive([](const nlmsghdr& header) {
      if (header.nlmsg_type != NLMSG_ERROR) return true;
      if (const int error = ErrorOf(header); error != 0) {
        throw std::runtime_error("pair " + std::to_string(header.nlmsg_seq) + ": " +
                                 std::strerror(error));
      }
      return false;
    });
    done += count;
  }
}

uint32_t DumpAll(Socket& socket) {
  Bytes request;
  PutRequest(request, RTM_GETLINK, NLM_F_DUMP, 1, {});
  socket.Send(request);
  uint32_t links = 0;
  socket.Receive([&](const nlmsghdr& header) {
    if (header.nlmsg_type == NLMSG_ERROR) throw std::runtime_error("the dump was refused");
    links += header.nlmsg_type == RTM_NEWLINK ? 1 : 0;
    return header.nlmsg_type != NLMSG_DONE;
  });
  return links;
}

struct Options {
  std::string action, prefix = "p";
  uint32_t pairs = 0, first = 0, batch = 200;
};

uint32_t Run(const Options& options) {
  Socket socket;
  if (options.action == "dump") return DumpAll(socket);
  const bool create = options.action == "create";
  SendAll(socket, options.first, options.pairs, options.batch, [&](uint32_t pair) {
    return create ? CreateRequest(options.prefix, pair) : DeleteRequest(options.prefix, pair);
  });
  return 2 * options.pairs;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("Creates, deletes or dumps veth links on one rtnetlink socket", "link_sender");
  app.add_option("action", options.action, "create, delete or dump")
      ->required()
      ->check(CLI::IsMember({"create", "delete", "dump"}));
  app.add_option("--pairs", options.pairs, "how many pairs");
  app.add_option("--first", options.first, "number of the first one");
  app.add_option("--prefix", options.prefix, "what names begin with");
  app.add_option("--batch", options.batch, "requests in a datagram")->check(CLI::Range(1, 1000));
  CLI11_PARSE(app, argc, argv);
  try {
    const auto start = std::chrono::steady_clock::now();
    const uint32_t links = Run(options);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    std::cout << nlohmann::json{{"links", links}, {"seconds", took.count()}}.dump() << '\n';
  } catch (const std::exception& error) {
    std::cerr << "link_sender: " << error.what() << '\n';
    return 1;
  }
}
