#include "actors/session/core.hpp"

#include <algorithm>
#include <set>
#include <string_view>

#include "actors/base/mutants.hpp"

namespace tk {

namespace {

/// Clocks of nodes may differ from the ledger's by less than this before the node suspends itself.
constexpr millis clock_margin{1000};
/// As many keys without a row as keys with one are read (`load_session`).
constexpr size_t remembered_max = 100;

std::map<reservation_id, pending_hold> by_id(std::vector<pending_hold> rows) {
  std::map<reservation_id, pending_hold> out;
  for (auto& x : rows) {
    auto id = x.id;
    out.emplace(id, std::move(x));
  }
  return out;
}

} // namespace

std::vector<seat_id> seats_of(const reserve_items& wish) {
  std::vector<seat_id> out;
  out.reserve(wish.items.size());
  for (auto& x : wish.items)
    if (!x.seat.nil()) out.push_back(x.seat);
  std::ranges::sort(out);
  return out;
}

const char* operation_of(const reserve_items& wish) {
  return wish.items.front().seat.nil() ? order_operation : reserve_operation;
}

bool session_core::sale_may_be_open(const sale_window& sale, instant now) {
  if (sale.cancelled || sale.sale_start == instant{}) return false;
  return now + clock_margin >= sale.sale_start &&
         (sale.sale_end == instant::max() || now - clock_margin <= sale.sale_end);
}

std::optional<reserve_decision> session_core::by_key(const reserve_items& wish) const {
  if (wish.key.empty()) return std::nullopt;
  auto judged = [&](const std::string& digest, reserve_decision::kind same, reservation_id id) {
    reserve_decision out;
    // Mutant: whatever comes with a known key is taken for the same wish.
    bool equal = digest == wish.digest || mutant("takes_another_body");
    out.is = equal ? same : reserve_decision::kind::refuse;
    out.why = equal ? ec::ok : ec::idempotency_conflict;
    out.reservation = id;
    return out;
  };
  std::string_view operation = operation_of(wish);
  auto in_flight = [&](auto& x) { return x.key == wish.key && x.operation == operation; };
  for (auto& [id, x] : attempts_)
    if (in_flight(x) && x.digest == wish.digest)
      return judged(x.digest, reserve_decision::kind::join, id);
  for (auto& x : keys_)
    if (x.key == wish.key && x.operation == operation)
      return judged(x.digest, reserve_decision::kind::replay, x.reservation);
  for (auto& x : remembered_)
    if (x.key == wish.key && x.operation == operation)
      return judged(x.digest, reserve_decision::kind::replay, x.reservation);
  // After what is on record: under a used key something else may be in flight, which the ledger
  // will refuse.
  for (auto& [id, x] : attempts_)
    if (in_flight(x)) return judged(x.digest, reserve_decision::kind::join, id);
  return std::nullopt;
}

bool session_core::key_conflicts(const reserve_items& wish) const {
  auto known = by_key(wish);
  return known && known->why == ec::idempotency_conflict;
}

const open_attempt* session_core::twin_of(const reserve_items& wish) const {
  auto wanted = seats_of(wish);
  if (wanted.empty()) return nullptr; // Two orders of standing tickets are two orders.
  for (auto& [id, x] : attempts_)
    if (x.event == wish.event && x.wanted == wanted) return &x;
  return nullptr;
}

const pending_hold* session_core::own_hold(const reserve_items& wish, instant now) const {
  for (auto& [id, hold] : pending_) {
    auto held = [&](const wanted_item& x) {
      return !x.seat.nil() && std::ranges::find(hold.seats, x.seat) != hold.seats.end();
    };
    if (hold.event == wish.event && hold.expires_at > now && std::ranges::all_of(wish.items, held))
      return &hold;
  }
  return nullptr;
}

const pending_hold* session_core::holder_of(const std::vector<wanted_item>& items,
                                            instant now) const {
  for (auto& [id, hold] : pending_) {
    auto in = [&hold = hold](const wanted_item& x) {
      return std::ranges::find(hold.seats, x.seat) != hold.seats.end();
    };
    if (hold.expires_at > now && std::ranges::any_of(items, in)) return &hold;
  }
  return nullptr;
}

int32_t session_core::holds_with(const reserve_items& wish, instant now) const {
  auto wanted = seats_of(wish);
  std::set<seat_id> seats;
  int32_t orders = 0;
  auto add = [&](const std::vector<seat_id>& held) {
    seats.insert(held.begin(), held.end());
    if (held.empty()) ++orders;
  };
  add(wanted);
  for (auto& [id, x] : attempts_)
    if (x.event == wish.event && !pending_.contains(id)) // A re-read may be ahead of the verdict.
      add(x.wanted);
  for (auto& [id, x] : pending_)
    if (x.event == wish.event && x.expires_at > now) add(x.seats);
  return static_cast<int32_t>(seats.size()) + orders;
}

reserve_decision session_core::decide(const reserve_items& wish, int32_t limit, instant now,
                                      bool final_say) const {
  reserve_decision out;
  if (!read_) { // One at a time: the ledger does not see what is in flight.
    if (wish.token_issued_at <= revoked_before_) { // Heard since the start, so certain.
      out.why = ec::not_authenticated;
      return out;
    }
    out.is = attempts_.empty() ? reserve_decision::kind::unread : reserve_decision::kind::recheck;
    return out;
  }
  // Mutant: who wants two seats is taken for signed out.
  bool pair = wish.items.size() == 2 && mutant("signs_pairs_out");
  if (pair || !accepts(wish.token_issued_at)) {
    out.why = ec::not_authenticated;
    return out;
  }
  if (auto known = by_key(wish)) return *known;
  if (auto twin = twin_of(wish)) { // A double click: the same seats are being decided (G14).
    out.is = reserve_decision::kind::join;
    out.reservation = twin->id;
    out.by_seats = true;
    return out;
  }
  auto most = mutant("limits_too_soon") ? limit - 1 : limit; // Mutant: nobody gets the last one.
  bool too_many = limit > 0 && holds_with(wish, now) > most && !own_hold(wish, now);
  if (!too_many) out.is = reserve_decision::kind::forward;
  else if (!final_say) out.is = reserve_decision::kind::recheck;
  else out.why = ec::hold_limit;
  return out;
}

void session_core::begin(open_attempt attempt) {
  auto id = attempt.id;
  attempts_.insert_or_assign(id, std::move(attempt));
}

void session_core::commit(reservation_id attempt, pending_hold made) {
  auto i = attempts_.find(attempt);
  if (i != attempts_.end()) {
    // Mutant: what a key was used for is known after the next look at the rows only.
    if (!i->second.key.empty() && !mutant("forgets_new_keys"))
      keys_.push_back({i->second.operation, i->second.key, i->second.digest, made.id});
    attempts_.erase(i);
  }
  auto id = made.id;
  pending_.insert_or_assign(id, std::move(made));
  ++commits_;
}

void session_core::remember_key(const reserve_items& wish, reservation_id answer) {
  if (wish.key.empty() || by_key(wish)) return;
  remembered_.push_back({operation_of(wish), wish.key, wish.digest, answer});
  if (remembered_.size() > remembered_max) remembered_.erase(remembered_.begin());
}

void session_core::drop(reservation_id attempt) { attempts_.erase(attempt); }

void session_core::forget(reservation_id pending) { pending_.erase(pending); }

void session_core::revoke(instant at) { revoked_before_ = std::max(revoked_before_, at); }

void session_core::reload(bool user_known, instant revoked_before,
                          std::vector<pending_hold> pending, std::vector<key_record> keys) {
  read_ = true;
  user_known_ = user_known;
  revoke(revoked_before);
  pending_ = by_id(std::move(pending));
  if (mutant("counts_from_zero")) pending_.clear(); // Every life of a session has a limit anew.
  keys_ = std::move(keys);
}

const open_attempt* session_core::find_attempt(reservation_id id) const {
  auto i = attempts_.find(id);
  return i == attempts_.end() ? nullptr : &i->second;
}

const pending_hold* session_core::find_pending(reservation_id id) const {
  auto i = pending_.find(id);
  return i == pending_.end() ? nullptr : &i->second;
}

} // namespace tk
