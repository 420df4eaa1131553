#pragma once

#include <string_view>
#include <vector>

#include "http/route.hpp"

namespace tk::http {

extern const std::string_view fairness_html, fairness_js; // The files of web/fairness.

/// `/fairness/{eventId}`: the page that recomputes a draw in the browser (docs/fair-draw.md). The
/// same for every event.
void add_fairness_page_routes(std::vector<route>& out);

} // namespace tk::http
