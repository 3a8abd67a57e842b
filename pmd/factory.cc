// SPDX-License-Identifier: BSD-3-Clause
#include "pmd/factory.h"

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "dataplane/errno_status.h"
#include "pmd/ethdev_backend.h"
#include "pmd/mac_rewrite.h"
#include "pmd/ring_backend.h"
#include "pmd/tap_backend.h"
#include "pmd/vhost_backend.h"

namespace vswitch {

absl::StatusOr<BackendType> ParseBackendType(const std::string& name) {
  if (name == "vhost") return BackendType::kVhost;
  if (name == "tap") return BackendType::kTap;
  if (name == "ring") return BackendType::kRing;
  if (name == "ethdev") return BackendType::kEthdev;
  return ErrnoStatus(
      EINVAL, absl::StrCat("unknown backend \"", name, "\": it is vhost, tap, ring or ethdev"));
}

namespace {

absl::StatusOr<std::unique_ptr<Backend>> Create(const BackendSpec& spec, const std::string& device,
                                                uint32_t mtu, const BackendEnv& env) {
  switch (spec.type) {
    case BackendType::kVhost:
      return VhostBackend::Create(spec, device, env);
    case BackendType::kTap:
      return TapBackend::Create(spec, mtu, env);
    case BackendType::kRing:
      return RingBackend::Create(spec, device, env);
    case BackendType::kEthdev:
      return EthdevBackend::Create(spec, mtu, env);
  }
  return ErrnoStatus(EINVAL, "unknown backend type");
}

}  // namespace

absl::StatusOr<std::unique_ptr<Backend>> CreateBackend(const BackendSpec& spec,
                                                       const std::string& device, uint32_t mtu,
                                                       const BackendEnv& env) {
  absl::StatusOr<std::unique_ptr<Backend>> backend = Create(spec, device, mtu, env);
  if (!backend.ok() || !spec.rewrite_mac) return backend;
  return std::make_unique<MacRewrite>(*std::move(backend), env.pool);
}

}  // namespace vswitch
