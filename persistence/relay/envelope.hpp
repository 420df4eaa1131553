#pragma once

#include <string>

#include "persistence/relay/messages.hpp"

namespace tk {

/// The version of every type there is (G52): it changes with a type's shape.
inline constexpr int envelope_version = 1;

/// A domain event as consumers get it: one flat JSON object of `id`, `type`, `version`,
/// `timestamp`, `correlationId` (null: of nobody's request) and the type's own fields
/// (docs/events).
std::string envelope_of(const outbox_row& x);

/// Where rows of a topic go that cannot be taken.
inline std::string dead_letters_of(const std::string& topic) { return topic + "-dlq"; }

} // namespace tk
