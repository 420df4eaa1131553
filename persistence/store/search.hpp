#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tk {

/// Two spellings of one thing (contract 6.2).
struct keyword_pair {
  std::string korean, english;
};

/// The ILIKE patterns of a search (D15): the text itself, and the text with each keyword that
/// occurs in it replaced by its other spelling, in all combinations. `%`, `_` and `\` are literal.
/// The text itself is always the first; at most 32.
std::vector<std::string> search_patterns(std::string_view text,
                                         const std::vector<keyword_pair>& pairs);

} // namespace tk
