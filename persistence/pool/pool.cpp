#include "persistence/pool/pool.hpp"

#include <algorithm>
#include <chrono>
#include <exception>
#include <optional>

#include <caf/stateful_actor.hpp>

namespace tk {

namespace {

using steady = std::chrono::steady_clock;
constexpr millis backoff_min{100};
constexpr millis backoff_max{3000};
constexpr const char* common_settings =
  "SET statement_timeout = '3s'; SET idle_in_transaction_session_timeout = '5s'; "
  "SET lock_timeout = '1s'; SET tcp_user_timeout = '3s'; SET timezone = 'UTC'; SET jit = off";

/// One connection that comes back by itself. Used by one thread; time here only spaces attempts.
class worker_connection {
public:
  explicit worker_connection(std::shared_ptr<const pg_pool_config> config)
      : config_(std::move(config)) {
    // nop
  }

  /// Null when there is no server to be had now.
  pg::connection* get() {
    if (db_ && db_->alive()) return &*db_;
    db_.reset();
    if (steady::now() < next_try_) return nullptr;
    auto opened = pg::connection::open(config_->conninfo);
    if (!opened) {
      log("no connection: " + opened.error());
    } else if (prepare(*opened)) {
      db_ = std::move(*opened);
      if (config_->probe) db_->on_exec(config_->probe->timed);
      backoff_ = backoff_min;
      return &*db_;
    }
    next_try_ = steady::now() + backoff_;
    backoff_ = std::min(backoff_ * 2, backoff_max);
    return nullptr;
  }

  /// For as long as it lives a job is in hand.
  struct busy {
    explicit busy(pg_probe* x) : probe(x) {
      if (probe) ++probe->in_use;
    }
    busy(const busy&) = delete;
    busy& operator=(const busy&) = delete;
    ~busy() {
      if (probe) --probe->in_use;
    }
    pg_probe* probe;
  };
  [[nodiscard]] busy in_hand() const { return busy{config_->probe}; }

  void log(const std::string& text) const {
    if (config_->log) config_->log(text);
  }

private:
  bool done(const pg::result& x) const {
    if (!x.ok()) log("connection is not usable: " + x.error());
    return x.ok();
  }

  bool prepare(pg::connection& db) const {
    if (!done(db.run_script(common_settings))) return false;
    if (*config_->settings != '\0' && !done(db.run_script(config_->settings))) return false;
    return std::all_of(config_->statements.begin(), config_->statements.end(),
                       [&](const pg_statement& x) { return done(db.prepare(x.name, x.sql)); });
  }

  std::shared_ptr<const pg_pool_config> config_;
  std::optional<pg::connection> db_;
  steady::time_point next_try_{};
  millis backoff_ = backoff_min;
};

struct worker_state {
  static inline const char* name = "tiketi.pg-worker";
  std::unique_ptr<worker_connection> link;
};
using worker_ptr = pg_worker_actor::stateful_pointer<worker_state>;

ec run_job(worker_connection& link, pg_job& job) {
  auto in_hand = link.in_hand();
  auto* db = link.get();
  if (db == nullptr) return ec::unavailable;
  try {
    auto made = job.run(*db);
    if (made) return ec::ok;
    link.log(made.error().text);
    return made.error().error;
  } catch (const std::exception& x) {
    link.log(x.what());
    db->close(); // Whatever was interrupted: the next job starts afresh.
    return ec::internal;
  }
}

pg_worker_actor::behavior_type worker(worker_ptr self,
                                      const std::shared_ptr<const pg_pool_config>& config) {
  self->state.link = std::make_unique<worker_connection>(config);
  return {
    [=](const pg_work& x) { return pg_worked{run_job(*self->state.link, *x.job)}; },
  };
}

} // namespace

pg_worker_actor spawn_pg_worker(caf::actor_system& system,
                                std::shared_ptr<const pg_pool_config> config) {
  return system.spawn<caf::detached>(worker, std::move(config));
}

} // namespace tk
