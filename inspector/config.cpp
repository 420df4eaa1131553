#include "inspector/config.hpp"

#include <unistd.h>

#include <cstdlib>
#include <string>
#include <string_view>

namespace tk::inspector {

namespace {

std::string_view variable(const char* name) {
  auto* value = std::getenv(name);
  return value == nullptr ? std::string_view{} : std::string_view{value};
}

} // namespace

bool wants_colour() {
  return isatty(STDOUT_FILENO) == 1 && variable("NO_COLOR").empty() && variable("TERM") != "dumb";
}

node_environment environment_of_nodes() {
  return {std::string{variable("INSPECT_NODES")}, std::string{variable("INSPECT_TOKEN_FILE")},
          std::string{variable("INSPECT_TOKEN")}};
}

} // namespace tk::inspector
