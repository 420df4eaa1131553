#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "actors/base/ids.hpp"
#include "actors/base/time.hpp"
#include "persistence/ledger/losses.hpp"
#include "persistence/ledger/messages.hpp"
#include "persistence/ledger/statements.hpp"

namespace tk {

struct ledger_driver_config {
  std::string conninfo; ///< Of the lanes' role, tiketi_ledger.
  /// Who registers its backend, and in which element (from 0) of `nodes.backend_pids`. The nil node
  /// registers nothing; only tests are that careless (H-37).
  node_id node;
  int64_t incarnation = 0;
  int slot = 0;
  millis connect_limit{2000};
  millis batch_limit{8000}; ///< From the call to the verdicts, reconnecting included; then *lost*.
  millis lock_limit{1000};  ///< A lock that is not to be had in this time: *contended*.
  millis statement_limit{5000}; ///< A statement that takes longer: *contended*.
  ledger_sabotage sabotage;
  std::shared_ptr<loss_book> losses = {}; ///< Told of `slot`; may be null.
};

/// Executes batches on one libpq connection in pipeline mode (ledger.md sections 2, 5, 7, 10). One
/// thread at a time. Before the first batch on a connection it registers the backend, so that a
/// takeover can end it; after *lost* it ends its old backend and waits until it is gone; on another
/// timeline it refuses to write when something it has answered may be missing.
class ledger_driver_pg final : public batch_executor {
public:
  explicit ledger_driver_pg(ledger_driver_config config);
  ~ledger_driver_pg() override;

  /// `not_connected` for a new connection that could not be had says nothing about a batch that was
  /// lost before. An empty batch asks whether the server can write.
  batch_result execute(const batch& what) override;

  /// Something acknowledged may be missing on the server that answers now (H-14).
  [[nodiscard]] bool loss_suspected() const;
  /// What was answered and is missing, as far as it was looked for. Every batch that is refused
  /// because of a suspicion looks on.
  [[nodiscard]] const loss_report& losses() const;
  /// An operator has looked: go on with the server as it is.
  void accept_loss();
  /// Backend of the current connection, 0 when there is none.
  [[nodiscard]] int backend_pid() const;

  struct impl;

private:
  std::unique_ptr<impl> impl_;
};

} // namespace tk
