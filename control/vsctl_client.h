// SPDX-License-Identifier: BSD-3-Clause
// vsctl's side of rtnl.sock.
#ifndef VSWITCH_CONTROL_VSCTL_CLIENT_H_
#define VSWITCH_CONTROL_VSCTL_CLIENT_H_

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "control/netlink.h"
#include "control/unique_fd.h"

namespace vswitch {

// The socket of the vswitch that serves `run_dir`.
std::string RtnlSocketPath(const std::string& run_dir);

// Blocking. Errors of Connect, and absl::StatusCode::kUnavailable from the others, mean that
// vswitch is not reachable; any other error is a refusal, in words such as "no such device (…)".
class SwitchClient {
 public:
  // Says Hello for the caller's network namespace and asks for extended acknowledgements.
  static absl::StatusOr<SwitchClient> Connect(const std::string& run_dir);

  // Sends one request (flags NLM_F_REQUEST | NLM_F_ACK) and returns what its acknowledgement says.
  absl::Status Change(const Datagram& request);
  // Sends one request and returns the JSON objects of the answer as one array.
  absl::StatusOr<nlohmann::ordered_json> Read(const Datagram& request);

 private:
  explicit SwitchClient(UniqueFd socket) : socket_(std::move(socket)) {}

  absl::Status Greet();
  absl::Status Send(const Datagram& datagram, int attached_fd = -1);
  // The next datagram, in buffer_.
  absl::StatusOr<Bytes> Receive();
  // OK, with *done set when `message` ends the answer; a refusal otherwise.
  absl::Status ReadMessage(const NlMessage& message, nlohmann::ordered_json& objects, bool* done);

  UniqueFd socket_;
  std::vector<uint8_t> buffer_ = std::vector<uint8_t>(256 * 1024);
};

}  // namespace vswitch

#endif  // VSWITCH_CONTROL_VSCTL_CLIENT_H_
