#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "tests/simulation/asked.hpp"
#include "tests/simulation/sale_plan.hpp"

namespace tk::sim {

/// What was tried: how often each operation met each state while each fault struck, and how often
/// a rare thing happened inside a node.
class coverage {
public:
  /// An operation that began when faults had struck so often.
  struct open_request {
    asked_thing what;
    fault_counts struck;
  };
  void end(const open_request& x, const fault_counts& now);
  void count(const std::string& probe, uint64_t n) { probes_[probe] += n; }
  void add(const coverage& x);

  /// Rows of operations and states, columns of faults.
  [[nodiscard]] std::vector<std::string> table() const;
  /// What should have been tried in such a sale and was not.
  [[nodiscard]] std::vector<std::string> missing(const sale_plan& of) const;
  /// What is not demanded of it, with the reason.
  [[nodiscard]] static std::vector<std::string> not_demanded(const sale_plan& of);

  /// As numbers by name, to be carried between processes.
  [[nodiscard]] std::map<std::string, uint64_t> flat() const;
  static coverage from_flat(const std::map<std::string, uint64_t>& x);

private:
  using cell = std::tuple<std::string, std::string, std::string>;
  std::map<cell, uint64_t> cells_;
  std::map<std::string, uint64_t> probes_;
};

} // namespace tk::sim
