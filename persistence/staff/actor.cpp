#include "persistence/staff/actor.hpp"

#include <utility>

#include <caf/stateful_actor.hpp>

#include "persistence/pii/names.hpp"

namespace tk {

/// Told by the actor to itself: are there accounts whose name cannot be found?
struct fill_names_now {};

} // namespace tk

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::fill_names_now)

namespace tk {

const char* const staff_settings =
  "SET default_transaction_read_only = on; SET enable_seqscan = off; SET jit = off; "
  "SET max_parallel_workers_per_gather = 0; SET statement_timeout = '6s'; SET timezone = 'UTC'";

namespace {

constexpr size_t waiting_max = 64;

constexpr int32_t names_at_once = 500;
constexpr millis names_pause{5000}, names_again{600'000}; // Sales have priority.

using self_actor = staff_actor::extend<caf::reacts_to<fill_names_now>>;

struct staff_state {
  static inline const char* name = "tiketi.staff";
  pg_pool<self_actor::base> pool;
};
using staff_ptr = self_actor::stateful_pointer<staff_state>;

struct names_job final : pg_job {
  pg_result<void> run(pg::connection& db) override {
    auto done = fill_names(db, *vault, names_at_once);
    if (!done) return tl::unexpected(done.error());
    filled = *done;
    return {};
  }
  void answer(ec) override { then(filled); } // Whatever failed, the next look finds it.
  std::shared_ptr<const pii_vault> vault;
  std::function<void(int64_t)> then;
  int64_t filled = 0;
};

void fill(staff_ptr self, const std::shared_ptr<const pii_vault>& vault) {
  auto job = std::make_shared<names_job>();
  job->vault = vault;
  job->then = [self](int64_t filled) {
    bool more = filled >= names_at_once;
    self->delayed_send(self, more ? names_pause : names_again, fill_names_now{});
  };
  self->state.pool.submit(std::move(job));
}

self_actor::behavior_type staff(staff_ptr self, const staff_config& config) {
  auto& pool = self->state.pool;
  pool.start(self, std::make_shared<pg_pool_config>(
                     pg_pool_config{config.conninfo, 1, waiting_max, staff_settings,
                                    staff_statements(), config.log, nullptr}));
  using db = pg::connection;
  auto vault = config.vault;
  self->delayed_send(self, names_pause, fill_names_now{});
  return {
    [&pool, vault](const find_payments& x) {
      return pg_answer<payments_found>(pool,
                                       [=](db& to) { return read_staff_payments(to, *vault, x); });
    },
    [&pool, vault](const look_at_payment& x) {
      return pg_answer<payment_told>(pool,
                                     [=](db& to) { return read_staff_payment(to, *vault, x); });
    },
    [&pool](const summarise_payments& x) {
      return pg_answer<payments_summed>(pool, [=](db& to) { return read_payment_sums(to, x); });
    },
    [&pool, vault](const find_bookings& x) {
      return pg_answer<bookings_found>(pool, [=](db& to) { return read_bookings(to, *vault, x); });
    },
    [=](fill_names_now) { fill(self, vault); },
  };
}

} // namespace

pg_result<int64_t> fill_names(pg::connection& db, const pii_vault& vault, int32_t most) {
  auto rows = db.query("SELECT id, name_cipher FROM users WHERE name_lookup IS NULL "
                       "AND erased_at IS NULL ORDER BY id LIMIT $1::int4",
                       pg::params{}.add_int4(most));
  if (!rows.ok()) return read_failed(rows);
  if (rows.rows() == 0) return 0;
  pg::array ids{pg::oid::uuid}, ciphers{pg::oid::bytea}, lookups{pg::oid::bytea};
  for (int i = 0; i < rows.rows(); ++i) {
    auto clear = vault.decrypt("name", rows.bytes(i, 1));
    ids.push_id(rows.uuid<user_id>(i, 0));
    ciphers.push_bytes(rows.bytes(i, 1));
    // What cannot be read is found by no name, and not looked at again.
    lookups.push_bytes(clear ? name_lookup(vault, *clear) : std::string{});
  }
  if (auto begun = db.run_script("BEGIN READ WRITE"); !begun.ok()) return read_failed(begun);
  auto done = db.query("UPDATE users u SET name_lookup = x.found_by FROM unnest($1::uuid[], "
                       "$2::bytea[], $3::bytea[]) AS x(id, cipher, found_by) WHERE u.id = x.id "
                       "AND u.name_lookup IS NULL AND u.name_cipher = x.cipher",
                       pg::params{}.add(ids).add(ciphers).add(lookups));
  auto ended = db.run_script(done.ok() ? "COMMIT" : "ROLLBACK");
  if (!ended.ok()) db.close();
  if (!done.ok()) return read_failed(done);
  if (!ended.ok()) return write_failed(ended);
  return rows.rows();
}

staff_actor spawn_staff(caf::actor_system& system, const staff_config& config) {
  return caf::actor_cast<staff_actor>(system.spawn(staff, config));
}

} // namespace tk
