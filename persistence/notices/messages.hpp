#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "actors/base/ids.hpp"
#include "actors/base/time.hpp"

/// What is written and read of the notices to buyers (G08).
namespace tk {

enum class notice_level : uint8_t { info = 1, warning, incident };

inline constexpr std::array notice_levels{
  std::pair{notice_level::info, std::string_view{"info"}},
  std::pair{notice_level::warning, std::string_view{"warning"}},
  std::pair{notice_level::incident, std::string_view{"incident"}}};

constexpr std::string_view to_string(notice_level x) {
  return std::ranges::find(notice_levels, x, &decltype(notice_levels)::value_type::first)->second;
}
constexpr std::optional<notice_level> parse_notice_level(std::string_view text) {
  for (auto& [level, word] : notice_levels)
    if (word == text) return level;
  return std::nullopt;
}

using notice_id = id<struct notice_tag>;

/// So many that have not ended may stand at once, and so long is each of its texts, in characters.
inline constexpr int32_t notices_max = 50;
inline constexpr size_t notice_text_max = 500;

/// What buyers are told, in the languages of the pages.
struct notice {
  notice_id id; ///< Of the operation that wrote it.
  notice_level level = notice_level::info;
  std::string ko, en;
  event_id event; ///< Nil: for everybody.
  instant starts_at;
  std::optional<instant> ends_at; ///< None: until it is taken back.
  std::string by;                 ///< Who wrote it.
  instant since;                  ///< When, as the database says.
  bool operator==(const notice&) const = default;

  [[nodiscard]] bool shown_at(instant now) const {
    return starts_at <= now && (!ends_at || now < *ends_at);
  }
};

struct list_notices {};

/// Writes it, unless it was written before by this very operation, too many stand, or its event is
/// unknown.
struct set_notice {
  notice what;
  user_id by;
};

/// Makes the one with that id what it says. An empty start keeps the one it has.
struct change_notice {
  notice what;
  bool keep_start = false;
  user_id by;
};

/// Takes it back.
struct remove_notice {
  notice_id id;
  user_id by;
};

enum class notice_end : uint8_t {
  done = 1,
  nothing,        ///< It is so already, or this operation was done before.
  unknown,        ///< There is no such notice, or it was taken back.
  event_unknown,  ///< It is about an event that does not exist.
  ends_too_early, ///< Its end is not after the start that it keeps.
  full            ///< `notices_max` stand.
};

/// What came of it, and all that stand and have not ended, after it. Those of the future too.
struct notices_told {
  notice_end is = notice_end::nothing;
  std::vector<notice> rows; ///< By their start.
  instant as_of;
};

} // namespace tk
