#include <algorithm>
#include <map>

#include "tests/integration/race_lanes.hpp"

namespace tk::test {

namespace {

constexpr int lanes = 4, types_n = 3, ops_per_batch = 6;
constexpr int32_t quota = 12, units_max = 3;

struct sale final : race_ground {
  std::map<ticket_type_id, int64_t> drawn; ///< By the answers.
  sale() : race_ground(types_n, quota) {}
};

class buyer : race_lane {
public:
  buyer(sale& x, int no, const race_config& config)
      : race_lane(x, no, config), at_(x), user_{7, static_cast<uint64_t>(no)} {}

  void run() {
    while (!at_.stop) round();
  }

private:
  /// Two or three types, in any order: others order the same ones the other way round.
  create_reservation mixed_order() {
    auto x = order(user_);
    auto types = at_.types;
    for (auto i = types.size(); i > 1; --i) std::swap(types[i - 1], types[below(i)]);
    types.resize(2 + below(types.size() - 1));
    for (auto& type : types) add(x, type, static_cast<int32_t>(1 + below(units_max)));
    return x;
  }

  void round() {
    batch b;
    for (int i = 0; i < ops_per_batch; ++i)
      b.ops.push_back(std::make_shared<const op>(mixed_order()));
    while (mine_.size() > 2 || (!mine_.empty() && one_in(3))) {
      auto i = below(mine_.size());
      b.ops.push_back(std::make_shared<const op>(ending(mine_[i], release_reason::cancelled)));
      if (one_in(5)) b.ops.push_back(b.ops.back()); // Twice: given back once.
      ending_.push_back(std::move(mine_[i]));
      mine_.erase(mine_.begin() + static_cast<std::ptrdiff_t>(i));
    }
    auto said = execute(b);
    if (!said) { // Nothing happened: what was to end is still ours.
      std::ranges::move(ending_, std::back_inserter(mine_));
      ending_.clear();
      return;
    }
    ending_.clear();
    std::lock_guard lock{at_.guard};
    for (size_t i = 0; i < b.ops.size(); ++i) count(*b.ops[i], (*said)[i].is);
  }

  void count(const op& what, outcome is) {
    auto* made = std::get_if<create_reservation>(&what);
    ++at_.report.verdicts[(made ? "create " : "release ") + std::string{to_string(is)}];
    if (is != outcome::ok) return;
    if (made) {
      for (auto& x : made->items) at_.drawn[x.type] += x.quantity;
      mine_.push_back(*made);
    } else {
      for (auto& x : std::get<release_reservation>(what).items) at_.drawn[x.type] -= x.quantity;
    }
  }

  sale& at_;
  user_id user_;
  std::vector<create_reservation> mine_, ending_;
};

} // namespace

race_report run_standing_race(const race_config& config) {
  sale x;
  race(x, lanes, config, [&](int no) { buyer{x, no, config}.run(); });
  auto db = x.home.connect();
  x.report.judge(db);
  for (auto& type : x.types) {
    pg::params p;
    p.add_id(type);
    auto gone =
      number(db, "SELECT total_quantity - available_quantity FROM ticket_types WHERE id = $1", p);
    if (gone != x.drawn[type])
      x.report.violations.push_back(std::to_string(gone) + " units are gone, but " +
                                    std::to_string(x.drawn[type]) + " were answered for");
  }
  return x.report;
}

} // namespace tk::test
