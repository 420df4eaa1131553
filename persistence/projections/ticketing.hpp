#pragma once

#include "persistence/projections/projection.hpp"

/// What payments that are told mean to their subjects (contract 5). Here a sale and its payment are
/// one transaction, so the subject is complete before anybody hears of it; the consumer marks what
/// it has seen, and tells of a payment whose subject is not what the event says.
namespace tk {

inline constexpr const char* ticketing_group = "ticket-service-group";

projection ticketing_projection();

} // namespace tk
