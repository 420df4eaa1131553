#include "inspector/placement_order.hpp"

namespace tk::inspector {

namespace {

using json = nlohmann::ordered_json;
using state = placement_progress::state;

const char* word_of(placement_verb x) {
  switch (x) {
  case placement_verb::drain: return "drain";
  case placement_verb::undrain: return "undrain";
  case placement_verb::rebalance: return "rebalance";
  case placement_verb::move: return "move";
  }
  return "?";
}

bool names_nobody(const placement_order& x) {
  return x.verb == placement_verb::move && x.node == "any";
}

bool is_about(const json& wish, const placement_order& x, int64_t shard) {
  if (wish.value("what", "") != word_of(x.verb)) return false;
  auto node = wish.value("node", json{});
  auto named = [&] { return node.is_string() && node.get<std::string>() == x.node; };
  if (x.verb == placement_verb::drain) return named();
  if (x.verb == placement_verb::move) return wish.value("shard", json{}) == shard && named();
  return true;
}

} // namespace

bool takes_back(const placement_order& x) {
  return x.verb == placement_verb::undrain || names_nobody(x);
}

std::string placement_path(const placement_order& x) {
  return std::string{"/operator/placement/"} + word_of(x.verb);
}

std::string placement_request(const placement_order& x) {
  json out = json::object();
  if (x.verb == placement_verb::move) out["key"] = x.key;
  if (!x.node.empty() && !names_nobody(x)) out["node"] = x.node;
  if (!x.reason.empty()) out["reason"] = x.reason;
  if (!x.seen.empty()) out["asOf"] = x.seen;
  out["operationId"] = x.operation;
  return out.dump(-1, ' ', false, json::error_handler_t::replace);
}

bool takes_time(const placement_order& x) { return !takes_back(x); }

namespace {

placement_progress read_progress(const json& told, const placement_order& x, int64_t shard) {
  for (auto& part : told.value("parts", json::array())) {
    if (part.value("from", "") != "rows") continue;
    auto data = part.value("data", json::object());
    for (auto& wish : data.value("wishes", json::array())) {
      if (!is_about(wish, x, shard)) continue;
      auto left = wish.value("left", int64_t{0});
      bool reached = left == 0 && x.verb != placement_verb::rebalance;
      return {reached ? state::reached : state::under_way, left};
    }
    // Evened out it is no wish any more; the others stay until they are taken back.
    return {x.verb == placement_verb::rebalance ? state::reached : state::gone, 0};
  }
  return {};
}

} // namespace

placement_progress progress_of(const json& told, const placement_order& x, int64_t shard) {
  try {
    return read_progress(told, x, shard);
  } catch (const json::exception&) { return {}; } // It was no answer of a node.
}

} // namespace tk::inspector
