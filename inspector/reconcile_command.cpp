#include "inspector/reconcile_command.hpp"

#include <chrono>

#include "inspector/change.hpp"
#include "inspector/node_command.hpp"
#include "inspector/output.hpp"
#include "inspector/reconcile_order.hpp"

namespace tk::inspector {

namespace {

using json = nlohmann::ordered_json;
using state = reconciliation_seen::state;
using std::chrono::steady_clock;

constexpr std::chrono::milliseconds between_looks{500};

reconciliation_seen look(const reconcile_options& x, const std::string& id) {
  auto answer = ask_first(x.nodes, "/operator/reconciliations", go_on::when_unsure).last;
  return answer.ok() ? reconciliation_of(json::parse(answer.body, nullptr, false), id)
                     : reconciliation_seen{};
}

/// Looks until it has ended, the time is up, or a signal comes.
reconciliation_seen follow(const reconcile_options& x, const std::string& id) {
  auto until = steady_clock::now() + std::chrono::seconds{x.wait_s};
  for (;;) {
    auto now = look(x, id);
    bool over = now.is == state::ended || now.is == state::gone;
    if (over || output_failed() || steady_clock::now() >= until || ends_within(between_looks))
      return now;
  }
}

} // namespace

int reconcile(reconcile_options options, const text_style& style) {
  if (auto wrong = prepare(options.nodes); !wrong.empty()) return refuse(wrong);
  if (options.operation.empty()) options.operation = fresh_uuid();
  auto body = json{{"operationId", options.operation}}.dump();
  auto answer = ask_for(options.nodes, {"/operator/reconcile", body, "", options.operation});
  if (!answer) return failed;
  auto& told = *answer;
  auto id = told.value("id", "");
  if (!options.json) {
    auto head = told.value("message", "");
    say(style.colour ? "\x1b[1m" + head + "\x1b[0m\n" : head + '\n');
  }
  bool waits = options.wait_s > 0;
  reconciliation_seen end;
  end.is = state::under_way;
  if (waits) end = follow(options, id);
  if (options.json) {
    told["ended"] = end.is == state::ended;
    told["result"] = end.is == state::ended ? end.result : json();
    told["cases_open"] = end.is == state::not_told ? json() : json(end.cases_open);
    if (!waits) told["cases_open"] = json();
    say(told.dump(-1, ' ', false, json::error_handler_t::replace) + '\n');
  } else {
    say(reconciliation_text(end));
  }
  return !waits || (end.is == state::ended && end.cases_open == 0) ? well : partial;
}

} // namespace tk::inspector
