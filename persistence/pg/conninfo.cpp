#include "persistence/pg/conninfo.hpp"

#include <algorithm>
#include <memory>
#include <string_view>
#include <utility>

#include <libpq-fe.h>

namespace tk::pg {

namespace {

using options_ptr = std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)>;

/// Null when it is not set; set to nothing is another thing.
const char* value_of(const options_ptr& from, std::string_view key) {
  for (auto* x = from.get(); x != nullptr && x->keyword != nullptr; ++x)
    if (x->keyword == key) return x->val;
  return nullptr;
}

std::vector<std::string> split(std::string_view list) {
  std::vector<std::string> out;
  while (!list.empty()) {
    auto comma = list.find(',');
    out.emplace_back(list.substr(0, comma));
    if (comma == std::string_view::npos) break;
    list.remove_prefix(comma + 1);
    if (list.empty()) out.emplace_back(); // After the last comma.
  }
  return out;
}

} // namespace

tl::expected<destination, std::string> read_conninfo(const std::string& conninfo) {
  char* wrong = nullptr;
  const options_ptr said{PQconninfoParse(conninfo.c_str(), &wrong), &PQconninfoFree};
  const std::unique_ptr<char, decltype(&PQfreemem)> freed{wrong, &PQfreemem};
  // Its text may quote a part of the string, with a password in it.
  if (!said) return tl::unexpected(std::string{"libpq cannot read it"});
  const options_ptr usual{PQconndefaults(), &PQconninfoFree};
  if (!usual)
    return tl::unexpected(std::string{"libpq has no defaults: its service file is wrong"});
  auto get = [&](std::string_view key) -> std::string {
    const char* own = value_of(said, key);
    const char* x = own != nullptr ? own : value_of(usual, key);
    return x == nullptr ? std::string{} : x;
  };
  destination out;
  out.hosts = split(get("host"));
  out.addresses = split(get("hostaddr"));
  out.sslmode = get("sslmode");
  out.service = get("service");
  return out;
}

} // namespace tk::pg
