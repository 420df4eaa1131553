#pragma once

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/replies_to.hpp>
#include <caf/typed_actor.hpp>

#include "persistence/brakes/messages.hpp"

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::list_brakes)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::set_brake)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::release_brake)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::brakes_told)

namespace tk {

/// BRAKES: the record of what is stopped, on a connection of its own, so that a busy shop can be
/// stopped. An *error* of a change means that its outcome is unknown; to repeat it does no harm.
using brakes_actor = caf::typed_actor<caf::replies_to<list_brakes>::with<brakes_told>,
                                      caf::replies_to<set_brake>::with<brakes_told>,
                                      caf::replies_to<release_brake>::with<brakes_told>>;

} // namespace tk
