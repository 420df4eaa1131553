#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <caf/actor_system.hpp>
#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/replies_to.hpp>
#include <caf/send.hpp>
#include <caf/typed_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <tl/expected.hpp>

#include "persistence/pg/connection.hpp"
#include "persistence/pool/probe.hpp"
#include "supervisors/reply_once.hpp"

/// The one way to ask PostgreSQL anything outside the ledger: a bounded queue in an ordinary actor,
/// in front of detached workers that own a connection each (R15).
namespace tk {

/// A prepared statement of a worker; every parameter has a cast in the text.
struct pg_statement {
  const char* name;
  const char* sql;
};

struct pg_pool_config {
  std::string conninfo;      ///< With the role's name in it.
  size_t workers = 2;        ///< Connections, and threads.
  size_t waiting_max = 4096; ///< Requests that may wait; one more is answered `ec::busy`.
  const char* settings = ""; ///< SQL of fixed settings for each new connection.
  std::vector<pg_statement> statements;
  /// Told why a job or a connection failed; called on the workers' threads. May be empty.
  std::function<void(const std::string& text)> log;
  pg_probe* probe = nullptr; ///< May be null.
};

/// Why a job failed. `text` is for the log only.
struct pg_failure {
  ec error = ec::unavailable;
  std::string text;
};
template <class T> using pg_result = tl::expected<T, pg_failure>;

/// A value that PostgreSQL cannot take (class 22), e.g. a zero byte in a text.
inline bool is_bad_value(const pg::result& x) { return x.sqlstate().starts_with("22"); }
/// Of a statement that only reads: whatever went wrong, nothing happened.
inline tl::unexpected<pg_failure> read_failed(const pg::result& x) {
  return tl::unexpected(pg_failure{is_bad_value(x) ? ec::bad_request : ec::unavailable, x.error()});
}
/// Of a statement that writes and is a transaction by itself: without an answer it may have.
inline tl::unexpected<pg_failure> write_failed(const pg::result& x) {
  if (x.lost()) return tl::unexpected(pg_failure{ec::unknown, x.error()});
  return read_failed(x);
}

/// A piece of work. Only one thread at a time has it in hand.
struct pg_job {
  virtual ~pg_job() = default;
  /// On the worker's thread, with a live connection. It leaves no transaction open.
  virtual pg_result<void> run(pg::connection& db) = 0;
  /// On the front's thread, once. `error` is `ec::ok` when `run` succeeded.
  virtual void answer(ec error) = 0;
};
using pg_job_ptr = std::shared_ptr<pg_job>;

struct pg_work {
  pg_job_ptr job;
};
struct pg_worked {
  ec error = ec::ok;
};

} // namespace tk

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::pg_work)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::pg_worked)

namespace tk {

/// PG WORKER: one connection, no queue.
using pg_worker_actor = caf::typed_actor<
  /// Runs the job; `ec::unavailable` when there is no server to be had or the job failed.
  caf::replies_to<pg_work>::with<pg_worked>>;

pg_worker_actor spawn_pg_worker(caf::actor_system& system,
                                std::shared_ptr<const pg_pool_config> config);

/// Longer than connecting and any number of statements of a job may take. A worker that is still
/// busy then is given up, and its job is answered as unknown.
constexpr auto pg_job_timeout = std::chrono::seconds(30);
/// What has waited longer than this is refused instead of worked on: its asker has gone (H-30).
constexpr auto pg_wait_max = std::chrono::seconds(5);

/// The queue in front of the workers; part of its actor's state.
template <class Self> class pg_pool {
public:
  /// Starts the workers; they end with `self`.
  void start(Self* self, std::shared_ptr<const pg_pool_config> config) {
    self_ = self;
    config_ = std::move(config);
    std::vector<pg_worker_actor> workers;
    for (size_t i = 0; i < config_->workers; ++i)
      workers.push_back(spawn_pg_worker(self->system(), config_));
    idle_ = workers;
    self->attach_functor([workers] {
      for (const auto& x : workers) caf::anon_send_exit(x, caf::exit_reason::user_shutdown);
    });
  }

  [[nodiscard]] Self* self() const { return self_; }
  [[nodiscard]] bool has_idle() const { return !idle_.empty(); }

  /// Runs the job now or later; answers `ec::busy` when the queue is full.
  void submit(pg_job_ptr job) {
    if (!idle_.empty()) return run(std::move(job));
    if (waiting_.size() >= config_->waiting_max) return job->answer(ec::busy);
    waiting_.push_back({std::move(job), self_->clock().now()});
  }

  /// Called when a worker becomes idle and nothing waits in the queue, or before each job that
  /// waits: may return further work that was collected meanwhile, or null.
  void on_idle(std::function<pg_job_ptr()> source) { source_ = std::move(source); }

private:
  using time_point = decltype(std::declval<Self>().clock().now());
  struct entry {
    pg_job_ptr job;
    time_point since;
  };

  void run(pg_job_ptr job) {
    auto worker = std::move(idle_.back());
    idle_.pop_back();
    auto ended = [this, worker, job](ec error) {
      // Idle first, so that whoever is answered may submit again.
      idle_.push_back(worker);
      job->answer(error);
      next();
    };
    self_->request(worker, pg_job_timeout, pg_work{job})
      .then([ended](const pg_worked& x) { ended(x.error); },
            [ended](caf::error&) { ended(ec::unknown); });
  }

  void next() {
    while (!idle_.empty()) {
      turn_ = !turn_; // Collected work and the queue take turns, so that neither starves.
      if (auto job = turn_ ? from_source() : from_queue()) run(std::move(job));
      else if (auto other = turn_ ? from_queue() : from_source()) run(std::move(other));
      else return;
    }
  }

  pg_job_ptr from_source() { return source_ ? source_() : nullptr; }

  pg_job_ptr from_queue() {
    while (!waiting_.empty()) {
      auto x = std::move(waiting_.front());
      waiting_.pop_front();
      if (self_->clock().now() - x.since < pg_wait_max) return std::move(x.job);
      x.job->answer(ec::late);
    }
    return nullptr;
  }

  Self* self_ = nullptr;
  std::shared_ptr<const pg_pool_config> config_;
  std::vector<pg_worker_actor> idle_;
  std::deque<entry> waiting_;
  std::function<pg_job_ptr()> source_;
  bool turn_ = false;
};

/// A job with one asker. `Fun`: `pg_result<Reply> (pg::connection&)`.
template <class Reply, class Fun> struct pg_single_job : pg_job {
  pg_single_job(reply_ptr<Reply> to, Fun fun) : reply(std::move(to)), work(std::move(fun)) {
    // nop
  }
  pg_result<void> run(pg::connection& db) override {
    auto x = work(db);
    if (!x) return tl::unexpected(std::move(x.error()));
    made = std::move(*x);
    return {};
  }
  void answer(ec error) override {
    if (error == ec::ok) reply->deliver(std::move(made));
    else reply->fail(error);
  }
  reply_ptr<Reply> reply;
  Fun work;
  Reply made;
};

/// Submits work for the request that the pool's actor is handling now.
template <class Reply, class Self, class Fun>
caf::result<Reply> pg_answer(pg_pool<Self>& pool, Fun fun) {
  auto reply = promise_reply<Reply>(pool.self());
  auto rp = reply->rp;
  pool.submit(std::make_shared<pg_single_job<Reply, Fun>>(std::move(reply), std::move(fun)));
  return rp;
}

} // namespace tk
