#include "tests/simulation/workload.hpp"

#include <algorithm>

#include "tests/simulation/workloads.hpp"

namespace tk::sim {

std::span<const workload_kind> workload_kinds() {
  static constexpr workload_kind all[] = {
    {"arrivals", "people come, half of them in the first second, and want popular seats", true,
     make_arrivals},
    {"opening_night", "people wait for a draw and for their turn, in a room with few slots", false,
     make_opening_night},
    {"paying", "holds are paid: in time, from two tabs, late, asked again with the same key", true,
     make_paying},
    {"second_thoughts", "holds are cancelled, also while and after they are paid", true,
     make_second_thoughts},
    {"other_bodies", "the key of a hold comes again with another wish", true, make_other_bodies},
    {"sign_outs", "somebody ends their sessions, and a thief goes on with an old token", true,
     make_sign_outs},
    {"wrong_amounts", "somebody changes the price on the way, where the sale says so", true,
     make_wrong_amounts},
    {"bots", "machines ask for dozens of things at once and pay for nothing", false, make_bots},
    {"callbacks", "the provider calls back about whatever becomes of an order; some are forged",
     false, make_callbacks},
    {"recalls", "the event is cancelled while it is on sale, and what was paid is given back",
     false, make_recalls},
    {"onlookers", "some look at the seat map of a node, again and again", true, make_onlookers},
    {"latecomers", "at the end somebody asks for all that nobody has, and must get it", true,
     make_latecomers},
  };
  return all;
}

programme::programme(const scene& in, const std::vector<std::string>& names) {
  for (auto& kind : workload_kinds()) {
    bool named = std::ranges::find(names, kind.name) != names.end();
    if (named || (names.empty() && kind.usual)) pieces_.push_back(kind.make(in));
  }
}

void programme::setup() {
  for (auto& x : pieces_) x->setup();
}

void programme::start() {
  for (auto& x : pieces_) x->start();
}

void programme::close() {
  for (auto& x : pieces_) x->close();
}

int64_t programme::waiting() const {
  int64_t out = 0;
  for (auto& x : pieces_) out += x->waiting();
  return out;
}

std::string programme::check() {
  for (auto& x : pieces_)
    if (auto wrong = x->check(); !wrong.empty()) return wrong;
  return {};
}

} // namespace tk::sim
