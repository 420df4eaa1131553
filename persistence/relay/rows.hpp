#pragma once

#include <vector>

#include "persistence/pool/pool.hpp"
#include "persistence/relay/outbox.hpp"

/// What a relay reads and writes, as `tiketi_relay` on a connection of its own.
namespace tk {

/// SQL for a session: the plans are made when the tables may be empty (H-25).
extern const char* const relay_session;
std::vector<pg_statement> relay_statements();

/// The first rows behind each cursor that no running transaction can still precede, by shard and in
/// order.
pg_result<outbox_rows> read_outbox(pg::connection& db, const relay_read& x);

/// Puts moves on record, forward only and each for its shard's owner of that epoch only, and the
/// dead letters that a move passes. Tells how many were refused.
pg_result<cursors_moved> move_cursors(pg::connection& db, const relay_moves& x,
                                      const outbox_rows& rows, const std::string& consumer);

/// Puts what a consumer could not take on record, once.
pg_statement dead_letters_statement();
pg_result<void> keep_dead_letters(pg::connection& db, const std::string& consumer,
                                  const outbox_rows& rows, const std::vector<std::string>& why,
                                  int32_t tries);

/// What is over is cleared away, a little at a time.
pg_result<cleared_away> clear_away(pg::connection& db, const retention& x);

} // namespace tk
