// tiketi-sim: a whole sale in one thread and in virtual time, from one number (docs/simulation.md).

#include <sys/wait.h>
#include <unistd.h>

#include <cinttypes>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>

#include <CLI/CLI.hpp>

#include "tests/simulation/run.hpp"

using namespace tk::sim;

namespace {

struct options {
  std::string plan_file;
  uint64_t first = 1, seeds = 100, seed = 1;
  unsigned jobs = 1;
  bool once = false;
};

/// What many seeds came to together.
struct totals {
  uint64_t seeds = 0, steps = 0, commits = 0, visits = 0, kills = 0, pauses = 0, takeovers = 0,
           dropped = 0, lost = 0, digest = 0;
  std::map<std::string, uint64_t> answers;
};

std::string read_file(const std::string& name) {
  std::ifstream in(name);
  if (!in) throw std::runtime_error("cannot read " + name);
  std::stringstream out;
  out << in.rdbuf();
  return out.str();
}

sale_plan load(const options& how) {
  auto plan = parse_plan(read_file(how.plan_file));
  if (!plan) throw std::runtime_error(how.plan_file + ": " + plan.error());
  return *plan;
}

void print_failure(uint64_t seed, const options& how, const run_result& x) {
  std::printf("\nseed %" PRIu64 " fails: %s\n  faults: %s\n  the last events:\n", seed,
              x.wrong.c_str(), x.faults.c_str());
  for (auto& line : x.story) std::printf("    %s\n", line.c_str());
  std::printf("  again: tiketi-sim replay %" PRIu64 " --sale %s\n", seed, how.plan_file.c_str());
}

/// Plays a seed twice: the same digest, or the simulation itself is wrong.
run_result play(uint64_t seed, const sale_plan& plan, bool once) {
  auto x = run_seed(seed, plan);
  if (once || !x.wrong.empty()) return x;
  auto again = run_seed(seed, plan);
  if (again.digest != x.digest || again.steps != x.steps)
    x.wrong = "determinism: the second run of this seed was another one";
  return x;
}

void add(totals& to, const run_result& x) {
  ++to.seeds;
  to.steps += x.steps;
  to.commits += x.commits;
  to.visits += x.visits;
  to.kills += x.kills;
  to.pauses += x.pauses;
  to.takeovers += x.takeovers;
  to.dropped += x.dropped;
  to.lost += x.lost;
  to.digest = to.digest * 0x100000001b3ull + x.digest;
  for (auto& [what, n] : x.answers) to.answers[what] += n;
}

void print(const totals& x) {
  std::printf("%" PRIu64 " seeds: %" PRIu64 " visits, %" PRIu64 " steps, %" PRIu64
              " commits; %" PRIu64 " nodes killed, %" PRIu64 " paused, %" PRIu64
              " shards taken over, %" PRIu64 " frames lost, %" PRIu64
              " batches lost; digest %016" PRIx64 "\n",
              x.seeds, x.visits, x.steps, x.commits, x.kills, x.pauses, x.takeovers, x.dropped,
              x.lost, x.digest);
  for (auto& [what, n] : x.answers) std::printf("  %-32s %" PRIu64 "\n", what.c_str(), n);
}

/// One process plays every `step`-th seed; returns how many failed.
int play_some(const options& how, const sale_plan& plan, uint64_t from, uint64_t step) {
  totals all;
  int failed = 0;
  for (auto seed = from; seed < how.first + how.seeds; seed += step) {
    auto x = play(seed, plan, how.once);
    add(all, x);
    if (x.wrong.empty()) continue;
    print_failure(seed, how, x);
    if (++failed >= 5) break; // More would not say more.
  }
  print(all);
  std::fflush(stdout);
  return failed;
}

int run(const options& how) {
  auto plan = load(how);
  std::printf("%s: seeds %" PRIu64 " to %" PRIu64 ", %u at a time\n", plan.name.c_str(), how.first,
              how.first + how.seeds - 1, how.jobs);
  std::fflush(stdout);
  for (unsigned i = 1; i < how.jobs; ++i) {
    if (auto child = fork(); child == 0) std::_Exit(play_some(how, plan, how.first + i, how.jobs));
    else if (child < 0) throw std::runtime_error("cannot fork");
  }
  int failed = play_some(how, plan, how.first, how.jobs);
  for (int status = 0; wait(&status) > 0;) failed += WIFEXITED(status) ? WEXITSTATUS(status) : 1;
  std::printf("%" PRIu64 " passed, %d failed\n", how.seeds - static_cast<uint64_t>(failed), failed);
  return failed == 0 ? 0 : 1;
}

int replay(const options& how) {
  auto x = play(how.seed, load(how), false);
  totals all;
  add(all, x);
  if (x.wrong.empty()) {
    std::printf("faults: %s\n", x.faults.c_str());
    for (auto& line : x.story) std::printf("  %s\n", line.c_str());
  } else {
    print_failure(how.seed, how, x);
  }
  print(all);
  return x.wrong.empty() ? 0 : 1;
}

int list() {
  for (auto& file : std::filesystem::directory_iterator(TIKETI_SALES_DIR))
    std::printf("%s\n", file.path().stem().c_str());
  return 0;
}

} // namespace

int main(int argc, char** argv) {
  options how;
  CLI::App app{"Plays a sale with everything that goes wrong, in virtual time, from one number. "
               "Exits with 0 only if everything held."};
  app.name("tiketi-sim");
  app.require_subcommand(1);
  app.fallthrough();
  std::string sale = "storm";
  app.add_option("--sale", sale, "a sale by name (see list), or a file")->capture_default_str();
  auto* many = app.add_subcommand("run", "plays many seeds, each twice");
  many->add_option("--seeds", how.seeds, "how many")->capture_default_str();
  many->add_option("--first", how.first, "the first one")->capture_default_str();
  many->add_option("--jobs", how.jobs, "processes at once")->check(CLI::Range(1, 64));
  many->add_flag("--once", how.once, "do not compare with a second run");
  auto* one = app.add_subcommand("replay", "plays one seed and tells its story");
  one->add_option("seed", how.seed, "the number")->required();
  auto* names = app.add_subcommand("list", "names the sales");
  CLI11_PARSE(app, argc, argv);
  auto known = std::filesystem::path{TIKETI_SALES_DIR} / (sale + ".json");
  how.plan_file = std::filesystem::exists(known) ? known.string() : sale;
  try {
    if (names->parsed()) return list();
    return one->parsed() ? replay(how) : run(how);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "tiketi-sim: %s\n", e.what());
    return 2;
  }
}
