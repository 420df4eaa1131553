#pragma once

#include <memory>

#include "persistence/ledger/roster_port.hpp"

namespace tk {

class roster_pg;

/// The shell around a roster that has joined. It blocks, so it is spawned detached. Beside the
/// beats it makes the outbox's partitions of the next days, once an hour.
roster_driver_actor::behavior_type roster_driver(roster_driver_actor::pointer self,
                                                 std::shared_ptr<roster_pg> roster);

/// The shell around a roster that acts as one that has joined, for takeovers. It blocks, too.
shard_taker_actor::behavior_type shard_taker(shard_taker_actor::pointer self,
                                             std::shared_ptr<roster_pg> roster);

} // namespace tk
