#include "persistence/reads/actor.hpp"

#include <caf/stateful_actor.hpp>

#include "persistence/pool/pool.hpp"
#include "persistence/reads/queries.hpp"

namespace tk {

namespace {

constexpr size_t sessions_per_statement_max = 256;

/// Many users' rows by one statement; each asker gets its own.
struct session_job : pg_job {
  std::vector<user_id> users;
  std::vector<reply_ptr<session_rows>> replies;
  std::vector<session_rows> made;

  pg_result<void> run(pg::connection& db) override {
    auto x = read_sessions(db, users);
    if (!x) return tl::unexpected(std::move(x.error()));
    made = std::move(*x);
    return {};
  }

  void answer(ec error) override {
    for (size_t i = 0; i < replies.size(); ++i) {
      if (error == ec::ok) replies[i]->deliver(std::move(made[i]));
      else replies[i]->fail(error);
    }
  }
};

struct reads_state {
  static inline const char* name = "tiketi.reads";
  struct waiting_session {
    user_id user;
    reply_ptr<session_rows> reply;
    caf::actor_clock::time_point since;
  };
  pg_pool<reads_actor::base> pool;
  std::deque<waiting_session> sessions;
  size_t waiting_max = 0;
};
using reads_ptr = reads_actor::stateful_pointer<reads_state>;

/// What waits, as one job; null when nothing does.
pg_job_ptr take_sessions(reads_ptr self) {
  auto& waiting = self->state.sessions;
  auto job = std::make_shared<session_job>();
  auto now = self->clock().now();
  while (!waiting.empty() && job->users.size() < sessions_per_statement_max) {
    auto& x = waiting.front();
    if (now - x.since >= pg_wait_max) {
      x.reply->fail(ec::late);
    } else {
      job->users.push_back(x.user);
      job->replies.push_back(std::move(x.reply));
    }
    waiting.pop_front();
  }
  return job->users.empty() ? nullptr : job;
}

caf::result<session_rows> on_load_session(reads_ptr self, const load_session& x) {
  auto& st = self->state;
  if (st.sessions.size() >= st.waiting_max) return make_error(ec::busy);
  auto reply = promise_reply<session_rows>(self);
  auto rp = reply->rp;
  st.sessions.push_back({x.user, std::move(reply), self->clock().now()});
  if (st.pool.has_idle())
    if (auto job = take_sessions(self)) st.pool.submit(std::move(job));
  return rp;
}

reads_actor::behavior_type reads(reads_ptr self, const reads_config& config) {
  auto& pool = self->state.pool;
  self->state.waiting_max = config.waiting_max;
  pool.start(self, std::make_shared<pg_pool_config>(
                     pg_pool_config{config.conninfo, config.connections, config.waiting_max,
                                    read_settings, read_statements(), config.log, config.probe}));
  pool.on_idle([self] { return take_sessions(self); });
  using db = pg::connection;
  return {
    [=](const load_session& x) { return on_load_session(self, x); },
    [&pool](const load_block& x) {
      return pg_answer<block_rows>(pool, [x](db& to) { return read_block(to, x); });
    },
    [&pool](const load_event& x) {
      return pg_answer<event_row>(pool, [x](db& to) { return read_event_row(to, x); });
    },
    [&pool](const load_reservation& x) {
      return pg_answer<found_reservation>(pool,
                                          [x](db& to) { return read_reservation_row(to, x); });
    },
    [&pool](const find_overdue& x) {
      return pg_answer<overdue_rows>(pool, [x](db& to) { return read_overdue(to, x); });
    },
    [&pool](const find_live_blocks&) {
      return pg_answer<live_blocks>(pool, [](db& to) { return read_live_blocks(to); });
    },
    [&pool](const load_plan& x) {
      return pg_answer<plan_rows>(pool, [x](db& to) { return read_plan(to, x); });
    },
    [&pool](const load_checkout& x) {
      return pg_answer<checkout_rows>(pool, [x](db& to) { return read_checkout(to, x); });
    },
    [&pool](const find_open_checkouts& x) {
      return pg_answer<open_checkouts>(pool, [x](db& to) { return read_open_checkouts(to, x); });
    },
    [&pool](const load_room& x) {
      return pg_answer<room_rows>(pool, [x](db& to) { return read_room(to, x); });
    },
    [&pool](const load_gate& x) {
      return pg_answer<gate_rows>(pool, [x](db& to) { return read_gate(to, x); });
    },
    [&pool](const find_live_rooms&) {
      return pg_answer<live_rooms>(pool, [](db& to) { return read_live_rooms(to); });
    },
    [&pool](const find_open_gates&) {
      return pg_answer<open_gates>(pool, [](db& to) { return read_open_gates(to); });
    },
    [&pool](const load_inventory& x) {
      return pg_answer<event_inventory>(pool, [x](db& to) { return read_inventory(to, x); });
    },
  };
}

} // namespace

reads_actor spawn_reads(caf::actor_system& system, const reads_config& config) {
  return system.spawn(reads, config);
}

} // namespace tk
