#pragma once

#include <string>

#include <tl/expected.hpp>

#include "persistence/pg/connection.hpp"
#include "persistence/pii/vault.hpp"

namespace tk {

/// Are these the keys that the stored accounts were written with? A node with others would find
/// nobody by mail, and let every mail register a second time. The error names the option.
/// @param db a connection that may read accounts.
tl::expected<void, std::string> check_keys(pg::connection& db, const pii_vault& vault);

} // namespace tk
