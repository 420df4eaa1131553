#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "actors/base/time.hpp"
#include "persistence/pg/params.hpp"
#include "persistence/pg/result.hpp"

struct pg_conn; // libpq's own name of it.

namespace tk::pg {

/// A point in time after which waiting is given up. Measured by the machine's own steady clock: it
/// bounds a wait, it decides nothing.
class time_limit {
public:
  explicit time_limit(millis x) : at_(std::chrono::steady_clock::now() + x) {}
  /// 0 when the time is up.
  [[nodiscard]] int remaining_ms() const;

private:
  std::chrono::steady_clock::time_point at_;
};

/// One connection, for one thread. Every call blocks, none for longer than its time limit; when the
/// limit is reached the connection is closed, because the answer could come at any later moment.
class connection {
public:
  /// Opens a connection; the error is libpq's text without the conninfo.
  static tl::expected<connection, std::string> open(const std::string& conninfo,
                                                    millis limit = millis{3000});

  connection(connection&&) noexcept;
  connection& operator=(connection&&) noexcept;
  ~connection();

  /// Executes one statement with parameters; results are binary.
  result query(const char* sql, const params& values = {}, millis limit = default_limit);
  /// Makes a prepared statement; the parameters' types are those of the statement's own casts.
  result prepare(const char* name, const char* sql, millis limit = default_limit);
  /// Executes a prepared statement; results are binary.
  result exec(const char* name, const params& values = {}, millis limit = default_limit);
  /// Who is told how long each `exec` took, on this connection's thread.
  void on_exec(std::function<void(const char* name, double seconds)> told);
  /// Executes a text of several statements without parameters. Only for texts that are part of the
  /// program: migrations and fixed settings.
  result run_script(const char* text, millis limit = default_limit);

  /// False once the connection is known to be gone.
  [[nodiscard]] bool alive() const;
  /// Closes it at once; the server finds out by itself.
  void close();
  /// Process id of the backend.
  [[nodiscard]] int backend_pid() const;
  [[nodiscard]] std::string last_error() const;
  /// SQLSTATEs of the warnings (not notices) since the last call, and forgets them.
  std::vector<std::string> take_warnings();

  // -- pipeline mode, for the ledger's driver ---------------------------------------------------

  bool enter_pipeline();
  /// Puts an execution into the buffer; sends nothing by itself.
  bool push(const char* name, const params& values);
  /// Puts a Sync into the buffer.
  bool push_sync();
  /// Asks the server to answer what it has, without a Sync (tests of half a batch).
  bool push_flush_request();
  /// Writes the whole buffer; false when the connection is gone or the time is up.
  bool flush(const time_limit& until);
  /// The next statement's result, or a lost one. `synced` becomes true at a Sync.
  result next(const time_limit& until, bool& synced);

  static constexpr millis default_limit{8000};

private:
  struct state;
  explicit connection(std::unique_ptr<state> x);
  result collect(bool sent, millis limit);
  std::unique_ptr<state> state_;
};

} // namespace tk::pg
