#include <algorithm>
#include <utility>

#include "actors/base/mutants.hpp"
#include "persistence/ledger/model_driver.hpp"
#include "persistence/ledger/model_undo.hpp"

/// The statements about money, in memory.
namespace tk {

namespace {

using model::plain;
using model::save;

template <class Map, class Key>
const typename Map::mapped_type* look(const Map& map, const Key& x) {
  const auto i = map.find(x);
  return i == map.end() ? nullptr : &i->second;
}

/// Adds a row so that a torn batch leaves nothing behind.
template <class Map, class Key>
typename Map::mapped_type& add(std::vector<std::function<void()>>& undo, Map& map, const Key& key) {
  undo.push_back([&map, key] { map.erase(key); });
  return map[key];
}

const char* text_of(attempt_end x) {
  switch (x) {
  case attempt_end::declined: return "declined";
  case attempt_end::voided: return "voided";
  case attempt_end::untried: break;
  }
  return "untried";
}

/// When a failed attempt is asked about again, counted from its end; zero = never more.
millis ask_after(int32_t asked) {
  using namespace std::chrono_literals;
  switch (asked) {
  case 0: return 1min;
  case 1: return 10min;
  case 2: return 1h;
  case 3: return 24h;
  default: return millis{0};
  }
}

using item_key = std::tuple<seat_id, ticket_type_id, int32_t>;

template <class Items> std::vector<item_key> sorted_items(const Items& items) {
  std::vector<item_key> out;
  out.reserve(items.size());
  for (const auto& x : items) out.emplace_back(x.seat, x.type, x.quantity);
  std::sort(out.begin(), out.end());
  return out;
}

/// What makes two ops of one kind rivals within a batch.
template <class Op> reservation_id subject_of(const Op& x) { return x.reservation; }
refund_id subject_of(const settle_refund& x) { return x.refund; }
/// Every buyer of a listing has an order.
std::pair<reservation_id, user_id> subject_of(const open_payment& x) {
  return {x.reservation, x.of == payment_subject::reservation ? user_id{} : x.user};
}

bool of_reservation(payment_subject x) { return x == payment_subject::reservation; }

} // namespace

bool ledger_model::money_ops(const batch& what, std::vector<verdict>& out, undo_log& undo) {
  return each<begin_attempt>(what, out, undo) && each<complete_payment>(what, out, undo) &&
         each<fail_attempt>(what, out, undo) && each<note_asked>(what, out, undo) &&
         each<claim_refund>(what, out, undo) && each<cancel_paid>(what, out, undo) &&
         each<settle_refund>(what, out, undo) && each<open_payment>(what, out, undo) &&
         admit_all(what, out, undo);
}

/// A statement sees the rows from before it: all are judged, then those that passed are applied.
template <class Op>
bool ledger_model::each(const batch& what, std::vector<verdict>& out, undo_log& undo) {
  std::set<decltype(subject_of(std::declval<Op>()))> named;
  std::set<std::string> keys;
  std::vector<std::pair<const Op*, verdict*>> passed;
  for (size_t i = 0; i < what.ops.size(); ++i) {
    const auto* x = std::get_if<Op>(what.ops[i].get());
    if (x == nullptr) continue;
    auto& v = out[i] = judge(*x);
    auto twin = !named.insert(subject_of(*x)).second;
    bool key_twin = false, number_twin = false;
    if constexpr (std::is_same_v<Op, begin_attempt>) key_twin = !keys.insert(x->payment_key).second;
    if constexpr (std::is_same_v<Op, complete_payment>)
      for (const auto& item : x->items)
        for (const auto& y : item.tickets)
          number_twin = !keys.insert(y.number).second || number_twin;
    auto before_twins = v.is == outcome::done || v.is == outcome::fenced;
    if constexpr (std::is_same_v<Op, open_payment>)
      before_twins = before_twins || v.payment == x->id; // Replayed by its own id.
    if (twin && !before_twins) v.is = outcome::in_flight;
    else if (key_twin && !before_twins) v.is = outcome::busy; // It has certainly not begun.
    if (number_twin && v.is == outcome::ok) v.is = outcome::number_used;
    if (v.is == outcome::ok) passed.emplace_back(x, &v);
  }
  return std::all_of(passed.begin(), passed.end(),
                     [&](auto& x) { return apply(*x.first, *x.second, undo); });
}

void ledger_model::book(attempt_id attempt, const char* from, const char* to, won amount,
                        undo_log& undo) {
  rows.books.push_back({attempt, to, amount});
  rows.books.push_back({attempt, from, amount * -1});
  undo.push_back([this] { rows.books.resize(rows.books.size() - 2); });
}

void ledger_model::note(const model_reservation& x, const std::string& from,
                        const std::string& payment_from, user_id actor, request_id request,
                        undo_log& undo) {
  const auto to = x.row.status == reservation_status::confirmed ? "confirmed" : "cancelled";
  rows.history.push_back(
    {x.row.id, from, to, actor, request, payment_from, x.payment_status, now_});
  undo.push_back([this] { rows.history.pop_back(); });
}

void ledger_model::tell(uint16_t shard, std::string key, const char* topic, const char* type,
                        undo_log& undo) {
  rows.outbox.push_back({shard, std::move(key), topic, type});
  undo.push_back([this] { rows.outbox.pop_back(); });
}

// -- orders ---------------------------------------------------------------------------------------

verdict ledger_model::judge(const open_payment& x) const {
  if (!of_reservation(x.of)) return judge_subject(x);
  auto v = plain(outcome::ok, now_);
  auto found = [&](payment_id id, const model_payment& p) {
    v.is = outcome::replayed;
    v.payment = id;
    v.order_id = p.order_id;
    v.amount = p.amount;
    return v;
  };
  if (const auto* own = look(rows.payments, x.id)) return found(x.id, *own);
  if (fenced(x.checkout)) return plain(outcome::fenced, now_);
  const auto* r = look(rows.reservations, x.reservation);
  if (r == nullptr) return plain(outcome::not_pending, now_);
  v.expires_at = r->row.expires_at;
  auto failed = 0;
  auto is = [&](outcome y) {
    v.is = y;
    return v;
  };
  if (r->row.status == reservation_status::confirmed) return is(outcome::paid);
  if (r->row.status == reservation_status::expired) return is(outcome::expired);
  if (r->row.status != reservation_status::pending) return is(outcome::not_pending);
  if (!r->row.pinned && r->row.expires_at <= now_) return is(outcome::expired);
  for (const auto& [id, p] : rows.payments) {
    if (p.reservation != x.reservation || !of_reservation(p.of)) continue;
    if (p.status == "pending") return found(id, p);
    failed += p.status == "failed";
  }
  return failed >= orders_per_hold_max ? is(outcome::attempts) : v;
}

bool ledger_model::apply(const open_payment& x, verdict& v, undo_log& undo) {
  auto same = [&](const auto& y) { return y.second.order_id == x.order_id; };
  if (std::any_of(rows.payments.begin(), rows.payments.end(), same)) return false;
  auto& p = add(undo, rows.payments, x.id);
  p.of = x.of;
  p.reservation = x.reservation;
  p.order_id = x.order_id;
  if (of_reservation(x.of)) {
    const auto& r = rows.reservations.at(x.reservation);
    p.user = r.row.user;
    p.amount = r.row.total;
  } else {
    p.user = x.user;
    p.amount = price_of(x.of, x.reservation);
  }
  p.request = x.request;
  v.payment = x.id;
  v.order_id = x.order_id;
  v.amount = p.amount;
  return true;
}

// -- attempts -------------------------------------------------------------------------------------

verdict ledger_model::judge(const begin_attempt& x) const {
  if (!of_reservation(x.of)) return judge_subject(x);
  auto is = [&](outcome y) { return plain(y, now_); };
  if (look(rows.attempts, x.id) != nullptr) return is(outcome::done);
  if (fenced(x.checkout) || fenced(x.block)) return is(outcome::fenced);
  const auto* r = look(rows.reservations, x.reservation);
  if (r != nullptr && r->row.status == reservation_status::expired) return is(outcome::expired);
  if (r == nullptr || r->row.status != reservation_status::pending) return is(outcome::not_pending);
  const auto* p = look(rows.payments, x.payment);
  auto used = [&](const auto& y) {
    return y.second.key == x.payment_key && y.second.payment != x.payment;
  };
  auto v = is(outcome::ok);
  v.expires_at = r->row.expires_at;
  if (r->row.pinned) v.is = outcome::pinned;
  else if (r->row.expires_at <= now_ && !mutant("pins_what_ran_out")) v.is = outcome::expired;
  else if (p == nullptr || p->status != "pending" || p->reservation != x.reservation)
    v.is = outcome::no_order;
  else if (x.amount != p->amount || x.amount != r->row.total) v.is = outcome::amount;
  else if (std::any_of(rows.attempts.begin(), rows.attempts.end(), used)) v.is = outcome::key_used;
  return v;
}

bool ledger_model::apply(const begin_attempt& x, verdict&, undo_log& undo) {
  if (of_reservation(x.of)) {
    auto& r = rows.reservations.at(x.reservation);
    save(undo, r);
    r.row.pinned = true;
    r.pin = x.id;
  }
  auto& a = add(undo, rows.attempts, x.id);
  a.of = x.of;
  a.payment = x.payment;
  a.reservation = x.reservation;
  a.provider = x.provider;
  a.key = x.payment_key;
  a.method = x.method;
  a.amount = x.amount;
  a.started_at = a.next_ask_at = now_;
  return true;
}

verdict ledger_model::judge(const complete_payment& x) const {
  if (!of_reservation(x.of)) return judge_subject(x);
  auto is = [&](outcome y) { return plain(y, now_); };
  const auto* r = look(rows.reservations, x.reservation);
  const auto* a = look(rows.attempts, x.attempt);
  const auto* p = look(rows.payments, x.payment);
  const auto of_this = r != nullptr && r->pin == x.attempt && !x.attempt.nil();
  if (of_this && r->row.status == reservation_status::confirmed) return is(outcome::done);
  auto item_fenced = [this](const sold_item& y) { return fenced(y.block); };
  if (fenced(x.checkout) || std::any_of(x.items.begin(), x.items.end(), item_fenced))
    return is(outcome::fenced);
  if (!of_this || r->row.status != reservation_status::pending || a == nullptr ||
      a->status != "live" || p == nullptr || p->status != "pending")
    return is(outcome::not_pinned);
  if (x.amount != r->row.total) return is(outcome::amount);
  auto gone = [&](const sold_item& y) {
    if (y.seat.nil()) return false;
    const auto* s = look(rows.seats, y.seat);
    return s == nullptr || s->reservation != x.reservation || s->fence != y.fence ||
           s->status != 'l';
  };
  if (std::any_of(x.items.begin(), x.items.end(), gone) ||
      sorted_items(x.items) != sorted_items(r->row.items))
    return is(outcome::lost);
  if (number_used(x)) return is(outcome::number_used);
  auto v = is(outcome::ok);
  v.expires_at = r->row.expires_at;
  return v;
}

bool ledger_model::apply(const complete_payment& x, verdict&, undo_log& undo) {
  if (x.of == payment_subject::membership) return apply_membership(x, undo);
  if (x.of == payment_subject::transfer) return apply_transfer(x, undo);
  auto& r = rows.reservations.at(x.reservation);
  auto& a = rows.attempts.at(x.attempt);
  auto& p = rows.payments.at(x.payment);
  auto same_key = [&](const auto& y) { return y.second.key == a.key; };
  if (std::any_of(rows.payments.begin(), rows.payments.end(), same_key)) return false;
  if (!issue(x, undo)) return false;
  save(undo, r);
  save(undo, a);
  save(undo, p);
  r.row.status = reservation_status::confirmed;
  r.payment_method = a.method;
  const auto before = std::exchange(r.payment_status, "completed");
  for (const auto& item : x.items) {
    if (item.seat.nil()) continue;
    auto& s = rows.seats.at(item.seat);
    save(undo, s);
    s.status = 'r';
    ++s.version;
  }
  a.status = "approved";
  a.closed_at = now_;
  a.next_ask_at = {};
  p.status = "confirmed";
  p.method = a.method;
  p.key = a.key;
  p.approved_at = x.approved_at;
  book(x.attempt, "sales", "provider", x.amount, undo);
  note(r, "pending", before, r.row.user, x.request, undo);
  const auto shard = x.items.front().block.shard;
  tell(shard, p.order_id, "payment-events", "PAYMENT_CONFIRMED", undo);
  tell(shard, to_string(x.reservation), "reservation-events", "RESERVATION_CONFIRMED", undo);
  const auto of = rows.artists.find(r.row.event);
  if (of != rows.artists.end() && is_member(r.row.user, of->second))
    award(r.row.user, of->second, "TICKET_PURCHASE", 100, x.reservation, undo);
  return true;
}

verdict ledger_model::judge(const fail_attempt& x) const {
  const auto* r = look(rows.reservations, x.reservation);
  const auto* a = look(rows.attempts, x.attempt);
  auto v = plain(outcome::ok, now_);
  if (r != nullptr) v.expires_at = r->row.expires_at;
  if (a != nullptr && a->status == text_of(x.how)) v.is = outcome::done;
  else if (fenced(x.checkout) || fenced(x.block)) v.is = outcome::fenced;
  else if (a == nullptr || a->status != "live" ||
           (of_reservation(x.of) && (r == nullptr || r->pin != x.attempt)))
    v.is = outcome::not_pinned;
  return v;
}

bool ledger_model::apply(const fail_attempt& x, verdict&, undo_log& undo) {
  auto& a = rows.attempts.at(x.attempt);
  save(undo, a);
  if (of_reservation(x.of)) {
    auto& r = rows.reservations.at(x.reservation);
    save(undo, r);
    r.row.pinned = false;
    r.pin = {};
  }
  a.status = text_of(x.how);
  a.closed_at = now_;
  a.next_ask_at = x.how == attempt_end::untried ? instant{} : now_ + ask_after(0);
  const auto p = rows.payments.find(x.payment);
  if (x.how != attempt_end::untried && p != rows.payments.end() && p->second.status == "pending") {
    save(undo, p->second);
    p->second.status = "failed";
  }
  return true;
}

verdict ledger_model::judge(const note_asked& x) const {
  const auto* a = look(rows.attempts, x.attempt);
  auto v = plain(outcome::ok, now_);
  if (a != nullptr && a->asked >= x.asked) v.is = outcome::done;
  else if (fenced(x.checkout)) v.is = outcome::fenced;
  else if (a == nullptr || (a->status != "declined" && a->status != "voided"))
    v.is = outcome::not_pending;
  return v;
}

bool ledger_model::apply(const note_asked& x, verdict&, undo_log& undo) {
  auto& a = rows.attempts.at(x.attempt);
  save(undo, a);
  a.asked = x.asked;
  const auto after = ask_after(x.asked);
  a.next_ask_at = after == millis{0} ? instant{} : a.closed_at + after;
  return true;
}

// -- refunds --------------------------------------------------------------------------------------

verdict ledger_model::judge(const claim_refund& x) const {
  const auto* a = look(rows.attempts, x.attempt);
  auto same = [&](const auto& y) { return y.second.attempt == x.attempt; };
  auto v = plain(outcome::ok, now_);
  if (std::any_of(rows.refunds.begin(), rows.refunds.end(), same)) v.is = outcome::done;
  else if (fenced(x.checkout)) v.is = outcome::fenced;
  else if (a == nullptr || a->status == "approved") v.is = outcome::not_pending;
  return v;
}

bool ledger_model::apply(const claim_refund& x, verdict&, undo_log& undo) {
  auto& a = rows.attempts.at(x.attempt);
  save(undo, a);
  if (auto r = rows.reservations.find(x.reservation);
      r != rows.reservations.end() && r->second.pin == x.attempt &&
      r->second.row.status == reservation_status::pending) {
    save(undo, r->second);
    r->second.row.pinned = false;
    r->second.pin = {};
  }
  if (a.closed_at == instant{}) a.closed_at = now_;
  a.status = "late";
  a.next_ask_at = {};
  auto& p = rows.payments.at(a.payment);
  if (p.status == "pending" || p.status == "failed") {
    save(undo, p);
    p.status = "refund_pending";
    if (p.key.empty()) p.key = a.key;
  }
  add(undo, rows.refunds, x.id) =
    model_refund{x.attempt, a.payment, x.reservation, a.amount, x.reason, false, 0, now_, {}, a.of};
  book(x.attempt, "owed", "provider", a.amount, undo);
  return true;
}

verdict ledger_model::judge(const cancel_paid& x) const {
  auto is = [&](outcome y) { return plain(y, now_); };
  if (look(rows.refunds, x.refund) != nullptr) return is(outcome::done);
  auto item_fenced = [this](const release_item& y) { return fenced(y.block); };
  if (fenced(x.checkout) || std::any_of(x.items.begin(), x.items.end(), item_fenced))
    return is(outcome::fenced);
  const auto* r = look(rows.reservations, x.reservation);
  if (r == nullptr || r->row.status != reservation_status::confirmed ||
      look(rows.attempts, r->pin) == nullptr)
    return is(outcome::not_pending);
  auto sold_before = [&](const auto& y) {
    return y.second.reservation == x.reservation && y.second.status == "completed" &&
           y.second.seller == x.actor;
  };
  if (rows.attempts.at(r->pin).of == payment_subject::transfer &&
      (x.actor == r->row.user ||
       std::any_of(rows.listings.begin(), rows.listings.end(), sold_before)))
    return is(outcome::not_pending);
  if (sorted_items(x.items) != sorted_items(r->row.items)) return is(outcome::partial);
  auto let_in = [&](const auto& y) {
    return y.second.reservation == x.reservation && y.second.status == "used";
  };
  if (x.actor == r->row.user && std::any_of(rows.tickets.begin(), rows.tickets.end(), let_in))
    return is(outcome::used);
  const auto* e = look(rows.events, r->row.event);
  if (x.terms >= 0 && (e == nullptr || e->terms_version != x.terms)) return is(outcome::moved);
  if (x.until != instant{} && x.until <= now_) return is(outcome::late);
  if (x.fee < won{0} || x.fee > rows.attempts.at(r->pin).amount) return is(outcome::amount);
  return is(outcome::ok);
}

bool ledger_model::apply(const cancel_paid& x, verdict&, undo_log& undo) {
  auto& r = rows.reservations.at(x.reservation);
  auto& a = rows.attempts.at(r.pin);
  auto& p = rows.payments.at(a.payment);
  save(undo, r);
  save(undo, p);
  for (const auto& item : x.items) {
    if (item.seat.nil()) {
      auto& type = rows.types.at(item.type);
      save(undo, type);
      type.available += item.quantity;
      continue;
    }
    auto& s = rows.seats.at(item.seat);
    if (s.reservation != x.reservation || s.status != 'r') return false;
    save(undo, s);
    s.status = 'a';
    ++s.version;
    s.reservation = {};
    s.holder = {};
  }
  void_tickets(x.reservation, undo);
  r.row.status = reservation_status::cancelled;
  const auto before = std::exchange(r.payment_status, "refund_requested");
  p.status = "refund_pending";
  const auto back = won{a.amount.amount - x.fee.amount};
  add(undo, rows.refunds, x.refund) =
    model_refund{r.pin, a.payment, x.reservation, back, x.reason, false, 0, now_, x.fee, {}};
  book(r.pin, "owed", "sales", back, undo);
  if (x.fee > won{0}) book(r.pin, "fees", "sales", x.fee, undo);
  note(r, "confirmed", before, x.actor, x.request, undo);
  tell(x.items.front().block.shard, to_string(x.reservation), "reservation-events",
       "RESERVATION_CANCELLED", undo);
  return true;
}

verdict ledger_model::judge(const settle_refund& x) const {
  const auto* f = look(rows.refunds, x.refund);
  auto v = plain(outcome::ok, now_);
  if (f != nullptr && f->done) v.is = outcome::done;
  else if (fenced(x.checkout)) v.is = outcome::fenced;
  else if (f == nullptr) v.is = outcome::not_pending;
  return v;
}

bool ledger_model::apply(const settle_refund& x, verdict&, undo_log& undo) {
  auto& f = rows.refunds.at(x.refund);
  save(undo, f);
  ++f.tries;
  f.done = x.done;
  f.next_try_at = now_ + std::chrono::seconds{x.retry_after_s};
  if (!x.done) return true;
  auto& p = rows.payments.at(f.payment);
  save(undo, p);
  if (p.status == "refund_pending") {
    p.status = "refunded";
    p.refunded = f.amount;
  }
  book(f.attempt, "provider", "owed", f.amount, undo);
  if (!of_reservation(f.of)) {
    tell(x.checkout.shard, p.order_id, "payment-events", "PAYMENT_REFUNDED", undo);
    return true;
  }
  auto& r = rows.reservations.at(f.reservation);
  if (r.payment_status == "refund_requested") {
    save(undo, r);
    r.payment_status = "refunded";
    note(r, "cancelled", "refund_requested", {}, p.request, undo);
  }
  tell(r.shard, p.order_id, "payment-events", "PAYMENT_REFUNDED", undo);
  return true;
}

// -- tickets --------------------------------------------------------------------------------------

bool ledger_model::number_used(const complete_payment& x) const {
  return std::any_of(rows.tickets.begin(), rows.tickets.end(), [&](const auto& known) {
    return std::any_of(x.items.begin(), x.items.end(), [&](const sold_item& item) {
      return std::any_of(item.tickets.begin(), item.tickets.end(),
                         [&](const new_ticket& y) { return y.number == known.second.number; });
    });
  });
}

/// False when a constraint or the tripwire would tear the batch.
bool ledger_model::issue(const complete_payment& x, undo_log& undo) {
  const auto& r = rows.reservations.at(x.reservation).row;
  for (const auto& item : x.items) {
    if (item.tickets.size() != static_cast<size_t>(item.quantity)) return false;
    auto priced = std::find_if(r.items.begin(), r.items.end(), [&](const auto& y) {
      return y.seat == item.seat && y.type == item.type;
    });
    for (const auto& y : item.tickets) {
      if (look(rows.tickets, y.id) != nullptr) return false;
      auto& made = add(undo, rows.tickets, y.id);
      made.number = y.number;
      made.reservation = x.reservation;
      made.seat = item.seat;
      made.type = item.type;
      made.event = r.event;
      made.user = r.user;
      made.price = priced->price;
    }
  }
  return true;
}

void ledger_model::void_tickets(reservation_id x, undo_log& undo) {
  for (auto& [id, ticket] : rows.tickets) {
    if (ticket.reservation != x || (ticket.status != "valid" && ticket.status != "used")) continue;
    save(undo, ticket);
    ticket.status = "cancelled";
  }
}

/// A scan sees the scans before it in its batch: the first is let in.
bool ledger_model::admit_all(const batch& what, std::vector<verdict>& out, undo_log& undo) {
  for (size_t i = 0; i < what.ops.size(); ++i)
    if (const auto* x = std::get_if<admit_ticket>(what.ops[i].get())) out[i] = admit(*x, undo);
  return true;
}

verdict ledger_model::admit(const admit_ticket& x, undo_log& undo) {
  auto v = plain(outcome::ok, now_);
  const auto found = rows.tickets.find(x.ticket);
  if (found == rows.tickets.end() || found->second.reservation != x.reservation) {
    v.is = outcome::no_ticket;
    return v;
  }
  auto& ticket = found->second;
  if (ticket.status == "used") {
    v.is = ticket.admission_key == x.key ? outcome::done : outcome::used;
  } else if (ticket.status != "valid") {
    v.is = outcome::voided;
    return v;
  } else {
    save(undo, ticket);
    ticket.status = "used";
    ticket.used_at = now_;
    ticket.used_by = x.by;
    ticket.admission_key = x.key;
  }
  v.used_at = ticket.used_at;
  return v;
}

} // namespace tk
