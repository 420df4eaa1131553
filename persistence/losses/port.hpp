#pragma once

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/replies_to.hpp>
#include <caf/typed_actor.hpp>

#include "persistence/losses/messages.hpp"

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::note_accepted_loss)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::accepted_loss_noted)

namespace tk {

/// LOSSES: the record of what operators went on without. An *error* means that the outcome is
/// unknown; to repeat it does no harm.
using losses_actor =
  caf::typed_actor<caf::replies_to<note_accepted_loss>::with<accepted_loss_noted>>;

} // namespace tk
