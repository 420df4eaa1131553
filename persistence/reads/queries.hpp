#pragma once

#include <vector>

#include "persistence/pool/pool.hpp"
#include "persistence/reads/messages.hpp"

/// The queries behind `reads_actor`, each a plain function over one connection on which
/// `read_statements` are prepared.
namespace tk {

std::vector<pg_statement> read_statements();
/// Those of them that checkouts ask.
std::vector<pg_statement> payment_read_statements();
/// Those that waiting rooms and gates ask.
std::vector<pg_statement> room_read_statements();
/// Plans are made once, perhaps on empty tables: only index look-ups are right at every size
/// (H-25).
extern const char* const read_settings;

/// Answers `users[i]` in place i, in one statement however many there are (H-32).
pg_result<std::vector<session_rows>> read_sessions(pg::connection& db,
                                                   const std::vector<user_id>& users);
/// Seats and led reservations of one snapshot.
pg_result<block_rows> read_block(pg::connection& db, const load_block& x);
pg_result<event_row> read_event_row(pg::connection& db, const load_event& x);
pg_result<found_reservation> read_reservation_row(pg::connection& db, const load_reservation& x);
pg_result<overdue_rows> read_overdue(pg::connection& db, const find_overdue& x);
pg_result<live_blocks> read_live_blocks(pg::connection& db);
pg_result<checkout_rows> read_checkout(pg::connection& db, const load_checkout& x);
pg_result<open_checkouts> read_open_checkouts(pg::connection& db, const find_open_checkouts& x);
pg_result<plan_rows> read_plan(pg::connection& db, const load_plan& x);
/// One snapshot, a row of the log as it was written: a million people are a few hundred rows.
pg_result<room_rows> read_room(pg::connection& db, const load_room& x);
pg_result<gate_rows> read_gate(pg::connection& db, const load_gate& x);
pg_result<live_rooms> read_live_rooms(pg::connection& db);
pg_result<open_gates> read_open_gates(pg::connection& db);
pg_result<event_inventory> read_inventory(pg::connection& db, const load_inventory& x);

} // namespace tk
