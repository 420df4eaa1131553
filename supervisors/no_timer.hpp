#pragma once

#include <caf/duration.hpp>

namespace tk {

/// The timeout of a request to somebody of this node who always answers in bounded time: regions,
/// entities, the reads pool, whose own waits all end (docs/adr/0008). A timer in CAF's clock would
/// cost two wake-ups of another thread per request, more than the request itself.
inline constexpr auto always_answered = caf::infinite;

} // namespace tk
