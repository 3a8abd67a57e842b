// SPDX-License-Identifier: BSD-3-Clause
#include "control/vsctl_client.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "control/protocol.h"

namespace vswitch {
namespace {

absl::Status Unreachable(int error) { return absl::UnavailableError(strerror(error)); }

// "Device or resource busy (device already has a backend)".
absl::Status Refusal(int error, const std::string& sentence) {
  std::string text = strerror(error);
  if (!sentence.empty()) absl::StrAppend(&text, " (", sentence, ")");
  return absl::FailedPreconditionError(text);
}

// The sentence among the attributes that follow the first `skip` bytes of a payload.
std::string Sentence(const NlMessage& message, size_t skip) {
  const Bytes payload = message.payload();
  if ((message.header.nlmsg_flags & NLM_F_ACK_TLVS) == 0 || payload.size() < skip) return "";
  for (const NlAttr& attr : ListAttributes(payload.subspan(skip), 0)) {
    if (attr.type != NLMSGERR_ATTR_MSG) continue;
    const std::string text(attr.value.begin(), attr.value.end());
    return text.c_str();
  }
  return "";
}

// What an NLMSG_ERROR says.
absl::Status Verdict(const NlMessage& message) {
  const auto error = ReadStruct<nlmsgerr>(message.payload());
  if (error.error == 0) return absl::OkStatus();
  const bool capped = (message.header.nlmsg_flags & NLM_F_CAPPED) != 0;
  const size_t quoted = capped ? sizeof(nlmsghdr) : NLMSG_ALIGN(error.msg.nlmsg_len);
  return Refusal(-error.error, Sentence(message, sizeof(error.error) + quoted));
}

absl::Status DumpVerdict(const NlMessage& message) {
  const auto error = ReadStruct<int32_t>(message.payload());
  if (error == 0) return absl::OkStatus();
  return Refusal(-error, Sentence(message, sizeof(error)));
}

template <typename T>
Datagram ControlMessage(uint16_t type, const T& payload) {
  Datagram datagram;
  NlWriter writer(datagram);
  writer.Begin(type, 0, 0, 0);
  writer.PutStruct(payload);
  writer.End();
  return datagram;
}

absl::StatusOr<sockaddr_un> ServerAddress(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) return Unreachable(ENAMETOOLONG);
  memcpy(address.sun_path, path.data(), path.size());
  return address;
}

}  // namespace

std::string RtnlSocketPath(const std::string& run_dir) { return run_dir + "/rtnl.sock"; }

absl::StatusOr<SwitchClient> SwitchClient::Connect(const std::string& run_dir) {
  const absl::StatusOr<sockaddr_un> address = ServerAddress(RtnlSocketPath(run_dir));
  if (!address.ok()) return address.status();
  UniqueFd fd(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof(*address)) != 0) {
    return Unreachable(errno);
  }
  SwitchClient client(std::move(fd));
  if (absl::Status status = client.Greet(); !status.ok()) return status;
  return client;
}

absl::Status SwitchClient::Greet() {
  const UniqueFd netns(open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
  if (!netns.valid()) return Unreachable(errno);
  HelloRequest hello;
  hello.port_id = static_cast<uint32_t>(getpid());
  absl::Status status = Send(ControlMessage(kMsgHello, hello), netns.get());
  if (!status.ok()) return status;
  status = Send(ControlMessage(kMsgOption, OptionRequest{SocketOption::kExtAck, 1}));
  if (!status.ok()) return status;
  // Only an answer tells a server that serves from one that is full or stuck on its way down.
  Datagram nothing;
  NlWriter writer(nothing);
  writer.Begin(NLMSG_NOOP, NLM_F_REQUEST | NLM_F_ACK, 0, 0);
  writer.End();
  return Change(nothing);
}

absl::Status SwitchClient::Send(const Datagram& datagram, int attached_fd) {
  iovec iov{const_cast<uint8_t*>(datagram.data()), datagram.size()};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &iov;
  message.msg_iovlen = 1;
  if (attached_fd >= 0) {
    message.msg_control = control;
    message.msg_controllen = sizeof(control);
    cmsghdr* rights = CMSG_FIRSTHDR(&message);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(rights), &attached_fd, sizeof(int));
  }
  if (sendmsg(socket_.get(), &message, MSG_NOSIGNAL) < 0) return Unreachable(errno);
  return absl::OkStatus();
}

absl::StatusOr<Bytes> SwitchClient::Receive() {
  const ssize_t length = recv(socket_.get(), buffer_.data(), buffer_.size(), 0);
  if (length < 0) return Unreachable(errno);
  if (length == 0) return absl::UnavailableError("it hung up");
  return Bytes(buffer_.data(), static_cast<size_t>(length));
}

absl::Status SwitchClient::ReadMessage(const NlMessage& message, nlohmann::ordered_json& objects,
                                       bool* done) {
  *done = message.header.nlmsg_type == NLMSG_ERROR || message.header.nlmsg_type == NLMSG_DONE;
  if (*done) {
    return message.header.nlmsg_type == NLMSG_ERROR ? Verdict(message) : DumpVerdict(message);
  }
  std::string text;
  for (const NlAttr& attr : ListAttributes(message.payload(), 0)) {
    if (attr.type == kAttrJson) text.append(attr.value.begin(), attr.value.end());
  }
  nlohmann::ordered_json object =
      nlohmann::ordered_json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (object.is_discarded()) return absl::UnavailableError("it answered in an unknown language");
  objects.push_back(std::move(object));
  return absl::OkStatus();
}

absl::StatusOr<nlohmann::ordered_json> SwitchClient::Read(const Datagram& request) {
  if (absl::Status status = Send(request); !status.ok()) return status;
  nlohmann::ordered_json objects = nlohmann::ordered_json::array();
  for (bool done = false; !done;) {
    const absl::StatusOr<Bytes> datagram = Receive();
    if (!datagram.ok()) return datagram.status();
    NlReader reader(*datagram);
    while (const std::optional<NlMessage> message = done ? std::nullopt : reader.Next()) {
      if (absl::Status status = ReadMessage(*message, objects, &done); !status.ok()) return status;
    }
  }
  return objects;
}

absl::Status SwitchClient::Change(const Datagram& request) { return Read(request).status(); }

}  // namespace vswitch
