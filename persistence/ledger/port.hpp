#pragma once

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/replies_to.hpp>
#include <caf/typed_actor.hpp>

#include "persistence/ledger/messages.hpp"

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::submit)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::verdict)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::barrier)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::barrier_passed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::execute_batch)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::batch_executed)

namespace tk {

/// LEDGER: the only door to durable decisions.
using ledger_actor = caf::typed_actor<
  /// Judges an op, durably, before it answers. An *error* means unknown, as does
  /// `outcome::unknown`.
  caf::replies_to<submit>::with<verdict>,
  /// Answers when every op admitted before for that shard has an outcome.
  caf::replies_to<barrier>::with<barrier_passed>>;

/// LEDGER DRIVER: one connection, no queue, no rules, no retries.
using ledger_driver_actor = caf::typed_actor<
  /// Executes one batch and tells what came of it.
  caf::replies_to<execute_batch>::with<batch_executed>>;

} // namespace tk
