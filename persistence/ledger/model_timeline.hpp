#pragma once

#include "persistence/ledger/model_driver.hpp"
#include "persistence/ledger/timeline.hpp"

namespace tk {

/// Whether `rows` still have what an op that was answered `ok` has left: what the libpq driver asks
/// by a statement for each kind.
bool has_trace(const model_rows& rows, const acknowledged_op& x);

} // namespace tk
