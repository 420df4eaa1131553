#include "persistence/ledger/timeline.hpp"

#include <algorithm>
#include <charconv>
#include <utility>
#include <variant>

#include "actors/base/mutants.hpp"
#include "persistence/ledger/core.hpp"

namespace tk {

bool leaves_a_trace(const op& x) {
  bool none = std::holds_alternative<reread_items>(x) || std::holds_alternative<note_asked>(x) ||
              std::holds_alternative<settle_refund>(x) || std::holds_alternative<claim_key>(x);
  return !none;
}

std::optional<uint64_t> switch_point(std::string_view history, std::string_view timeline) {
  uint32_t wanted = 0;
  std::from_chars(timeline.data(), timeline.data() + timeline.size(), wanted, 16);
  while (!history.empty()) {
    auto line = history.substr(0, history.find('\n'));
    history.remove_prefix(std::min(history.size(), line.size() + 1));
    uint32_t number = 0;
    uint64_t high = 0, low = 0;
    auto* end = line.data() + line.size();
    auto x = std::from_chars(line.data(), end, number);
    if (x.ec != std::errc{} || number != wanted || x.ptr == end) continue;
    x = std::from_chars(x.ptr + 1, end, high, 16);
    if (x.ec != std::errc{} || x.ptr == end || *x.ptr != '/') continue;
    if (std::from_chars(x.ptr + 1, end, low, 16).ec == std::errc{}) return (high << 32) | low;
  }
  return std::nullopt;
}

void loss_watch::answered(const batch& what, const batch_result& said, log_position end) {
  end_ = std::move(end);
  for (size_t i = 0; i < what.ops.size(); ++i) {
    if (said.verdicts[i].is != outcome::ok || !leaves_a_trace(*what.ops[i])) continue;
    last_ = {what.ops[i], said.verdicts[i].at};
    keep(*last_);
  }
}

void loss_watch::keep(const acknowledged_op& x) {
  kept_.push_back(x);
  kept_bytes_ += bytes_of(*x.what);
  auto too_much = [&] {
    return kept_.size() > kept_ops_max || kept_bytes_ > kept_bytes_max ||
           kept_.front().at + kept_for < x.at;
  };
  while (kept_.size() > 1 && too_much()) {
    kept_bytes_ -= bytes_of(*kept_.front().what);
    kept_.pop_front();
    forgot_ = true;
  }
}

void loss_watch::judge(const log_position& server, const questions& ask) {
  suspicion_ = doubt(server, ask);
  if (mutant("trusts_any_timeline")) suspicion_.clear(); // What was told may be gone.
}

std::string loss_watch::doubt(const log_position& server, const questions& ask) const {
  if (end_.system == 0) return {};
  if (end_.system != server.system) return "this is another database cluster";
  if (end_.timeline == server.timeline) return {};
  if (auto history = ask.history()) {
    auto left_at = switch_point(*history, end_.timeline);
    if (left_at && *left_at >= end_.at) return {};
  }
  if (!last_) return {}; // Nothing was promised.
  // The position also covers what others had written. The log is a prefix of history, so what the
  // last promise has left proves everything before it.
  if (ask.has(*last_)) return {};
  return "timeline " + server.timeline + " does not have what was answered on timeline " +
         end_.timeline;
}

void loss_watch::accept() {
  suspicion_.clear();
  end_ = {};
  last_.reset();
  kept_.clear();
  kept_bytes_ = 0;
  forgot_ = false;
}

} // namespace tk
