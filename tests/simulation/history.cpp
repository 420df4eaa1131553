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

std::string name_of(seat_id x) {
  return "seat " + std::to_string(x.lo % 10'000) + " of block " + std::to_string(x.lo / 10'000);
}

seat_op op_of(seat_act what, uint32_t whose, instant from, std::optional<instant> until) {
  return {what, whose, from, until};
}

/// A map is shown by a node's clock, the end of a hold is by the ledger's. They are brought
/// together by measuring, and a node whose error is found to be larger decides nothing until it has
/// mended it
/// (`offset_jump_max_ms` of supervisors/node.cpp).
constexpr millis clock_error{250};

} // namespace

void history::heard(const told_hold& x) {
  begin_ = std::min(begin_.value_or(x.asked), x.asked);
  if (x.is != ec::ok)
    for (auto seat : seats_in(x.items)) vain_[seat].push_back({x.asked, x.answered});
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

std::string history::saw(const told_map& x) {
  begin_ = std::min(begin_.value_or(x.at), x.at);
  return maps_.saw(x);
}

/// A seat that is claimed for a wish is shown as held, before anybody knows what comes of it.
bool history::may_be_a_claim(const look_at_seat& x, millis old) const {
  auto wishes = vain_.find(x.seat);
  if (x.what != seat_act::see_held || wishes == vain_.end()) return false;
  return std::ranges::any_of(
    wishes->second, [&](auto& y) { return y.asked <= x.until && y.answered + old >= x.from; });
}

/// The map shows a hold as free from its end on, until the block hears that it was paid for in its
/// last moment.
bool history::may_have_run_out(const look_at_seat& x, millis old) const {
  if (x.what != seat_act::see_free) return false;
  return std::ranges::any_of(sales_, [&](auto& sale) {
    auto order = known_.find(sale.first);
    if (order == known_.end() || !order->second.lapses || *order->second.lapses > x.until)
      return false;
    auto& until = sale.second.until;
    return (!until || *until + old >= x.from) &&
           std::ranges::find(order->second.seats, x.seat) != order->second.seats.end();
  });
}

bool history::may_be_ahead(const look_at_seat& x) const {
  if (x.what != seat_act::see_free) return false;
  return std::ranges::any_of(known_, [&](auto& known) {
    auto& order = known.second;
    return order.lapses && *order.lapses > x.until && *order.lapses <= x.until + clock_error &&
           std::ranges::find(order.seats, x.seat) != order.seats.end();
  });
}

void history::add_looks(ops_by_seat& to, millis old) const {
  for (auto& x : maps_.looks(old, begin_.value_or(instant{})))
    if (!(x.what == seat_act::see_held && twins) && !may_be_a_claim(x, old) &&
        !may_have_run_out(x, old) && !may_be_ahead(x))
      to[x.seat].push_back(op_of(x.what, 0, x.from, x.until));
}

/// Sold is final, unless somebody had asked to give it back.
std::string history::check_returns() const {
  for (auto& x : maps_.returns()) {
    auto given_back = [&](auto& end) {
      auto order = known_.find(end.first);
      return *end.second.from <= x.at && order != known_.end() &&
             std::ranges::find(order->second.seats, x.seat) != order->second.seats.end();
    };
    if (std::ranges::none_of(ends_, given_back))
      return name_of(x.seat) + " was shown as sold, then as something else, and nobody had given "
                               "it back";
  }
  return {};
}

std::string history::check(millis old) {
  if (auto wrong = check_returns(); !wrong.empty()) return wrong;
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
  add_looks(all, old + maps_behind);
  for (auto& [seat, ops] : all) {
    ++checked_;
    auto said = check_seat(ops);
    if (said.is == consistency::undecided) ++undecided_;
    if (said.is != consistency::broken) continue;
    auto culprit = ops[said.culprit];
    std::ranges::sort(ops, {}, &seat_op::from);
    auto zero = ops.front().from;
    std::string out = "nothing explains what was said of " + name_of(seat) + ", first " +
                      to_string(culprit, zero) + ":";
    for (auto& x : ops) out += "\n    " + to_string(x, zero);
    return out;
  }
  return {};
}

} // namespace tk::sim
