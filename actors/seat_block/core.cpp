#include "actors/seat_block/core.hpp"

#include <algorithm>

namespace tk {

namespace {

constexpr size_t nowhere = static_cast<size_t>(-1);

int64_t ms_until(instant then, instant now) { return std::max<int64_t>(0, (then - now).count()); }

/// Which refusal tells the client most: what can never be had first, what may be had at once last.
int severity(ec x) {
  switch (x) {
  case ec::seat_unknown: return 4;
  case ec::seat_sold: return 3;
  case ec::seat_held: return 2;
  case ec::seat_contested: return 1;
  default: return 0;
  }
}

} // namespace

seat_block_core::seat_block_core(int32_t block_no, std::vector<seat_facts> seats)
    : block_no_(block_no), seats_(std::move(seats)) {
  std::ranges::sort(seats_, {}, &seat_facts::seat);
  claimants_.resize(seats_.size());
}

size_t seat_block_core::index_of(seat_id id) const {
  auto i = std::ranges::lower_bound(seats_, id, {}, &seat_facts::seat);
  return i == seats_.end() || i->seat != id ? nowhere : static_cast<size_t>(i - seats_.begin());
}

seat_facts* seat_block_core::seat_at(seat_id id) {
  auto i = index_of(id);
  return i == nowhere ? nullptr : &seats_[i];
}

const seat_facts* seat_block_core::find_seat(seat_id id) const {
  auto i = index_of(id);
  return i == nowhere ? nullptr : &seats_[i];
}

// -- deciding -----------------------------------------------------------------------------------

seat_block_core::judged seat_block_core::judge(const seat_facts& seat, reservation_id id,
                                               instant now) const {
  auto claimant = claimants_[static_cast<size_t>(&seat - seats_.data())];
  if (!claimant.nil() && claimant != id)
    return {ec::seat_contested, claimant, ms_until(claims_.at(claimant).until, now)};
  if (seat.state == seat_state::reserved) return {ec::seat_sold, seat.holder, 0};
  if (seat.state == seat_state::available) return {};
  auto hold = find_hold(seat.holder);
  if (!hold) // The row names a reservation nobody told us of: it is being looked up.
    return {ec::seat_contested, seat.holder, 0};
  if (hold->expires_at <= now && !hold->pinned) return {ec::seat_contested, hold->id, 0};
  return {ec::seat_held, hold->id, ms_until(hold->expires_at, now)};
}

hold_decision seat_block_core::judge_all(std::span<const seat_id> wanted, reservation_id id,
                                         instant now) const {
  hold_decision out;
  for (auto seat_key : wanted) {
    auto seat = find_seat(seat_key);
    auto what = seat ? judge(*seat, id, now) : judged{ec::seat_unknown, {}, 0};
    if (what.why == ec::ok) {
      out.seats.push_back({seat_key, block_no_, seat->version, seat->fence + 1, seat->price});
      continue;
    }
    auto hold = find_hold(what.in_the_way);
    bool ran_out = hold && hold->led && !hold->pinned && hold->expires_at <= now;
    if (what.why == ec::seat_contested && ran_out && out.existing.nil()) out.existing = hold->id;
    out.refused.push_back(seat_key);
    out.retry_after_ms = std::max(out.retry_after_ms, what.retry_after_ms);
    if (severity(what.why) > severity(out.why)) out.why = what.why;
  }
  if (out.refused.empty()) out.is = hold_decision::kind::claim;
  else if (out.why == ec::seat_contested && !out.existing.nil())
    out.is = hold_decision::kind::free_first;
  else out.is = hold_decision::kind::refuse;
  if (out.is == hold_decision::kind::refuse && out.why != ec::seat_held &&
      out.why != ec::seat_contested)
    out.retry_after_ms = 0; // Waiting does not bring back what is sold.
  return out;
}

std::optional<reservation_id> seat_block_core::held_by_caller(const hold_seats& wish,
                                                              instant now) const {
  if (find_hold(wish.id)) return wish.id;
  auto is_all_of_it = [&](const hold_record& hold) {
    bool alive = hold.led && (hold.pinned || hold.expires_at > now);
    return alive && hold.user == wish.user && std::ranges::all_of(wish.seats, [&](auto& x) {
             return std::ranges::find(hold.seats, x.seat, &held_seat::seat) != hold.seats.end();
           });
  };
  auto here = std::ranges::find(wish.seats, block_no_, &wanted_seat::block_no);
  if (here != wish.seats.end()) {
    auto seat = find_seat(here->seat);
    auto hold = seat ? find_hold(seat->holder) : nullptr;
    return hold && is_all_of_it(*hold) ? std::optional{hold->id} : std::nullopt;
  }
  // Seats of other blocks only: the session says that a reservation led here holds them.
  for (auto& [id, hold] : holds_)
    if (is_all_of_it(hold)) return id;
  return std::nullopt;
}

hold_decision seat_block_core::decide_hold(const hold_seats& wish, instant now) const {
  hold_decision out;
  if (auto existing = held_by_caller(wish, now)) { // G14: choosing one's own seat again.
    out.is = hold_decision::kind::replay;
    out.existing = *existing;
    return out;
  }
  if (wish.deadline <= now) {
    out.why = ec::late;
    return out;
  }
  if (auto claim = find_claim(wish.id)) { // A claim is never a yes.
    out.why = claim->unsettled ? ec::unknown : ec::in_flight;
    return out;
  }
  std::vector<seat_id> own;
  for (auto& x : wish.seats)
    if (x.block_no == block_no_) own.push_back(x.seat);
  if (own.empty()) { // It was ours to lead while the caller held them; that has ended.
    out.why = ec::seat_contested;
    return out;
  }
  return judge_all(own, wish.id, now);
}

hold_decision seat_block_core::decide_claim(const claim_seats& wish, instant now) const {
  hold_decision out;
  if (wish.until <= now) {
    out.why = ec::late;
    return out;
  }
  if (auto claim = find_claim(wish.id)) { // The same claim, told again.
    out.is = hold_decision::kind::claim;
    out.seats = claim->seats;
    return out;
  }
  return judge_all(wish.seats, wish.id, now);
}

// -- applying -----------------------------------------------------------------------------------

void seat_block_core::apply_claim(reservation_id id, std::vector<held_seat> seats, instant until) {
  drop_claim(id);
  for (auto& x : seats)
    if (auto i = index_of(x.seat); i != nowhere) claimants_[i] = id;
  due_.emplace(until, id);
  claims_.emplace(id, claim_record{id, std::move(seats), until, false, until});
}

void seat_block_core::drop_claim(reservation_id id) {
  auto i = claims_.find(id);
  if (i == claims_.end()) return;
  for (auto& x : i->second.seats)
    if (auto k = index_of(x.seat); k != nowhere && claimants_[k] == id) claimants_[k] = {};
  due_.erase({i->second.due, id});
  claims_.erase(i);
}

void seat_block_core::mark_unsettled(reservation_id id) {
  if (auto i = claims_.find(id); i != claims_.end()) i->second.unsettled = true;
}

void seat_block_core::apply_hold(hold_record record) {
  drop_claim(record.id);
  forget(record.id);
  for (auto& x : record.seats) {
    if (x.block_no == block_no_)
      apply_row({x.seat, x.version, x.fence, seat_state::locked, record.id, x.price});
  }
  auto id = record.id;
  auto& hold = holds_.insert_or_assign(id, std::move(record)).first->second;
  schedule(hold, hold.expires_at);
}

void seat_block_core::schedule(hold_record& hold, instant when) {
  due_.erase({hold.due, hold.id});
  hold.due = when;
  if (!hold.pinned || !hold.led) due_.emplace(when, hold.id);
}

void seat_block_core::apply_release(reservation_id id, std::span<const held_seat> seats) {
  drop_claim(id);
  forget(id);
  for (auto& x : seats)
    if (x.block_no == block_no_)
      apply_row({x.seat, x.version, x.fence, seat_state::available, {}, x.price});
}

void seat_block_core::apply_row(const seat_facts& row) {
  auto seat = seat_at(row.seat);
  if (!seat || row.version < seat->version) return;
  auto price = seat->price; // Rows of a re-read carry no price; it does not change with the hold.
  *seat = row;
  seat->price = price;
}

void seat_block_core::forget(reservation_id id) {
  auto i = holds_.find(id);
  if (i == holds_.end()) return;
  due_.erase({i->second.due, id});
  holds_.erase(i);
}

void seat_block_core::set_pinned(reservation_id id, bool pinned) {
  auto i = holds_.find(id);
  if (i == holds_.end()) return;
  i->second.pinned = pinned;
  schedule(i->second, i->second.expires_at);
}

void seat_block_core::set_releasing(reservation_id id, bool releasing) {
  if (auto i = holds_.find(id); i != holds_.end()) i->second.releasing = releasing;
}

void seat_block_core::set_expiry(reservation_id id, instant expires_at) {
  auto i = holds_.find(id);
  if (i == holds_.end()) return;
  i->second.expires_at = expires_at;
  schedule(i->second, expires_at);
}

void seat_block_core::postpone(reservation_id id, instant when) {
  if (auto i = holds_.find(id); i != holds_.end()) schedule(i->second, when);
  if (auto i = claims_.find(id); i != claims_.end()) {
    due_.erase({i->second.due, id});
    i->second.due = when;
    due_.emplace(when, id);
  }
}

// -- looking ------------------------------------------------------------------------------------

const hold_record* seat_block_core::find_hold(reservation_id id) const {
  auto i = holds_.find(id);
  return i == holds_.end() ? nullptr : &i->second;
}

const claim_record* seat_block_core::find_claim(reservation_id id) const {
  auto i = claims_.find(id);
  return i == claims_.end() ? nullptr : &i->second;
}

std::vector<reservation_id> seat_block_core::overdue(instant now) const {
  std::vector<reservation_id> out;
  for (auto& [when, id] : due_) {
    if (when > now) break;
    auto hold = find_hold(id);
    if (hold && hold->led && !hold->pinned && !hold->releasing && hold->expires_at <= now)
      out.push_back(id);
  }
  return out;
}

std::vector<reservation_id> seat_block_core::doubtful(instant now) const {
  std::vector<reservation_id> out;
  for (auto& [when, id] : due_) {
    if (when > now) break;
    auto hold = find_hold(id);
    auto claim = find_claim(id);
    if ((claim && claim->until <= now) || (hold && !hold->led && hold->expires_at <= now))
      out.push_back(id);
  }
  return out;
}

std::optional<instant> seat_block_core::next_due() const {
  for (auto& [when, id] : due_) {
    auto hold = find_hold(id);
    if (!hold || !hold->releasing) return when;
  }
  return std::nullopt;
}

seat_state seat_block_core::shown(size_t i, instant now) const {
  auto& seat = seats_[i];
  if (!claimants_[i].nil()) return seat_state::locked;
  if (seat.state != seat_state::locked) return seat.state;
  auto hold = find_hold(seat.holder);
  bool ran_out = hold && !hold->pinned && hold->expires_at <= now;
  return ran_out ? seat_state::available : seat_state::locked;
}

} // namespace tk
