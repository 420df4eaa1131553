#pragma once

#include "persistence/pool/pool.hpp"

namespace tk {

/// Undone unless it was committed, so that the connection is left without one.
class transaction {
public:
  explicit transaction(pg::connection& db) : db_(db), begun_(db.run_script("BEGIN").ok()) {}
  transaction(const transaction&) = delete;
  transaction& operator=(const transaction&) = delete;
  ~transaction() {
    if (begun_) db_.run_script("ROLLBACK");
  }
  [[nodiscard]] bool begun() const { return begun_; }
  pg_result<void> commit() {
    begun_ = false;
    auto x = db_.run_script("COMMIT");
    if (x.command_tag() == "COMMIT") return {};
    return tl::unexpected(pg_failure{ec::unknown, "COMMIT: " + x.error()});
  }

private:
  pg::connection& db_;
  bool begun_;
};

} // namespace tk
