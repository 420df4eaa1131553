#pragma once

#include <string>

#include "http/route.hpp"

namespace tk::http {

/// The OpenAPI 3.1.0 document of a table. Throws std::invalid_argument when a schema of a route is
/// not JSON. `cookies`: they may bear the token, too.
std::string openapi_document(const route_table& table, bool cookies = true);

} // namespace tk::http
