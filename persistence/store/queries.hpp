#pragma once

#include <vector>

#include "persistence/pii/vault.hpp"
#include "persistence/pool/pool.hpp"
#include "persistence/store/messages.hpp"

/// What `store_actor` does, each a plain function over one connection on which `store_statements`
/// are prepared. Every one is a transaction by itself.
namespace tk {

std::vector<pg_statement> store_statements();

// -- accounts (accounts.cpp): personal data leaves and enters encrypted ---------------------------

std::vector<pg_statement> account_statements();
pg_result<inserted_user> store_user(pg::connection& db, const pii_vault& vault,
                                    const insert_user& x);
pg_result<user_row> read_user(pg::connection& db, const pii_vault& vault,
                              const find_user_by_mail& x);
pg_result<user_row> read_user(pg::connection& db, const pii_vault& vault, const find_user_by_id& x);
pg_result<renewed> store_hash(pg::connection& db, const renew_password_hash& x);
pg_result<google_account> google_account_of(pg::connection& db, const pii_vault& vault,
                                            const sign_in_google& x);
pg_result<user_row> store_profile(pg::connection& db, const pii_vault& vault,
                                  const update_profile& x);
pg_result<session_list> read_sessions_of(pg::connection& db, const list_sessions& x);
pg_result<revocation_page> read_revocations(pg::connection& db, const list_revocations& x);

// -- upkeep (upkeep.cpp) --------------------------------------------------------------------------

std::vector<pg_statement> upkeep_statements();
pg_result<accounts_cleared> clear_accounts_of(pg::connection& db, const pii_vault& vault,
                                              const clear_accounts& x);
pg_result<admin_action_noted> store_admin_action(pg::connection& db, const note_admin_action& x);
pg_result<outbox_backlog> read_outbox_backlog(pg::connection& db);

// -- draws (draws.cpp) ----------------------------------------------------------------------------

std::vector<pg_statement> draw_statements();
pg_result<draw_list> read_draw(pg::connection& db, const read_draw_list& x);

// -- catalogue (catalogue.cpp) --------------------------------------------------------------------

std::vector<pg_statement> catalogue_statements();
pg_result<event_page> read_events(pg::connection& db, const list_events& x);
pg_result<found_event> read_one_event(pg::connection& db, const read_event& x);
pg_result<found_ticket_type> read_ticket_type(pg::connection& db, const find_ticket_type& x);
pg_result<layouts> read_layouts(pg::connection& db);

// -- cancelling (cancellations.cpp) ---------------------------------------------------------------

std::vector<pg_statement> cancellation_statements();
pg_result<policy_set> store_policy(pg::connection& db, const set_cancellation_policy& x);
pg_result<event_cancellation_view> store_cancellation(pg::connection& db, const cancel_event& x);
pg_result<event_cancellation_view> read_cancellation(pg::connection& db,
                                                     const read_event_cancellation& x);
pg_result<recalls> read_recalls(pg::connection& db, const find_recalls& x);

// -- artists (artists.cpp) ------------------------------------------------------------------------

std::vector<pg_statement> artist_statements();
pg_result<artist_page> read_artists(pg::connection& db, const list_artists& x);
pg_result<found_artist> read_one_artist(pg::connection& db, const read_artist& x);

// -- reservations (reservations.cpp) --------------------------------------------------------------

std::vector<pg_statement> reservation_statements();
pg_result<reservation_list> read_reservations(pg::connection& db, const list_reservations& x);
pg_result<found_reservation_view> read_one_reservation(pg::connection& db,
                                                       const read_reservation& x);

// -- tickets (tickets.cpp) ------------------------------------------------------------------------

std::vector<pg_statement> ticket_statements();
pg_result<ticket_page> read_tickets(pg::connection& db, const list_tickets& x);
pg_result<found_ticket> read_one_ticket(pg::connection& db, const find_ticket& x);

// -- payments (payments.cpp) ----------------------------------------------------------------------

std::vector<pg_statement> payment_view_statements();
pg_result<found_payment> read_payment(pg::connection& db, const find_payment& x);
pg_result<payment_page> read_payments(pg::connection& db, const list_payments& x);
pg_result<found_key> read_key(pg::connection& db, const find_key& x);

pg_result<store_alive> read_alive(pg::connection& db);

} // namespace tk
