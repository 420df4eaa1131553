#include "tests/simulation/shrink.hpp"

#include <algorithm>
#include <functional>

#include "tests/simulation/batch.hpp"

namespace tk::sim {

namespace {

/// Most runs for one failure: some ten seconds.
constexpr int runs_max = 500;

/// The invariant by its name: what comes before the colon.
std::string rule_of(const run_result& x) { return x.wrong.substr(0, x.wrong.find(':')); }

class shrinker {
public:
  shrinker(uint64_t seed, const sale_plan& plan, shrunk start)
      : seed_(seed), plan_(plan), best_(std::move(start)), rule_(rule_of(best_.result)) {
    // nop
  }

  shrunk run() {
    drop_kinds();
    size_t before = 0;
    do {
      before = size();
      drop_single_faults();
      drop_people();
      drop_visits();
    } while (before != size() && runs_ < runs_max);
    return best_;
  }

private:
  [[nodiscard]] size_t size() const {
    return best_.left.without.size() * 1000 + best_.left.people.size() +
           static_cast<size_t>(best_.left.visits);
  }

  /// Keeps `x` when it breaks the same rule.
  bool still_fails(const play_options& x) {
    if (++runs_ > runs_max) return false;
    auto result = run_apart(seed_, plan_, x);
    if (rule_of(result) != rule_) return false;
    best_ = {x, std::move(result)};
    return true;
  }

  void drop_kinds() {
    for (auto& kind : fault_kinds()) {
      if (best_.result.faults.find(kind.name) == std::string::npos) continue;
      auto less = best_.left;
      less.without.insert(kind.name);
      still_fails(less);
    }
  }

  /// Tries to do without parts of `all`: halves first, single ones last.
  template <class T, class Without> void drop(std::vector<T> all, Without without) {
    for (size_t part = (all.size() + 1) / 2; part > 0 && !all.empty(); part /= 2) {
      for (size_t at = 0; at < all.size();) {
        auto end = std::min(all.size(), at + part);
        std::vector<T> rest(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(at));
        rest.insert(rest.end(), all.begin() + static_cast<std::ptrdiff_t>(end), all.end());
        if (without(rest)) all = std::move(rest);
        else at = end;
      }
    }
  }

  void drop_single_faults() {
    auto all = best_.result.happened;
    drop(all, [&](const std::vector<std::string>& rest) {
      auto less = best_.left;
      for (auto& x : all)
        if (std::ranges::find(rest, x) == rest.end()) less.without.insert(x);
      return still_fails(less);
    });
  }

  void drop_people() {
    std::vector<int32_t> all(best_.left.people.begin(), best_.left.people.end());
    for (int32_t n = 0; all.empty() && n < plan_.people; ++n) {
      all.resize(static_cast<size_t>(plan_.people));
      for (; n < plan_.people; ++n) all[static_cast<size_t>(n)] = n;
    }
    drop(all, [&](const std::vector<int32_t>& rest) {
      if (rest.empty()) return false; // Nobody would mean everybody.
      auto less = best_.left;
      less.people = {rest.begin(), rest.end()};
      return still_fails(less);
    });
  }

  void drop_visits() {
    auto most = best_.left.visits > 0 ? best_.left.visits : plan_.visits;
    for (int32_t n = 1; n < most; ++n) {
      auto less = best_.left;
      less.visits = n;
      if (still_fails(less)) return;
    }
  }

  uint64_t seed_;
  const sale_plan& plan_;
  shrunk best_;
  std::string rule_;
  int runs_ = 0;
};

} // namespace

shrunk shrink(uint64_t seed, const sale_plan& plan, const options& how, const run_result& failed) {
  if (rule_of(failed) == "determinism") return {how.play, failed}; // Every run is another one.
  return shrinker{seed, plan, {how.play, failed}}.run();
}

} // namespace tk::sim
