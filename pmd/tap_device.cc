// SPDX-License-Identifier: BSD-3-Clause
#include "pmd/tap_device.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <thread>

#include "absl/strings/str_cat.h"
#include "dataplane/errno_status.h"
#include "pmd/virtio.h"

namespace vswitch {
namespace {

ifreq RequestFor(const std::string& name) {
  ifreq request{};
  std::memcpy(request.ifr_name, name.data(), name.size());
  return request;
}

absl::Status Fail(int error, const std::string& what) {
  return ErrnoStatus(error, absl::StrCat(what, ": ", std::strerror(error)));
}

absl::Status AttachFailure(int error, const std::string& name) {
  switch (error) {
    case EBUSY:
      return ErrnoStatus(EBUSY, absl::StrCat("tap ", name, " is in use by another process"));
    case EINVAL:
      return ErrnoStatus(EINVAL, absl::StrCat(name, " is not a name for a tap, or belongs to an ",
                                              "interface of another kind"));
    case EPERM:
      return ErrnoStatus(EPERM, absl::StrCat("creating tap ", name, " needs CAP_NET_ADMIN"));
    default:
      return Fail(error, absl::StrCat("cannot create tap ", name));
  }
}

absl::Status ChangeMtu(int control, const std::string& name, uint32_t mtu) {
  ifreq request = RequestFor(name);
  request.ifr_mtu = static_cast<int>(mtu);
  if (ioctl(control, SIOCSIFMTU, &request) == 0) return absl::OkStatus();
  return Fail(errno, absl::StrCat("cannot set the mtu of tap ", name, " to ", mtu));
}

absl::Status BringUp(int control, const std::string& name) {
  ifreq request = RequestFor(name);
  if (ioctl(control, SIOCGIFFLAGS, &request) == 0) {
    request.ifr_flags |= IFF_UP;
    if (ioctl(control, SIOCSIFFLAGS, &request) == 0) return absl::OkStatus();
  }
  return Fail(errno, absl::StrCat("cannot bring up tap ", name));
}

int ControlSocket() { return socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0); }

uint64_t InodeOf(int fd) {
  struct stat info;
  return fstat(fd, &info) == 0 ? info.st_ino : 0;
}

// A control socket in the namespace that `ns` stands for; -1 with errno. Another one is entered by
// a thread that ends there: none of ours can get stuck in it.
int ControlSocketIn(int ns) {
  const int own = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
  const bool here = own >= 0 && InodeOf(own) == InodeOf(ns);
  if (own >= 0) close(own);
  if (here) return ControlSocket();
  int control = -1, error = 0;
  std::thread([&] {
    if (setns(ns, CLONE_NEWNET) == 0) control = ControlSocket();
    error = errno;
  }).join();
  errno = error;
  return control;
}

absl::Status Configure(const std::string& name, uint32_t mtu) {
  const int control = ControlSocket();
  if (control < 0) return Fail(errno, "cannot open a socket to configure a tap");
  absl::Status status = ChangeMtu(control, name, mtu);
  if (status.ok()) status = BringUp(control, name);
  close(control);
  return status;
}

absl::Status SetOffloads(int fd) {
  int header_size = sizeof(VnetHeader);
  if (ioctl(fd, TUNSETVNETHDRSZ, &header_size) < 0) {
    return Fail(errno, "cannot set the header size of a tap");
  }
  // No TUN_F_TSO_ECN: Packet does not carry it, so the kernel segments such frames itself.
  if (ioctl(fd, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6) < 0) {
    return Fail(errno, "cannot set the offloads of a tap");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<TapDevice> TapDevice::Open(const std::string& name, uint32_t mtu) {
  const std::string wanted = name.empty() ? "tap%d" : name;
  if (wanted.size() >= IFNAMSIZ) {
    return ErrnoStatus(EINVAL, absl::StrCat("interface name ", wanted, " is longer than ",
                                            IFNAMSIZ - 1, " bytes"));
  }
  const int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) return Fail(errno, "cannot open /dev/net/tun");
  TapDevice device(fd);
  ifreq request = RequestFor(wanted);
  request.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
  if (ioctl(fd, TUNSETIFF, &request) < 0) return AttachFailure(errno, wanted);
  absl::Status status = SetOffloads(fd);
  if (status.ok()) status = Configure(request.ifr_name, mtu);
  if (!status.ok()) return status;
  return device;
}

TapDevice::~TapDevice() {
  if (fd_ >= 0) close(fd_);
}

absl::Status TapDevice::SetMtu(uint32_t mtu) const {
  const std::string name = Name();
  if (name.empty()) return absl::OkStatus();
  const int ns = ioctl(fd_, TUNGETDEVNETNS);
  if (ns < 0) return Fail(errno, absl::StrCat("cannot find the namespace of tap ", name));
  const int control = ControlSocketIn(ns);
  const absl::Status status =
      control < 0 ? Fail(errno, absl::StrCat("cannot enter the namespace of tap ", name))
                  : ChangeMtu(control, name, mtu);
  if (control >= 0) close(control);
  close(ns);
  return status;
}

std::string TapDevice::Name() const {
  ifreq request{};
  return ioctl(fd_, TUNGETIFF, &request) == 0 ? request.ifr_name : "";
}

}  // namespace vswitch
