#include "inspector/words.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

#include <CLI/CLI.hpp>

namespace tk::inspector {

namespace {

/// Letters to add, to drop or to replace.
size_t edits(const std::string& a, const std::string& b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    auto left_above = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      auto above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, left_above + (a[i - 1] == b[j - 1] ? 0 : 1)});
      left_above = above;
    }
  }
  return row.back();
}

std::string nearest(const std::string& word, const std::vector<const CLI::App*>& commands) {
  constexpr size_t slips_max = 2;
  std::string out;
  auto fewest = std::pair{std::min(slips_max, word.size() - 1) + 1, size_t{0}};
  for (auto* x : commands) {
    auto name = x->get_name();
    auto n = std::pair{name.starts_with(word) ? 0 : edits(word, name), name.size()};
    if (n >= fewest) continue;
    fewest = n;
    out = name;
  }
  return out;
}

} // namespace

std::string unknown_word(const CLI::App& app, const std::vector<std::string>& words) {
  auto* at = &app;
  std::string path;
  for (auto& word : words) {
    auto below = at->get_subcommands([](const CLI::App*) { return true; });
    if (below.empty() || word.starts_with('-')) return "";
    auto found = std::ranges::find(below, word, [](const CLI::App* x) { return x->get_name(); });
    if (found == below.end()) {
      auto meant = word.empty() ? "" : nearest(word, below);
      return "there is no command '" + path + word + "'" +
             (meant.empty() ? "" : "; did you mean '" + path + meant + "'?");
    }
    at = *found;
    path += word + " ";
  }
  return "";
}

} // namespace tk::inspector
