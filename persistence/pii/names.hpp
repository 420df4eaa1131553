#pragma once

#include <string>
#include <string_view>

#include "persistence/pii/vault.hpp"

namespace tk {

/// A name as it is looked for: letters of ASCII small, no blanks at its ends and none twice.
std::string fold_name(std::string_view name);

/// What stands in `users.name_lookup`: it finds whole names, and tells nothing of them.
std::string name_lookup(const pii_vault& vault, std::string_view name);

} // namespace tk
