#include "inspector/loss_command.hpp"

#include <algorithm>

#include "inspector/change.hpp"
#include "inspector/loss_order.hpp"
#include "inspector/node_command.hpp"
#include "inspector/node_verbs.hpp"
#include "inspector/output.hpp"
#include "inspector/told_view.hpp"

namespace tk::inspector {

namespace {

using json = nlohmann::ordered_json;

std::vector<node_answer> ask_all(const loss_options& x) {
  std::vector<node_answer> out;
  out.reserve(x.nodes.nodes.size());
  for (auto& node : x.nodes.nodes) out.push_back(ask_node(x.nodes, node, losses_path));
  return out;
}

std::vector<loss_seen> seen_by(const std::vector<node_answer>& answers) {
  std::vector<loss_seen> out;
  out.reserve(answers.size());
  for (auto& x : answers) out.push_back(loss_of(x));
  return out;
}

int look(const std::vector<node_answer>& answers, const loss_options& x, const text_style& style) {
  auto found = merged(answers);
  auto told = found.told;
  told["refusals"] = found.refusals;
  say(x.json ? told.dump(-1, ' ', false, json::error_handler_t::replace) + '\n'
             : told_text(found.told, style));
  for (auto& line : found.refusals) warn(line);
  auto all = seen_by(answers);
  if (!x.json)
    for (size_t i = 0; i < all.size(); ++i)
      if (!all[i].key.empty())
        say("to go on without it: tiketi-inspect accept-loss " + all[i].key +
            " --reason TEXT --node " + answers[i].node + '\n');
  bool any = std::ranges::any_of(all, &loss_seen::suspected);
  return any ? std::max<int>(found.code, partial) : found.code;
}

/// Says it to the node whose loss it names or, when none misses anything, to any: whether who asks
/// may is for a node to say.
int accept_at(const loss_options& x, const std::string& loser, const text_style& style) {
  auto to = x.nodes;
  bool any = loser.empty();
  if (!any) to.nodes = {loser};
  auto answer =
    ask_for(to, {accept_path, loss_request(x.key, x.reason, x.operation), "", x.operation});
  if (!answer) return failed;
  auto& told = *answer;
  if (x.json) {
    if (!any) told["node"] = loser;
    told["operation"] = x.operation;
    say(told.dump(-1, ' ', false, json::error_handler_t::replace) + '\n');
  } else {
    auto words = value_text("", told.value("message", json{}));
    bool changed = told.value("changed", json{}) == true;
    if (!any) words = loser + ": " + words;
    else if (!changed) words = "nothing to change: no node misses anything";
    say((style.colour ? "\x1b[1m" + words + "\x1b[0m" : words) + '\n');
  }
  return well;
}

} // namespace

int accept_loss(loss_options options, const text_style& style) {
  if (auto wrong = prepare(options.nodes); !wrong.empty()) return refuse(wrong);
  auto answers = ask_all(options);
  if (options.key.empty()) return look(answers, options, style);
  if (options.reason.empty()) return refuse("--reason must say why, for the record");
  if (options.operation.empty()) options.operation = fresh_uuid();
  auto all = seen_by(answers);
  auto named = std::ranges::find(all, options.key, &loss_seen::key);
  if (named != all.end()) {
    auto at = static_cast<size_t>(named - all.begin());
    return accept_at(options, answers[at].node, style);
  }
  if (std::ranges::any_of(all, &loss_seen::suspected))
    return refuse("no node misses what this key names; look again: tiketi-inspect accept-loss");
  auto found = merged(answers);
  if (!std::ranges::all_of(all, &loss_seen::told))
    return refuse(found.refusals.empty() ? "not every node could be asked, and no other misses "
                                           "anything"
                                         : found.refusals.front());
  return accept_at(options, "", style);
}

} // namespace tk::inspector
