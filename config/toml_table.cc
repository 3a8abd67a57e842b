// SPDX-License-Identifier: BSD-3-Clause
#include "config/toml_table.h"

#include "absl/strings/str_cat.h"

namespace vswitch {

const toml::node* TomlTable::Node(const std::string& key) {
  known_.insert(key);
  return ok() ? table_.get(key) : nullptr;
}

std::optional<std::string> TomlTable::String(const std::string& key) {
  const toml::node* node = Node(key);
  if (node == nullptr) return std::nullopt;
  std::optional<std::string> value = node->value_exact<std::string>();
  if (!value.has_value()) Fail(key, "must be a string");
  return value;
}

std::optional<uint32_t> TomlTable::Unsigned(const std::string& key, uint32_t min, uint32_t max) {
  const toml::node* node = Node(key);
  if (node == nullptr) return std::nullopt;
  const std::optional<int64_t> value = node->value_exact<int64_t>();
  if (!value.has_value() || *value < min || *value > max) {
    Fail(key, absl::StrCat("must be a whole number from ", min, " to ", max));
    return std::nullopt;
  }
  return static_cast<uint32_t>(*value);
}

std::optional<bool> TomlTable::Bool(const std::string& key) {
  const toml::node* node = Node(key);
  if (node == nullptr) return std::nullopt;
  const std::optional<bool> value = node->value_exact<bool>();
  if (!value.has_value()) Fail(key, "must be true or false");
  return value;
}

void TomlTable::Fail(const std::string& key, const std::string& what) {
  if (!ok()) return;
  const toml::node* node = table_.get(key);
  const uint32_t line = (node == nullptr ? table_.source() : node->source()).begin.line;
  status_ =
      absl::FailedPreconditionError(absl::StrCat(file_, ":", line, ": ", PathOf(key), ": ", what));
}

absl::Status TomlTable::Finish() {
  for (const auto& [key, node] : table_) {
    if (!known_.contains(std::string(key.str()))) {
      Fail(std::string(key.str()), "there is no such key");
    }
  }
  return status_;
}

std::map<std::string, int> TomlTable::KeyLines() const {
  std::map<std::string, int> lines;
  for (const auto& [key, node] : table_) {
    lines[std::string(key.str())] = static_cast<int>(key.source().begin.line);
  }
  return lines;
}

std::string TomlTable::PathOf(const std::string& key) const {
  return path_.empty() ? key : absl::StrCat(path_, ".", key);
}

}  // namespace vswitch
