#pragma once

#include <memory>
#include <string>

#include <tl/expected.hpp>

#include "http/api/ticket_codes.hpp"
#include "node/config.hpp"
#include "persistence/pii/vault.hpp"

namespace tk {

/// The vault with the configured keys. A key's number is made from the key itself, so that a
/// rotated configuration needs no numbers. The error names the option and the remedy.
tl::expected<std::shared_ptr<const pii_vault>, std::string> make_vault(const node_config& config);

/// What signs and verifies tickets. The configuration has been checked.
http::ticket_codes make_ticket_codes(const node_config& config);

} // namespace tk
