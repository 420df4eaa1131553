#pragma once

#include <vector>

#include "persistence/pool/pool.hpp"
#include "persistence/reconciliation/messages.hpp"

/// The statements of a reconciliation, on one connection of role `tiketi_books`.
namespace tk::reconciling {

std::vector<pg_statement> statements();

pg_result<reconciliation_begun> begin(pg::connection& db, const begin_reconciliation& x);
pg_result<money_found> find(pg::connection& db, const find_money& x);
pg_result<reconciliation_goes_on> touch(pg::connection& db, const touch_reconciliation& x);
pg_result<asked_again> ask(pg::connection& db, const ask_again& x);
pg_result<case_noted> open(pg::connection& db, const open_case& x);
pg_result<case_noted> close(pg::connection& db, const close_case& x);
pg_result<rows_compared> compare(pg::connection& db, const compare_rows& x);
pg_result<reconciliation_ended> end(pg::connection& db, const end_reconciliation& x);
pg_result<cases_seen> look(pg::connection& db, const look_at_cases& x);

} // namespace tk::reconciling
