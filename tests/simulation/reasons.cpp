#include "tests/simulation/reasons.hpp"

#include <algorithm>

namespace tk::sim {

namespace {

/// A claim outlives its request: messages, and a look at rows.
constexpr millis claims_end{300};
/// After so long a wish that nobody heard of takes nothing more: it waits, is decided, and may be
/// committed late.
constexpr millis unheard_ends{45'000};
/// An attempt whose outcome is not known is ended after a minute, by a node whose clock may be
/// wrong.
constexpr millis attempt_ends{50'000}, attempt_ends_sooner{10'000};

/// By so much a node's clock may be ahead.
constexpr millis clocks_differ{10'000};

template <class Items> int64_t count_holds(const Items& items) {
  int64_t seats = 0, others = 0;
  for (auto& x : items) ++(x.seat.nil() ? others : seats);
  return seats + (others > 0 ? 1 : 0);
}

/// Whoever asked knows for certain that nothing came of it, or what did.
bool is_definite(ec x) { return x != ec::unknown && x != ec::internal && x != ec::in_flight; }

std::string no_reason(const char* what, ec is) {
  return std::string{what} + " was refused without any reason: " + std::string{to_string(is)};
}

} // namespace

// -- rows -----------------------------------------------------------------------------------------

void reasons::committed() {
  auto now = time_.now();
  for (auto& [id, x] : model_.rows.reservations) {
    auto& row = x.row;
    auto [i, fresh] = lives_.try_emplace(id);
    auto& known = i->second;
    if (fresh) {
      known.user = row.user;
      known.holds = count_holds(row.items);
      known.made = now;
    }
    known.runs_out = row.expires_at;
    bool over =
      row.status == reservation_status::cancelled || row.status == reservation_status::expired;
    if (row.status == reservation_status::confirmed) known.sold = std::min(known.sold, now);
    if (over) known.ended = std::min(known.ended, now);
  }
  for (auto& [type, row] : model_.rows.types) {
    auto& past = taken_[type];
    int64_t taken = row.total - row.available;
    if (past.empty() || past.back().second != taken) past.emplace_back(now, taken);
  }
}

// -- what people do -------------------------------------------------------------------------------

void reasons::asked(user_id user, const std::string& digest,
                    const std::vector<wanted_item>& items) {
  wishes_.push_back({user, digest, items, time_.now(), instant::max(), true});
}

void reasons::asked_to_pay(const told_wish_to_pay& x) {
  payments_[x.reservation].push_back(x);
  if (!x.key.key.empty()) digests_[{x.user, x.key.key}].insert(x.key.digest);
}

void reasons::asked_to_sign_out(user_id user) { ++sign_outs_[user]; }

// -- bounds ---------------------------------------------------------------------------------------

/// How often a wish may be asked for beside the one that was answered.
int64_t reasons::copies(bool answered) const { return (twins() ? 8 : 1) - (answered ? 1 : 0); }

/// At most so many of `type` were taken at some time in `when`: on record, and by wishes that may
/// have had a claim then.
int64_t reasons::may_be_taken(ticket_type_id type, const period& when, const wish* but) const {
  int64_t recorded = 0, wanted = 0;
  if (auto past = taken_.find(type); past != taken_.end())
    for (size_t i = 0; i < past->second.size(); ++i) {
      auto [from, count] = past->second[i];
      bool last = i + 1 == past->second.size();
      period was{from, last ? instant::max() : past->second[i + 1].first};
      if (was.meets(when)) recorded = std::max(recorded, count);
    }
  for (auto& x : wishes_) {
    if (!x.when().meets(when)) continue;
    for (auto& item : x.items)
      if (item.type == type) wanted += item.quantity * copies(&x == but);
  }
  return recorded + wanted;
}

/// At most so much counted against the limit of `user` in `when`.
int64_t reasons::may_be_held(user_id user, const period& when, const wish* but) const {
  int64_t out = 0;
  for (auto& [id, x] : lives_) {
    period held{x.made, std::min({x.ended, x.sold, x.runs_out})};
    if (x.user == user && held.meets(when)) out += x.holds;
  }
  for (auto& x : wishes_)
    if (x.user == user && x.when().meets(when)) out += count_holds(x.items) * copies(&x == but);
  return out;
}

bool reasons::broken(ec x) const {
  switch (x) {
  case ec::busy:
  case ec::event_unknown:
  case ec::fenced:
  case ec::in_flight:
  case ec::internal:
  case ec::late:
  case ec::moved:
  case ec::seat_unknown:
  case ec::unavailable:
  case ec::unknown: return !faults_.none();
  default: return false;
  }
}

bool reasons::signed_out(user_id user, instant token) const {
  auto row = model_.rows.users.find(user);
  return sign_outs_.contains(user) && row != model_.rows.users.end() && row->second >= token;
}

bool reasons::key_used_otherwise(user_id user, const std::string& key,
                                 const std::string& digest) const {
  auto used = digests_.find({user, key});
  return used != digests_.end() &&
         std::ranges::any_of(used->second, [&](auto& x) { return x != digest; });
}

/// By the clock of a node, which knows the ledger's from its last beat.
bool reasons::has_run_out(const life& x) const {
  millis error{faults_.none() ? 0 : 200 + 3 * int64_t{faults_.skew_max_ms}};
  return x.runs_out <= time_.now() + error;
}

/// By the clock of a node, as above.
bool reasons::may_be_closed(const period& when) const {
  millis error{faults_.none() ? 0 : 200 + 3 * int64_t{faults_.skew_max_ms}};
  return std::ranges::any_of(model_.rows.events, [&](auto& x) {
    auto& [id, event] = x;
    bool ended = event.sale_end != instant::max() && when.until + error >= event.sale_end;
    return event.cancelled || ended || when.from - error <= event.sale_start;
  });
}

// -- holds ----------------------------------------------------------------------------------------

std::string reasons::heard(const told_hold& x, millis old) {
  auto same = [&](const wish& y) {
    return y.open && y.user == x.user && y.asked == x.asked && y.digest == x.digest;
  };
  auto of = std::ranges::find_if(wishes_, same);
  if (of == wishes_.end()) return "somebody was answered who had not asked";
  of->open = false;
  of->until = is_definite(x.is) ? time_.now() : x.asked + unheard_ends;
  if (twins()) of->until = instant::max(); // A frame that comes once more is a wish once more.
  if (!x.key.empty()) digests_[{x.user, x.key}].insert(x.digest);
  return has_reason(x, *of, {x.asked - std::max(old, claims_end), x.answered})
           ? std::string{}
           : no_reason("a wish", x.is);
}

bool reasons::has_reason(const told_hold& x, const wish& of, const period& when) const {
  switch (x.is) {
  case ec::ok:
  // Whether somebody else had the seats is explained by the history.
  case ec::seat_contested:
  case ec::seat_held:
  case ec::seat_sold: return true;
  case ec::not_authenticated: return signed_out(x.user, x.token);
  case ec::idempotency_conflict: return key_used_otherwise(x.user, x.key, x.digest);
  case ec::sale_closed: return may_be_closed(when);
  case ec::hold_limit: return count_holds(x.items) + may_be_held(x.user, when, &of) > holds_max_;
  case ec::quantity_short:
    return std::ranges::any_of(x.items, [&](const wanted_item& item) {
      auto type = model_.rows.types.find(item.type);
      return type != model_.rows.types.end() &&
             may_be_taken(item.type, when, &of) + item.quantity > type->second.total;
    });
  default: return broken(x.is);
  }
}

// -- payments -------------------------------------------------------------------------------------

bool reasons::others_pay(const told_wish_to_pay& x) const {
  auto all = payments_.find(x.reservation);
  return all != payments_.end() && std::ranges::any_of(all->second, [&](auto& y) {
           return y.provider_key != x.provider_key || y.asked != x.asked;
         });
}

/// How often it was asked to be paid with another key.
int64_t reasons::tries_of(reservation_id x) const {
  std::set<std::string> keys;
  if (auto all = payments_.find(x); all != payments_.end())
    for (auto& y : all->second) keys.insert(y.provider_key);
  keys.erase("");
  return std::ssize(keys);
}

/// A card that is refused was used, or an attempt may have been given up.
bool reasons::may_be_declined(reservation_id x, instant by) const {
  auto ends = faults_.bank_late_ppm > 0 ? attempt_ends_sooner : attempt_ends;
  auto all = payments_.find(x);
  return all != payments_.end() && std::ranges::any_of(all->second, [&](auto& y) {
           // What was paid on the provider's page is not paid for again.
           return y.provider_key.starts_with("fail") || y.provider_key.starts_with("page") ||
                  (!faults_.none() && y.asked + ends <= by);
         });
}

bool reasons::has_reason(const told_wish_to_pay& x, const life& of) const {
  bool over = of.ended <= x.answered || has_run_out(of);
  bool declined = may_be_declined(x.reservation, x.answered);
  switch (x.is) {
  case ec::amount_mismatch: return x.amount != price_of(x.reservation);
  case ec::payment_declined: return declined;
  case ec::payment_attempts: return tries_of(x.reservation) >= attempts_max;
  case ec::payment_pending: return !faults_.none() || others_pay(x);
  case ec::hold_over: return has_run_out(of);
  case ec::paid_too_late: return over;
  case ec::already_paid: return of.sold <= x.answered;
  case ec::not_payable: return over || declined;
  case ec::idempotency_conflict: return key_used_otherwise(x.user, x.key.key, x.key.digest);
  case ec::provider_away:
    return faults_.bank_away_ppm > 0 || faults_.bank_loses_ppm > 0 || faults_.bank_slow_ppm > 0;
  default: return broken(x.is);
  }
}

std::string reasons::heard_of_payment(const told_wish_to_pay& x) const {
  auto of = lives_.find(x.reservation);
  if (of == lives_.end()) return "somebody asked to pay for what was never made";
  if (x.is != ec::ok)
    return has_reason(x, of->second) ? std::string{} : no_reason("a payment", x.is);
  if (x.amount == price_of(x.reservation)) return {};
  return "a payment of another amount than the price was accepted";
}

won reasons::price_of(reservation_id x) const {
  auto row = model_.rows.reservations.find(x);
  return row == model_.rows.reservations.end() ? won{} : row->second.row.total;
}

// -- changes of mind ------------------------------------------------------------------------------

std::string reasons::heard_cancel(const told_change& x) const {
  auto i = lives_.find(x.reservation);
  if (x.is == ec::ok || i == lives_.end()) return {};
  auto& of = i->second;
  auto row = model_.rows.reservations.find(x.reservation);
  auto status =
    row == model_.rows.reservations.end() ? reservation_status::pending : row->second.row.status;
  auto explained = [&] {
    switch (x.is) {
    case ec::already_cancelled: return status == reservation_status::cancelled;
    case ec::reservation_expired: return status == reservation_status::expired || has_run_out(of);
    case ec::reservation_pinned: return may_be_paid(x.reservation);
    case ec::late: // Decided just before its time was over.
    case ec::cancellation_closed:
      return too_late_to_cancel(x.reservation, x.answered) || broken(x.is);
    case ec::not_authenticated: return signed_out(of.user, x.asked);
    default: return broken(x.is);
    }
  };
  return explained() ? std::string{} : no_reason("a cancellation", x.is);
}

std::string reasons::heard_refund(const told_change& x, millis old) const {
  auto i = lives_.find(x.reservation);
  if (x.is == ec::ok || i == lives_.end()) return {};
  auto& of = i->second;
  auto explained = [&] {
    switch (x.is) {
    case ec::not_refundable:
      return of.sold > x.asked - std::max(old, claims_end) || of.ended <= x.answered;
    case ec::reservation_pinned: return may_be_paid(x.reservation);
    case ec::late: // Decided just before its time was over.
    case ec::cancellation_closed:
      return too_late_to_cancel(x.reservation, x.answered) || broken(x.is);
    default: return broken(x.is);
    }
  };
  return explained() ? std::string{} : no_reason("a refund", x.is);
}

bool reasons::too_late_to_cancel(reservation_id x, instant at) const {
  auto row = model_.rows.reservations.find(x);
  if (row == model_.rows.reservations.end()) return false;
  auto& event = model_.rows.events.at(row->second.row.event);
  auto terms = terms_at(event.cancellation, event.event_date, won{}, at + clocks_differ);
  return !terms.allowed;
}

bool reasons::may_be_paid(reservation_id x) const { return payments_.contains(x); }

std::string reasons::heard_sign_out(user_id user, ec is) const {
  if (is == ec::ok || broken(is)) return {};
  bool again = is == ec::not_authenticated && (sign_outs_.at(user) > 1 || twins());
  return again ? std::string{} : no_reason("the end of all sessions", is);
}

} // namespace tk::sim
