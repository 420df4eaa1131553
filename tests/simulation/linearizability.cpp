#include "tests/simulation/linearizability.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <tuple>
#include <utility>

namespace tk::sim {

namespace {

/// A seat that does one thing at a time.
struct seat {
  enum class status : uint8_t { free = 0, held, sold };
  status is = status::free;
  uint32_t whose = 0;
  auto operator<=>(const seat&) const = default;
};

bool reads(seat_act x) {
  return x == seat_act::see_mine || x == seat_act::see_held || x == seat_act::see_sold ||
         x == seat_act::see_free;
}

/// What becomes of the seat, or nothing when the operation cannot have happened to it.
std::optional<seat> after(const seat& x, const seat_op& op) {
  using status = seat::status;
  bool held_by = x.is == status::held && x.whose == op.whose;
  bool sold_to = x.is == status::sold && x.whose == op.whose;
  auto then = [](bool possible, seat next) {
    return possible ? std::optional{next} : std::nullopt;
  };
  switch (op.what) {
  case seat_act::take: return then(x.is == status::free, {status::held, op.whose});
  case seat_act::give_back: return then(held_by || sold_to, {});
  case seat_act::lapse: return then(held_by, {});
  case seat_act::sell: return then(held_by, {status::sold, op.whose});
  case seat_act::refund: return then(sold_to, {});
  case seat_act::see_mine: return then(held_by || sold_to, x);
  case seat_act::see_held: return then(x.is == status::held, x);
  case seat_act::see_sold: return then(x.is == status::sold, x);
  case seat_act::see_free: return then(x.is == status::free, x);
  }
  return std::nullopt;
}

using ops_set = std::set<size_t>;

/// What of a possibility is better or worse, but no other seat.
struct past {
  ops_set open; ///< Those that never will be answered: the fewer, the more may still happen.
  ops_set seen; ///< Looks that were right at some time: the more, the better.
  /// Whatever can follow `x` can follow this one.
  [[nodiscard]] bool as_good_as(const past& x) const {
    return std::ranges::includes(x.open, open) && std::ranges::includes(seen, x.seen);
  }
};

/// One possibility: how the seat is, and which of the operations under way have happened.
struct possibility {
  seat now;
  ops_set answered; ///< Changes that will be answered.
  past was;
};

class search {
public:
  search(const std::vector<seat_op>& ops, size_t states_max) : ops_(ops), states_max_(states_max) {
    add({});
  }

  void begin(size_t i) { under_way_.insert(i); }

  /// False when nothing explains the answer.
  bool end(size_t i) {
    if (!close()) return true; // Undecided.
    std::vector<possibility> left;
    for (auto& [key, alternatives] : states_)
      for (auto& was : alternatives)
        if (key.second.contains(i) || was.seen.contains(i))
          left.push_back({key.first, key.second, was});
    under_way_.erase(i);
    states_.clear();
    count_ = 0;
    for (auto& x : left) {
      x.answered.erase(i);
      x.was.seen.erase(i);
      add(std::move(x));
    }
    return !left.empty();
  }

  [[nodiscard]] bool given_up() const { return given_up_; }
  [[nodiscard]] size_t most() const { return most_; }

private:
  /// Reads that are right happen at once: nothing is lost by it.
  void read_all(possibility& x) const {
    for (auto i : under_way_)
      if (reads(ops_[i].what) && after(x.now, ops_[i])) mark(x, i);
  }
  void mark(possibility& x, size_t i) const {
    if (reads(ops_[i].what)) x.was.seen.insert(i);
    else if (ops_[i].until) x.answered.insert(i);
    else x.was.open.insert(i);
  }

  /// False when it, or one that is as good, is known.
  bool add(possibility x) {
    read_all(x);
    auto& known = states_[{x.now, x.answered}];
    if (std::ranges::any_of(known, [&](auto& y) { return y.as_good_as(x.was); })) return false;
    count_ -= std::erase_if(known, [&](auto& y) { return x.was.as_good_as(y); });
    known.push_back(std::move(x.was));
    most_ = std::max(most_, ++count_);
    return true;
  }

  /// Everything that may have happened by now. False when that is too much.
  bool close() {
    std::vector<possibility> todo;
    for (auto& [key, alternatives] : states_)
      for (auto& was : alternatives) {
        possibility x{key.first, key.second, was};
        read_all(x); // What has begun since.
        was = x.was;
        todo.push_back(std::move(x));
      }
    while (!todo.empty()) {
      auto x = std::move(todo.back());
      todo.pop_back();
      for (auto i : under_way_) {
        // Looks that are right have been taken by `read_all`.
        if (reads(ops_[i].what) || x.answered.contains(i) || x.was.open.contains(i)) continue;
        auto next = after(x.now, ops_[i]);
        if (!next) continue;
        possibility y{*next, x.answered, x.was};
        mark(y, i);
        read_all(y);
        if (add(y)) todo.push_back(std::move(y));
      }
      if (count_ > states_max_) {
        given_up_ = true;
        return false;
      }
    }
    return true;
  }

  const std::vector<seat_op>& ops_;
  size_t states_max_, count_ = 0, most_ = 0;
  bool given_up_ = false;
  ops_set under_way_;
  std::map<std::pair<seat, ops_set>, std::vector<past>> states_;
};

} // namespace

consistency_result check_seat(const std::vector<seat_op>& ops, size_t states_max) {
  // Beginnings first: what ends in the millisecond in which another begins may have come after it.
  std::vector<std::tuple<instant, bool, size_t>> events;
  events.reserve(2 * ops.size());
  for (size_t i = 0; i < ops.size(); ++i) {
    events.emplace_back(ops[i].from, false, i);
    if (ops[i].until) events.emplace_back(std::max(ops[i].from, *ops[i].until), true, i);
  }
  std::ranges::sort(events);
  search all{ops, states_max};
  consistency_result out;
  for (auto& [at, ends, i] : events) {
    if (!ends) {
      all.begin(i);
      continue;
    }
    bool explained = all.end(i);
    out.most_states = all.most();
    if (explained && !all.given_up()) continue;
    out.is = all.given_up() ? consistency::undecided : consistency::broken;
    out.culprit = i;
    break;
  }
  return out;
}

std::string to_string(const seat_op& x, instant zero) {
  constexpr std::array<const char*, 10> names = {"?",        "take",    "give back", "lapse",
                                                 "sell",     "refund",  "see mine",  "see held",
                                                 "see sold", "see free"};
  auto ms = [&](instant at) { return std::to_string((at - zero).count()); };
  return std::string{names[static_cast<size_t>(x.what)]} + " #" + std::to_string(x.whose) + " [" +
         ms(x.from) + ", " + (x.until ? ms(*x.until) : "never answered") + "]";
}

} // namespace tk::sim
