#include "persistence/store/actor.hpp"

#include <cassert>

#include <caf/stateful_actor.hpp>

#include "persistence/pool/pool.hpp"
#include "persistence/store/queries.hpp"

namespace tk {

std::vector<pg_statement> store_statements() {
  std::vector<pg_statement> all{{"alive", "SELECT clock_timestamp()"}};
  for (const auto& part : {account_statements(), upkeep_statements(), catalogue_statements(),
                           artist_statements(), reservation_statements(), ticket_statements(),
                           payment_view_statements(), draw_statements(), cancellation_statements()})
    all.insert(all.end(), part.begin(), part.end());
  return all;
}

pg_result<store_alive> read_alive(pg::connection& db) {
  auto rows = db.exec("alive");
  if (!rows.ok()) return read_failed(rows);
  return store_alive{rows.time(0, 0)};
}

namespace {

/// Everything here is looked up by an index, while plans that were made on empty tables live on: a
/// sale fills them within seconds, and nobody analyses them that fast.
constexpr const char* store_settings = "SET enable_seqscan = off";

struct store_state {
  static inline const char* name = "tiketi.store";
  pg_pool<store_actor::base> pool;
};
using store_ptr = store_actor::stateful_pointer<store_state>;

store_actor::behavior_type store(store_ptr self, const store_config& config) {
  assert(config.vault != nullptr);
  auto& pool = self->state.pool;
  pool.start(self, std::make_shared<pg_pool_config>(
                     pg_pool_config{config.conninfo, config.connections, config.waiting_max,
                                    store_settings, store_statements(), config.log, config.probe}));
  using db = pg::connection;
  auto vault = config.vault;
  return {
    [&pool, vault](const insert_user& x) {
      return pg_answer<inserted_user>(pool, [=](db& to) { return store_user(to, *vault, x); });
    },
    [&pool, vault](const find_user_by_mail& x) {
      return pg_answer<user_row>(pool, [=](db& to) { return read_user(to, *vault, x); });
    },
    [&pool, vault](const find_user_by_id& x) {
      return pg_answer<user_row>(pool, [=](db& to) { return read_user(to, *vault, x); });
    },
    [&pool](const renew_password_hash& x) {
      return pg_answer<renewed>(pool, [=](db& to) { return store_hash(to, x); });
    },
    [&pool, vault](const sign_in_google& x) {
      return pg_answer<google_account>(pool,
                                       [=](db& to) { return google_account_of(to, *vault, x); });
    },
    [&pool, vault](const update_profile& x) {
      return pg_answer<user_row>(pool, [=](db& to) { return store_profile(to, *vault, x); });
    },
    [&pool](const list_sessions& x) {
      return pg_answer<session_list>(pool, [=](db& to) { return read_sessions_of(to, x); });
    },
    [&pool](const list_revocations& x) {
      return pg_answer<revocation_page>(pool, [=](db& to) { return read_revocations(to, x); });
    },
    [&pool, vault](const clear_accounts& x) {
      return pg_answer<accounts_cleared>(pool,
                                         [=](db& to) { return clear_accounts_of(to, *vault, x); });
    },
    [&pool](const note_admin_action& x) {
      return pg_answer<admin_action_noted>(pool, [=](db& to) { return store_admin_action(to, x); });
    },
    [&pool](const read_draw_list& x) {
      return pg_answer<draw_list>(pool, [=](db& to) { return read_draw(to, x); });
    },
    [&pool](const measure_outbox&) {
      return pg_answer<outbox_backlog>(pool, [](db& to) { return read_outbox_backlog(to); });
    },
    [&pool](const list_events& x) {
      return pg_answer<event_page>(pool, [=](db& to) { return read_events(to, x); });
    },
    [&pool](const read_event& x) {
      return pg_answer<found_event>(pool, [=](db& to) { return read_one_event(to, x); });
    },
    [&pool](const find_ticket_type& x) {
      return pg_answer<found_ticket_type>(pool, [=](db& to) { return read_ticket_type(to, x); });
    },
    [&pool](const set_cancellation_policy& x) {
      return pg_answer<policy_set>(pool, [=](db& to) { return store_policy(to, x); });
    },
    [&pool](const cancel_event& x) {
      return pg_answer<event_cancellation_view>(pool,
                                                [=](db& to) { return store_cancellation(to, x); });
    },
    [&pool](const read_event_cancellation& x) {
      return pg_answer<event_cancellation_view>(pool,
                                                [=](db& to) { return read_cancellation(to, x); });
    },
    [&pool](const find_recalls& x) {
      return pg_answer<recalls>(pool, [=](db& to) { return read_recalls(to, x); });
    },
    [&pool](const list_layouts&) {
      return pg_answer<layouts>(pool, [](db& to) { return read_layouts(to); });
    },
    [&pool](const list_artists& x) {
      return pg_answer<artist_page>(pool, [=](db& to) { return read_artists(to, x); });
    },
    [&pool](const read_artist& x) {
      return pg_answer<found_artist>(pool, [=](db& to) { return read_one_artist(to, x); });
    },
    [&pool](const list_reservations& x) {
      return pg_answer<reservation_list>(pool, [=](db& to) { return read_reservations(to, x); });
    },
    [&pool](const read_reservation& x) {
      return pg_answer<found_reservation_view>(pool,
                                               [=](db& to) { return read_one_reservation(to, x); });
    },
    [&pool](const list_tickets& x) {
      return pg_answer<ticket_page>(pool, [=](db& to) { return read_tickets(to, x); });
    },
    [&pool](const find_ticket& x) {
      return pg_answer<found_ticket>(pool, [=](db& to) { return read_one_ticket(to, x); });
    },
    [&pool](const find_payment& x) {
      return pg_answer<found_payment>(pool, [=](db& to) { return read_payment(to, x); });
    },
    [&pool](const list_payments& x) {
      return pg_answer<payment_page>(pool, [=](db& to) { return read_payments(to, x); });
    },
    [&pool](const find_key& x) {
      return pg_answer<found_key>(pool, [=](db& to) { return read_key(to, x); });
    },
    [&pool](const ping_store&) {
      return pg_answer<store_alive>(pool, [](db& to) { return read_alive(to); });
    },
  };
}

} // namespace

store_actor spawn_store(caf::actor_system& system, const store_config& config) {
  return system.spawn(store, config);
}

} // namespace tk
