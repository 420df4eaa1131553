#pragma once

#include <functional>
#include <string>

#include "actors/base/placement.hpp"
#include "http/answer.hpp"
#include "http/operators/listener.hpp"

namespace tk::http {

/// Leaves time to tell the rest within the server's own deadline.
constexpr millis rows_budget{4000};

/// Finds the entity that an operator names: by the key itself, or by a seat or a reservation whose
/// block the rows know. Calls one of both, once.
void find_entity(operator_desk& desk, const std::string& named,
                 std::function<void(const entity_key&)> found,
                 std::function<void(const problem&)> refused);

} // namespace tk::http
