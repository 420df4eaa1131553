#pragma once

#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "inspector/report.hpp"

/// What nodes told, as tables for people. Pure.
namespace tk::inspector {

/// What nodes told together (`looked::told`). Every part becomes a block headed by its origin and
/// age; its lists become tables, its plain values lines.
std::string told_text(const nlohmann::ordered_json& x, const text_style& style);

/// As much of `text` as a terminal of that size shows: lines that are too long are cut, and the
/// last one says how many are left out. Colours count nothing.
std::string fitted(const std::string& text, size_t lines_max, size_t columns_max);

/// What a change of brakes answered: `{"changed", "brakes"}`.
std::string brakes_text(const nlohmann::ordered_json& x, const text_style& style);

/// What a change of notices answered: `{"changed", "id", "notices"}`.
std::string notices_text(const nlohmann::ordered_json& x, const text_style& style);

/// A table of rows with the same fields, in the order of the first row.
std::string table_text(const nlohmann::ordered_json& rows, const text_style& style);

/// One value as people read it: null as "-", `..._ms` as a time span, lists by their elements.
std::string value_text(const std::string& name, const nlohmann::ordered_json& x);

} // namespace tk::inspector
