#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "actors/base/time.hpp"
#include "persistence/operators/messages.hpp"

/// The one shape of every answer to operators: figures by where they come from, each with its age,
/// and what could not be had.
namespace tk::http {

using ordered = nlohmann::ordered_json;

/// Figures of one origin.
struct told_part {
  std::string from; ///< "memory", "board" or "rows".
  instant as_of;
  ordered data;
};

struct told_gap {
  std::string what, why;
};

struct told {
  std::vector<told_part> parts;
  std::vector<told_gap> missing; ///< Would be there if nothing had failed.
  std::vector<std::string> notes;
};

/// `{"node", "at", "parts": [{"from", "as_of", "age_ms", "data"}], "missing": [{"what", "why"}],
/// "notes": [...]}`. No age is negative: clocks differ.
std::string told_json(const told& x, const std::string& node, instant now);

} // namespace tk::http
