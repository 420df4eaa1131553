#include <algorithm>
#include <set>

#include "persistence/ledger/model_driver.hpp"
#include "persistence/ledger/model_undo.hpp"

/// Gates, in memory.
namespace tk {

using model::plain;
using model::save;
using model::save_absence;

/// All are judged by the rows as they were, then those that passed are applied.
bool ledger_model::gate_turns(const batch& what, std::vector<verdict>& out, undo_log& undo) {
  std::set<event_id> named;
  std::vector<const gate_turn*> good;
  for (size_t i = 0; i < what.ops.size(); ++i) {
    const auto* x = std::get_if<gate_turn>(what.ops[i].get());
    if (x == nullptr) continue;
    const auto twin = !named.insert(x->event).second;
    out[i] = plain(judge(*x, twin), now_);
    if (out[i].is != outcome::ok) continue;
    if (violates(*x)) return false;
    good.push_back(x);
  }
  for (const auto* x : good) {
    if (!rows.gates.contains(x->event)) save_absence(undo, rows.gates, x->event);
    auto& gate = rows.gates[x->event];
    save(undo, gate);
    gate = {x->turn, x->gate.epoch, x->state};
  }
  return true;
}

outcome ledger_model::judge(const gate_turn& x, bool twin) const {
  const auto i = rows.gates.find(x.event);
  if (i != rows.gates.end() && x.turn <= i->second.turn && x.gate.epoch == i->second.epoch)
    return outcome::done;
  if (fenced(x.gate)) return outcome::fenced;
  return twin ? outcome::in_flight : outcome::ok;
}

/// What a gate cannot send unless it is wrong about itself, and what the constraints refuse.
bool ledger_model::violates(const gate_turn& x) const {
  const auto i = rows.gates.find(x.event);
  const auto before = i == rows.gates.end() ? model_gate{} : i->second;
  const auto& was = before.state;
  const auto& is = x.state;
  constexpr size_t holes_max = 64;
  if (!rows.events.contains(x.event) || x.turn != before.turn + 1 || is.activation < 1 ||
      is.activation < was.activation || is.told < 0 || is.reserved_to < is.told || is.serving < 0 ||
      is.order_base < 0 || is.holes.size() > holes_max)
    return true;
  if (is.activation > was.activation) return is.order_base < was.order_base + was.reserved_to;
  return is.told < was.told || is.reserved_to < was.reserved_to || is.serving < was.serving ||
         is.order_base != was.order_base;
}

gate_rows ledger_model::read(const load_gate& x) const {
  gate_rows out;
  out.known = rows.events.contains(x.event);
  const auto found = rows.gates.find(x.event);
  if (found == rows.gates.end()) return out;
  out.turn = found->second.turn;
  out.state = found->second.state;
  return out;
}

open_gates ledger_model::read(const find_open_gates&) const {
  open_gates out;
  for (const auto& [event, gate] : rows.gates)
    if (gate.state.active) out.rows.push_back(event);
  return out;
}

} // namespace tk
