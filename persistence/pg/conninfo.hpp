#pragma once

#include <string>
#include <vector>

#include <tl/expected.hpp>

namespace tk::pg {

/// Where a connection string leads, as libpq itself would understand it.
struct destination {
  std::vector<std::string> hosts; ///< Names, addresses, folders of sockets; empty: the default.
  std::vector<std::string>
    addresses; ///< Where there is one, it is gone to, whatever the name says.
  std::string sslmode;
  std::string service; ///< Of a file of services, which may name all of the others.
};

/// Reads `conninfo`, `key = value` or a URI, by libpq's own rules, and completes it from its
/// environment (PGHOST and the like) and defaults. A service that the string names is told, not
/// looked up. The error is libpq's, in one line, without the string.
tl::expected<destination, std::string> read_conninfo(const std::string& conninfo);

} // namespace tk::pg
