#pragma once

#include <functional>
#include <memory>
#include <string>

#include <caf/fwd.hpp>

#include "persistence/pii/vault.hpp"
#include "persistence/pool/pool.hpp"
#include "persistence/staff/port.hpp"

namespace tk {

struct staff_config {
  std::string conninfo; ///< Of role `tiketi_store`.
  std::shared_ptr<const pii_vault> vault;
  std::function<void(const std::string&)> log;
};

/// Starts who answers staff, on one connection of its own: whatever they ask, nobody who buys waits
/// for it. It also fills in by what names are found, of accounts that have nothing of the kind.
staff_actor spawn_staff(caf::actor_system& system, const staff_config& config);

/// What its connection has set: only indexes are right at every size, and no question lasts.
extern const char* const staff_settings;

/// The statements of the lists: with what is asked for written into them, so that every question
/// gets a plan of its own. What is told of each is given to `$n`.
std::string payments_sql(const find_payments& x);
std::string bookings_sql(const find_bookings& x);

/// Fills in `users.name_lookup` of at most so many accounts that have none; how many they were.
pg_result<int64_t> fill_names(pg::connection& db, const pii_vault& vault, int32_t most);

std::vector<pg_statement> staff_statements();
pg_result<payments_found> read_staff_payments(pg::connection& db, const pii_vault& vault,
                                              const find_payments& x);
pg_result<payment_told> read_staff_payment(pg::connection& db, const pii_vault& vault,
                                           const look_at_payment& x);
pg_result<payments_summed> read_payment_sums(pg::connection& db, const summarise_payments& x);
pg_result<bookings_found> read_bookings(pg::connection& db, const pii_vault& vault,
                                        const find_bookings& x);

} // namespace tk
