#pragma once

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/replies_to.hpp>
#include <caf/typed_actor.hpp>

#include "persistence/operators/messages.hpp"

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::ask_rows)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::rows_told)

namespace tk {

/// OPERATORS' ROWS: reads for people, on a connection of their own. An *error* means that nothing
/// was read.
using operator_rows_actor = caf::typed_actor<caf::replies_to<ask_rows>::with<rows_told>>;

} // namespace tk
