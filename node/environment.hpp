#pragma once

#include "node/config.hpp"

namespace tk {

/// The process's environment, read once at the start.
class process_environment final : public environment {
public:
  explicit process_environment(char** variables);
  [[nodiscard]] const char* get(std::string_view name) const override;
  [[nodiscard]] std::vector<std::string> names() const override;

private:
  std::map<std::string, std::string, std::less<>> values_;
};

} // namespace tk
