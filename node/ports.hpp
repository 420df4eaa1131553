#pragma once

#include <cstdint>
#include <string>

namespace tk {

/// Whether the address can be listened on now; what nobody can say counts as yes.
bool port_free(const std::string& address, uint16_t port);

} // namespace tk
