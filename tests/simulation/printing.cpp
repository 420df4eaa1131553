#include "tests/simulation/printing.hpp"

#include <unistd.h>

#include <algorithm>
#include <cinttypes>
#include <cstdio>

#include "tests/simulation/commit.hpp"
#include "tests/simulation/mutants.hpp"
#include "tests/simulation/small.hpp"
#include "tests/simulation/workload.hpp"

namespace tk::sim {

namespace {

void print_strikes(const fault_counts& struck) {
  std::printf("  faults:");
  for (size_t i = 0; i < struck.size(); ++i)
    std::printf(" %s %" PRIu64, fault_kinds()[i].name, struck[i]);
  std::printf("\n");
}

void print_again(uint64_t seed, const options& how, const play_options& play) {
  std::printf("  again: ./dev sim replay %" PRIu64 " --sale %s%s%s\n", seed, how.sale.c_str(),
              how.mutant.empty() ? "" : (" --mutant " + how.mutant).c_str(),
              as_arguments(play).c_str());
}

} // namespace

void totals::add(uint64_t seed, const run_result& x) {
  ++seeds;
  steps += x.steps;
  commits += x.commits;
  visits += x.visits;
  kills += x.kills;
  pauses += x.pauses;
  takeovers += x.takeovers;
  gifts += x.gifts;
  dropped += x.dropped;
  lost += x.lost;
  overlaps += x.overlaps;
  longest_overlap = std::max(longest_overlap, x.longest_overlap);
  played += x.played;
  digest += (seed * 0x9e3779b97f4a7c15ull ^ x.digest) * 0x100000001b3ull;
  for (auto& [what, n] : x.answers) answers[what] += n;
  struck.resize(std::max(struck.size(), x.struck.size()));
  for (size_t i = 0; i < x.struck.size(); ++i) struck[i] += x.struck[i];
  covered.add(coverage::from_flat(x.covered));
}

progress::progress(const options& how)
    : all_(how.seeds), terminal_(isatty(STDOUT_FILENO) == 1), quiet_(how.quiet()) {
  if (quiet_) return;
  auto last = how.first + how.seeds - 1;
  std::printf("%s: seeds %" PRIu64 " to %" PRIu64 "%s\n", how.sale.c_str(), how.first, last,
              as_arguments(how.play).c_str());
  std::fflush(stdout);
}

void progress::show(uint64_t done, size_t failed) {
  constexpr uint64_t width = 50;
  if (quiet_) return;
  auto at = done * width / all_;
  if (at == shown_) return;
  shown_ = at;
  if (terminal_)
    std::printf("\r[%s%s] %" PRIu64 " of %" PRIu64 ", %zu failed", std::string(at, '#').c_str(),
                std::string(width - at, ' ').c_str(), done, all_, failed);
  else if (at % (width / 5) == 0)
    std::printf("  %" PRIu64 " of %" PRIu64 ", %zu failed\n", done, all_, failed);
  std::fflush(stdout);
}

void progress::end() {
  if (terminal_ && !quiet_) std::printf("\n");
}

void print(const totals& x, const options& how) {
  if (how.figures)
    std::printf("{\"seeds\": %" PRIu64 ", \"played_s\": %" PRId64 "}\n", x.seeds,
                x.played.count() / 1000);
  if (how.digest_only) std::printf("%016" PRIx64 "\n", x.digest);
  if (how.quiet()) return;
  std::printf("%" PRIu64 " seeds: %.1f virtual hours, %" PRIu64 " visits, %" PRIu64
              " steps, %" PRIu64 " commits; %" PRIu64 " nodes killed, %" PRIu64 " paused, %" PRIu64
              " shards taken over, %" PRIu64 " given, %" PRIu64 " frames lost, %" PRIu64
              " batches lost; digest "
              "%016" PRIx64 "\n",
              x.seeds, static_cast<double>(x.played.count()) / 3.6e6, x.visits, x.steps, x.commits,
              x.kills, x.pauses, x.takeovers, x.gifts, x.dropped, x.lost, x.digest);
  std::printf("  two nodes believed to own a shard %" PRIu64 " times, for %" PRId64 " ms at most\n",
              x.overlaps, x.longest_overlap.count());
  for (auto& [what, n] : x.answers) std::printf("  %-32s %" PRIu64 "\n", what.c_str(), n);
  print_strikes(x.struck);
  if (!how.show_coverage && !how.demand_coverage) return;
  std::printf("  how often what was asked of what, and what struck meanwhile:\n");
  for (auto& line : x.covered.table()) std::printf("    %s\n", line.c_str());
}

bool print_missing(const totals& x, const sale_plan& of) {
  for (auto& line : coverage::not_demanded(of)) std::printf("  not demanded: %s\n", line.c_str());
  auto missing = x.covered.missing(of);
  for (auto& line : missing) std::printf("  never tried: %s\n", line.c_str());
  return missing.empty();
}

bool print_unplayed(const totals& x, const options& how, size_t failed) {
  if (x.seeds < how.seeds && !how.quiet())
    std::printf("stopped after %zu failures: %" PRIu64 " of %" PRIu64 " seeds were played\n",
                failed, x.seeds, how.seeds);
  if (!x.answers.empty() || failed > 0) return true;
  std::printf("%s proves nothing: nobody came and asked for anything\n", how.sale.c_str());
  return false;
}

void print_failure(uint64_t seed, const options& how, const shrunk& x) {
  std::printf("\nseed %" PRIu64 " of %s fails: %s\n  commit: %s\n  faults: %s\n", seed,
              how.sale.c_str(), x.result.wrong.c_str(), built_from, x.result.faults.c_str());
  for (auto& line : x.result.happened) std::printf("    %s\n", line.c_str());
  std::printf("  who did what:\n");
  for (auto& line : x.result.script) std::printf("    %s\n", line.c_str());
  std::printf("  the last events:\n");
  for (auto& line : x.result.story) std::printf("    %s\n", line.c_str());
  print_again(seed, how, x.left);
}

void print_replay(uint64_t seed, const options& how, const run_result& x) {
  if (!x.wrong.empty()) return print_failure(seed, how, {how.play, x});
  std::printf("seed %" PRIu64 " holds\n  faults: %s\n", seed, x.faults.c_str());
  for (auto& line : x.story) std::printf("  %s\n", line.c_str());
}

void print_list() {
  std::printf("sales (--sale):\n");
  for (auto& x : names_in(TIKETI_SALES_DIR)) std::printf("  %s\n", x.c_str());
  std::printf("pieces that a sale is made of:\n");
  for (auto& x : workload_kinds()) std::printf("  %-16s %s\n", x.name, x.about);
  std::printf("faults (--without):\n");
  for (auto& x : fault_kinds()) std::printf("  %s\n", x.name);
  std::printf("planted bugs (--mutant), each with the sale in which it is looked for:\n");
  for (auto& x : planted_bugs()) std::printf("  %-28s %s\n", x.name, x.sale);
  std::printf("races in every order (small):\n");
  for (auto& x : small::models()) std::printf("  %s\n", x.name);
  std::printf("evenings (rehearse):\n");
  for (auto& x : names_in(TIKETI_EVENINGS_DIR)) std::printf("  %s\n", x.c_str());
}

} // namespace tk::sim
