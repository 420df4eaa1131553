#pragma once

#include <vector>

#include "http/api/ingress.hpp"
#include "http/route.hpp"
#include "persistence/letters/port.hpp"
#include "persistence/store/port.hpp"

/// Dead letters, for whoever sees to them (G18).
namespace tk::http {

/// What the routes work with; lives as long as their server.
struct letter_desk {
  letters_actor rows;
  store_actor store; ///< For the audit log.
  ingress_pool& pool;
};

/// `GET /api/admin/dead-letters`, `POST /api/admin/dead-letters/{id}/replay` and `/discard`. Every
/// attempt is on record, refused ones too, before its answer is given; to repeat one does no harm.
void add_letter_routes(letter_desk& desk, std::vector<route>& out);

} // namespace tk::http
