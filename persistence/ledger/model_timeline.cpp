#include "persistence/ledger/model_timeline.hpp"

#include <algorithm>
#include <variant>

namespace tk {

namespace {

template <class Map, class Key, class Predicate>
bool has(const Map& map, const Key& key, Predicate is) {
  auto i = map.find(key);
  return i != map.end() && is(i->second);
}
template <class Map, class Key> bool has(const Map& map, const Key& key) {
  return map.find(key) != map.end();
}

/// One function for each kind; what leaves no trace is never found.
struct finder {
  const model_rows& rows;
  const acknowledged_op& told;

  [[nodiscard]] bool in_time(instant x) const { return x != instant{} && x <= told.latest(); }
  /// An order ended by then.
  [[nodiscard]] bool ended(reservation_id x) const {
    return std::any_of(rows.history.begin(), rows.history.end(), [&](auto& y) {
      return y.reservation == x && (y.to == "cancelled" || y.to == "expired") && in_time(y.at);
    });
  }

  template <class Op> bool operator()(const Op&) const { return false; }
  bool operator()(const create_reservation& x) const { return has(rows.reservations, x.id); }
  bool operator()(const release_reservation& x) const { return ended(x.id); }
  bool operator()(const open_family& x) const { return has(rows.tokens, x.token_hash); }
  bool operator()(const rotate_token& x) const { return has(rows.tokens, x.next_hash); }
  bool operator()(const revoke_tokens& x) const {
    return has(rows.users, x.user,
               [this](auto& before) { return before >= told.at && in_time(before); });
  }
  bool operator()(const open_payment& x) const { return has(rows.payments, x.id); }
  bool operator()(const begin_attempt& x) const {
    return has(rows.attempts, x.id, [this](auto& y) { return in_time(y.started_at); });
  }
  bool operator()(const complete_payment& x) const {
    return has(rows.attempts, x.attempt,
               [this](auto& y) { return y.status == "approved" && in_time(y.closed_at); });
  }
  bool operator()(const fail_attempt& x) const {
    return has(rows.attempts, x.attempt,
               [this](auto& y) { return y.status != "live" && in_time(y.closed_at); });
  }
  bool operator()(const claim_refund& x) const { return has(rows.refunds, x.id); }
  bool operator()(const cancel_paid& x) const {
    return has(rows.refunds, x.refund) && ended(x.reservation);
  }
  bool operator()(const admit_ticket& x) const {
    return has(rows.tickets, x.ticket, [this](auto& y) { return in_time(y.used_at); });
  }
  bool operator()(const room_turn& x) const {
    return has(rows.rooms, x.event,
               [&](auto& y) { return y.now.turn >= x.turn && y.now.epoch == x.room.epoch; });
  }
  bool operator()(const gate_turn& x) const {
    return has(rows.gates, x.event,
               [&](auto& y) { return y.turn >= x.turn && y.epoch == x.gate.epoch; });
  }
};

} // namespace

bool has_trace(const model_rows& rows, const acknowledged_op& x) {
  return std::visit(finder{rows, x}, *x.what);
}

} // namespace tk
