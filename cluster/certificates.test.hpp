#pragma once

#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>

#include "cluster/tls.hpp"

namespace tk::cluster::test {

/// A throw-away authority and certificates of it, made by the script that operators use.
class authority {
public:
  authority() {
    std::string name = (std::filesystem::temp_directory_path() / "tiketi-tls.XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
    dir_ = name;
  }
  authority(const authority&) = delete;
  authority& operator=(const authority&) = delete;
  ~authority() {
    std::error_code ignored;
    std::filesystem::remove_all(dir_, ignored);
  }

  /// For `host`; `how` are assignments before the command, as a shell takes them.
  [[nodiscard]] tls_files make(const std::string& host, const std::string& how = {}) const {
    auto command = how + " " + TIKETI_CERTIFICATES + " " + dir_ + " " + host;
    if (std::system(command.c_str()) != 0) // NOLINT(concurrency-mt-unsafe): before any thread.
      throw std::runtime_error("certificates could not be made: " + command);
    return {dir_ + "/" + host + ".pem", dir_ + "/" + host + "-key.pem", dir_ + "/authority.pem"};
  }

private:
  std::string dir_;
};

inline tls_context load(const tls_files& x) {
  auto out = tls_context::load(x);
  if (!out) throw std::runtime_error(out.error());
  return *out;
}

} // namespace tk::cluster::test
