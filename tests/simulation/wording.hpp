#pragma once

#include <optional>
#include <string>

#include "tests/simulation/rehearsal.hpp"

/// What text and picture of a rehearsal say in the same words.
namespace tk::sim {

/// `340 ms`, `5.2 s`, `6 min 12 s`.
std::string words(millis x);
/// `1,234,567`.
std::string grouped(int64_t x);
std::string describe(const mishap& x);
/// When nothing was left, in a sentence.
std::string headline(const rehearsal& x);
/// The block with the most wishes; none when nobody came.
std::optional<int32_t> hottest_block(const rehearsal& x);

} // namespace tk::sim
