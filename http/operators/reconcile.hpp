#pragma once

#include <vector>

#include "http/route.hpp"

namespace tk::http {

struct operator_desk;

/// `POST /operator/reconcile`: compares now, and not when it is due. It is on record who asked; the
/// answer does not wait for the end, `GET /operator/reconciliations` tells it.
void add_reconcile_routes(operator_desk& desk, std::vector<route>& out);

} // namespace tk::http
