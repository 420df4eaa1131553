#pragma once

#include <caf/message.hpp>

#include "supervisors/router.hpp"

namespace tk {

/// Takes the body out of an envelope, for its entity. What is part of a trace, and of a type whose
/// entity makes spans of it, gets the trace as its second element.
caf::message traced(envelope& x);

} // namespace tk
