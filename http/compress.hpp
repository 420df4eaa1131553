#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace tk::http {

/// Compresses to gzip. `level` 1 (fast) to 9 (small); nullopt when zlib has no memory.
std::optional<std::string> gzip(std::string_view text, int level = 1);

/// Whether an Accept-Encoding header admits gzip (`gzip` or `*`, with a weight above 0).
bool accepts_gzip(std::string_view accept_encoding);

} // namespace tk::http
