#pragma once

#include <string_view>
#include <vector>

#include "http/route.hpp"

namespace tk::http {

extern const std::string_view docs_html, docs_css, docs_js; // The files of http/docs.

/// `/docs`: a page that draws `/openapi.json` for people.
void add_docs_routes(std::vector<route>& out);

} // namespace tk::http
