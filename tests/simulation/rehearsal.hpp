#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "tests/simulation/audience.hpp"
#include "tests/simulation/evening.hpp"
#include "tests/simulation/hall.hpp"

/// A rehearsal plays an evening once, with the production code inside every node, and says what
/// would happen.
namespace tk::sim {

/// The sale at one moment. Refusals are those of the second before.
struct sample {
  millis at{0}; ///< Since the opening.
  tickets_now tickets;
  int64_t present = 0;
  uint64_t taken = 0;  ///< Refusals because somebody else has it.
  uint64_t failed = 0; ///< Requests that nobody answered, or that a node refused to take.
};

/// Of a number of waits: half of them took at most `half`, and so on.
struct spread {
  size_t count = 0;
  millis half{0}, most{0}, nearly_all{0}, longest{0}; ///< 50, 90, 99 and 100 percent.
};

/// What a fault did to people.
struct aftermath {
  mishap what;
  uint64_t unanswered = 0, turned_away = 0; ///< Requests nobody answered, or could take.
  millis slowest_wish{0}; ///< Of those that were open from its start to 15 s after its end.
};

struct section_figures {
  std::string name;
  int64_t capacity = 0, sold = 0;
  won revenue;
};

struct rehearsal {
  evening what;
  std::string wrong; ///< An invariant that did not hold, or empty.
  std::vector<sample> line;
  std::map<ending, int64_t> endings;
  int64_t visitors = 0, capacity = 0;
  int64_t tickets_of_buyers = 0; ///< As far as visitors know.
  tickets_now at_end;
  won revenue;
  std::optional<millis> nothing_free, sold_out;
  std::map<std::string, uint64_t> refusals;
  spread wishes, payments, until_held, until_bought;
  uint64_t requests = 0, unanswered = 0, turned_away = 0, outrun_once = 0;
  std::map<int32_t, uint64_t> wishes_of_block, refusals_of_block;
  std::map<int32_t, uint64_t> requests_of_node, messages_of_node, ops_of_node;
  std::vector<section_figures> sections;
  std::vector<aftermath> faults;
  /// Section and number within it.
  [[nodiscard]] std::string name_of_block(int32_t block) const;
};

rehearsal rehearse(const evening& what);

std::string to_text(const rehearsal& x);
nlohmann::ordered_json to_json(const rehearsal& x);
/// A picture of the sale over time, for light and dark backgrounds.
std::string to_svg(const rehearsal& x);

} // namespace tk::sim
