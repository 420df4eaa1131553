#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tk {

/// Two spellings of one thing (contract 6.2).
struct keyword_pair {
  std::string korean, english;
};

/// The LIKE patterns of a search (D15) for a text that is folded, as are the pairs: the text
/// itself, and the text with keywords that occur in it replaced by their other spellings, and so
/// on with what that gives, so that GD finds G-DRAGON by their common 지드래곤. `%`, `_` and `\`
/// are literal. The text itself is always the first; at most 32, each of at most 1024 bytes of
/// text.
std::vector<std::string> search_patterns(std::string_view text,
                                         const std::vector<keyword_pair>& pairs);

} // namespace tk
