#include <algorithm>
#include <set>
#include <utility>

#include "persistence/ledger/model_driver.hpp"

namespace tk {

std::optional<seat_row> ledger_model::seat(seat_id x) const {
  const auto i = rows.seats.find(x);
  if (i == rows.seats.end()) return std::nullopt;
  const auto& y = i->second;
  seat_row row;
  row.seat = x;
  row.version = y.version;
  row.fence = y.fence;
  row.status = y.status;
  row.reservation = y.reservation;
  row.holder = y.holder;
  if (const auto r = rows.reservations.find(y.reservation); r != rows.reservations.end()) {
    row.expires_at = r->second.row.expires_at;
    row.pinned = r->second.row.pinned;
  }
  return row;
}

reservation_row ledger_model::told(const reservation_row& row) const {
  auto out = row;
  for (auto& item : out.items) {
    if (const auto s = rows.seats.find(item.seat); s != rows.seats.end()) {
      item.version = s->second.version;
      item.fence = s->second.fence;
    }
  }
  return out;
}

session_rows ledger_model::read(const load_session& x) const {
  session_rows out;
  const auto user = rows.users.find(x.user);
  out.user_known = user != rows.users.end();
  if (out.user_known) out.revoked_before = user->second;
  for (const auto& [id, r] : rows.reservations)
    if (r.row.user == x.user && r.row.status == reservation_status::pending)
      out.pending.push_back(told(r.row));
  for (const auto& [id, r] : rows.reservations)
    if (r.row.user == x.user && !r.row.key.empty())
      out.keys.push_back({r.row.operation, r.row.key, r.row.digest, id});
  return out;
}

block_rows ledger_model::read_quota(const load_block& x) const {
  block_rows out;
  for (const auto& [id, t] : rows.types)
    if (t.event == x.event && t.block_no == x.block_no)
      out.quota = {id, t.price, t.available, t.total};
  out.known = !out.quota.type.nil();
  for (const auto& [id, r] : rows.reservations) {
    auto has_part = [&](const held_item& y) { return y.type == out.quota.type; };
    if (r.row.event != x.event || r.row.status != reservation_status::pending) continue;
    if (r.row.lead_block == x.block_no) out.led.push_back(told(r.row));
    else if (std::any_of(r.row.items.begin(), r.row.items.end(), has_part))
      out.foreign.push_back(told(r.row));
  }
  return out;
}

block_rows ledger_model::read(const load_block& x) const {
  if (is_quota_block(x.block_no)) return read_quota(x);
  block_rows out;
  for (const auto& [id, s] : rows.seats)
    if (s.event == x.event && s.block_no == x.block_no) out.seats.push_back({*seat(id), s.price});
  out.known = !out.seats.empty();
  for (const auto& [id, r] : rows.reservations)
    if (r.row.event == x.event && r.row.lead_block == x.block_no &&
        r.row.status == reservation_status::pending)
      out.led.push_back(told(r.row));
  return out;
}

event_row ledger_model::read(const load_event& x) const {
  const auto i = rows.events.find(x.event);
  if (i == rows.events.end()) {
    event_row none;
    none.id = x.event;
    return none;
  }
  auto row = i->second;
  std::set<int32_t> blocks;
  for (const auto& [id, s] : rows.seats)
    if (s.event == x.event) blocks.insert(s.block_no);
  for (const auto& [id, t] : rows.types)
    if (t.event == x.event) blocks.insert(t.block_no);
  row.blocks.assign(blocks.begin(), blocks.end());
  return row;
}

found_reservation ledger_model::read(const load_reservation& x) const {
  const auto i = rows.reservations.find(x.id);
  if (i == rows.reservations.end()) return {};
  return {true, told(i->second.row)};
}

overdue_rows ledger_model::read(const find_overdue& x) const {
  overdue_rows out;
  for (const auto& [id, r] : rows.reservations) {
    const auto overdue = r.row.status == reservation_status::pending && !r.row.pinned &&
                         r.row.expires_at + millis{x.grace_ms} < now_;
    if (overdue && static_cast<int32_t>(out.rows.size()) < x.limit)
      out.rows.push_back({id, r.row.event, r.row.lead_block});
  }
  return out;
}

live_blocks ledger_model::read(const find_live_blocks&) const {
  std::set<std::pair<event_id, int32_t>> blocks;
  for (const auto& [id, r] : rows.reservations)
    if (r.row.status == reservation_status::pending) blocks.emplace(r.row.event, r.row.lead_block);
  live_blocks out;
  for (const auto& [event, block_no] : blocks) out.rows.push_back({{}, event, block_no});
  return out;
}

plan_rows ledger_model::read(const load_plan& x) const {
  plan_rows out;
  out.event = x.event;
  const auto e = rows.events.find(x.event);
  out.event_known = e != rows.events.end();
  if (!out.event_known) return out;
  out.title = e->second.title;
  out.sections.emplace_back();
  int32_t no = 0;
  for (const auto& [id, s] : rows.seats) {
    if (s.event != x.event) continue;
    plan_seat seat;
    seat.id = id;
    seat.block_no = s.block_no;
    seat.row_number = 1;
    seat.seat_number = ++no;
    seat.price = s.price;
    out.seats.push_back(std::move(seat));
  }
  for (const auto& [id, t] : rows.types)
    if (t.event == x.event)
      out.types.push_back({id, t.block_no, "Standing", {}, false, t.price, t.total});
  auto by_price = [](const plan_type& a, const plan_type& b) { return b.price < a.price; };
  std::stable_sort(out.types.begin(), out.types.end(), by_price);
  return out;
}

namespace {

order_status order_status_of(const std::string& x) {
  if (x == "pending") return order_status::pending;
  if (x == "confirmed") return order_status::confirmed;
  if (x == "failed") return order_status::failed;
  return x == "refunded" ? order_status::refunded : order_status::refund_pending;
}

attempt_status attempt_status_of(const std::string& x) {
  if (x == "live") return attempt_status::live;
  if (x == "approved") return attempt_status::approved;
  if (x == "declined") return attempt_status::declined;
  if (x == "voided") return attempt_status::voided;
  return x == "untried" ? attempt_status::untried : attempt_status::late;
}

} // namespace

checkout_rows ledger_model::read(const load_checkout& x) const {
  checkout_rows out;
  attempt_id bought; // By the attempt of a listing that a resold reservation is paid with.
  if (x.of == payment_subject::reservation) {
    const auto r = rows.reservations.find(x.reservation);
    out.known = r != rows.reservations.end();
    if (!out.known) return out;
    out.user = r->second.row.user;
    out.event = r->second.row.event;
    out.lead_block = r->second.row.lead_block;
    out.total = r->second.row.total;
    out.pin = r->second.pin;
    const auto pin = rows.attempts.find(out.pin);
    out.resold = pin != rows.attempts.end() && pin->second.of == payment_subject::transfer;
    if (out.resold) bought = out.pin;
  } else {
    read_subject(x, out);
    if (!out.known) return out;
  }
  out.fenced = rows.epochs[x.self.shard] != x.self.epoch;
  const auto paid = bought.nil() ? payment_id{} : rows.attempts.at(bought).payment;
  for (const auto& [id, p] : rows.payments)
    if (p.reservation == x.reservation || id == paid)
      out.orders.push_back({id, p.order_id, p.key, p.method, p.amount, order_status_of(p.status),
                            p.approved_at, p.user});
  for (const auto& [id, a] : rows.attempts)
    if (a.reservation == x.reservation || (id == bought && !bought.nil()))
      out.attempts.push_back({id, a.payment, a.provider, a.key, a.method, a.amount,
                              attempt_status_of(a.status), a.asked, a.started_at, a.closed_at,
                              a.next_ask_at});
  for (const auto& [id, f] : rows.refunds)
    if (f.reservation == x.reservation)
      out.refunds.push_back({id, f.attempt, f.amount, f.done, f.tries, f.next_try_at});
  return out;
}

open_checkouts ledger_model::read(const find_open_checkouts& x) const {
  std::set<std::pair<instant, entity_key>> due;
  for (const auto& [id, a] : rows.attempts)
    if (a.next_ask_at != instant{} && a.next_ask_at <= now_)
      due.emplace(a.next_ask_at, key_of(a.of, a.reservation));
  for (const auto& [id, f] : rows.refunds)
    if (!f.done && f.next_try_at <= now_) due.emplace(f.next_try_at, key_of(f.of, f.reservation));
  std::set<entity_key> told;
  open_checkouts out;
  for (const auto& [at, id] : due)
    if (told.insert(id).second && static_cast<int32_t>(out.rows.size()) < x.limit)
      out.rows.push_back(id);
  return out;
}

} // namespace tk
