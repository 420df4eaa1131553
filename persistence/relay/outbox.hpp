#pragma once

#include <functional>
#include <memory>
#include <string>

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/fwd.hpp>
#include <caf/replies_to.hpp>
#include <caf/typed_actor.hpp>

#include "persistence/relay/core.hpp"

namespace tk {

/// What is over is cleared away, a little at a time.
struct retention {
  int32_t outbox_days = 7;  ///< Partitions that are older, once every cursor has passed them.
  int32_t marks_days = 30;  ///< Marks of what a consumer has had (G22).
  int32_t marks_max = 5000; ///< In one go.
};

struct fetch_outbox {
  relay_read what;
};
struct outbox_fetched {
  std::shared_ptr<const outbox_rows> rows; ///< By shard and in order.
};

struct put_cursors {
  relay_moves moves;
  std::shared_ptr<const outbox_rows> rows; ///< Of which `moves` speaks.
  std::string consumer;                    ///< Who could not take the dead letters.
};
/// How many cursors were moved, and how many not: those are somebody else's by now.
struct cursors_moved {
  int64_t moved = 0, refused = 0, dead = 0;
};

struct clear_outbox {
  retention keep;
};
struct cleared_away {
  int64_t partitions = 0, marks = 0;
};

} // namespace tk

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::fetch_outbox)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::outbox_fetched)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::put_cursors)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::cursors_moved)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::clear_outbox)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::cleared_away)

namespace tk {

/// OUTBOX: where domain events are on record, with how far they are told. An *error* means that
/// nothing is known of what was asked.
using outbox_actor = caf::typed_actor<
  /// The first rows behind each cursor that no running transaction can still precede.
  caf::replies_to<fetch_outbox>::with<outbox_fetched>,
  /// Puts moves on record, forward only and each for its shard's owner of that epoch only, and the
  /// dead letters that a move passes.
  caf::replies_to<put_cursors>::with<cursors_moved>,
  /// Drops what is over.
  caf::replies_to<clear_outbox>::with<cleared_away>>;

/// The outbox of the database, as role `tiketi_relay` on a connection of its own.
/// @param log hears why something failed, on another thread; may be empty.
outbox_actor spawn_outbox(caf::actor_system& system, const std::string& conninfo,
                          std::function<void(const std::string&)> log);

} // namespace tk
