#pragma once

#include <string_view>
#include <vector>

#include "http/route.hpp"

namespace tk::http {

extern const std::string_view waiting_html, waiting_css, waiting_js; // The files of web/waiting.

/// `/vwr/{eventId}`: the page of whoever waits at a gate (contract 2.10). The same for every event,
/// so that any cache may keep it.
void add_waiting_page_routes(std::vector<route>& out);

} // namespace tk::http
