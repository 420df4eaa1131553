#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "tests/simulation/run.hpp"

namespace tk::sim {

/// What the command line asks for.
struct options {
  enum class verb : uint8_t { run, replay, mutants, list, other } what = verb::run;
  std::function<int()> run; ///< Of `other`.
  std::string sale = "storm";
  std::string mutant; ///< Planted bug; empty = none.
  play_options play;
  uint64_t first = 1, seeds = 0, seed = 1;
  bool fresh = false; ///< The first seed is drawn, and printed.
  unsigned jobs = 1;
  unsigned patience_s = 60; ///< Of real time, with each seed.
  bool once = false, shrink = true, show_coverage = false, demand_coverage = false;
  bool digest_only = false, figures = false; ///< Print only these.
  [[nodiscard]] bool quiet() const { return digest_only || figures; }
  int status = -1; ///< When the command line has been answered: the exit code.
};

/// Reads it; mistakes and --help are answered on the spot.
options parse_options(int argc, char** argv);

/// The options that play the same again, for the command line.
std::string as_arguments(const play_options& x);

/// The sale of this name, or in this file; throws what is wrong with it.
sale_plan load_sale(const std::string& name);
/// What lies in a folder of sales or evenings, by name, sorted.
std::vector<std::string> names_in(const char* folder);
/// Throws when `x` takes away what `plan` or the world does not have.
void check_play(const play_options& x, const sale_plan& plan);

} // namespace tk::sim
