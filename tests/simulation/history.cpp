#include "tests/simulation/history.hpp"

#include <algorithm>

namespace tk::sim {

namespace {

/// What says neither that it happened nor that it did not.
bool says_nothing(ec x) {
  return x == ec::unknown || x == ec::in_flight || x == ec::internal || x == ec::payment_pending;
}

std::vector<seat_id> seats_in(const std::vector<wanted_item>& items) {
  std::vector<seat_id> out;
  for (auto& x : items)
    if (!x.seat.nil()) out.push_back(x.seat);
  return out;
}

seat_op op_of(seat_act what, uint32_t whose, instant from, std::optional<instant> until) {
  return {what, whose, from, until};
}

} // namespace

void history::heard(const told_hold& x) {
  auto key = x.key.empty() ? "#" + std::to_string(++keyless_) : x.key;
  std::tuple name{x.user, key, x.digest};
  if (x.is == ec::ok) {
    auto& made = known_[x.id];
    if (auto before = unknown_.extract(name)) made.take.ask(*before.mapped().take.from);
    made.take.ask(x.asked);
    // Made by an earlier wish, perhaps one without an answer: its end tells when.
    if (x.replayed && !made.take.until) made.take.ask(x.pending ? x.expires_at - ttl_ : instant{});
    made.take.know(x.answered);
    made.seats.clear();
    for (auto& item : x.made)
      if (item.is_seat()) made.seats.push_back(item.seat);
    if (x.pending) made.lapses = x.expires_at;
    told_[name] = x.id;
    if (!x.replayed || !x.pending) return;
    for (auto seat : made.seats)
      seen_[seat].push_back({seat_act::see_mine, x.id, x.asked, x.answered});
    return;
  }
  // A twin that arrives after its time is refused as never begun; the first one may have been.
  if (says_nothing(x.is) || (twins && x.is == ec::unavailable)) {
    if (auto known = told_.find(name); known != told_.end())
      known_[known->second].take.ask(x.asked);
    else {
      auto& open = unknown_[name];
      open.take.ask(x.asked);
      open.seats = seats_in(x.items);
    }
  }
  // The twin of a wish that was refused may hold the seat until it runs out, and nobody knows of
  // it.
  if ((x.is == ec::seat_held && !twins) || x.is == ec::seat_sold) {
    auto what = x.is == ec::seat_held ? seat_act::see_held : seat_act::see_sold;
    for (auto seat : seats_in(x.refused)) seen_[seat].push_back({what, {}, x.asked, x.answered});
  }
}

void history::note(const told_change& x, changes& to) const {
  bool done = x.is == ec::ok || x.is == ec::already_cancelled || x.is == ec::already_paid;
  if (!done && !twins && !says_nothing(x.is)) return;
  auto& change = to[x.reservation];
  change.ask(x.asked);
  if (done) change.know(x.answered);
}

void history::add(ops_by_seat& to, const wish& x, reservation_id id, uint32_t whose) const {
  for (auto seat : x.seats) {
    auto& ops = to[seat];
    ops.push_back(op_of(seat_act::take, whose, *x.take.from, x.take.until));
    ops.push_back(
      op_of(seat_act::lapse, whose, x.lapses.value_or(*x.take.from + ttl_), std::nullopt));
    auto change = [&](const changes& of, seat_act what) {
      auto i = of.find(id);
      if (i != of.end()) ops.push_back(op_of(what, whose, *i->second.from, i->second.until));
    };
    change(ends_, seat_act::give_back);
    change(sales_, seat_act::sell);
  }
}

std::string history::check(millis old) {
  ops_by_seat all;
  std::map<reservation_id, uint32_t> numbers;
  uint32_t whose = 0;
  for (auto& [id, x] : known_) {
    numbers[id] = ++whose;
    add(all, x, id, whose);
  }
  for (auto& [name, x] : unknown_) add(all, x, {}, ++whose);
  for (auto& [seat, looks] : seen_)
    for (auto& x : looks) {
      auto mine = x.whose.nil() ? 0 : numbers.at(x.whose);
      all[seat].push_back(op_of(x.what, mine, x.asked - old, x.answered));
    }
  for (auto& [seat, ops] : all) {
    ++checked_;
    auto said = check_seat(ops);
    if (said.is == consistency::undecided) ++undecided_;
    if (said.is != consistency::broken) continue;
    auto culprit = ops[said.culprit];
    std::ranges::sort(ops, {}, &seat_op::from);
    auto zero = ops.front().from;
    std::string out = "nothing explains what was said of seat " + std::to_string(seat.lo % 10'000) +
                      " of block " + std::to_string(seat.lo / 10'000) + ", first " +
                      to_string(culprit, zero) + ":";
    for (auto& x : ops) out += "\n    " + to_string(x, zero);
    return out;
  }
  return {};
}

} // namespace tk::sim
