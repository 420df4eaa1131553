#include "persistence/ledger/driver_pg.hpp"

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "persistence/ledger/batch_sql.hpp"
#include "persistence/ledger/timeline.hpp"
#include "persistence/pg/connection.hpp"

namespace tk {

namespace {

/// Which server, which backend of it, on which timeline.
struct identity {
  int64_t system = 0;
  int64_t server_start = 0; ///< Microseconds since 1970, as is the next one.
  int64_t backend_start = 0;
  int32_t pid = 0;
  std::string timeline;
  [[nodiscard]] bool same_server(const identity& x) const {
    return system == x.system && server_start == x.server_start;
  }
};

/// A statement that finds what one op that was answered `ok` has left (ledger.md section 10).
struct proof {
  const char* sql = nullptr;
  pg::params values;
};

batch_result failed(batch_status is, std::string error) { return {is, {}, std::move(error)}; }

/// The table of ledger.md section 5, of an answer that did arrive.
batch_status status_of(const pg::result& rows) {
  auto state = rows.sqlstate();
  auto kind = state.substr(0, 2);
  // Another lane drew the same ticket number in the same instant. It has committed by now, so that
  // the same batch, sent again, is told `number_used`.
  if (state == "23505" && rows.constraint() == "tickets_number") return batch_status::contended;
  if (state == "40P01" || state == "40001" || state == "55P03" || state == "57014")
    return batch_status::contended;
  if (kind == "53" || state == "25006") return batch_status::read_only;
  if (state.empty() || kind == "08" || state == "57P01" || state == "57P02" || state == "57P03" ||
      state == "57P05" || state == "25P03")
    return batch_status::lost;
  return batch_status::torn;
}

/// Of every kind that `leaves_a_trace`.
std::optional<proof> proof_of(const acknowledged_op& told) {
  auto& what = *told.what;
  proof x;
  if (auto* made = std::get_if<create_reservation>(&what)) {
    x.sql = "SELECT 1 FROM reservations WHERE id = $1";
    x.values.add_id(made->id);
  } else if (auto* ended = std::get_if<release_reservation>(&what)) {
    x.sql = "SELECT 1 FROM reservations WHERE id = $1 AND status IN ('cancelled', 'expired') "
            "AND updated_at <= $2";
    x.values.add_id(ended->id).add_time(told.latest());
  } else if (auto* family = std::get_if<open_family>(&what)) {
    x.sql = "SELECT 1 FROM refresh_tokens WHERE token_hash = $1";
    x.values.add_text(family->token_hash);
  } else if (auto* rotated = std::get_if<rotate_token>(&what)) {
    x.sql = "SELECT 1 FROM refresh_tokens WHERE token_hash = $1";
    x.values.add_text(rotated->next_hash);
  } else if (auto* revoked = std::get_if<revoke_tokens>(&what)) {
    x.sql = "SELECT 1 FROM users WHERE id = $1 AND revoked_before BETWEEN $2 AND $3";
    x.values.add_id(revoked->user).add_time(told.at).add_time(told.latest());
  } else if (auto* order = std::get_if<open_payment>(&what)) {
    x.sql = "SELECT 1 FROM payments WHERE id = $1";
    x.values.add_id(order->id);
  } else if (auto* attempt = std::get_if<begin_attempt>(&what)) {
    x.sql = "SELECT 1 FROM payment_attempts WHERE id = $1 AND started_at <= $2";
    x.values.add_id(attempt->id).add_time(told.latest());
  } else if (auto* paid = std::get_if<complete_payment>(&what)) {
    x.sql =
      "SELECT 1 FROM payment_attempts WHERE id = $1 AND status = 'approved' AND closed_at <= $2";
    x.values.add_id(paid->attempt).add_time(told.latest());
  } else if (auto* failed_one = std::get_if<fail_attempt>(&what)) {
    x.sql = "SELECT 1 FROM payment_attempts WHERE id = $1 AND status <> 'live' AND closed_at <= $2";
    x.values.add_id(failed_one->attempt).add_time(told.latest());
  } else if (auto* owed = std::get_if<claim_refund>(&what)) {
    x.sql = "SELECT 1 FROM refunds WHERE id = $1";
    x.values.add_id(owed->id);
  } else if (auto* undone = std::get_if<cancel_paid>(&what)) {
    x.sql = "SELECT 1 FROM refunds WHERE id = $1 AND made_at <= $2";
    x.values.add_id(undone->refund).add_time(told.latest());
  } else if (auto* admitted = std::get_if<admit_ticket>(&what)) {
    x.sql = "SELECT 1 FROM tickets WHERE id = $1 AND used_at <= $2";
    x.values.add_id(admitted->ticket).add_time(told.latest());
  } else if (auto* turn = std::get_if<room_turn>(&what)) { // One owner writes in one epoch.
    x.sql = "SELECT 1 FROM queue_rooms WHERE event_id = $1 AND turn >= $2 AND epoch = $3";
    x.values.add_id(turn->event).add_int8(turn->turn).add_int8(turn->room.epoch);
  } else if (auto* step = std::get_if<gate_turn>(&what)) {
    x.sql = "SELECT 1 FROM vwr_counters WHERE event_id = $1 AND turn >= $2 AND epoch = $3";
    x.values.add_id(step->event).add_int8(step->turn).add_int8(step->gate.epoch);
  } else {
    return std::nullopt;
  }
  return x;
}

/// At most this much of what is left, and never nothing.
millis part_of(const pg::time_limit& until, millis most) {
  return std::max(millis{1}, std::min(most, millis{until.remaining_ms()}));
}

} // namespace

struct ledger_driver_pg::impl {
  ledger_driver_config config;
  std::optional<pg::connection> db;
  identity here;               ///< Of `db`, valid while it is there.
  std::optional<identity> old; ///< A backend of ours that may still be executing.
  loss_watch told;
  loss_report report;
  size_t looked_at = 0; ///< So many of those that are kept were looked for, from the end.
  batch_sql sql;

  void lose() {
    db.reset();
    old = here;
  }

  std::optional<batch_result> ensure_connected(const pg::time_limit& until);
  std::string open(const pg::time_limit& until);
  bool identify(pg::connection& fresh, identity& x, const pg::time_limit& until);
  bool end_old(pg::connection& fresh, const identity& x, const pg::time_limit& until);
  void judge_timeline(pg::connection& fresh, const identity& x, const pg::time_limit& until);
  void look_for_missing(const pg::time_limit& until);
  void tell_losses() {
    if (config.losses) config.losses->write(static_cast<size_t>(config.slot), report);
  }
  std::string register_backend(pg::connection& fresh, const pg::time_limit& until);

  bool send(const std::vector<batch_sql::step>& steps, const pg::time_limit& until);
  batch_result receive(const batch& what, const std::vector<batch_sql::step>& steps,
                       const pg::time_limit& until);
  bool roll_back(const pg::time_limit& until);
  void remember(const batch& what, const batch_result& x, const pg::result& position);
};

ledger_driver_pg::ledger_driver_pg(ledger_driver_config config) : impl_(std::make_unique<impl>()) {
  impl_->config = std::move(config);
}
ledger_driver_pg::~ledger_driver_pg() = default;

bool ledger_driver_pg::loss_suspected() const { return !impl_->told.suspicion().empty(); }

const loss_report& ledger_driver_pg::losses() const { return impl_->report; }

void ledger_driver_pg::accept_loss() {
  impl_->told.accept();
  impl_->report = {};
  impl_->tell_losses();
}

int ledger_driver_pg::backend_pid() const { return impl_->db ? impl_->db->backend_pid() : 0; }

batch_result ledger_driver_pg::execute(const batch& what) {
  pg::time_limit until{impl_->config.batch_limit};
  if (auto refusal = impl_->ensure_connected(until)) return std::move(*refusal);
  auto& steps = impl_->sql.form(what, impl_->config.sabotage);
  if (!impl_->send(steps, until)) {
    auto error = impl_->db->last_error();
    impl_->lose();
    return failed(batch_status::lost, error);
  }
  auto answer = impl_->receive(what, steps, until);
  if (answer.is == batch_status::lost) impl_->lose();
  return answer;
}

// -- connecting ---------------------------------------------------------------------------------

std::optional<batch_result> ledger_driver_pg::impl::ensure_connected(const pg::time_limit& until) {
  if (db && !db->alive()) lose();
  if (!db) {
    if (auto error = open(until); !error.empty()) return failed(batch_status::not_connected, error);
  }
  look_for_missing(until);
  if (auto& why = told.suspicion(); !why.empty())
    return failed(batch_status::read_only, "acknowledged ops may be lost: " + why);
  return std::nullopt;
}

/// Opens a connection and does all that has to be done before the first batch; the error, or empty.
std::string ledger_driver_pg::impl::open(const pg::time_limit& until) {
  auto fresh = pg::connection::open(config.conninfo, part_of(until, config.connect_limit));
  if (!fresh) return fresh.error();
  auto settings = std::string{sql::session_settings} +
                  "SET lock_timeout = " + std::to_string(config.lock_limit.count()) +
                  ";\nSET statement_timeout = " + std::to_string(config.statement_limit.count());
  auto set = fresh->run_script(settings.c_str(), part_of(until, millis{2000}));
  if (!set.ok()) return set.error();
  identity x;
  if (!identify(*fresh, x, until))
    return "the server does not say who it is: " + fresh->last_error();
  // Only now is it certain that a lost batch will not commit later (H-04).
  if (!end_old(*fresh, x, until)) return "the old backend has not ended yet";
  old.reset();
  judge_timeline(*fresh, x, until);
  if (auto error = register_backend(*fresh, until); !error.empty()) return error;
  for (auto& statement : sql::prepared(config.sabotage)) {
    auto made =
      fresh->prepare(statement.name, statement.text.c_str(), part_of(until, millis{2000}));
    if (!made.ok()) return std::string{statement.name} + ": " + made.error();
  }
  if (!fresh->enter_pipeline()) return "no pipeline mode";
  here = std::move(x);
  db = std::move(*fresh);
  return {};
}

bool ledger_driver_pg::impl::identify(pg::connection& fresh, identity& x,
                                      const pg::time_limit& until) {
  auto rows = fresh.query(sql::identity, {}, part_of(until, millis{2000}));
  if (!rows.ok() || rows.rows() != 1 || rows.null(0, 3)) return false;
  x.system = rows.integer(0, 0);
  x.server_start = rows.integer(0, 1);
  x.pid = rows.int4(0, 2);
  x.backend_start = rows.integer(0, 3);
  x.timeline = rows.text(0, 4);
  return true;
}

/// Across a restart or a fail-over nothing is ended: the old backend is gone, and its pid may be
/// somebody else's (H-37).
bool ledger_driver_pg::impl::end_old(pg::connection& fresh, const identity& x,
                                     const pg::time_limit& until) {
  if (!old || !old->same_server(x)) return true;
  pg::params values;
  values.add_int4(old->pid).add_int8(old->backend_start);
  while (until.remaining_ms() > 0) {
    auto rows = fresh.query("SELECT pg_terminate_backend(pid, 1000) FROM pg_stat_activity "
                            "WHERE pid = $1 AND "
                            "(extract(epoch FROM backend_start) * 1000000)::bigint = $2",
                            values, part_of(until, millis{2000}));
    if (!rows.ok()) return false;
    if (rows.rows() == 0) return true;
  }
  return false;
}

/// Asks the server what the rule wants to know.
void ledger_driver_pg::impl::judge_timeline(pg::connection& fresh, const identity& x,
                                            const pg::time_limit& until) {
  loss_watch::questions ask;
  ask.history = [&]() -> std::optional<std::string> {
    auto rows = fresh.query("SELECT timeline_history()", {}, part_of(until, millis{2000}));
    if (!rows.ok() || rows.null(0, 0)) return std::nullopt;
    return std::string{rows.text(0, 0)};
  };
  ask.has = [&](const acknowledged_op& promised) {
    auto row = proof_of(promised);
    if (!row) return false;
    auto found = fresh.query(row->sql, row->values, part_of(until, millis{2000}));
    return found.ok() && found.rows() == 1;
  };
  told.judge({x.system, x.timeline, 0}, ask);
  if (report.suspicion.empty() && told.suspicion().empty()) return;
  report = {told.suspicion(), false, false, {}};
  looked_at = 0;
  tell_losses();
}

/// From the newest answer back to the first one that is there: the log is a prefix of history, so
/// whatever was answered before that one is there, too. On a connection of its own, because that of
/// the lane is in pipeline mode; what does not fit into the time goes on with the next batch.
void ledger_driver_pg::impl::look_for_missing(const pg::time_limit& until) {
  if (told.suspicion().empty() || report.looked) return;
  auto db_of_look = pg::connection::open(config.conninfo, part_of(until, config.connect_limit));
  if (!db_of_look) return;
  constexpr int reserve_ms = 500; // For the refusal.
  auto& kept = told.kept();
  while (!report.looked && until.remaining_ms() > reserve_ms) {
    if (looked_at == kept.size()) {
      report.looked = true;
      report.older_too = told.forgot();
      break;
    }
    auto& one = kept[kept.size() - 1 - looked_at];
    if (auto row = proof_of(one)) {
      auto found = db_of_look->query(row->sql, row->values, part_of(until, millis{2000}));
      if (!found.ok()) return; // Nothing is said of what could not be asked.
      report.looked = found.rows() == 1;
    }
    if (report.looked) break;
    report.missing.push_back(told_as_missing(*one.what, one.at));
    ++looked_at;
  }
  tell_losses();
}

std::string ledger_driver_pg::impl::register_backend(pg::connection& fresh,
                                                     const pg::time_limit& until) {
  if (config.node.nil()) return {};
  pg::params values;
  values.add_id(config.node).add_int8(config.incarnation).add_int4(config.slot + 1);
  auto done = fresh.query("UPDATE nodes SET backend_pids[$3::int] = pg_backend_pid(), "
                          "backend_starts[$3::int] = (SELECT backend_start FROM pg_stat_activity "
                          "WHERE pid = pg_backend_pid()) WHERE node = $1 AND incarnation = $2",
                          values, part_of(until, millis{2000}));
  if (!done.ok()) return done.error();
  return done.affected() == 1 ? std::string{} : "another incarnation of this node lives";
}

// -- one batch ----------------------------------------------------------------------------------

/// One buffer, one flush: BEGIN, the steps, COMMIT, the position, Sync.
bool ledger_driver_pg::impl::send(const std::vector<batch_sql::step>& steps,
                                  const pg::time_limit& until) {
  static const pg::params none;
  bool sent = db->push("begin", none);
  for (auto& x : steps) sent = sent && db->push(x.name, *x.values);
  return sent && db->push("commit", none) && db->push("position", none) && db->push_sync() &&
         db->flush(until);
}

/// Reads everything up to the Sync. Verdicts count only after COMMIT's own result and the position.
batch_result ledger_driver_pg::impl::receive(const batch& what,
                                             const std::vector<batch_sql::step>& steps,
                                             const pg::time_limit& until) {
  batch_result answer;
  answer.verdicts.resize(what.ops.size());
  std::optional<batch_result> failure;
  bool committed = false;
  pg::result position;
  size_t done = steps.size() + 3; // BEGIN, the steps, COMMIT, position.
  for (size_t i = 0;; ++i) {
    bool synced = false;
    auto rows = db->next(until, synced);
    if (rows.lost()) return failed(batch_status::lost, "no answer: " + db->last_error());
    if (synced) break;
    if (rows.skipped()) continue;
    if (!rows.ok()) {
      // After COMMIT the only thing that can fail is the position: unknown, like a broken line.
      auto is = committed ? batch_status::lost : status_of(rows);
      if (!failure) failure = failed(is, rows.error());
      if (is == batch_status::lost) return std::move(*failure);
      continue;
    }
    if (failure) continue;
    if (i >= 1 && i <= steps.size()) {
      if (!batch_sql::read(steps[i - 1], rows, answer.verdicts))
        failure = failed(batch_status::lost, std::string{steps[i - 1].name} + ": unknown verdict");
      db->take_warnings(); // What is left at the end is COMMIT's own.
    } else if (i == done - 2) {
      committed = rows.command_tag() == "COMMIT";
    } else if (i == done - 1) {
      position = std::move(rows);
    }
  }
  if (failure) {
    if (!roll_back(until)) return failed(batch_status::lost, failure->error);
    return std::move(*failure);
  }
  // COMMIT that warns has not waited for the standby: it is on this server only.
  if (auto warnings = db->take_warnings(); committed && !warnings.empty())
    return failed(batch_status::lost, "COMMIT warned: " + warnings.front());
  if (!committed || position.rows() != 1) return failed(batch_status::lost, "no COMMIT");
  remember(what, answer, position);
  answer.is = batch_status::committed;
  return answer;
}

/// The session is inside the failed transaction until it is told to leave.
bool ledger_driver_pg::impl::roll_back(const pg::time_limit& until) {
  static const pg::params none;
  if (!db->push("rollback", none) || !db->push_sync() || !db->flush(until)) return false;
  for (bool synced = false; !synced;) {
    auto rows = db->next(until, synced);
    if (!synced && !rows.ok()) return false;
  }
  return true;
}

void ledger_driver_pg::impl::remember(const batch& what, const batch_result& x,
                                      const pg::result& position) {
  told.answered(
    what, x,
    {here.system, std::string{position.text(0, 1)}, static_cast<uint64_t>(position.integer(0, 0))});
}

} // namespace tk
