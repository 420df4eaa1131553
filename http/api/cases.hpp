#pragma once

#include <string>
#include <vector>

#include "http/api/audited.hpp"
#include "http/api/ingress.hpp"
#include "http/route.hpp"
#include "persistence/cases/port.hpp"
#include "persistence/store/port.hpp"

/// Operator cases (G18): what only a person can put right.
namespace tk::http {

/// What the routes work with; lives as long as their server.
struct case_desk {
  cases_actor rows;
  store_actor store; ///< For the audit log.
  ingress_pool& pool;
};

/// `GET prefix` and `POST prefix/{id}/close`: the same for organisers and for operators. To close
/// one needs a reason; every attempt is on record before its answer is given, and to repeat one
/// does no harm.
void add_case_routes(case_desk& desk, const std::string& prefix, audience who,
                     std::vector<route>& out);

} // namespace tk::http
