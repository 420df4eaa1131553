#pragma once

#include <vector>

#include "http/api/ingress.hpp"
#include "http/route.hpp"
#include "persistence/money/port.hpp"
#include "persistence/staff/port.hpp"
#include "persistence/store/port.hpp"

/// Payments and bookings for staff (G19).
namespace tk::http {

/// What the routes work with; lives as long as their server.
struct staff_desk {
  staff_actor rows;
  settlement_actor settlements;
  store_actor store; ///< For the audit log.
  ingress_pool& pool;
  const wall_clock& clock;
};

/// `GET /api/admin/payments`, `/{id}` and `/summary`, `GET /api/admin/reservations`.
void add_staff_routes(staff_desk& desk, std::vector<route>& out);

/// `POST /api/admin/settlements`: every attempt is on record before its answer is given, and to
/// repeat one does no harm.
void add_settlement_routes(staff_desk& desk, std::vector<route>& out);

} // namespace tk::http
