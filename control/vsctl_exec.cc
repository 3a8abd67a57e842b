// SPDX-License-Identifier: BSD-3-Clause
#include "control/vsctl_exec.h"

#include <elf.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace vswitch {
namespace {

constexpr char kLibrary[] = "libvswitch-ip.so";

// Next to this program (a build directory), else where `meson install` puts it.
absl::StatusOr<std::string> FindLibrary() {
  std::error_code error;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
  for (const std::filesystem::path& directory :
       {self.parent_path(), std::filesystem::path(VSWITCH_LIBDIR)}) {
    const std::string path = directory / kLibrary;
    if (access(path.c_str(), R_OK) != 0) continue;
    // The dynamic linker splits LD_PRELOAD at both.
    if (path.find_first_of(" :") == std::string::npos) return path;
    return absl::FailedPreconditionError(
        absl::StrCat(path, ": cannot be preloaded from a path with a space or a colon"));
  }
  return absl::NotFoundError(
      absl::StrCat(kLibrary, " is neither next to vsctl nor in ", VSWITCH_LIBDIR));
}

bool IsProgram(const std::string& path) {
  struct stat info;
  return stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode) && access(path.c_str(), X_OK) == 0;
}

absl::StatusOr<std::string> FindProgram(const std::string& name) {
  if (name.find('/') != std::string::npos) return name;
  const char* path = getenv("PATH");
  const std::string places =
      absl::StrCat(path == nullptr ? "/usr/bin:/bin" : path, ":/usr/local/sbin:/usr/sbin:/sbin");
  for (const std::string& place : std::vector<std::string>(absl::StrSplit(places, ':'))) {
    const std::string candidate = absl::StrCat(place.empty() ? "." : place, "/", name);
    if (IsProgram(candidate)) return candidate;
  }
  return absl::NotFoundError(absl::StrCat(name, ": command not found"));
}

// True for an ELF file that no dynamic linker loads: nothing can be preloaded into it, and it would
// change the host's links instead of vswitch's.
bool IsStatic(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  Elf64_Ehdr header{};
  file.read(reinterpret_cast<char*>(&header), sizeof(header));
  if (!file || memcmp(header.e_ident, ELFMAG, SELFMAG) != 0) return false;
  file.seekg(static_cast<std::streamoff>(header.e_phoff));
  for (int i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr segment{};
    file.read(reinterpret_cast<char*>(&segment), sizeof(segment));
    if (!file) return false;
    if (segment.p_type == PT_INTERP) return false;
  }
  return true;
}

// The same for a program that the dynamic linker runs in secure mode, without foreign libraries.
bool IsSetuid(const std::string& path) {
  struct stat info;
  return geteuid() != 0 && stat(path.c_str(), &info) == 0 &&
         (info.st_mode & (S_ISUID | S_ISGID)) != 0;
}

void SetEnvironment(const std::string& run_dir, const std::string& library) {
  const char* old = getenv("LD_PRELOAD");
  const bool have_old = old != nullptr && *old != '\0';
  if (!have_old || strstr(old, library.c_str()) == nullptr) {
    setenv("LD_PRELOAD", (have_old ? absl::StrCat(library, ":", old) : library).c_str(), 1);
  }
  std::error_code error;
  const std::string absolute = std::filesystem::absolute(run_dir, error);
  setenv("VSWITCH_RUN_DIR", error ? run_dir.c_str() : absolute.c_str(), 1);
}

}  // namespace

absl::Status ExecWithShim(const std::string& run_dir, const std::vector<std::string>& argv) {
  const absl::StatusOr<std::string> library = FindLibrary();
  if (!library.ok()) return library.status();
  const absl::StatusOr<std::string> program = FindProgram(argv[0]);
  if (!program.ok()) return program.status();
  if (IsStatic(*program) || IsSetuid(*program)) {
    return absl::FailedPreconditionError(
        absl::StrCat(*program, ": statically linked or setuid: cannot be run against vswitch"));
  }
  SetEnvironment(run_dir, *library);
  std::vector<char*> arguments;
  for (const std::string& argument : argv) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  execv(program->c_str(), arguments.data());
  return absl::NotFoundError(absl::StrCat(*program, ": ", strerror(errno)));
}

}  // namespace vswitch
