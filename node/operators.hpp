#pragma once

#include <optional>
#include <string>

#include <tl/expected.hpp>

#include "http/operators/listener.hpp"
#include "node/config.hpp"

namespace tk {

/// The operators' listener as it is configured; nothing when it is off. Reads OPERATOR_TOKENS_FILE.
/// The error is one line that names the option and the remedy.
tl::expected<std::optional<http::operator_settings>, std::string> operators_of(
  const node_config& config);

} // namespace tk
