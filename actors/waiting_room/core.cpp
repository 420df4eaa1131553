#include "actors/waiting_room/core.hpp"

#include <algorithm>
#include <utility>

#include "actors/base/mutants.hpp"

namespace tk {

namespace {

constexpr millis look_every{5000};
/// Payments are looked at once more for so long: theirs is the clock of another transaction.
constexpr millis look_back{10'000};
constexpr size_t sweep_max = 1000;
/// So that a room that starts again goes on above the versions of its last life in the same epoch.
constexpr uint64_t versions_per_ms = 1000;

uint32_t first_direct(const room_rows& rows) {
  auto out = static_cast<uint32_t>(rows.reserved_to);
  if (!rows.unwritten.empty()) out = std::min(out, rows.unwritten.front().from);
  auto direct = [](const room_join& x) { return queue_place::of(x.place).direct; };
  auto first = std::ranges::find_if(rows.waiting, direct);
  if (first != rows.waiting.end()) out = std::min(out, queue_place::of(first->place).number);
  return rows.control.draw ? std::min(out, rows.control.draw->from) : out;
}

} // namespace

waiting_room_core::waiting_room_core(event_id event, participant address,
                                     const queue_settings& settings, const room_rows& rows,
                                     instant now)
    : event_(event),
      address_(address),
      settings_(settings),
      control_(rows.control),
      generation_(rows.generation),
      direct_(first_direct(rows)),
      presence_(now),
      next_direct_(static_cast<uint32_t>(rows.reserved_to)),
      reserved_to_(next_direct_),
      asked_to_(next_direct_),
      unsure_(rows.unwritten),
      next_admission_(rows.next_admission),
      written_(rows.turn),
      paid_since_(now - settings.slot_max),
      look_at_(now),
      sweep_at_(now + settings.sweep_every),
      returns_until_(now + settings.stale_after),
      now_(now),
      version_(static_cast<uint64_t>(to_ms(now)) * versions_per_ms) {
  if (control_.draw && control_.draw->cutoff != 0)
    order_.emplace(event_, published(*control_.draw));
  std::vector<waiting_people::entry> entries;
  entries.reserve(rows.waiting.size());
  for (auto& x : rows.waiting) entries.push_back(people_.add({x.user, x.place, 0, 0}));
  for (auto x : entries) stand(x);
  for (auto x : entries) people_.at(x).poll_s = static_cast<uint32_t>(poll_s(people_.at(x)));
  for (auto number : rows.used_gate_numbers) use_up({false, number});
  for (auto& x : rows.slots) {
    auto soft = std::min(now + settings.slot, x.hard_end);
    slots_[x.user] = {x.number, written_, true, false, soft, x.hard_end};
  }
  next_.turn = written_ + 1;
}

// -- numbers --------------------------------------------------------------------------------------

uint32_t waiting_room_core::threshold() const {
  return static_cast<uint32_t>(control_.threshold.value_or(settings_.threshold));
}

uint32_t waiting_room_core::per_second() const {
  return static_cast<uint32_t>(control_.per_second.value_or(settings_.per_second));
}

bool waiting_room_core::full() const {
  return settings_.capacity > 0 && people_.size() >= static_cast<size_t>(settings_.capacity);
}

uint32_t waiting_room_core::ahead_of(queue_place x) const {
  auto gated = x.direct ? gated_.size() : gated_.ahead_of(x.number);
  return static_cast<uint32_t>(gated + (x.direct ? direct_.ahead_of(stand_of(x)) : 0));
}

void waiting_room_core::advance(instant now) {
  now_ = now;
  presence_.advance(now);
}

// -- telling --------------------------------------------------------------------------------------

int32_t waiting_room_core::poll_s(const waiting_person& x) const {
  auto place = queue_place::of(x.place);
  if (!before_opening()) return next_poll_s(ahead_of(place) + 1);
  auto left = control_.draw->opens_at - now_;
  return std::min(pre_queue_poll_s(left, place.number, static_cast<uint32_t>(people_.size())),
                  waiting_person::poll_max_s);
}

queue_reply waiting_room_core::told_all(queue_state state) const {
  queue_reply out;
  out.state = state;
  out.ticket = {{}, generation_, address_.epoch};
  out.waiting = static_cast<uint32_t>(people_.size());
  out.active = static_cast<uint32_t>(slots_.size());
  out.threshold = threshold();
  out.version = version_;
  out.draw = shown_draw();
  out.seats = seats();
  return out;
}

queue_reply waiting_room_core::told(const waiting_person& x) const {
  auto out = told_all(before_opening() ? queue_state::pre_queue : queue_state::queued);
  auto place = queue_place::of(x.place);
  out.ticket.place = place;
  if (before_opening()) return out; // Nobody has a place yet.
  out.ahead = ahead_of(place);
  out.behind = out.waiting - out.ahead - 1;
  out.wait_s = estimated_wait_s(pace_.at(now_), out.ahead + 1);
  return out;
}

queue_reply waiting_room_core::told(const slot& x) const {
  auto out = told_all(queue_state::active);
  out.admission = x.number;
  out.slot_end = x.expires_at;
  return out;
}

queue_report waiting_room_core::report() const {
  queue_report out;
  out.waiting = static_cast<uint32_t>(people_.size());
  out.active = static_cast<uint32_t>(slots_.size());
  out.threshold = threshold();
  out.per_second = per_second();
  out.paused = paused();
  out.generation = generation_;
  out.follow_inventory = control_.follow_inventory;
  out.draw = shown_draw();
  return out;
}

// -- coming ---------------------------------------------------------------------------------------

room_answer waiting_room_core::check_slot(slots::iterator i, instant now) {
  auto& x = i->second;
  // Planted: a slot is told, and a pass made for it, before it is on record.
  if (!x.on_record && !mutant("tells_slots_early")) return {{}, x.turn};
  if (x.expires_at <= now) {
    end(i, slot_end::expired);
    return {{}, next_.turn}; // Whoever comes back then begins anew.
  }
  x.expires_at = std::min(now + settings_.slot, x.hard_end);
  return {told(x), 0};
}

/// A ticket of an earlier life of the room for a number that nobody wrote down. In this epoch, too:
/// a room that ended by itself starts again in the same one, and gives later numbers. One of long
/// ago does not count: its owner's silence is older than the room.
bool waiting_room_core::may_return(const queue_ticket& x) const {
  constexpr int64_t epochs_back = 2;
  auto n = x.place.number;
  if (!x.place.direct || x.generation != generation_ || x.epoch > address_.epoch ||
      x.epoch < address_.epoch - epochs_back || returned_.contains(n))
    return false;
  auto behind = std::ranges::upper_bound(unsure_, n, {}, &number_range::from);
  return behind != unsure_.begin() && n < std::prev(behind)->to;
}

/// Has the next range reserved in time. True when there is no number to give before that.
bool waiting_room_core::range_wanted() {
  if (reserved_to_ - next_direct_ < range / 2 && asked_to_ == reserved_to_) {
    asked_to_ = reserved_to_ + range;
    urgent_ = true;
  }
  // Planted: numbers are given that a crash gives again.
  return next_direct_ >= (mutant("numbers_before_record") ? asked_to_ : reserved_to_);
}

/// The turn that puts the range on record that is waited for.
int64_t waiting_room_core::turn_of_range() const {
  bool on_its_way = in_flight_ && in_flight_->reserved_to > int64_t{reserved_to_};
  return on_its_way ? in_flight_->turn : next_.turn;
}

std::optional<queue_place> waiting_room_core::gate_place(uint32_t number) const {
  bool used = number < used_.size() && used_[number];
  if (number == 0 || number >= gate_number_max || used ||
      gated_.at(number) != waiting_line::no_entry)
    return std::nullopt;
  return queue_place{false, number};
}

void waiting_room_core::use_up(queue_place x) {
  // Planted: a number of the gate is good for as many slots as one likes.
  if (x.none() || x.direct || mutant("uses_numbers_again")) return;
  if (used_.size() <= x.number) used_.resize(size_t{x.number} + 1);
  used_[x.number] = true;
}

std::optional<queue_place> waiting_room_core::place_for(const check_queue& x) {
  if (may_return(x.ticket)) {
    returned_.insert(x.ticket.place.number);
    return x.ticket.place;
  }
  // A second user with the same number of the gate comes behind, as if without one. A draw knows
  // no other order than its own.
  if (auto place = control_.draw ? std::nullopt : gate_place(x.gate_number)) return place;
  if (range_wanted()) return std::nullopt;
  return queue_place{true, next_direct_++};
}

void waiting_room_core::touch(waiting_person& x) {
  auto place = queue_place::of(x.place);
  x.seen_s = presence_.now_s();
  x.poll_s = static_cast<uint32_t>(poll_s(x));
  line_of(place).set_present(stand_of(place), true);
}

void waiting_room_core::stand(waiting_people::entry x) {
  auto place = queue_place::of(people_.at(x).place);
  line_of(place).put(stand_of(place), x);
}

void waiting_room_core::join(user_id user, queue_place place) {
  auto entry = people_.add({user, place.code(), 0, 0});
  stand(entry);
  touch(people_.at(entry));
  next_.joins.push_back({place.code(), user});
  changed();
}

/// Somebody began anew from a device without a ticket, before the one that has it came back.
void waiting_room_core::go_back(waiting_people::entry x, queue_place to, instant now) {
  auto user = people_.at(x).user;
  if (next_.joins.empty()) joins_since_ = now;
  next_.leavers.push_back(people_.at(x).place);
  drop(x);
  returned_.insert(to.number);
  join(user, to);
}

room_answer waiting_room_core::check(const check_queue& x, instant now) {
  advance(now);
  // Nobody gets a place of a generation that a crash would take back.
  if (written_ < clear_turn_ && !mutant("tells_cleared_early")) return {{}, clear_turn_};
  if (auto i = slots_.find(x.user); i != slots_.end()) return check_slot(i, now);
  if (auto entry = people_.find(x.user)) {
    auto place = queue_place::of(people_.at(*entry).place);
    if (may_return(x.ticket) && x.ticket.place < place) {
      go_back(*entry, x.ticket.place, now);
      entry = people_.find(x.user);
    }
    touch(people_.at(*entry));
    return {told(people_.at(*entry)), 0};
  }
  if (!x.join && !may_return(x.ticket)) return {told_all(queue_state::absent), 0};
  // Planted: whoever shows an old ticket is let in once more.
  if (mutant("readmits_by_ticket") && x.ticket.generation == generation_ && x.ticket.place.direct &&
      order_ && !x.ticket.place.none())
    return {{}, admit(x.user, 0, now)};
  // Planted: newcomers do not wait while there is room, whoever does.
  bool nobody = people_.size() == 0 || mutant("newcomers_first");
  bool first = nobody && !paused() && per_second() > 0 && !before_opening() && enough_seats() &&
               !may_return(x.ticket);
  if (first && slots_.size() < threshold()) return {{}, admit_first(x, now)};
  if (full() && !may_return(x.ticket)) {
    auto out = told_all(queue_state::absent);
    out.is = ec::queue_full;
    return {out, 0};
  }
  auto place = place_for(x);
  if (!place) return {{}, turn_of_range()};
  if (next_.joins.empty()) joins_since_ = now;
  join(x.user, *place);
  return {told(people_.at(*people_.find(x.user))), 0};
}

void waiting_room_core::hear(const heard_people& x, instant now) {
  if (!presence_.hear(x.ingress, x.batch, now) || x.generation != generation_) return;
  for (auto code : x.places) {
    auto place = queue_place::of(code);
    if (auto entry = line_of(place).at(stand_of(place)); entry != waiting_line::no_entry)
      touch(people_.at(entry));
  }
}

// -- going ----------------------------------------------------------------------------------------

void waiting_room_core::drop(waiting_people::entry x) {
  auto place = queue_place::of(people_.at(x).place);
  line_of(place).remove(stand_of(place));
  people_.remove(x);
  changed();
}

void waiting_room_core::end(slots::iterator i, slot_end why) {
  next_.ends.push_back({i->second.number, why});
  ++ended_;
  slots_.erase(i);
  urgent_ = true;
  changed();
}

/// The turn that puts the last end on record that is not there yet; 0 = all are. Whoever leaves
/// twice at once has neither place nor slot here any more, and may still have it on record.
int64_t waiting_room_core::turn_of_ends() const {
  auto ends = [](const room_turn& x) { return !x.ends.empty() || !x.leavers.empty(); };
  if (ends(next_)) return next_.turn;
  return in_flight_ && ends(*in_flight_) ? in_flight_->turn : 0;
}

int64_t waiting_room_core::leave(user_id user, instant now) {
  advance(now);
  if (written_ < clear_turn_) return clear_turn_; // Which ends whatever anybody has.
  if (auto i = slots_.find(user); i != slots_.end()) {
    if (i->second.on_record && mutant("frees_by_message")) { // Planted: without a record of it.
      slots_.erase(i);
      return 0;
    }
    if (i->second.on_record) {
      end(i, slot_end::left);
      return next_.turn;
    }
    i->second.leaving = true; // No turn opens a slot and ends it: that is for the one after.
    wanted_ = std::max(wanted_, i->second.turn + 1);
    return i->second.turn + 1;
  }
  auto entry = people_.find(user);
  if (!entry) {
    if (auto turn = turn_of_ends()) return turn;
    // That there is nothing is a word of who owns the room: one that was replaced and does not know
    // it yet knows nothing of who came since. A turn proves it, with whatever else is to be
    // written.
    urgent_ = true;
    return next_.turn;
  }
  next_.leavers.push_back(people_.at(*entry).place);
  drop(*entry);
  urgent_ = true;
  return next_.turn;
}

/// A crash may bring back whoever is not here by a turn that is not on record.
room_waiter waiting_room_core::find(user_id user) const {
  if (people_.find(user)) return {{ec::ok, true}, 0};
  if (urgent_) return {{}, next_.turn};
  return {{}, in_flight_ ? in_flight_->turn : 0};
}

void waiting_room_core::clear() {
  ++generation_;
  people_.clear();
  gated_ = waiting_line{};
  direct_ = waiting_line{next_direct_};
  slots_.clear();
  next_admission_ = 1;
  unsure_.clear();
  returned_.clear();
  used_.clear();
  order_.reset();
  if (control_.draw && control_.draw->cutoff != 0) control_.draw.reset(); // Its list is no more.
  if (control_.draw) {
    control_.draw->from = next_direct_;
    control_.draw->list = {};
  }
  clear_turn_ = next_.turn;
  next_ = {};
  next_.turn = clear_turn_;
}

room_report waiting_room_core::steer(const steer_queue& x, instant now, const sha256_digest& seed) {
  advance(now);
  auto is = ec::ok;
  switch (x.verb) {
  case queue_verb::report: return {report(), 0};
  case queue_verb::clear: clear(); break;
  case queue_verb::set_threshold: control_.threshold = x.value; break;
  case queue_verb::set_rate: control_.per_second = x.value; break;
  case queue_verb::pause: control_.paused = true; break;
  case queue_verb::resume: control_.paused = false; break;
  case queue_verb::set_pre_queue:
  case queue_verb::drop_pre_queue: is = steer_draw(x, seed); break;
  case queue_verb::follow_inventory:
    if (!control_.follow_inventory) inventory_ = {}; // As it was when the room followed it last.
    control_.follow_inventory = true;
    break;
  case queue_verb::ignore_inventory: control_.follow_inventory = false; break;
  }
  if (is != ec::ok) {
    auto out = report();
    out.is = is;
    return {out, 0};
  }
  urgent_ = true;
  changed();
  return {report(), next_.turn};
}

// -- time -----------------------------------------------------------------------------------------

bool waiting_room_core::silent(const waiting_person& x) const {
  constexpr uint32_t polls = 3, grace_s = 30;
  return presence_.now_s() - x.seen_s > polls * x.poll_s + grace_s;
}

/// The next one to be admitted. Whoever is silent keeps the place and is passed over (P-64).
std::optional<waiting_people::entry> waiting_room_core::next_present() {
  for (auto* line : {&gated_, &direct_}) {
    while (auto number = line->first_present()) {
      auto entry = line->at(*number);
      if (!silent(people_.at(entry))) return entry;
      line->set_present(*number, false);
    }
  }
  return std::nullopt;
}

int64_t waiting_room_core::admit(user_id user, uint32_t place, instant now) {
  slot x;
  x.number = next_admission_++;
  x.turn = next_.turn;
  x.expires_at = x.hard_end = now + settings_.slot_max;
  slots_[user] = x;
  next_.admissions.push_back({x.number, user, place});
  use_up(queue_place::of(place));
  urgent_ = true;
  changed();
  return x.turn;
}

/// Somebody comes in without waiting. A number of the gate is used up for it all the same: it is
/// good for one slot.
int64_t waiting_room_core::admit_first(const check_queue& x, instant now) {
  auto place = gate_place(x.gate_number);
  if (!place) return admit(x.user, 0, now);
  next_.joins.push_back({place->code(), x.user});
  return admit(x.user, place->code(), now);
}

void waiting_room_core::sweep() {
  auto stale_s = static_cast<uint32_t>(settings_.stale_after.count() / 1000);
  size_t dropped = 0;
  for (auto* line : {&gated_, &direct_}) {
    for (auto n = line->head(); n < line->end() && dropped < sweep_max; ++n) {
      auto entry = line->at(n);
      if (entry == waiting_line::no_entry) continue;
      // Planted: whom this life of the room has not heard of is taken for silent.
      bool unseen = mutant("sweeps_after_activation") && people_.at(entry).seen_s == 0;
      if (presence_.now_s() - people_.at(entry).seen_s < stale_s && !unseen) continue;
      next_.leavers.push_back(people_.at(entry).place);
      drop(entry);
      ++dropped;
    }
  }
  urgent_ = urgent_ || dropped > 0;
}

void waiting_room_core::round(instant now) {
  advance(now);
  if (people_.size() == 0) presence_.rest();
  for (auto i = slots_.begin(); i != slots_.end();) {
    auto at = i++;
    if (at->second.on_record && at->second.expires_at <= now) end(at, slot_end::expired);
  }
  if (now >= look_at_ && !slots_.empty()) look_ = urgent_ = true;
  if (now >= sweep_at_) {
    sweep_at_ = now + settings_.sweep_every;
    sweep();
  }
  if (before_opening()) urgent_ = urgent_ || control_.draw->opens_at <= now;
  else if (!paused()) admit_next(now);
  if (now < returns_until_) return;
  unsure_.clear(); // Whoever has not come back by now has lost the place.
  returned_.clear();
  direct_.trim();
}

void waiting_room_core::admit_next(instant now) {
  constexpr uint64_t one = 1000;
  // What a short round has not earned in full, the next ones have.
  auto earned =
    rate_rest_ + uint64_t{per_second()} * static_cast<uint64_t>(settings_.round_every.count());
  rate_rest_ = earned % one;
  auto most = static_cast<uint32_t>(std::min<uint64_t>(earned / one, admissions_a_round));
  for (uint32_t n = 0; n < most && slots_.size() < threshold() && enough_seats(); ++n) {
    auto entry = next_present();
    if (!entry) break;
    auto person = people_.at(*entry);
    drop(*entry);
    admit(person.user, person.place, now);
  }
}

// -- the record -----------------------------------------------------------------------------------

instant waiting_room_core::next_turn_at() const {
  if (in_flight_) return instant::max();
  if (urgent_) return instant{};
  return next_.joins.empty() ? instant::max() : joins_since_ + linger;
}

std::optional<room_turn> waiting_room_core::take_turn(instant now) {
  if (next_turn_at() > now) return std::nullopt;
  auto turn = next_.turn;
  next_.event = event_;
  next_.room = address_;
  next_.generation = generation_;
  next_.reserved_to = asked_to_;
  if (control_.draw && control_.draw->cutoff == 0) note_joins(now);
  if (mutant("draws_before_record") && control_.draw && control_.draw->cutoff != 0 && !order_)
    line_up_as_drawn(); // Planted: who stands first is told before a crash could change it.
  next_.control = control_;
  next_.slot_max_s = static_cast<int32_t>(settings_.slot_max.count() / 1000);
  if (std::exchange(look_, false)) next_.paid_since = paid_since_;
  in_flight_ = std::exchange(next_, {});
  next_.turn = turn + 1;
  urgent_ = false;
  return in_flight_;
}

void waiting_room_core::turn_written(instant at, const std::vector<int32_t>& paid, instant now) {
  if (!in_flight_) return;
  auto done = std::move(*in_flight_);
  in_flight_.reset();
  written_ = done.turn;
  urgent_ = urgent_ || written_ < wanted_; // Also when a clear has taken the slot that was to end.
  reserved_to_ = static_cast<uint32_t>(done.reserved_to);
  if (done.paid_since != instant{}) {
    paid_since_ = at - look_back;
    look_at_ = now + look_every;
  }
  if (done.generation != generation_) return; // Cleared meanwhile: nobody of it is here any more.
  if (done.control.draw && done.control.draw->cutoff != 0 && !order_) line_up_as_drawn();
  pace_.note(static_cast<uint32_t>(done.admissions.size()), now);
  for (auto& x : done.admissions) {
    auto i = slots_.find(x.user);
    if (i == slots_.end() || i->second.number != x.number) continue;
    i->second.on_record = true;
    // Of a turn whose answer was lost `at` is later than its commit: a pass must not outlive that.
    i->second.hard_end = std::min(i->second.hard_end, at + settings_.slot_max);
    i->second.expires_at = std::min(now + settings_.slot, i->second.hard_end);
    if (i->second.leaving) end(i, slot_end::left);
  }
  auto has_paid = [&](auto& x) { return std::ranges::find(paid, x.second.number) != paid.end(); };
  auto gone = paid.empty() ? 0 : std::erase_if(slots_, has_paid);
  ended_ += static_cast<int64_t>(gone);
  ended_paid_ += static_cast<int64_t>(gone);
  if (gone > 0) changed();
  if (!done.admissions.empty()) changed();
}

// -- looking --------------------------------------------------------------------------------------

room_board waiting_room_core::board(instant now) const {
  room_board out;
  out.event = event_;
  out.epoch = address_.epoch;
  out.version = version_;
  out.made_at = now;
  out.generation = generation_;
  out.unsure_from = unsure_.empty() ? asked_to_ : unsure_.front().from;
  out.gated = gated_.view();
  out.direct = direct_.view();
  out.active = static_cast<uint32_t>(slots_.size());
  out.threshold = threshold();
  out.paused = paused();
  out.draw = shown_draw();
  out.seats = seats();
  out.pace = pace_.at(now);
  out.first_slot = out.next_slot = next_admission_;
  for (auto& [user, x] : slots_) out.first_slot = std::min(out.first_slot, x.number);
  out.open_slots.assign(static_cast<size_t>(out.next_slot - out.first_slot + 63) / 64, 0);
  for (auto& [user, x] : slots_) {
    auto index = static_cast<uint32_t>(x.number - out.first_slot);
    out.open_slots[index / 64] |= uint64_t{1} << (index % 64);
  }
  return out;
}

bool waiting_room_core::idle() const {
  return people_.size() == 0 && slots_.empty() && !in_flight_ && !urgent_;
}

size_t waiting_room_core::bytes() const {
  constexpr size_t byte_bits = 8;
  return people_.bytes() + gated_.bytes() + direct_.bytes() + used_.capacity() / byte_bits +
         (order_ ? order_->bytes() : 0);
}

} // namespace tk
