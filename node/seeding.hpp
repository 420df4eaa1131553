#pragma once

#include <string>

#include <tl/expected.hpp>

#include "node/config.hpp"

namespace tk {

/// Fills an empty database with the seed data of the contract (section 7) and the configured admin;
/// does nothing when that has been done. Returns what was made, in words.
tl::expected<std::string, std::string> seed_database(const node_config& config);

} // namespace tk
