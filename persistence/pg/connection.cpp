#include "persistence/pg/connection.hpp"

#include <libpq-fe.h>
#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace tk::pg {

int time_limit::remaining_ms() const {
  auto left = std::chrono::ceil<millis>(at_ - std::chrono::steady_clock::now()).count();
  return static_cast<int>(std::clamp<int64_t>(left, 0, 3'600'000));
}

struct connection::state {
  PGconn* raw = nullptr;
  std::vector<std::string> warnings;
  std::function<void(const char* name, double seconds)> timed;

  state() = default;
  state(const state&) = delete;
  state& operator=(const state&) = delete;
  ~state() { close(); }

  void close() {
    if (raw) PQfinish(raw);
    raw = nullptr;
  }
};

namespace {

/// Waits until the socket can be read or (also) written; false when the time is up.
bool wait_for(PGconn* raw, short what, const time_limit& until) {
  pollfd entry{PQsocket(raw), what, 0};
  if (entry.fd < 0) return false;
  for (;;) {
    int left = until.remaining_ms();
    if (left == 0) return false;
    int n = poll(&entry, 1, left);
    if (n > 0) return true;
    if (n < 0 && errno != EINTR) return false;
  }
}

} // namespace

connection::connection(std::unique_ptr<state> x) : state_(std::move(x)) {}
connection::connection(connection&&) noexcept = default;
connection& connection::operator=(connection&&) noexcept = default;
connection::~connection() = default;

tl::expected<connection, std::string> connection::open(const std::string& conninfo, millis limit) {
  const char* keys[] = {"dbname", "client_encoding", "fallback_application_name", nullptr};
  const char* values[] = {conninfo.c_str(), "UTF8", "tiketi", nullptr};
  time_limit until{limit};
  auto made = std::make_unique<state>();
  made->raw = PQconnectStartParams(keys, values, 1);
  if (!made->raw) return tl::unexpected(std::string{"out of memory"});
  auto status = PGRES_POLLING_WRITING;
  while (PQstatus(made->raw) != CONNECTION_BAD && status != PGRES_POLLING_OK &&
         status != PGRES_POLLING_FAILED) {
    if (!wait_for(made->raw, status == PGRES_POLLING_READING ? POLLIN : POLLOUT, until))
      return tl::unexpected(std::string{"the server did not answer in time"});
    status = PQconnectPoll(made->raw);
  }
  if (PQstatus(made->raw) != CONNECTION_OK || PQsetnonblocking(made->raw, 1) != 0) {
    std::string text{PQerrorMessage(made->raw)};
    return tl::unexpected(text.substr(0, text.find_last_not_of('\n') + 1));
  }
  auto on_notice = [](void* arg, const PGresult* x) {
    auto* severity = PQresultErrorField(x, PG_DIAG_SEVERITY_NONLOCALIZED);
    auto* code = PQresultErrorField(x, PG_DIAG_SQLSTATE);
    auto& list = static_cast<state*>(arg)->warnings;
    // Bounded, should somebody's function warn in a loop.
    if (severity && std::string_view{severity} == "WARNING" && list.size() < 100)
      list.emplace_back(code ? code : "01000");
  };
  PQsetNoticeReceiver(made->raw, on_notice, made.get());
  return connection{std::move(made)};
}

bool connection::alive() const {
  return state_ && state_->raw && PQstatus(state_->raw) == CONNECTION_OK;
}

void connection::close() {
  if (state_) state_->close();
}

int connection::backend_pid() const { return alive() ? PQbackendPID(state_->raw) : 0; }

std::string connection::last_error() const {
  if (!state_ || !state_->raw) return "connection closed";
  std::string text{PQerrorMessage(state_->raw)};
  return text.substr(0, text.find_last_not_of('\n') + 1);
}

std::vector<std::string> connection::take_warnings() { return std::exchange(state_->warnings, {}); }

// -- one statement at a time --------------------------------------------------------------------

result connection::query(const char* sql, const params& values, millis limit) {
  if (!alive()) return {};
  auto x = values.bind();
  return collect(PQsendQueryParams(state_->raw, sql, values.size(), x.types, x.values, x.lengths,
                                   x.formats, 1) == 1,
                 limit);
}

result connection::prepare(const char* name, const char* sql, millis limit) {
  if (!alive()) return {};
  return collect(PQsendPrepare(state_->raw, name, sql, 0, nullptr) == 1, limit);
}

result connection::exec(const char* name, const params& values, millis limit) {
  if (!alive()) return {};
  auto x = values.bind();
  auto began = std::chrono::steady_clock::now();
  auto out = collect(
    PQsendQueryPrepared(state_->raw, name, values.size(), x.values, x.lengths, x.formats, 1) == 1,
    limit);
  if (state_->timed) {
    auto took = std::chrono::steady_clock::now() - began;
    state_->timed(name, std::chrono::duration<double>(took).count());
  }
  return out;
}

void connection::on_exec(std::function<void(const char* name, double seconds)> told) {
  state_->timed = std::move(told);
}

result connection::run_script(const char* text, millis limit) {
  if (!alive()) return {};
  return collect(PQsendQuery(state_->raw, text) == 1, limit);
}

result connection::collect(bool sent, millis limit) {
  time_limit until{limit};
  if (!sent || !flush(until)) {
    close();
    return {};
  }
  result last;
  for (bool failed = false;;) {
    while (PQisBusy(state_->raw)) {
      if (!wait_for(state_->raw, POLLIN, until) || PQconsumeInput(state_->raw) != 1) {
        close();
        return {};
      }
    }
    auto* raw = PQgetResult(state_->raw);
    if (!raw) break;
    result one{raw};
    // Of several results, the first error counts; without one, the last.
    if (!failed) last = std::move(one);
    failed = !last.ok();
  }
  if (PQstatus(state_->raw) != CONNECTION_OK && last.ok()) return {};
  return last;
}

// -- pipeline mode ------------------------------------------------------------------------------

bool connection::enter_pipeline() { return alive() && PQenterPipelineMode(state_->raw) == 1; }

bool connection::push(const char* name, const params& values) {
  if (!alive()) return false;
  auto x = values.bind();
  return PQsendQueryPrepared(state_->raw, name, values.size(), x.values, x.lengths, x.formats, 1) ==
         1;
}

bool connection::push_sync() { return alive() && PQpipelineSync(state_->raw) == 1; }

bool connection::push_flush_request() { return alive() && PQsendFlushRequest(state_->raw) == 1; }

bool connection::flush(const time_limit& until) {
  if (!alive()) return false;
  for (;;) {
    int left = PQflush(state_->raw);
    if (left <= 0) return left == 0;
    // The server may be waiting for us to read before it reads on.
    if (!wait_for(state_->raw, POLLIN | POLLOUT, until) || PQconsumeInput(state_->raw) != 1)
      return false;
  }
}

result connection::next(const time_limit& until, bool& synced) {
  synced = false;
  // Each statement's results end with a null; two in a row mean that nothing is outstanding.
  for (int nulls = 0; alive() && nulls < 2;) {
    while (PQisBusy(state_->raw)) {
      if (!wait_for(state_->raw, POLLIN, until) || PQconsumeInput(state_->raw) != 1) return {};
    }
    auto* raw = PQgetResult(state_->raw);
    if (!raw) {
      ++nulls;
      continue;
    }
    synced = PQresultStatus(raw) == PGRES_PIPELINE_SYNC;
    return result{raw};
  }
  return {};
}

} // namespace tk::pg
