#include "inspector/report.hpp"

#include <algorithm>
#include <cstdio>

#include <nlohmann/json.hpp>

namespace tk::inspector {

namespace {

using nlohmann::json;

enum class tone : uint8_t { bad, good, faint };

std::string painted(const std::string& text, tone how, const text_style& style) {
  if (!style.colour) return text;
  const char* code = how == tone::bad ? "\x1b[1;31m" : how == tone::good ? "\x1b[32m" : "\x1b[2m";
  return code + text + "\x1b[0m";
}

std::string counted(int64_t n, const char* what) {
  return std::to_string(n) + ' ' + what + (n == 1 ? "" : "s");
}

std::string seconds(millis x) {
  char out[32];
  std::snprintf(out, sizeof out, "%.1f s", static_cast<double>(x.count()) / 1000);
  return out;
}

/// Line by line in a table: on a terminal below each other, else separated once.
struct table {
  std::vector<std::array<std::string, 3>> lines;

  [[nodiscard]] std::string text(const text_style& style) const {
    std::array<size_t, 2> widths{};
    if (style.colour)
      for (auto& line : lines)
        for (size_t i = 0; i < widths.size(); ++i)
          widths.at(i) = std::max(widths.at(i), line.at(i).size());
    std::string out;
    for (auto& line : lines) {
      out += "  ";
      for (size_t i = 0; i < widths.size(); ++i) {
        out += line.at(i);
        if (style.colour) out.append(widths.at(i) - line.at(i).size(), ' ');
        out += i == 0 ? "  " : "  <>  ";
      }
      out += line.back() + '\n';
    }
    return out;
  }
};

std::string text_of(const audit_finding& x, const text_style& style) {
  auto out = painted(x.rule, tone::bad, style) + ": " + x.text + ": " + counted(x.rows, "row") +
             " of " + x.table + '\n';
  table rows;
  rows.lines.reserve(x.sample.size());
  for (auto& y : x.sample) rows.lines.push_back({y.row, y.says, y.against});
  out += rows.text(style);
  auto more = x.rows - static_cast<int64_t>(x.sample.size());
  if (more > 0)
    out += painted("  and " + std::to_string(more) + " more", tone::faint, style) + '\n';
  return out;
}

json json_of(const audit_finding& x) {
  auto rows = json::array();
  for (auto& y : x.sample)
    rows.push_back({{"row", y.row}, {"says", y.says}, {"against", y.against}});
  return {{"rule", x.rule},          {"table", x.table},
          {"text", x.text},          {"count", x.rows},
          {"rows", std::move(rows)}, {"more", x.rows - static_cast<int64_t>(x.sample.size())}};
}

std::string line_of(const json& x) {
  return x.dump(-1, ' ', false, json::error_handler_t::replace);
}

auto by_rule(const std::vector<audit_finding>& list, const std::string& rule) {
  return std::ranges::find(list, rule, &audit_finding::rule);
}

} // namespace

std::string summary_of(const audit_report& x, const text_style& style) {
  auto rules = static_cast<int64_t>(x.rules), broken = static_cast<int64_t>(x.findings.size());
  auto verdict = broken == 0
                   ? painted(counted(rules, "rule") + " hold", tone::good, style)
                   : painted(std::to_string(broken) + " of " + counted(rules, "rule") + " broken",
                             tone::bad, style);
  return verdict + " as of " + to_iso_z(x.as_of) + (x.standby ? " on a standby" : "") + ", " +
         seconds(x.age) + " ago\n";
}

std::string as_text(const audit_report& x, const text_style& style) {
  std::string out;
  for (auto& y : x.findings) out += text_of(y, style);
  return out + summary_of(x, style);
}

std::string changes_of(const std::vector<audit_finding>& before,
                       const std::vector<audit_finding>& now, const text_style& style) {
  std::string out;
  for (auto& x : now) {
    auto known = by_rule(before, x.rule);
    if (known == before.end() || *known != x) out += text_of(x, style);
  }
  for (auto& x : before)
    if (by_rule(now, x.rule) == now.end())
      out += painted(x.rule, tone::good, style) + ": holds again\n";
  return out;
}

std::string as_json(const audit_report& x) {
  auto findings = json::array();
  for (auto& y : x.findings) findings.push_back(json_of(y));
  return line_of({{"held", x.findings.empty()},
                  {"as_of", to_iso_z(x.as_of)},
                  {"age_ms", x.age.count()},
                  {"standby", x.standby},
                  {"rules", x.rules},
                  {"findings", std::move(findings)}});
}

std::string failure_as_json(const std::string& why) {
  return line_of({{"held", nullptr}, {"error", why}});
}

std::string rule_list(const std::vector<audit_part>& parts, const text_style& style) {
  table rows;
  for (auto part : parts)
    for (auto& x : rules_of(part))
      rows.lines.push_back({std::string{to_string(part)}, x.name, x.text});
  return rows.text(style);
}

std::string rule_list_as_json(const std::vector<audit_part>& parts) {
  auto out = json::array();
  for (auto part : parts)
    for (auto& x : rules_of(part))
      out.push_back(
        {{"part", to_string(part)}, {"rule", x.name}, {"table", x.table}, {"text", x.text}});
  return line_of(out);
}

} // namespace tk::inspector
