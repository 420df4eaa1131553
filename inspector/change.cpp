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

std::string failure_of(const asked_in_turn& x, const std::string& operation) {
  auto out = trouble_of(x.last);
  if (!unsure(x.last) && !std::ranges::any_of(x.before, unsure)) return out;
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
