#include "persistence/store/search.hpp"

#include <algorithm>

namespace tk {

namespace {

constexpr size_t patterns_max = 32;

/// ASCII only: Korean has no case, and ILIKE does the rest.
std::string lower(std::string_view x) {
  std::string out{x};
  for (auto& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

std::string replaced(std::string_view text, std::string_view from, std::string_view to) {
  std::string out;
  for (size_t at = 0;;) {
    auto next = text.find(from, at);
    out += text.substr(at, next == std::string_view::npos ? next : next - at);
    if (next == std::string_view::npos) return out;
    out += to;
    at = next + from.size();
  }
}

std::string as_pattern(std::string_view text) {
  std::string out = "%";
  for (char c : text) {
    if (c == '%' || c == '_' || c == '\\') out += '\\';
    out += c;
  }
  return out + '%';
}

} // namespace

std::vector<std::string> search_patterns(std::string_view text,
                                         const std::vector<keyword_pair>& pairs) {
  std::vector<std::string> texts{lower(text)};
  auto add = [&](std::string x) {
    if (texts.size() < patterns_max && std::find(texts.begin(), texts.end(), x) == texts.end())
      texts.push_back(std::move(x));
  };
  for (const auto& pair : pairs) {
    auto korean = lower(pair.korean), english = lower(pair.english);
    if (korean.empty() || english.empty()) continue;
    // Only what was there before this pair: a pair must not undo itself.
    for (size_t i = 0, n = texts.size(); i < n; ++i) {
      if (texts[i].find(korean) != std::string::npos) add(replaced(texts[i], korean, english));
      if (texts[i].find(english) != std::string::npos) add(replaced(texts[i], english, korean));
    }
  }
  std::vector<std::string> out;
  out.reserve(texts.size());
  for (const auto& x : texts) out.push_back(as_pattern(x));
  return out;
}

} // namespace tk
