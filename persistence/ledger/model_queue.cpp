#include <algorithm>
#include <iterator>
#include <ranges>
#include <utility>

#include "persistence/ledger/model_driver.hpp"
#include "persistence/ledger/model_undo.hpp"
#include "persistence/ledger/queue_places.hpp"

/// Waiting rooms, in memory.
namespace tk {

namespace {

using model::plain;
using model::save;
using model::save_absence;

/// A draw that was made is never made again.
bool redraws(const room_control& before, const room_control& after) {
  if (!before.draw || before.draw->cutoff == 0) return false;
  auto wanted = *before.draw;
  if (after.draw) wanted.opens_at = after.draw->opens_at;
  return after.draw != wanted;
}

bool is_open(const model_slot& x) { return x.ended_at == instant{}; }

} // namespace

/// All are judged by the rows as they were, then those that passed are applied.
bool ledger_model::room_turns(const batch& what, std::vector<verdict>& out, undo_log& undo) {
  std::set<event_id> named;
  std::vector<std::pair<const room_turn*, verdict*>> told;
  for (size_t i = 0; i < what.ops.size(); ++i) {
    const auto* x = std::get_if<room_turn>(what.ops[i].get());
    if (x == nullptr) continue;
    const auto twin = !named.insert(x->event).second;
    out[i] = plain(judge(*x, twin), now_);
    if (out[i].is == outcome::ok && violates(*x)) return false;
    if (out[i].is == outcome::ok || out[i].is == outcome::done) told.emplace_back(x, &out[i]);
  }
  for (auto& [x, v] : told) {
    if (v->is == outcome::ok) apply(*x, undo);
    v->paid = paid_slots(*x);
  }
  return true;
}

outcome ledger_model::judge(const room_turn& x, bool twin) const {
  const auto i = rows.rooms.find(x.event);
  if (i != rows.rooms.end() && x.turn <= i->second.now.turn && x.room.epoch == i->second.now.epoch)
    return outcome::done;
  if (fenced(x.room)) return outcome::fenced;
  return twin ? outcome::in_flight : outcome::ok;
}

/// What a room cannot send unless it is wrong about itself, and what the constraints refuse.
bool ledger_model::violates(const room_turn& x) const {
  const auto i = rows.rooms.find(x.event);
  const auto known = i != rows.rooms.end();
  const auto before = known ? i->second.now : model_room::state{};
  const auto same = known && before.generation == x.generation;
  if (!rows.events.contains(x.event) || x.turn != before.turn + 1 ||
      x.generation < std::max(1, before.generation) || x.reserved_to < 1 || x.slot_max_s < 1 ||
      (same && x.reserved_to < before.reserved_to) ||
      (same && redraws(before.control, x.control)) || x.control.threshold.value_or(0) < 0 ||
      x.control.per_second.value_or(0) < 0)
    return true;
  auto next = same ? before.admitted : 0;
  for (const auto& y : x.admissions)
    if (y.number != ++next) return true;
  return std::ranges::any_of(
    x.ends, [&](const room_slot_end& y) { return y.number < 1 || y.number > next; });
}

void ledger_model::apply(const room_turn& x, undo_log& undo) {
  if (!rows.rooms.contains(x.event)) save_absence(undo, rows.rooms, x.event);
  auto& room = rows.rooms[x.event];
  save(undo, room.now);
  const auto generation_before = room.now.generation;
  const auto same = generation_before == x.generation;
  const auto admitted = (same ? room.now.admitted : 0) + static_cast<int32_t>(x.admissions.size());
  room.now = {x.turn, x.room.epoch, x.generation, x.reserved_to, admitted, x.control, now_};
  if (!x.joins.empty() || !x.leavers.empty()) {
    room.log.push_back({x.generation, x.joins, x.leavers});
    undo.emplace_back([&room] { room.log.pop_back(); });
  }
  look_at_slots(x, generation_before, undo);
  for (const auto& y : x.admissions) {
    const auto key = std::pair{x.generation, y.number};
    room.slots[key] = {y.user, y.place, now_, now_ + std::chrono::seconds(x.slot_max_s), {}};
    save_absence(undo, room.slots, key);
  }
  for (const auto& y : x.ends) {
    auto& slot = room.slots.at({x.generation, y.number});
    if (!is_open(slot)) continue;
    save(undo, slot);
    slot.why = y.why;
    slot.ended_at = y.why == slot_end::paid ? now_ : std::min(now_, slot.hard_end);
  }
  // What nobody has ended before its hard end.
  if (x.paid_since == instant{} && same) return;
  for (auto& [key, slot] : room.slots) {
    if (!is_open(slot) || slot.hard_end > now_) continue;
    save(undo, slot);
    slot.why = slot_end::expired;
    slot.ended_at = slot.hard_end;
  }
}

/// Ends what a new generation or a payment ends, before whatever the room says of it.
void ledger_model::look_at_slots(const room_turn& x, int32_t generation_before, undo_log& undo) {
  auto& room = rows.rooms.at(x.event);
  const auto cleared = generation_before != x.generation;
  if (!cleared && x.paid_since == instant{}) return;
  auto oldest = instant::max();
  for (const auto& [key, slot] : room.slots)
    if (is_open(slot)) oldest = std::min(oldest, slot.admitted_at);
  const auto paid =
    x.paid_since == instant{} ? std::map<user_id, instant>{} : paid_for(x.event, oldest);
  for (auto& [key, slot] : room.slots) {
    if (!is_open(slot)) continue;
    const auto i = paid.find(slot.user);
    const auto has_paid = i != paid.end() && i->second > slot.admitted_at;
    const auto old = key.first != x.generation;
    if (!old && !has_paid) continue;
    save(undo, slot);
    slot.why = old ? slot_end::cleared : slot_end::paid;
    slot.ended_at = old ? std::min(now_, slot.hard_end) : now_;
  }
}

/// When each user last paid for the event, after `since`.
std::map<user_id, instant> ledger_model::paid_for(event_id x, instant since) const {
  std::map<user_id, instant> out;
  for (auto h = rows.history.rbegin(); h != rows.history.rend() && h->at > since; ++h) {
    if (h->from != "pending" || h->to != "confirmed") continue;
    const auto r = rows.reservations.find(h->reservation);
    if (r == rows.reservations.end() || r->second.row.event != x) continue;
    if (r->second.row.user == h->actor) out.emplace(h->actor, h->at);
  }
  return out;
}

std::vector<int32_t> ledger_model::paid_slots(const room_turn& x) const {
  std::vector<int32_t> out;
  if (x.paid_since == instant{}) return out;
  const auto& slots = rows.rooms.at(x.event).slots;
  for (auto i = slots.lower_bound({x.generation, 0}); i != slots.end(); ++i) {
    const auto& [key, slot] = *i;
    if (key.first != x.generation) break;
    if (!is_open(slot) && slot.why == slot_end::paid && slot.ended_at >= x.paid_since)
      out.push_back(key.second);
  }
  return out;
}

room_rows ledger_model::read(const load_room& x) const {
  room_rows out;
  out.known = rows.events.contains(x.event);
  const auto found = rows.rooms.find(x.event);
  if (found == rows.rooms.end()) return out;
  const auto& room = found->second;
  out.turn = room.now.turn;
  out.generation = room.now.generation;
  out.reserved_to = room.now.reserved_to;
  out.next_admission = room.now.admitted + 1;
  out.control = room.now.control;
  std::map<uint32_t, user_id> last;  ///< Who took a place, the last time.
  std::map<uint32_t, int32_t> taken; ///< How much oftener than it was given up.
  for (const auto& turn : room.log) {
    if (turn.generation != out.generation) continue;
    for (const auto& y : turn.joins) {
      last[y.place] = y.user;
      ++taken[y.place];
    }
    for (const auto y : turn.leavers) --taken[y];
  }
  out.unwritten = unwritten_numbers(std::views::keys(last), out.reserved_to);
  for (const auto& [key, slot] : room.slots) {
    if (key.first != out.generation) continue;
    if (is_open(slot) && slot.hard_end > now_)
      out.slots.push_back({key.second, slot.user, slot.hard_end});
    if (slot.place == 0) continue;
    --taken[slot.place];
    const auto place = queue_place::of(slot.place);
    if (!place.direct) out.used_gate_numbers.push_back(place.number);
  }
  std::ranges::sort(out.used_gate_numbers);
  for (const auto& [place, user] : last)
    if (taken[place] > 0) out.waiting.push_back({place, user});
  return out;
}

live_rooms ledger_model::read(const find_live_rooms&) const {
  constexpr std::chrono::hours lately{1};
  live_rooms out;
  for (const auto& [event, room] : rows.rooms) {
    if (room.now.turn == 0 || room.now.written_at + lately <= now_) continue;
    const auto found = read(load_room{event});
    if (!found.waiting.empty() || !found.slots.empty()) out.rows.push_back(event);
  }
  return out;
}

event_inventory ledger_model::read(const load_inventory& x) const {
  event_inventory out;
  out.known = rows.events.contains(x.event);
  for (const auto& [id, seat] : rows.seats) {
    if (seat.event != x.event) continue;
    ++out.total;
    out.free += seat.status == 'a' ? 1 : 0;
    out.held += seat.status == 'l' ? 1 : 0;
  }
  for (const auto& [id, type] : rows.types) {
    if (type.event != x.event) continue;
    out.total += type.total;
    out.free += type.available;
  }
  for (const auto& [id, reservation] : rows.reservations) {
    if (reservation.row.event != x.event || reservation.row.status != reservation_status::pending)
      continue;
    for (const auto& item : reservation.row.items) out.held += item.is_seat() ? 0 : item.quantity;
  }
  return out;
}

} // namespace tk
