#include "node/environment.hpp"

namespace tk {

process_environment::process_environment(char** variables) {
  for (; *variables; ++variables) {
    std::string_view line{*variables};
    auto equals = line.find('=');
    if (equals != std::string_view::npos)
      values_.emplace(line.substr(0, equals), line.substr(equals + 1));
  }
}

const char* process_environment::get(std::string_view name) const {
  auto i = values_.find(name);
  return i == values_.end() ? nullptr : i->second.c_str();
}

std::vector<std::string> process_environment::names() const {
  std::vector<std::string> out;
  out.reserve(values_.size());
  for (auto& [name, value] : values_) out.push_back(name);
  return out;
}

} // namespace tk
