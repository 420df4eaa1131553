#include "persistence/ledger/model_driver.hpp"

#include <algorithm>
#include <utility>

#include "actors/base/mutants.hpp"
#include "persistence/ledger/model_undo.hpp"

namespace tk {

namespace {

using model::plain;
using model::save;
using model::save_absence;

using item_key = std::tuple<seat_id, ticket_type_id, int32_t>;

template <class Items> std::vector<item_key> sorted_items(const Items& items) {
  std::vector<item_key> out;
  out.reserve(items.size());
  for (const auto& x : items) out.emplace_back(x.seat, x.type, x.quantity);
  std::sort(out.begin(), out.end());
  return out;
}

reservation_status status_of(release_reason x) {
  return x == release_reason::expired ? reservation_status::expired : reservation_status::cancelled;
}

} // namespace

ledger_model::ledger_model(instant start) : now_(start) { rows.epochs.fill(1); }

void ledger_model::set_now(instant x) { now_ = std::max(now_, x); }

model_fault ledger_model::next_fault() {
  if (faults_.empty()) return always_;
  const auto x = faults_.front();
  faults_.pop_front();
  return x;
}

batch_result ledger_model::execute(const batch& what) {
  auto failed = [](batch_status x) { return batch_result{x, {}, "injected"}; };
  ++executions_;
  ops_executed_ += what.ops.size();
  // Ending the old backend, or waiting for its end, comes before anything else (H-04).
  if (auto old = std::exchange(still_running_, std::nullopt)) run(*old);
  const auto fault = next_fault();
  switch (fault) {
  case model_fault::none: break;
  case model_fault::lose_before_commit: return failed(batch_status::lost);
  case model_fault::lose_after_commit: run(what); return failed(batch_status::lost);
  case model_fault::lose_commit_later: still_running_ = what; return failed(batch_status::lost);
  case model_fault::torn: return failed(batch_status::torn);
  case model_fault::contended: return failed(batch_status::contended);
  case model_fault::read_only: return failed(batch_status::read_only);
  case model_fault::not_connected: return failed(batch_status::not_connected);
  }
  return run(what);
}

/// One transaction: everything, or nothing and `torn`.
batch_result ledger_model::run(const batch& what) {
  auto poisoned = [this](const op_ptr& x) { return poisoned_.count(x.get()) > 0; };
  if (std::any_of(what.ops.begin(), what.ops.end(), poisoned))
    return {batch_status::torn, {}, "poisoned"};
  batch_result result;
  result.verdicts.resize(what.ops.size());
  undo_log undo;
  if (release_all(what, result.verdicts, undo) && money_ops(what, result.verdicts, undo) &&
      create_all(what, result.verdicts, undo)) {
    account_ops(what, result.verdicts, undo);
    if (room_turns(what, result.verdicts, undo) && gate_turns(what, result.verdicts, undo)) {
      reread_all(what, result.verdicts);
      result.is = batch_status::committed;
      return result;
    }
  }
  for (auto i = undo.rbegin(); i != undo.rend(); ++i) (*i)();
  return {batch_status::torn, {}, "batch torn"};
}

bool ledger_model::fenced(const participant& x) const {
  return x.shard >= shard_count || rows.epochs[x.shard] != x.epoch;
}

// -- release --------------------------------------------------------------------------------------

verdict ledger_model::judge(const release_reservation& x) const {
  const auto i = rows.reservations.find(x.id);
  if (i == rows.reservations.end()) return plain(outcome::not_pending, now_);
  const auto& row = i->second.row;
  auto v = plain(outcome::ok, now_);
  v.expires_at = row.expires_at;
  auto item_fenced = [this](const release_item& y) { return fenced(y.block); };
  if (row.status == status_of(x.reason)) v.is = outcome::done;
  else if (row.status != reservation_status::pending) v.is = outcome::not_pending;
  // Mutant: a block's owner of yesterday still ends holds.
  else if (std::any_of(x.items.begin(), x.items.end(), item_fenced) &&
           !mutant("releases_in_an_old_epoch"))
    v.is = outcome::fenced;
  // Mutants: what is being paid for runs out; nodes' clocks say when a hold ends.
  else if (row.pinned && !mutant("ends_what_is_paid")) v.is = outcome::pinned;
  else if (x.reason == release_reason::expired && row.expires_at > now_ &&
           !mutant("ends_by_own_clock"))
    v.is = outcome::early;
  return v;
}

bool ledger_model::release_all(const batch& what, std::vector<verdict>& out, undo_log& undo) {
  std::set<reservation_id> named;
  std::vector<const release_reservation*> passed;
  for (size_t i = 0; i < what.ops.size(); ++i) {
    const auto* x = std::get_if<release_reservation>(what.ops[i].get());
    if (x == nullptr) continue;
    out[i] = judge(*x);
    const auto twin = !named.insert(x->id).second;
    if (out[i].is != outcome::ok) continue;
    if (twin) out[i].is = outcome::in_flight;
    else if (sorted_items(x->items) != sorted_items(rows.reservations.at(x->id).row.items))
      out[i].is = outcome::partial;
    else passed.push_back(x);
  }
  for (const auto* x : passed) {
    // The tripwire: a seat of the list that is not locked by this reservation.
    for (const auto& item : x->items) {
      if (item.seat.nil()) continue;
      const auto seat = rows.seats.find(item.seat);
      if (seat == rows.seats.end() || seat->second.status != 'l' ||
          seat->second.reservation != x->id)
        return false;
    }
    apply(*x, undo);
  }
  return true;
}

void ledger_model::apply(const release_reservation& x, undo_log& undo) {
  auto& reservation = rows.reservations.at(x.id);
  save(undo, reservation);
  reservation.row.status = status_of(x.reason);
  for (const auto& item : x.items) {
    if (item.seat.nil()) {
      auto& type = rows.types.at(item.type);
      save(undo, type);
      type.available += item.quantity;
      if (mutant("gives_back_twice")) type.available += item.quantity; // Tickets out of nothing.
      continue;
    }
    auto& seat = rows.seats.at(item.seat);
    save(undo, seat);
    seat.status = 'a';
    ++seat.version;
    seat.reservation = {};
    seat.holder = {};
  }
  for (auto& [id, order] : rows.payments)
    if (order.reservation == x.id && order.status == "pending") {
      save(undo, order);
      order.status = "failed";
    }
  const auto expired = x.reason == release_reason::expired;
  tell(reservation.row, x.items.front().block.shard, "pending", expired ? "expired" : "cancelled",
       x.actor, x.request, expired ? "RESERVATION_EXPIRED" : "RESERVATION_CANCELLED", undo);
}

void ledger_model::tell(const reservation_row& x, uint16_t shard, const std::string& from,
                        const char* to, user_id actor, request_id request, const char* type,
                        undo_log& undo) {
  rows.history.push_back(
    {x.id, from, to, actor, request, from.empty() ? "" : "pending", "pending", now_});
  rows.outbox.push_back({shard, to_string(x.id), "reservation-events", type});
  undo.push_back([this] {
    rows.history.pop_back();
    rows.outbox.pop_back();
  });
}

// -- create ---------------------------------------------------------------------------------------

/// Everything but what the batch's other ops decide: twins, seats named twice, quotas.
verdict ledger_model::judge(const create_reservation& x) const {
  auto v = plain(outcome::ok, now_);
  auto old = rows.reservations.find(x.id);
  // Mutant: a key is asked for only by the reservation that it made.
  if (old == rows.reservations.end() && !x.key.empty() && !mutant("forgets_keys")) {
    const auto k = rows.keys.find({x.user, x.operation, x.key});
    if (k != rows.keys.end()) old = rows.reservations.find(k->second);
  }
  if (old != rows.reservations.end()) {
    v.replay_of = old->first;
    v.is = old->second.row.digest == x.digest ? outcome::replayed : outcome::conflict;
    return v;
  }
  const auto e = rows.events.find(x.event);
  // Mutant: only whoever asks for the event's phase hears of its cancellation, and that is late.
  const auto open = e != rows.events.end() && e->second.known &&
                    (!e->second.cancelled || mutant("sells_what_is_cancelled")) &&
                    e->second.sale_start != instant{} &&
                    now_ >= e->second.sale_start + presale_wait(x) &&
                    (now_ <= e->second.sale_end || mutant("sells_after_the_end"));
  auto item_fenced = [this](const create_item& y) { return fenced(y.block); };
  // Mutants: a session's owner of yesterday still decides; a wish given up long ago is granted.
  if ((fenced(x.session) && !mutant("skips_an_epoch")) || fenced(x.event_owner) ||
      std::any_of(x.items.begin(), x.items.end(), item_fenced))
    v.is = outcome::fenced;
  else if (x.deadline < now_ && !mutant("forgets_deadlines")) v.is = outcome::late;
  else if (revoked(x)) v.is = outcome::revoked;
  else if (!open) v.is = outcome::closed;
  else if (over_limit(x)) v.is = outcome::over_limit;
  return v;
}

bool ledger_model::revoked(const create_reservation& x) const {
  if (x.token_issued_at == instant{}) return false;
  const auto user = rows.users.find(x.user);
  return user == rows.users.end() || x.token_issued_at <= user->second;
}

bool ledger_model::over_limit(const create_reservation& x) const {
  if (x.token_issued_at == instant{}) return false;
  int32_t held = 0;
  for (const auto& [id, y] : rows.reservations) {
    const auto live = y.row.status == reservation_status::pending && y.row.expires_at > now_;
    if (y.row.user != x.user || y.row.event != x.event || !live) continue;
    held += holds_in(y.row.items);
  }
  return held > x.holds_before_max;
}

/// `presale_wait` of the migrations.
millis ledger_model::presale_wait(const create_reservation& x) const {
  using std::chrono::hours;
  const auto artist = rows.artists.find(x.event);
  if (!x.presale || artist == rows.artists.end()) return millis{0};
  const auto i = rows.memberships.find({x.user, artist->second});
  if (i == rows.memberships.end() || i->second.expires_at <= now_) return hours{48};
  if (i->second.points >= 1500) return millis{0};
  return i->second.points >= 500 ? hours{1} : hours{24};
}

bool ledger_model::seat_moved(const create_item& x) const {
  const auto i = rows.seats.find(x.seat);
  if (mutant("ignores_versions")) return i == rows.seats.end(); // Last writer wins.
  return i == rows.seats.end() || i->second.status != 'a' || i->second.version != x.version ||
         i->second.fence >= x.fence;
}

/// What the table's constraints refuse although the statement's judgement lets it pass.
bool ledger_model::violates(const create_reservation& x) const {
  auto bad = [](const create_item& y) {
    return y.quantity < 1 || y.seat.nil() == y.type.nil() || (!y.seat.nil() && y.quantity != 1);
  };
  return rows.reservations.count(x.id) > 0 || rows.numbers.count(x.number) > 0 ||
         x.total.amount < 0 || std::any_of(x.items.begin(), x.items.end(), bad);
}

bool ledger_model::create_all(const batch& what, std::vector<verdict>& out, undo_log& undo) {
  std::set<std::tuple<user_id, std::string, std::string>> keys;
  std::set<seat_id> asked;
  std::map<ticket_type_id, int64_t> drawn;
  std::vector<std::pair<const create_reservation*, verdict*>> passed;
  for (size_t i = 0; i < what.ops.size(); ++i) {
    const auto* x = std::get_if<create_reservation>(what.ops[i].get());
    if (x == nullptr) continue;
    auto& v = out[i] = judge(*x);
    const auto twin = !x->key.empty() && !keys.insert({x->user, x->operation, x->key}).second;
    auto moved = false;
    for (const auto& item : x->items) {
      if (item.seat.nil()) continue;
      const auto asked_before = !asked.insert(item.seat).second;
      moved = moved || asked_before || seat_moved(item);
    }
    const auto replay = v.is == outcome::replayed || v.is == outcome::conflict;
    if (twin && !replay) v.is = outcome::in_flight;
    else if (v.is == outcome::ok && moved) v.is = outcome::moved;
    if (v.is != outcome::ok) continue;
    // Quotas are summed over whatever has come this far, passed in the end or not.
    auto short_of = false;
    for (const auto& item : x->items) {
      if (!item.seat.nil()) continue;
      const auto type = rows.types.find(item.type);
      const auto sum = drawn[item.type] += item.quantity;
      short_of = short_of || type == rows.types.end() || sum > type->second.available;
    }
    if (short_of) v.is = outcome::sold_out;
    else passed.emplace_back(x, &v);
  }
  for (auto& [x, v] : passed) {
    if (violates(*x)) return false;
    apply(*x, undo);
    v->expires_at = now_ + std::chrono::seconds(x->ttl_s);
  }
  return true;
}

void ledger_model::apply(const create_reservation& x, undo_log& undo) {
  auto& made = rows.reservations[x.id];
  save_absence(undo, rows.reservations, x.id);
  made.shard = x.items.front().block.shard;
  auto& row = made.row;
  row.id = x.id;
  row.user = x.user;
  row.event = x.event;
  row.number = x.number;
  row.total = x.total;
  row.expires_at = now_ + std::chrono::seconds(x.ttl_s);
  row.lead_block = x.items.front().block_no;
  row.operation = x.operation;
  row.key = x.key;
  row.digest = x.digest;
  rows.numbers.insert(x.number);
  save_absence(undo, rows.numbers, x.number);
  if (!x.key.empty()) {
    const auto key = std::tuple{x.user, x.operation, x.key};
    rows.keys[key] = x.id;
    save_absence(undo, rows.keys, key);
  }
  for (const auto& item : x.items) {
    row.items.push_back({item.seat, item.block_no, 0, 0, item.price, item.type, item.quantity});
    if (item.seat.nil()) {
      auto& type = rows.types.at(item.type);
      save(undo, type);
      type.available -= item.quantity;
      continue;
    }
    auto& seat = rows.seats.at(item.seat);
    save(undo, seat);
    seat.status = 'l';
    ++seat.version;
    seat.fence = item.fence;
    seat.reservation = x.id;
    seat.holder = x.user;
  }
  tell(row, made.shard, "", "pending", x.user, x.request, "RESERVATION_CREATED", undo);
}

// -- reads under the locks ------------------------------------------------------------------------

void ledger_model::reread_all(const batch& what, std::vector<verdict>& out) const {
  for (size_t i = 0; i < what.ops.size(); ++i) {
    const auto* x = std::get_if<reread_items>(what.ops[i].get());
    if (x == nullptr) continue;
    auto& v = out[i] = plain(outcome::ok, now_);
    v.final_read = now_ > x->deadline;
    const std::set<seat_id> ids(x->seats.begin(), x->seats.end());
    for (const auto& id : ids)
      if (auto row = seat(id)) v.rows.push_back(*row);
    const std::set<ticket_type_id> types(x->types.begin(), x->types.end());
    for (const auto& id : types)
      if (const auto t = rows.types.find(id); t != rows.types.end())
        v.types.push_back({id, t->second.available, t->second.total});
  }
}

} // namespace tk
