#pragma once

#include <string>

#include "node/config.hpp"

namespace tk {

/// What production refuses, in one line that names the option; empty when nothing is wrong, and
/// outside production. What only a laptop, a test or a load generator may have is refused here, and
/// so is what would leave a door open: docs/configuration.md lists it.
std::string check_production(const node_config& config);

} // namespace tk
