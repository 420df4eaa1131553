#include "inspector/draw_command.hpp"

#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>

#include <nlohmann/json.hpp>

#include "inspector/output.hpp"

namespace tk::inspector {

namespace {

/// A file's text, or that of the standard input for `-`.
tl::expected<std::string, std::string> read_file(const std::string& name) {
  using chars = std::istreambuf_iterator<char>;
  if (name == "-") return std::string(chars{std::cin}, chars{});
  std::ifstream in{name, std::ios::binary};
  if (!in) return tl::unexpected(std::string{"cannot be opened"});
  return std::string(chars{in}, chars{});
}

void tell_json(const published_draw& x, const std::vector<std::string>& wrong,
               const draw_options& options) {
  nlohmann::json out = {{"eventId", to_string(x.event)},
                        {"fits", wrong.empty()},
                        {"contradictions", wrong},
                        {"lines", x.lines.size()}};
  if (options.who.number || options.who.user) {
    auto position = wrong.empty() ? position_of(x, options.who) : std::nullopt;
    out["position"] = position ? nlohmann::json(*position) : nlohmann::json();
  }
  if (options.order && wrong.empty()) out["order"] = served_order(x);
  std::printf("%s\n", out.dump().c_str());
}

void tell_text(const published_draw& x, const std::vector<std::string>& wrong,
               const draw_options& options) {
  for (const auto& y : wrong) std::printf("wrong: %s\n", y.c_str());
  if (!wrong.empty()) return;
  std::printf("The draw of event %s fits its commitment and its list of %zu.\n",
              to_string(x.event).c_str(), x.lines.size());
  if (options.who.number || options.who.user) {
    if (auto position = position_of(x, options.who)) std::printf("Position %u.\n", *position);
    else std::printf("Not on the list.\n");
  }
  if (!options.order) return;
  for (auto n : served_order(x)) std::printf("%u\n", n);
}

} // namespace

int verify_draw(const draw_options& options) {
  published_draw all;
  for (const auto& name : options.files) {
    auto text = read_file(name);
    if (!text) return refuse(name + ": " + text.error());
    if (auto read = read_published(*text, all); !read) return refuse(name + ": " + read.error());
  }
  const auto wrong = contradictions(all);
  if (options.json) tell_json(all, wrong, options);
  else tell_text(all, wrong, options);
  return wrong.empty() ? well : partial;
}

} // namespace tk::inspector
