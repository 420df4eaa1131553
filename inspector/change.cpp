#include "inspector/change.hpp"

#include <algorithm>

#include "inspector/node_verbs.hpp"
#include "inspector/output.hpp"

namespace tk::inspector {

namespace {

/// It may have been done. What was refused by its words or by the role of the token was not.
bool unsure(const node_answer& x) {
  constexpr int server_error = 500;
  return x.status == 0 || x.status >= server_error;
}

} // namespace

std::string time_of(const nlohmann::ordered_json& told) {
  auto text = [](const nlohmann::ordered_json& x, const char* name) {
    auto i = x.find(name);
    return i != x.end() && i->is_string() ? i->get<std::string>() : std::string{};
  };
  if (!told.is_object()) return {};
  if (auto own = text(told, "asOf"); !own.empty()) return own;
  auto parts = told.find("parts");
  if (parts == told.end() || !parts->is_array()) return {};
  for (auto& part : *parts)
    if (part.is_object() && text(part, "from") == "rows") return text(part, "as_of");
  return {};
}

std::string seen_at(const node_options& nodes, const std::string& path) {
  auto asked = ask_first(nodes, path, go_on::when_unsure);
  if (!asked.last.ok()) return {};
  return time_of(nlohmann::ordered_json::parse(asked.last.body, nullptr, false));
}

std::string failure_of(const asked_in_turn& x, const std::string& operation) {
  auto out = trouble_of(x.last);
  auto may_have = [](const node_answer& y) { return !y.not_sent && unsure(y); };
  if (!unsure(x.last) && !std::ranges::any_of(x.before, may_have)) return out;
  return out + (operation.empty() ? "; to say it again does no harm"
                                  : "; to try again safely say --operation " + operation);
}

std::optional<nlohmann::ordered_json> ask_for(const node_options& nodes, const wished_change& x) {
  auto when = x.operation.empty() ? go_on::when_not_sent : go_on::when_unsure;
  auto asked = ask_first(nodes, x.path, when, x.body, x.method);
  for (auto& silent : asked.before)
    if (!silent.not_sent)
      warn(trouble_of(silent) + "; the next node was asked the same, as operation " + x.operation);
  if (!asked.last.ok()) {
    warn(failure_of(asked, x.operation));
    return std::nullopt;
  }
  auto told = nlohmann::ordered_json::parse(asked.last.body, nullptr, false);
  if (told.is_object()) return told;
  warn(asked.last.node + ": it is no node that answered");
  return std::nullopt;
}

} // namespace tk::inspector
