#pragma once

#include <cstdint>
#include <vector>

namespace tk {

/// Seats that one block may have; its actor's memory and one batch's arrays are sized by it.
constexpr int32_t seats_per_block_max = 500;

/// How many seats each row of a section has, front to back.
struct section_rows {
  std::vector<int32_t> seats_per_row;
};

/// The block number of every seat of an event, in the order section, row, seat. Blocks are numbered
/// from 1 over the whole event and never span two sections. A row is split only when it alone is
/// larger than a block, so that neighbours are nearly always decided by one owner.
std::vector<int32_t> block_numbers(const std::vector<section_rows>& sections,
                                   int32_t seats_max = seats_per_block_max);

} // namespace tk
