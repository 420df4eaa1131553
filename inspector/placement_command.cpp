#include "inspector/placement_command.hpp"

#include <algorithm>
#include <chrono>

#include "inspector/change.hpp"
#include "inspector/node_command.hpp"
#include "inspector/output.hpp"

namespace tk::inspector {

namespace {

using json = nlohmann::ordered_json;
using state = placement_progress::state;
using std::chrono::steady_clock;

constexpr std::chrono::milliseconds between_looks{300};

std::string shards_text(int64_t n) {
  return std::to_string(n) + (n == 1 ? " shard is" : " shards are");
}

std::string line_of(const placement_progress& x) {
  switch (x.is) {
  case state::under_way: return shards_text(x.left) + " still to be given";
  case state::reached: return "done";
  case state::gone: return "somebody has taken it back, or wished something else";
  case state::not_told: break;
  }
  return "it is not known how far it has come: no node tells what is on record";
}

placement_progress look(const placement_options& x, int64_t shard) {
  auto answer = ask_first(x.nodes, "/operator/placement", go_on::when_unsure).last;
  return answer.ok() ? progress_of(json::parse(answer.body, nullptr, false), x.order, shard)
                     : placement_progress{};
}

/// Looks until it has come true, the time is up, or a signal comes. People are told what changes.
placement_progress follow(const placement_options& x, int64_t shard) {
  auto until = steady_clock::now() + std::chrono::seconds{x.wait_s};
  std::string said;
  for (;;) {
    auto now = look(x, shard);
    if (auto line = line_of(now); !x.json && line != said) say((said = line) + '\n');
    bool over = now.is == state::reached || now.is == state::gone;
    if (over || output_failed() || steady_clock::now() >= until || ends_within(between_looks))
      return now;
  }
}

} // namespace

int steer_placement(placement_options options, const text_style& style) {
  auto& order = options.order;
  if (auto wrong = prepare(options.nodes); !wrong.empty()) return refuse(wrong);
  std::ranges::transform(
    order.node, order.node.begin(), // As the rows write it.
    [](char c) { return c >= 'A' && c <= 'F' ? static_cast<char>(c + 32) : c; });
  if (order.operation.empty()) order.operation = fresh_uuid();
  if (takes_back(order)) order.seen = seen_at(options.nodes, "/operator/placement");
  auto answer =
    ask_for(options.nodes, {placement_path(order), placement_request(order), "", order.operation});
  if (!answer) return failed;
  auto& told = *answer;
  auto changed = told.value("changed", false);
  auto shard = told.value("shard", json{});
  auto about = shard.is_number() ? "shard " + shard.dump() + ": " : std::string{};
  auto words = told.value("message", "");
  if (!options.json) {
    auto head = (changed ? "noted: " : "nothing to change: ") + about + words;
    say(style.colour ? "\x1b[1m" + head + "\x1b[0m\n" : head + '\n');
  }
  placement_progress end{state::reached, 0};
  bool waits = takes_time(order) && options.wait_s > 0;
  if (waits) end = follow(options, shard.is_number() ? shard.get<int64_t>() : 0);
  if (waits && end.is == state::under_way && !options.json)
    say("it goes on by itself; tiketi-inspect wishes tells how far it has come\n");
  if (options.json) {
    told["operation"] = order.operation;
    told["done"] = takes_time(order) && !waits ? json() : json(end.is == state::reached);
    told["left"] = end.is == state::under_way ? json(end.left) : json();
    say(told.dump(-1, ' ', false, json::error_handler_t::replace) + '\n');
  }
  return end.is == state::reached ? well : partial;
}

} // namespace tk::inspector
