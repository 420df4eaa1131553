#pragma once

#include <caf/replies_to.hpp>
#include <caf/typed_actor.hpp>

#include "actors/registry.hpp"

namespace tk {

/// SESSION: what is per user, one thing at a time: limits, attempts in flight, replays, revocation.
using session_actor = caf::typed_actor<
  /// Holds seats, durably, before it answers. The same key gets the same reservation.
  caf::replies_to<reserve_items>::with<hold_reply>,
  /// Cancels one of the user's reservations.
  caf::replies_to<cancel_reservation>::with<release_reply>,
  caf::replies_to<once<cancel_reservation>>::with<release_reply>,
  /// Asks a waiting room, so that one person waits for one event at a time.
  caf::replies_to<join_queue>::with<queue_reply>,
  /// Records a new refresh-token family.
  caf::replies_to<start_family>::with<family_started>,
  caf::replies_to<start_family_v2>::with<family_started_v2>,
  /// Uses a refresh token up; a second use ends its family, durably, before it answers.
  caf::replies_to<rotate_family>::with<family_rotated>,
  /// Ends other sessions, one of them, or all with the account.
  caf::replies_to<end_sessions>::with<sessions_ended>,
  /// Refuses every token issued up to now.
  caf::replies_to<revoke_all>::with<all_revoked>,
  /// Stops when nothing is open.
  caf::replies_to<passivate>::with<passivation>,
  /// Stops for the next owner of its shard, unless somebody waits.
  caf::replies_to<leave>::with<passivation>>;

} // namespace tk
