#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "actors/base/time.hpp"
#include "tests/simulation/hall.hpp"

/// A promoter's evening, as written in `evenings/*.json`: what is for sale, who comes when, how
/// they behave, and what breaks. Every field has a default; unknown ones are refused.
namespace tk::sim {

/// Blocks of numbered seats that cost the same, or a standing area.
struct section {
  std::string name;
  int32_t blocks = 0, seats_per_block = 0; ///< Of seats.
  int32_t quota = 0;                       ///< Of a standing area; exclusive.
  won price;
  uint32_t wanted = 10; ///< Its share of the wishes, as long as there is something left.
};

/// A share of the visitors comes until `until`, evenly spread since the one before.
struct arrival {
  millis until{0};
  uint32_t share = 1;
};

/// Something that goes wrong at a known time.
struct mishap {
  enum class kind : uint8_t {
    node_dies = 0, ///< And starts again after `length`.
    node_stops,    ///< Stands still.
    node_cut_off,  ///< From the other nodes, not from clients and database.
    database_away,
    provider_away, ///< Payments are refused at once.
    provider_slow  ///< Up to nine seconds for each answer.
  };
  kind what = kind::node_dies;
  millis at{0}, length{10'000};
  int32_t node = 1;
};
const char* name_of(mishap::kind x);

struct evening {
  std::string name = "evening", about;
  uint64_t seed = 1;
  int32_t nodes = 3;
  int32_t seats_per_row = 20;
  std::vector<section> sections;
  int32_t visitors = 1000;
  std::array<uint32_t, 4> parties = {25, 50, 10, 15}; ///< Shares of parties of 1 to 4.
  std::vector<arrival> arrivals = {{millis{60'000}, 1}};
  millis patience_min{60'000}, patience_max{300'000};
  millis clicks_min{800}, clicks_max{6'000};    ///< From looking at the map to choosing.
  millis thinks_min{3'000}, thinks_max{40'000}; ///< From a hold to paying.
  millis pays_min{8'000}, pays_max{60'000};     ///< At the provider's page.
  uint32_t double_clicks = 5;                   ///< Percent of wishes.
  uint32_t abandons = 8, cancels = 3;           ///< Percent of holds.
  uint32_t declined = 4;                        ///< Percent of tries to pay.
  int32_t hold_s = 300;
  millis length{600'000};                        ///< Nobody comes after it.
  millis network{2}, database{3}, provider{400}; ///< Longest way, commit and answer.
  std::vector<mishap> faults;

  /// Blocks are numbered through the sections in their order, and so are areas.
  [[nodiscard]] hall what_is_sold() const;
};

tl::expected<evening, std::string> parse_evening(const std::string& json_text);

} // namespace tk::sim
