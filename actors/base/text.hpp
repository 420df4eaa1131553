#pragma once

#include <string>
#include <string_view>

namespace tk {

bool valid_utf8(std::string_view text);

/// `text` as a JSON string, quotes included. Invalid UTF-8 becomes U+FFFD.
std::string json_quote(std::string_view text);
/// The same, at the end of `out`.
void append_json_quoted(std::string& out, std::string_view text);

} // namespace tk
