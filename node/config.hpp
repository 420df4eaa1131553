#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "actors/base/time.hpp"
#include "supervisors/node_context.hpp"

namespace tk {

/// What kind of value an option takes.
enum class option_kind : uint8_t { text, number, flag, secret, password };

/// One option of `tiketi-node`. Its name in the environment; in a configuration file the same in
/// lower case with dashes.
struct option_spec {
  std::string_view name;
  option_kind kind = option_kind::text;
  std::string_view fallback; ///< "" and `required`: the start is refused without it.
  bool required = false;
  int64_t min = 0, max = INT64_MAX; ///< Of numbers; of secrets, the length in bytes.
  std::string_view meaning;
};

/// Every option there is; anything else in a file or (TIKETI_*, RATE_LIMIT_*) in the environment is
/// refused.
std::span<const option_spec> all_options();

/// A value with where it came from: "default", "file:line" of the profile, "environment".
struct option_value {
  std::string text;
  std::string origin;
};

/// The effective configuration. Getters are for names of `all_options` and abort on others.
class node_config {
public:
  [[nodiscard]] const std::string& text(std::string_view name) const;
  [[nodiscard]] int64_t number(std::string_view name) const;
  [[nodiscard]] bool flag(std::string_view name) const;
  [[nodiscard]] std::vector<std::string> list(std::string_view name) const;
  /// A signing secret: base64, else the raw bytes (C34).
  [[nodiscard]] std::string secret(std::string_view name) const;
  /// One line per option: name, value (secrets masked), origin.
  [[nodiscard]] std::string describe() const;

  std::map<std::string, option_value, std::less<>> values;
};

/// Takes a name to its value, like the environment; nullptr when it is not set.
struct environment {
  virtual ~environment() = default;
  [[nodiscard]] virtual const char* get(std::string_view name) const = 0;
  [[nodiscard]] virtual std::vector<std::string> names() const = 0;
};

/// Defaults, then the profile's file, then the environment. The error is one line that names the
/// option and the remedy.
tl::expected<node_config, std::string> load_config(const environment& env,
                                                   const std::string& config_dir);

/// base64 (standard alphabet, padded) or, when it is not that, the bytes themselves.
std::string decode_secret(std::string_view text);

} // namespace tk
