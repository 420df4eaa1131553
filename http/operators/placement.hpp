#pragma once

#include <vector>

#include "http/operators/listener.hpp"

namespace tk::http {

/// What operators say of who owns which shards: `POST /operator/placement/drain`, `undrain`,
/// `rebalance`, `move`. A wish is put on record; every node reads it with its next heartbeat, and
/// `GET /operator/placement` tells how far it has come. Every attempt is in the audit log, refused
/// ones too, before its answer is given; to repeat one does no harm.
void add_placement_routes(operator_desk& desk, std::vector<route>& out);

} // namespace tk::http
