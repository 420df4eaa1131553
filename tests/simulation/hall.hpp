#pragma once

#include <string>
#include <vector>

#include "persistence/ledger/model_driver.hpp"
#include "supervisors/boards.hpp"
#include "tests/simulation/sale_plan.hpp"

namespace tk::sim {

/// What is on sale: blocks of numbered seats, and standing areas.
struct hall {
  struct block {
    int32_t seats = 0;
    won price;
  };
  struct area {
    int32_t quota = 0;
    won price;
  };
  std::vector<block> blocks;
  std::vector<area> areas;
  millis opens{0}, closes{0}; ///< After the beginning; 0 = an hour before it, and never.
  int32_t cancel_keeps = 0;   ///< Percent.
  millis cancel_ends{0};      ///< After the beginning; 0 = never.
  [[nodiscard]] int64_t capacity() const;
};

/// The hall of a sale: the further back a block, the dearer.
hall hall_of(const sale_plan& plan);

/// Writes its rows, as a migration and an operator would have written them.
void build(const hall& what, ledger_model& model);
/// Writes those of the first `people` users.
void register_people(int32_t people, ledger_model& model);

/// What a block shows is what its rows say (I15); else what is wrong.
std::string compare(const seat_board& shown, const ledger_model& model);

/// Tickets as the rows have them.
struct tickets_now {
  int64_t sold = 0, held = 0, free = 0;
};
tickets_now count_tickets(const ledger_model& model);

} // namespace tk::sim
