#pragma once

#include <string>

namespace tk {

/// Whether an address is this machine's own and of no other: 127.0.0.0/8, ::1, or `localhost`.
/// Names that only look like one are not; nothing is resolved.
bool is_loopback(const std::string& host);

} // namespace tk
