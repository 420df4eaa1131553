#pragma once

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/replies_to.hpp>
#include <caf/typed_actor.hpp>

#include "persistence/placement/messages.hpp"

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::set_wish)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::end_wish)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::wish_told)

namespace tk {

/// PLACEMENT: the record of what operators wish of who owns which shards, on a connection of its
/// own. Nodes read it with their heartbeats. An *error* means that the outcome is unknown, or, when
/// it is `unavailable`, that nothing was done; to repeat it does no harm.
using placement_actor = caf::typed_actor<caf::replies_to<set_wish>::with<wish_told>,
                                         caf::replies_to<end_wish>::with<wish_told>>;

} // namespace tk
