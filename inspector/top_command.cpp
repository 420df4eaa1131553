#include "inspector/top_command.hpp"

#include <algorithm>
#include <chrono>
#include <future>
#include <optional>

#include "inspector/node_verbs.hpp"
#include "inspector/output.hpp"
#include "inspector/top_view.hpp"

namespace tk::inspector {

namespace {

/// The first that tells all of it; otherwise what the last one said.
node_answer first_whole(const node_options& with, const std::string& path) {
  node_answer out;
  for (auto& node : with.nodes)
    if (settles(out = ask_node(with, node, path))) break;
  return out;
}

top_look::asked_node ask_both(const node_options& with, const std::string& node) {
  top_look::asked_node out;
  out.nodes = ask_node(with, node, "/operator/nodes");
  out.ledger = out.nodes; // Who does not answer once is not waited for twice.
  if (out.nodes.status != 0) out.ledger = ask_node(with, node, "/operator/ledger");
  return out;
}

/// All nodes at once: one that is silent keeps nobody waiting for the others.
/// `shown` are the events of the look before: they stay while nobody can tell what is hot.
top_look look(const top_options& x, const std::vector<node_answer>& shown) {
  using namespace std::chrono;
  constexpr size_t events_max = 2;
  top_look out;
  out.at_ms = duration_cast<milliseconds>(steady_clock::now().time_since_epoch()).count();
  std::vector<std::future<top_look::asked_node>> asked;
  for (auto& node : x.nodes.nodes)
    asked.push_back(
      std::async(std::launch::async, [&x, &node] { return ask_both(x.nodes, node); }));
  auto those = x.nodes;
  those.nodes.clear();
  for (auto& node : asked) {
    out.nodes.push_back(node.get());
    if (auto& y = out.nodes.back().nodes; y.ok()) those.nodes.push_back(y.node);
  }
  if (those.nodes.empty()) {
    out.brakes = out.hot = out.nodes.front().nodes;
    return out;
  }
  out.brakes = first_whole(those, "/operator/brakes");
  out.hot = first_whole(those, "/operator/hot");
  auto events =
    x.event.empty() ? hottest_events(out.hot, events_max) : std::vector<std::string>{x.event};
  if (events.empty() && !settles(out.hot))
    for (auto& event : shown) events.push_back(event.node);
  for (auto& event : events) {
    out.events.push_back(first_whole(those, "/operator/events/" + url_part(event)));
    out.events.back().node = event;
  }
  return out;
}

} // namespace

int watch_top(top_options options, const text_style& style) {
  if (auto wrong = prepare(options.nodes); !wrong.empty()) return refuse(wrong);
  const full_screen screen{style.colour};
  std::optional<top_look> before;
  for (;;) {
    auto now = look(options, before ? before->events : std::vector<node_answer>{});
    screen.show(top_text(now, before ? &*before : nullptr, full_screen::size(), style));
    auto told =
      std::ranges::count_if(now.nodes, [](auto& x) { return settles(x.nodes) && x.nodes.ok(); });
    auto all = static_cast<ptrdiff_t>(now.nodes.size());
    before = std::move(now);
    if (output_failed() || ends_within(options.every_s))
      return told == all ? well : told > 0 ? partial : failed;
  }
}

} // namespace tk::inspector
