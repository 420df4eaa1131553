#include <cinttypes>
#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>

#include "tests/simulation/commands.hpp"
#include "tests/simulation/small.hpp"

namespace tk::sim {

namespace {

struct options {
  std::string name;
  uint64_t most = 20'000;
  bool tell = false;
};

/// True when it held in every order that was played.
bool play(const small::model& what, const options& how) {
  auto x = small::explore(what, how.most);
  std::printf("%-22s %8" PRIu64 " orders of up to %2zu steps%s: %s\n", what.name, x.orders,
              x.longest, x.all ? ", all there are" : ", half of them drawn",
              x.wrong.empty() ? "held" : x.wrong.c_str());
  if (how.tell || !x.wrong.empty())
    for (auto& step : x.steps) std::printf("    %s\n", step.c_str());
  std::fflush(stdout);
  return x.wrong.empty();
}

int play_all(const options& how) {
  bool found = false, held = true;
  for (auto& x : small::models()) {
    if (!how.name.empty() && how.name != x.name) continue;
    found = true;
    held = play(x, how) && held;
  }
  if (!found) throw std::runtime_error("there is no small model '" + how.name + "'");
  return held ? 0 : 1;
}

} // namespace

command add_small(CLI::App& app) {
  auto how = std::make_shared<options>();
  auto* out = app.add_subcommand("small", "plays races of a few actors in every possible order");
  out->add_option("name", how->name, "one of them; without it all are played");
  out->add_option("--most", how->most, "orders of each at most")
    ->check(CLI::Range(1, 1'000'000'000))
    ->capture_default_str();
  out->add_flag("--tell", how->tell, "also prints the steps of the last order");
  return {out, [how] { return play_all(*how); }};
}

} // namespace tk::sim
