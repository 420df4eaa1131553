#pragma once

#include <functional>

#include <caf/fwd.hpp>

#include "actors/base/time.hpp"
#include "persistence/store/port.hpp"
#include "supervisors/revocations.hpp"

namespace tk {

struct revocation_watch_config {
  millis token_life{1'800'000}; ///< Of an access token, at most.
  millis interval{1000};        ///< Between two looks.
  /// A look goes back behind the one before by this much: an earlier moment may be committed later,
  /// and clocks differ.
  millis overlap{30'000};
  int32_t page_max = 1000; ///< Rows at a time; a full page is followed by the next at once.
};

/// Starts who looks which access tokens the sessions of other nodes have revoked, and tells `list`.
/// Its first look covers whatever may be alive.
/// @param loaded hears once when the first look is complete, on the actor's thread.
/// @param list, clock must outlive the actor.
caf::actor spawn_revocation_watch(caf::actor_system& system, store_actor store,
                                  revocation_list& list, const wall_clock& clock,
                                  revocation_watch_config config, std::function<void()> loaded);

} // namespace tk
