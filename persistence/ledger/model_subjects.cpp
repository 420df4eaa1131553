#include <algorithm>

#include "persistence/ledger/model_driver.hpp"
#include "persistence/ledger/model_undo.hpp"

/// Money for listings and memberships, in memory: what `subject_statements.cpp` says.
namespace tk {

namespace {

using model::plain;
using model::save;

constexpr int32_t points_of_join = 200;

} // namespace

const model_membership* ledger_model::membership(reservation_id x) const {
  for (const auto& [whose, m] : rows.memberships)
    if (m.id == x && !x.nil()) return &m;
  return nullptr;
}

bool ledger_model::is_member(user_id x, artist_id of) const {
  const auto i = rows.memberships.find({x, of});
  return i != rows.memberships.end() && i->second.status == "active" && i->second.expires_at > now_;
}

/// Whether the payer can have it still.
outcome ledger_model::standing(payment_subject of, reservation_id x, user_id payer) const {
  if (of == payment_subject::membership) {
    for (const auto& [whose, m] : rows.memberships)
      if (m.id == x && whose.first == payer && m.status == "pending") return outcome::ok;
    return outcome::not_pending;
  }
  const auto l = rows.listings.find(x);
  if (l == rows.listings.end() || l->second.status != "listed" || l->second.seller == payer)
    return outcome::not_pending;
  const auto r = rows.reservations.find(l->second.reservation);
  auto let_in = [&](const auto& y) {
    return y.second.reservation == l->second.reservation && y.second.status == "used";
  };
  if (r == rows.reservations.end() || r->second.row.status != reservation_status::confirmed ||
      r->second.row.user != l->second.seller ||
      std::any_of(rows.tickets.begin(), rows.tickets.end(), let_in))
    return outcome::not_pending;
  const bool open = l->second.artist.nil() || is_member(payer, l->second.artist);
  return open ? outcome::ok : outcome::closed;
}

won ledger_model::price_of(payment_subject of, reservation_id x) const {
  if (of == payment_subject::transfer) return rows.listings.at(x).price;
  const auto* m = membership(x);
  return m == nullptr ? won{} : m->price;
}

verdict ledger_model::judge_subject(const open_payment& x) const {
  auto v = plain(outcome::ok, now_);
  auto found = [&](payment_id id, const model_payment& p) {
    v.is = outcome::replayed;
    v.payment = id;
    v.order_id = p.order_id;
    v.amount = p.amount;
    return v;
  };
  if (const auto own = rows.payments.find(x.id); own != rows.payments.end())
    return found(x.id, own->second);
  if (fenced(x.checkout)) return plain(outcome::fenced, now_);
  v.is = standing(x.of, x.reservation, x.user);
  if (v.is != outcome::ok) return v;
  for (const auto& [id, p] : rows.payments)
    if (p.of == x.of && p.reservation == x.reservation && p.user == x.user && p.status == "pending")
      return found(id, p);
  return v;
}

verdict ledger_model::judge_subject(const begin_attempt& x) const {
  auto is = [&](outcome y) { return plain(y, now_); };
  if (rows.attempts.contains(x.id)) return is(outcome::done);
  if (fenced(x.checkout)) return is(outcome::fenced);
  auto live = [&](const auto& y) {
    return y.second.reservation == x.reservation && y.second.status == "live";
  };
  if (std::any_of(rows.attempts.begin(), rows.attempts.end(), live)) return is(outcome::pinned);
  const auto p = rows.payments.find(x.payment);
  const bool ordered = p != rows.payments.end();
  if (auto why = standing(x.of, x.reservation, ordered ? p->second.user : user_id{});
      why != outcome::ok)
    return is(why);
  if (!ordered || p->second.status != "pending" || p->second.reservation != x.reservation)
    return is(outcome::no_order);
  if (x.amount != p->second.amount) return is(outcome::amount);
  auto used = [&](const auto& y) {
    return y.second.key == x.payment_key && y.second.payment != x.payment;
  };
  if (std::any_of(rows.attempts.begin(), rows.attempts.end(), used)) return is(outcome::key_used);
  return is(outcome::ok);
}

verdict ledger_model::judge_subject(const complete_payment& x) const {
  auto is = [&](outcome y) { return plain(y, now_); };
  const auto a = rows.attempts.find(x.attempt);
  const auto p = rows.payments.find(x.payment);
  if (a != rows.attempts.end() && a->second.status == "approved") return is(outcome::done);
  if (fenced(x.checkout)) return is(outcome::fenced);
  if (a == rows.attempts.end() || a->second.status != "live" || p == rows.payments.end() ||
      p->second.status != "pending")
    return is(outcome::not_pinned);
  if (x.amount != p->second.amount) return is(outcome::amount);
  // Who was a member when it was bought may have it, whatever has run out meanwhile.
  auto why = standing(x.of, x.reservation, p->second.user);
  if (why != outcome::ok && why != outcome::closed) return is(outcome::lost);
  if (x.of == payment_subject::membership) return is(outcome::ok);
  auto valid = [&](const auto& y) {
    return y.second.reservation == x.listed && y.second.status == "valid";
  };
  const auto units = std::count_if(rows.tickets.begin(), rows.tickets.end(), valid);
  if (rows.listings.at(x.reservation).reservation != x.listed ||
      units != static_cast<std::ptrdiff_t>(x.tickets.size()))
    return is(outcome::lost);
  auto taken = [&](const auto& y) {
    return std::ranges::find(x.tickets, y.second.number, &new_ticket::number) != x.tickets.end();
  };
  if (std::any_of(rows.tickets.begin(), rows.tickets.end(), taken)) return is(outcome::number_used);
  return is(outcome::ok);
}

/// What a sale does to the order and its attempt.
void ledger_model::approve(const complete_payment& x, undo_log& undo) {
  auto& a = rows.attempts.at(x.attempt);
  auto& p = rows.payments.at(x.payment);
  save(undo, a);
  save(undo, p);
  a.status = "approved";
  a.closed_at = now_;
  a.next_ask_at = {};
  p.status = "confirmed";
  p.method = a.method;
  p.key = a.key;
  p.approved_at = x.approved_at;
  book(x.attempt, "sales", "provider", x.amount, undo);
}

void ledger_model::award(user_id user, artist_id of, const char* action, int32_t points,
                         reservation_id by, undo_log& undo) {
  const auto i = rows.memberships.find({user, of});
  if (i == rows.memberships.end()) return;
  auto same = [&](const model_points& y) {
    return y.membership == i->second.id && y.action == action && y.reference == by;
  };
  if (std::any_of(rows.points.begin(), rows.points.end(), same)) return;
  save(undo, i->second);
  i->second.points += points;
  rows.points.push_back({i->second.id, action, points, by});
  undo.push_back([this] { rows.points.pop_back(); });
}

bool ledger_model::apply_membership(const complete_payment& x, undo_log& undo) {
  constexpr std::chrono::hours year{24 * 365};
  approve(x, undo);
  const auto& p = rows.payments.at(x.payment);
  for (auto& [whose, m] : rows.memberships) {
    if (m.id != x.reservation) continue;
    save(undo, m);
    m.status = "active";
    m.expires_at = now_ + year;
    m.paid_by = x.payment;
    const auto* action = m.points > 0 ? "MEMBERSHIP_RENEW" : "MEMBERSHIP_JOIN";
    award(whose.first, whose.second, action, points_of_join,
          reservation_id{x.payment.hi, x.payment.lo}, undo);
    break;
  }
  tell(x.checkout.shard, p.order_id, "payment-events", "PAYMENT_CONFIRMED", undo);
  tell(x.checkout.shard, to_string(x.reservation), "membership-events", "MEMBERSHIP_ACTIVATED",
       undo);
  return true;
}

bool ledger_model::apply_transfer(const complete_payment& x, undo_log& undo) {
  approve(x, undo);
  const auto& p = rows.payments.at(x.payment);
  auto& l = rows.listings.at(x.reservation);
  auto& r = rows.reservations.at(x.listed);
  save(undo, l);
  save(undo, r);
  l.status = "completed";
  l.buyer = p.user;
  r.row.user = p.user;
  r.pin = x.attempt;
  for (auto& [id, seat] : rows.seats) {
    if (seat.reservation != x.listed) continue;
    save(undo, seat);
    seat.holder = p.user;
  }
  std::vector<ticket_id> old;
  for (const auto& [id, ticket] : rows.tickets)
    if (ticket.reservation == x.listed && ticket.status == "valid") old.push_back(id);
  for (size_t i = 0; i < old.size(); ++i) {
    auto& was = rows.tickets.at(old[i]);
    const auto& as = x.tickets[i];
    if (rows.tickets.contains(as.id)) return false;
    save(undo, was);
    auto is = was;
    was.status = "transferred";
    is.number = as.number;
    is.user = p.user;
    undo.push_back([this, id = as.id] { rows.tickets.erase(id); });
    rows.tickets.emplace(as.id, std::move(is));
  }
  rows.history.push_back({x.listed, "confirmed", "confirmed", p.user, x.request, r.payment_status,
                          r.payment_status, now_});
  undo.push_back([this] { rows.history.pop_back(); });
  tell(r.shard, p.order_id, "payment-events", "PAYMENT_CONFIRMED", undo);
  tell(r.shard, to_string(x.reservation), "transfer-events", "TRANSFER_COMPLETED", undo);
  return true;
}

void ledger_model::read_subject(const load_checkout& x, checkout_rows& out) const {
  out.of = x.of;
  auto paid = [&](const auto& y) {
    return y.second.of == x.of && y.second.reservation == x.reservation &&
           y.second.status == "confirmed";
  };
  if (x.of == payment_subject::membership) {
    for (const auto& [whose, m] : rows.memberships) {
      if (m.id != x.reservation) continue;
      out.known = true;
      out.user = whose.first;
      out.total = m.price;
      out.subject.open = m.status == "pending";
      if (m.status == "active") out.subject.paid_by = m.paid_by;
    }
    return;
  }
  const auto l = rows.listings.find(x.reservation);
  out.known = l != rows.listings.end();
  if (!out.known) return;
  out.user = l->second.seller;
  out.total = l->second.price;
  out.subject.listed = l->second.reservation;
  out.subject.member = l->second.artist.nil() || is_member(x.asker, l->second.artist);
  auto nobody = standing(x.of, x.reservation, {});
  out.subject.open = nobody == outcome::ok || nobody == outcome::closed;
  const auto order = std::find_if(rows.payments.begin(), rows.payments.end(), paid);
  if (order != rows.payments.end()) out.subject.paid_by = order->first;
  for (const auto& [id, ticket] : rows.tickets)
    out.subject.units += ticket.reservation == l->second.reservation && ticket.status == "valid";
}

} // namespace tk
