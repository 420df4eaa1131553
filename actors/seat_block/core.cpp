#include "actors/seat_block/core.hpp"

#include <algorithm>

#include "actors/base/mutants.hpp"

namespace tk {

namespace {

constexpr size_t nowhere = static_cast<size_t>(-1);
/// When to ask again for what is being paid for past the end of its hold.
constexpr int64_t pinned_pause_ms = 1000;

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
  sold_ = static_cast<size_t>(
    std::ranges::count(seats_, seat_state::reserved, [](auto& x) { return x.state; }));
}

seat_block_core::seat_block_core(int32_t block_no, const quota_facts& facts)
    : block_no_(block_no), quota_(facts) {
  // nop
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
  // Nobody knows when a payment is decided.
  auto wait = ms_until(hold->expires_at, now);
  return {ec::seat_held, hold->id, hold->pinned ? std::max(wait, pinned_pause_ms) : wait};
}

hold_decision seat_block_core::judge_all(std::span<const wanted_item> wanted, reservation_id id,
                                         instant now) const {
  if (quota_) return judge_quota(wanted, now);
  hold_decision out;
  for (auto& x : wanted) {
    auto seat = find_seat(x.seat);
    auto what = seat ? judge(*seat, id, now) : judged{ec::seat_unknown, {}, 0};
    if (what.why == ec::ok) {
      out.items.push_back({x.seat, block_no_, seat->version, seat->fence + 1, seat->price});
      continue;
    }
    auto hold = find_hold(what.in_the_way);
    bool ran_out = hold && hold->led && !hold->pinned && hold->expires_at <= now;
    if (what.why == ec::seat_contested && ran_out && out.existing.nil()) out.existing = hold->id;
    if (severity(what.why) > severity(out.why)) {
      out.why = what.why;
      out.refused.clear(); // Only what it is true of is named (G01).
      out.retry_after_ms = 0;
    }
    if (what.why != out.why) continue;
    out.refused.push_back(x);
    out.retry_after_ms = std::max(out.retry_after_ms, what.retry_after_ms);
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

hold_decision seat_block_core::judge_quota(std::span<const wanted_item> wanted, instant now) const {
  hold_decision out;
  int64_t units = 0;
  for (auto& x : wanted) {
    if (x.type != quota_->facts().type || x.quantity < 1) {
      out.why = ec::ticket_type_unknown;
      out.refused = {x};
      return out;
    }
    units += x.quantity;
    out.items.push_back({{}, block_no_, 0, 0, quota_->facts().price, x.type, x.quantity});
  }
  auto kept_back = mutant("keeps_some_back") ? 2 : 0; // Mutant: the last tickets are not sold.
  if (units + kept_back <= quota_->free()) {
    out.is = hold_decision::kind::claim;
    return out;
  }
  out.items.clear();
  out.refused.assign(wanted.begin(), wanted.end());
  out.why = ec::quantity_short;
  if (units > quota_->facts().unsold) return out; // Waiting does not bring back what is sold.
  auto ran_out = overdue(now);
  if (!ran_out.empty()) {
    out.is = hold_decision::kind::free_first;
    out.existing = ran_out.front();
  }
  if (auto due = next_due()) out.retry_after_ms = ms_until(*due, now);
  return out;
}

std::optional<reservation_id> seat_block_core::held_by_caller(const hold_items& wish,
                                                              instant now) const {
  if (find_hold(wish.id)) return wish.id;
  if (quota_) return std::nullopt; // Nobody can hold one seat twice; of a quantity one may.
  auto is_all_of_it = [&](const hold_record& hold) {
    bool alive = hold.led && (hold.pinned || hold.expires_at > now);
    return alive && hold.user == wish.user && std::ranges::all_of(wish.items, [&](auto& x) {
             return !x.seat.nil() &&
                    std::ranges::find(hold.items, x.seat, &held_item::seat) != hold.items.end();
           });
  };
  auto here = std::ranges::find(wish.items, block_no_, &wanted_item::block_no);
  if (here != wish.items.end()) {
    auto seat = find_seat(here->seat);
    auto hold = seat ? find_hold(seat->holder) : nullptr;
    return hold && is_all_of_it(*hold) ? std::optional{hold->id} : std::nullopt;
  }
  // Seats of other blocks only: the session says that a reservation led here holds them.
  for (auto& [id, hold] : holds_)
    if (is_all_of_it(hold)) return id;
  return std::nullopt;
}

hold_decision seat_block_core::decide_hold(const hold_items& wish, instant now) const {
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
  std::vector<wanted_item> own;
  for (auto& x : wish.items)
    if (x.block_no == block_no_) own.push_back(x);
  if (own.empty()) { // It was ours to lead while the caller held them; that has ended.
    out.why = ec::seat_contested;
    return out;
  }
  return judge_all(own, wish.id, now);
}

hold_decision seat_block_core::decide_claim(const claim_items& wish, instant now) const {
  hold_decision out;
  if (wish.until <= now) {
    out.why = ec::late;
    return out;
  }
  if (auto claim = find_claim(wish.id)) { // The same claim, told again.
    out.is = hold_decision::kind::claim;
    out.items = claim->items;
    return out;
  }
  return judge_all(wish.items, wish.id, now);
}

// -- applying -----------------------------------------------------------------------------------

void seat_block_core::apply_claim(reservation_id id, std::vector<held_item> items, instant until) {
  drop_claim(id);
  for (auto& x : items)
    if (auto i = index_of(x.seat); i != nowhere) claimants_[i] = id;
  if (quota_) quota_->claim(quota_->units(items, block_no_));
  due_.emplace(until, id);
  claims_.emplace(id, claim_record{id, std::move(items), until, false, until});
}

void seat_block_core::drop_claim(reservation_id id) {
  auto i = claims_.find(id);
  if (i == claims_.end()) return;
  for (auto& x : i->second.items)
    if (auto k = index_of(x.seat); k != nowhere && claimants_[k] == id) claimants_[k] = {};
  if (quota_) quota_->drop(quota_->units(i->second.items, block_no_));
  due_.erase({i->second.due, id});
  claims_.erase(i);
}

void seat_block_core::mark_unsettled(reservation_id id) {
  if (auto i = claims_.find(id); i != claims_.end()) i->second.unsettled = true;
}

void seat_block_core::apply_hold(hold_record record) {
  drop_claim(record.id);
  forget(record.id);
  for (auto& x : record.items) {
    if (x.block_no == block_no_)
      apply_row({x.seat, x.version, x.fence, seat_state::locked, record.id, x.price});
  }
  if (quota_) quota_->hold(quota_->units(record.items, block_no_));
  auto id = record.id;
  schedule_end(holds_.insert_or_assign(id, std::move(record)).first->second);
}

void seat_block_core::schedule(hold_record& hold, instant when) {
  due_.erase({hold.due, hold.id});
  hold.due = when;
  due_.emplace(when, hold.id);
}

/// What is pinned ends by what its checkout asks of this block, not by time.
void seat_block_core::schedule_end(hold_record& hold) {
  schedule(hold, hold.expires_at);
  if (hold.pinned && hold.led) due_.erase({hold.due, hold.id});
}

void seat_block_core::apply_release(reservation_id id, std::span<const held_item> items) {
  drop_claim(id);
  forget(id);
  for (auto& x : items)
    if (x.block_no == block_no_)
      apply_row({x.seat, x.version, x.fence, seat_state::available, {}, x.price});
}

void seat_block_core::apply_sale(reservation_id id, std::span<const held_item> items) {
  if (quota_ && (find_hold(id) || find_claim(id))) quota_->sell(quota_->units(items, block_no_));
  drop_claim(id);
  forget(id);
  for (auto& x : items)
    if (x.block_no == block_no_)
      apply_row({x.seat, x.version, x.fence, seat_state::reserved, id, x.price});
}

void seat_block_core::apply_return(std::span<const held_item> items) {
  if (quota_) quota_->sell(-quota_->units(items, block_no_));
  for (auto& x : items)
    if (x.block_no == block_no_)
      apply_row({x.seat, x.version, x.fence, seat_state::available, {}, x.price});
}

void seat_block_core::apply_quota_row(int32_t available, int32_t total) {
  if (!quota_) return;
  // A hold that is led elsewhere may have ended there already: its message is on its way.
  auto may_end = [](auto& x) { return x.second.releasing || !x.second.led; };
  bool settled = claims_.empty() && std::ranges::none_of(holds_, may_end);
  quota_->read(available, total, settled);
}

void seat_block_core::apply_row(const seat_facts& row) {
  auto seat = seat_at(row.seat);
  if (!seat) return;
  if (row.version < seat->version && !mutant("ignores_versions")) return; // Old news.
  if (seat->state == seat_state::reserved) --sold_;
  if (row.state == seat_state::reserved) ++sold_;
  auto price = seat->price; // Rows of a re-read carry no price; it does not change with the hold.
  *seat = row;
  seat->price = price;
}

void seat_block_core::forget(reservation_id id) {
  auto i = holds_.find(id);
  if (i == holds_.end()) return;
  if (quota_) quota_->give_back(quota_->units(i->second.items, block_no_));
  due_.erase({i->second.due, id});
  holds_.erase(i);
}

void seat_block_core::set_pinned(reservation_id id, bool pinned) {
  auto i = holds_.find(id);
  if (i == holds_.end()) return;
  i->second.pinned = pinned;
  schedule_end(i->second);
}

void seat_block_core::set_releasing(reservation_id id, bool releasing) {
  if (auto i = holds_.find(id); i != holds_.end()) i->second.releasing = releasing;
}

void seat_block_core::set_expiry(reservation_id id, instant expires_at) {
  auto i = holds_.find(id);
  if (i == holds_.end()) return;
  i->second.expires_at = expires_at;
  schedule_end(i->second);
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

bool seat_block_core::has_live_claims() const {
  return std::ranges::any_of(claims_, [](auto& x) { return !x.second.unsettled; });
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
    bool pin_in_doubt = hold && hold->led && hold->pinned; // Else it would not be due.
    bool end_in_doubt = hold && !hold->led && hold->expires_at <= now;
    if ((claim && claim->until <= now) || pin_in_doubt || end_in_doubt) out.push_back(id);
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
  // Mutant: what is being paid for is shown as sold.
  if (hold && hold->pinned && mutant("shows_pins_as_sold")) return seat_state::reserved;
  return ran_out ? seat_state::available : seat_state::locked;
}

int32_t seat_block_core::shown_quantity(instant now) const {
  if (!quota_) return 0;
  auto n = quota_->free();
  for (auto& [when, id] : due_) {
    if (when > now) break;
    auto hold = find_hold(id);
    if (hold && !hold->pinned && hold->expires_at <= now)
      n += quota_->units(hold->items, block_no_);
  }
  return static_cast<int32_t>(std::clamp<int64_t>(n, 0, quota_->facts().total));
}

} // namespace tk
