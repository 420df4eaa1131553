#pragma once

#include <cstdint>
#include <map>
#include <string>

#include <caf/all.hpp>

#include "persistence/ledger/model_driver.hpp"

namespace tk::sim {

/// What the living checkouts, sessions and blocks of all nodes have in mind (I17), and what the
/// first two remember, beside what their rows say (I15). Whoever has nothing open must remember
/// what it would read if it started now.
class memories {
public:
  /// An entity is about to handle something.
  void met(const caf::local_actor& who);
  /// Who still waits for something when nobody asks for anything any more, or empty (I17).
  [[nodiscard]] std::string open_at_rest(const ledger_model& model) const;
  /// What is wrong at this moment, or empty. Of those who decide in an epoch that has passed
  /// nothing is demanded. @param twins frames may come twice: what the second one made is on
  /// record, and its session was told of the first.
  [[nodiscard]] std::string check(const ledger_model& model, bool twins);

  [[nodiscard]] uint64_t checkouts_compared() const { return checkouts_; }
  [[nodiscard]] uint64_t sessions_compared() const { return sessions_; }

private:
  std::map<caf::actor_id, caf::actor_addr> known_;
  uint64_t checkouts_ = 0, sessions_ = 0;
};

} // namespace tk::sim
