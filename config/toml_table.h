// SPDX-License-Identifier: BSD-3-Clause
// Reads one table of a config file key by key and remembers the first thing that is wrong with it.
#ifndef VSWITCH_CONFIG_TOML_TABLE_H_
#define VSWITCH_CONFIG_TOML_TABLE_H_

#include <toml++/toml.h>

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "absl/status/status.h"

namespace vswitch {

// Errors are FailedPrecondition, "FILE:LINE: PATH.KEY: …". Getters give nothing for a key that is
// absent or wrong, and do not look further once there is an error.
class TomlTable {
 public:
  // `path` names the table in errors, e.g. "link[0]"; `table` outlives the reader.
  TomlTable(std::string file, std::string path, const toml::table& table)
      : file_(std::move(file)), path_(std::move(path)), table_(table) {}

  std::optional<std::string> String(const std::string& key);
  std::optional<uint32_t> Unsigned(const std::string& key, uint32_t min, uint32_t max);
  std::optional<bool> Bool(const std::string& key);
  // Null when absent. The caller checks the type.
  const toml::node* Node(const std::string& key);

  // Sets the error unless there is one already. Without such a key the line is the table's.
  void Fail(const std::string& key, const std::string& what);
  // Takes over the error of a table inside this one.
  void Adopt(const absl::Status& status) { status_.Update(status); }

  // The first error, else one for the first key that nobody asked for.
  absl::Status Finish();

  bool ok() const { return status_.ok(); }
  int line() const { return static_cast<int>(table_.source().begin.line); }
  std::map<std::string, int> KeyLines() const;
  std::string PathOf(const std::string& key) const;
  const std::string& file() const { return file_; }

 private:
  const std::string file_, path_;
  const toml::table& table_;
  std::set<std::string> known_;
  absl::Status status_;
};

}  // namespace vswitch

#endif  // VSWITCH_CONFIG_TOML_TABLE_H_
