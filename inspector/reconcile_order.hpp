#pragma once

#include <string>

#include <nlohmann/json.hpp>

/// How far a reconciliation has come, and what it says. Pure.
namespace tk::inspector {

struct reconciliation_seen {
  enum class state : uint8_t {
    not_told = 1, ///< Nobody could be asked, or the rows were missing.
    under_way,
    ended,
    gone ///< It has ended without result: its node died.
  } is = state::not_told;
  nlohmann::ordered_json result; ///< Of one that has ended.
  int64_t cases_open = 0;
};

/// From the answer of `GET /operator/reconciliations`.
reconciliation_seen reconciliation_of(const nlohmann::ordered_json& told, const std::string& id);

/// Some lines for people.
std::string reconciliation_text(const reconciliation_seen& x);

} // namespace tk::inspector
