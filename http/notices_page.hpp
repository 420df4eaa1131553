#pragma once

#include <string_view>
#include <vector>

#include "http/route.hpp"

namespace tk::http {

extern const std::string_view notices_css, notices_js; // The files of web/notices.

/// `/notices/notices.js` and its looks: what shows the notices (G08) on whatever page has an
/// element `notices`.
void add_notices_page_routes(std::vector<route>& out);

} // namespace tk::http
