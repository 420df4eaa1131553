#pragma once

#include <map>
#include <string>

#include "tests/simulation/coverage.hpp"
#include "tests/simulation/shrink.hpp"

namespace tk::sim {

/// What many seeds came to together.
struct totals {
  uint64_t seeds = 0, steps = 0, commits = 0, visits = 0, kills = 0, pauses = 0, takeovers = 0,
           gifts = 0, dropped = 0, lost = 0, overlaps = 0, digest = 0;
  millis longest_overlap{0};
  millis played{0};
  std::map<std::string, uint64_t> answers;
  fault_counts struck;
  coverage covered;
  /// In any order: the sum is the same.
  void add(uint64_t seed, const run_result& x);
};

/// How far a run is: a bar on a terminal, a line now and then elsewhere.
class progress {
public:
  explicit progress(const options& how);
  void show(uint64_t done, size_t failed);
  void end();

private:
  uint64_t all_, shown_ = 0;
  bool terminal_, quiet_;
};

void print(const totals& x, const options& how);
/// Says when not every seed was played, and whether anything was tried at all; true when it was.
bool print_unplayed(const totals& x, const options& how, size_t failed);
/// What was never tried; true when there is nothing.
bool print_missing(const totals& x, const sale_plan& of);
void print_failure(uint64_t seed, const options& how, const shrunk& x);
void print_replay(uint64_t seed, const options& how, const run_result& x);
void print_list();

} // namespace tk::sim
