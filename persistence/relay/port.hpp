#pragma once

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/replies_to.hpp>
#include <caf/typed_actor.hpp>

#include "persistence/relay/messages.hpp"

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::hand_over)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::handed_over)

namespace tk {

/// EVENT SINK: where the relay takes domain events: Kafka, or the projections of this process.
using event_sink_actor = caf::typed_actor<
  /// Takes rows; whoever reads from it later sees those of one key in this order. An *error* means
  /// that the outcome of all of them is unknown.
  caf::replies_to<hand_over>::with<handed_over>>;

} // namespace tk
