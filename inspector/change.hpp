#pragma once

#include <optional>
#include <string>

#include <nlohmann/json.hpp>

#include "inspector/node_client.hpp"

/// How every command asks for a change.
namespace tk::inspector {

struct wished_change {
  std::string path, body;
  std::string method;    ///< Of HTTP; empty: POST.
  std::string operation; ///< Under which a repetition does no harm; empty: it has none.
};

/// Asks the first node that can be reached, and, when a repetition does no harm, the next ones also
/// after a node that may have heard it and did not say what came of it; that is told on stderr. The
/// answer of the node that did it; none when it was refused or the outcome is not known: then it
/// has been told on stderr why, and how to try again safely.
std::optional<nlohmann::ordered_json> ask_for(const node_options& nodes, const wished_change& x);

/// What may be taken back: what had been said when this was told, by PostgreSQL's clock. A request
/// that is held up on its way then undoes nothing newer. Empty when nobody tells; `path` is where
/// it is told.
std::string seen_at(const node_options& nodes, const std::string& path);

/// The same of one answer: its own time, or that of its rows. Pure.
std::string time_of(const nlohmann::ordered_json& told);

/// What is told of a try that came to nothing, with how to repeat it when it may have been done.
/// Pure.
std::string failure_of(const asked_in_turn& x, const std::string& operation);

} // namespace tk::inspector
