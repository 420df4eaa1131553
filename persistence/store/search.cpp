#include "persistence/store/search.hpp"

#include <algorithm>

namespace tk {

namespace {

constexpr size_t patterns_max = 32, text_max = 1024;

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
  std::vector<std::string> texts{std::string{text}};
  auto add = [&](std::string x) {
    if (texts.size() < patterns_max && x.size() <= text_max &&
        std::find(texts.begin(), texts.end(), x) == texts.end())
      texts.push_back(std::move(x));
  };
  // Breadth first: should there be too many, the nearest spellings are kept.
  for (size_t i = 0; i < texts.size(); ++i)
    for (const auto& pair : pairs) {
      if (pair.korean.empty() || pair.english.empty()) continue;
      if (texts[i].find(pair.korean) != std::string::npos)
        add(replaced(texts[i], pair.korean, pair.english));
      if (texts[i].find(pair.english) != std::string::npos)
        add(replaced(texts[i], pair.english, pair.korean));
    }
  std::vector<std::string> out;
  out.reserve(texts.size());
  for (const auto& x : texts) out.push_back(as_pattern(x));
  return out;
}

} // namespace tk
