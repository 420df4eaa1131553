#include "inspector/told_view.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <string_view>

#include <nlohmann/json.hpp>

namespace tk::inspector {

namespace {

using json = nlohmann::ordered_json;

constexpr const char* bold = "\x1b[1m";
constexpr const char* faint = "\x1b[2m";
constexpr const char* bad = "\x1b[1;31m";
constexpr const char* good = "\x1b[32m";

std::string painted(const std::string& text, const char* how, const text_style& style) {
  return style.colour && *how != '\0' ? how + text + "\x1b[0m" : text;
}

/// Words that stand out. Everything else is plain.
const char* tone_of(std::string_view text) {
  constexpr std::array alarming = {"dead", "down", "quarantined", "stopped", "suspended"};
  constexpr std::array fine = {"alive", "deciding", "up", "confirmed"};
  auto begins = [&](const char* word) { return text.starts_with(word); };
  if (std::ranges::any_of(alarming, begins)) return bad;
  return std::ranges::find(fine, text) == fine.end() ? "" : good;
}

/// What a terminal shows as one column; continuation bytes of UTF-8 take none.
size_t width_of(std::string_view text) {
  return static_cast<size_t>(std::ranges::count_if(
    text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0u) != 0x80u; }));
}

/// Nothing that came over a wire moves a cursor or changes a colour.
std::string harmless(std::string text) {
  std::ranges::replace_if(
    text, [](char c) { return static_cast<unsigned char>(c) < 0x20u || c == 0x7f; }, '?');
  return text;
}

std::string span_text(int64_t ms) {
  constexpr int64_t second = 1000, minute = 60 * second, hour = 60 * minute, day = 24 * hour;
  auto size = ms < 0 ? -ms : ms;
  std::array<char, 48> out{};
  if (size < minute)
    std::snprintf(out.data(), out.size(), "%.1f s", static_cast<double>(ms) / second);
  else if (size < hour)
    std::snprintf(out.data(), out.size(), "%lld min %lld s", static_cast<long long>(ms / minute),
                  static_cast<long long>(size % minute / second));
  else if (size < day)
    std::snprintf(out.data(), out.size(), "%lld h %lld min", static_cast<long long>(ms / hour),
                  static_cast<long long>(size % hour / minute));
  else
    std::snprintf(out.data(), out.size(), "%lld d %lld h", static_cast<long long>(ms / day),
                  static_cast<long long>(size % day / hour));
  return out.data();
}

/// The first columns of a line. What it has painted is put back.
std::string cut(const std::string& line, size_t columns_max) {
  std::string out;
  size_t columns = 0;
  for (size_t i = 0; i < line.size(); ++i) {
    auto c = static_cast<unsigned char>(line[i]);
    if (c == 0x1b) { // Up to the letter that ends it.
      auto end = std::min(line.find('m', i), line.size() - 1);
      out += line.substr(i, end - i + 1);
      i = end;
      continue;
    }
    if ((c & 0xC0u) != 0x80u && ++columns > columns_max)
      return out + (out.find('\x1b') == std::string::npos ? "" : "\x1b[0m");
    out += line[i];
  }
  return out;
}

/// A field's name without what its value says already.
std::string label_of(const std::string& name) {
  auto out = name.ends_with("_ms") ? name.substr(0, name.size() - 3) : name;
  std::ranges::replace(out, '_', ' ');
  return out;
}

bool is_table(const json& x) { return x.is_array() && !x.empty() && x.front().is_object(); }

std::string lines_text(const json& x, const std::string& indent, const text_style& style) {
  size_t widest = 0;
  for (auto& [name, value] : x.items())
    if (!is_table(value) && !value.is_object()) widest = std::max(widest, label_of(name).size());
  std::string out;
  for (auto& [name, value] : x.items()) {
    if (is_table(value) || value.is_object()) continue;
    auto label = label_of(name);
    auto text = value_text(name, value);
    out += indent + painted(label, faint, style) + std::string(widest - label.size() + 2, ' ') +
           painted(text, tone_of(text), style) + '\n';
  }
  return out;
}

std::string indented(const std::string& text, const std::string& by) {
  std::string out;
  size_t from = 0;
  while (from < text.size()) {
    auto end = std::min(text.find('\n', from), text.size() - 1);
    out += by + text.substr(from, end + 1 - from);
    from = end + 1;
  }
  return out;
}

std::string data_text(const json& x, const std::string& indent, const text_style& style) {
  auto out = lines_text(x, indent, style);
  for (auto& [name, value] : x.items()) {
    if (!is_table(value) && !value.is_object()) continue;
    out += indent + painted(label_of(name), bold, style) + '\n';
    out += value.is_object() ? data_text(value, indent + "  ", style)
                             : indented(table_text(value, style), indent + "  ");
  }
  return out;
}

} // namespace

std::string value_text(const std::string& name, const json& x) {
  if (x.is_null()) return "-";
  if (x.is_boolean()) return x.get<bool>() ? "yes" : "no";
  if (x.is_number() && name.ends_with("_ms")) return span_text(x.get<int64_t>());
  if (x.is_string()) return harmless(x.get<std::string>());
  if (!x.is_array()) return harmless(x.dump(-1, ' ', false, json::error_handler_t::replace));
  std::string out;
  for (auto& one : x) out += (out.empty() ? "" : ", ") + value_text("", one);
  return out.empty() ? "none" : out;
}

std::string table_text(const json& rows, const text_style& style) {
  if (!is_table(rows)) return "";
  std::vector<std::string> names;
  std::vector<size_t> widths;
  for (auto& [name, value] : rows.front().items()) {
    names.push_back(name);
    widths.push_back(label_of(name).size());
  }
  std::vector<std::vector<std::string>> cells;
  cells.reserve(rows.size());
  for (auto& row : rows) {
    auto& line = cells.emplace_back();
    for (size_t i = 0; i < names.size(); ++i) {
      line.push_back(value_text(names[i], row.value(names[i], json{})));
      widths[i] = std::max(widths[i], width_of(line.back()));
    }
  }
  auto written = [&](size_t i, const std::string& text, const char* tone) {
    auto last = i + 1 == names.size();
    auto blanks = last ? 0 : widths[i] - width_of(text) + 2;
    return painted(text, tone, style) + std::string(blanks, ' ');
  };
  std::string out;
  for (size_t i = 0; i < names.size(); ++i) out += written(i, label_of(names[i]), faint);
  out += '\n';
  for (auto& line : cells) {
    for (size_t i = 0; i < line.size(); ++i) out += written(i, line[i], tone_of(line[i]));
    out += '\n';
  }
  return out;
}

std::string fitted(const std::string& text, size_t lines_max, size_t columns_max) {
  std::vector<std::string> lines;
  for (size_t from = 0; from < text.size();) {
    auto end = std::min(text.find('\n', from), text.size());
    lines.push_back(cut(text.substr(from, end - from), columns_max));
    from = end + 1;
  }
  if (lines_max == 0) return "";
  if (lines.size() > lines_max) {
    auto left_out = lines.size() - lines_max + 1;
    lines.resize(lines_max - 1);
    lines.push_back("... " + std::to_string(left_out) + " more lines");
  }
  std::string out;
  for (auto& line : lines) out += (out.empty() ? "" : "\n") + line;
  return out;
}

std::string brakes_text(const json& x, const text_style& style) {
  auto changed = x.value("changed", false);
  auto brakes = x.value("brakes", json::array());
  auto out =
    painted(changed ? "done; every node knows it within 2 s" : "nothing to change", bold, style) +
    '\n';
  return out + (brakes.empty() ? "nothing is stopped\n" : table_text(brakes, style));
}

std::string notices_text(const json& x, const text_style& style) {
  auto changed = x.value("changed", false);
  auto head = changed ? "done; every page shows it within 10 s" : "nothing to change";
  auto out =
    painted(head, bold, style) + "\nnotice " + value_text("", x.value("id", json{})) + '\n';
  auto rows = json::array();
  for (auto& y : x.value("notices", json::array())) {
    auto text = y.value("text", json::object());
    rows.push_back({{"notice", y.value("id", json{})},
                    {"level", y.value("level", json{})},
                    {"event", y.value("event_id", json{})},
                    {"starts", y.value("starts_at", json{})},
                    {"ends", y.value("ends_at", json{})},
                    {"by", y.value("by", json{})},
                    {"ko", text.value("ko", json{})},
                    {"en", text.value("en", json{})}});
  }
  return out + (rows.empty() ? "nothing is told\n" : table_text(rows, style));
}

std::string told_text(const json& x, const text_style& style) {
  std::string out;
  for (auto& part : x.value("parts", json::array())) {
    auto from = value_text("", part.value("from", json{}));
    auto node = value_text("", part.value("node", json{}));
    auto origin = from;
    if (from != "rows") origin.append(" of node ").append(node);
    auto age = value_text("age_ms", part.value("age_ms", json{}));
    out +=
      painted(std::string{"as of "}.append(age).append(" ago, from ").append(origin), bold, style) +
      '\n';
    out += data_text(part.value("data", json::object()), "  ", style);
  }
  for (auto& gap : x.value("missing", json::array())) {
    auto what = value_text("", gap.value("what", json{}));
    if (!what.starts_with("node ")) // That names it already.
      what.append(" (node ").append(value_text("", gap.value("node", json{}))).append(")");
    out += painted("missing: " + what, bad, style) + ": " +
           value_text("", gap.value("why", json{})) + '\n';
  }
  for (auto& note : x.value("notes", json::array()))
    out += painted("note: " + value_text("", note), faint, style) + '\n';
  return out;
}

} // namespace tk::inspector
