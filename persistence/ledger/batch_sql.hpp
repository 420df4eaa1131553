#pragma once

#include <memory>
#include <vector>

#include "persistence/ledger/messages.hpp"
#include "persistence/ledger/statements.hpp"
#include "persistence/pg/params.hpp"
#include "persistence/pg/result.hpp"

namespace tk {

/// Turns a batch into the arrays of the ledger's statements, and their rows into verdicts. Its
/// memory is kept from batch to batch.
class batch_sql {
public:
  struct step {
    const char* name; ///< Of the prepared statement.
    const pg::params* values;
  };

  batch_sql();
  ~batch_sql();

  /// The statements between BEGIN and COMMIT, in the order of execution: fence, row locks, kinds.
  /// Valid until the next call.
  const std::vector<step>& form(const batch& what, const ledger_sabotage& sabotage);

  /// Reads the rows of one of those statements; false when they are not what was asked for.
  static bool read(const step& from, const pg::result& rows, std::vector<verdict>& verdicts);

private:
  struct columns;
  std::unique_ptr<columns> columns_;
  std::vector<step> steps_;
};

} // namespace tk
