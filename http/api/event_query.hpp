#pragma once

#include <string>

#include "http/json.hpp"
#include "persistence/store/messages.hpp"

/// What `GET /api/events` is asked for (2.2, G09).
namespace tk::http {

/// Reads the query; the first bad parameter decides the refusal. Empty parameters are as absent
/// ones, out-of-range pages are clamped.
checked<list_events> read_event_query(const request& x);

/// The same for queries that ask for the same, different for all others.
std::string cache_key(const list_events& x);

} // namespace tk::http
