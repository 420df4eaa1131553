#pragma once

#include <chrono>
#include <cstdint>
#include <functional>

#include <nlohmann/json.hpp>

namespace tk::sim {

/// Work by number, in processes of its own: a crash ends one number, not the run.
struct farm {
  unsigned jobs = 1;
  uint64_t first = 1, count = 1;
  std::chrono::seconds patience{0}; ///< With a number, until it counts as hanging; 0 = any.
  /// Does number `n`, in a process of the farm.
  std::function<nlohmann::json(uint64_t n)> work;
  /// Takes what came of it, in any order; false ends the farm. A process that died is
  /// `{"died": "signal 6"}`, one that was ended because it took too long `{"hung": "60 s"}`. Its
  /// other numbers go on in a new one.
  std::function<bool(uint64_t n, const nlohmann::json& result)> take;

  /// Returns when everything is done, or when `take` has had enough.
  void run();
};

/// Does one thing in a process of its own.
nlohmann::json apart(const std::function<nlohmann::json()>& work,
                     std::chrono::seconds patience = std::chrono::seconds{0});

} // namespace tk::sim
