#include "inspector/money_view.hpp"

#include <algorithm>

#include <nlohmann/json.hpp>

namespace tk::inspector {

namespace {

using json = nlohmann::ordered_json;

constexpr size_t listed_max = 50; ///< Differences in the text; JSON has all of them.

std::string painted(const std::string& text, bool good, const text_style& style) {
  return style.colour ? (good ? "\x1b[32m" : "\x1b[1;31m") + text + "\x1b[0m" : text;
}

std::string right(const std::string& text, size_t width) {
  return std::string(width > text.size() ? width - text.size() : 0, ' ') + text;
}
std::string left(const std::string& text, size_t width) {
  return text + std::string(width > text.size() ? width - text.size() : 0, ' ');
}

/// Thousands apart, as amounts are read.
std::string won_text(int64_t x) {
  const auto digits = std::to_string(x);
  const size_t sign = x < 0 ? 1 : 0;
  std::string out;
  for (size_t i = 0; i < digits.size(); ++i) {
    if (i > sign && (digits.size() - i) % 3 == 0) out.push_back(',');
    out.push_back(digits[i]);
  }
  return out;
}

std::string lines_text(const money_balance& x, const text_style& style) {
  constexpr size_t name = 34, number = 20, count = 10;
  auto out = left("", name) + right("rows", count) + right("on record", number) +
             right("in the books", number) + '\n';
  for (auto& line : x.lines) {
    out += left(line.what, name) + right(std::to_string(line.rows), count) +
           right(won_text(line.recorded), number) + right(won_text(line.booked), number);
    out +=
      line.balances()
        ? "\n"
        : painted("   differs by " + won_text(line.booked - line.recorded), false, style) + '\n';
  }
  if (!x.accounts.empty()) out += '\n';
  for (auto& y : x.accounts)
    out += left(y.provider + " " + y.account, name) + right(std::to_string(y.entries), count) +
           right("", number) + right(won_text(y.sum), number) + '\n';
  return out;
}

std::string side(const settled_payment& x) {
  if (x.order_id.empty()) return "nothing";
  return won_text(x.amount) + (x.refunded == 0 ? "" : ", " + won_text(x.refunded) + " back");
}

std::string differences_text(const money_balance& x, const text_style& style) {
  std::string out;
  size_t listed = std::min(x.differences.size(), listed_max);
  for (size_t i = 0; i < listed; ++i) {
    auto& y = x.differences[i];
    out += painted(std::string{to_string(y.is)}, false, style) + ": " + y.order_id + ": here " +
           side(y.here) + ", there " + side(y.there) + '\n';
  }
  if (listed < x.differences.size())
    out += "and " + std::to_string(x.differences.size() - listed) + " more\n";
  return out;
}

std::string findings_text(const money_balance& x, const text_style& style) {
  std::string out;
  for (auto& y : x.findings) {
    out += painted(y.rule, false, style) + ": " + y.text + ": " + std::to_string(y.rows) + " of " +
           y.table + '\n';
    for (auto& row : y.sample)
      out += "  " + row.row + "  " + row.says + "  <>  " + row.against + '\n';
  }
  return out;
}

json side_json(const settled_payment& x) {
  if (x.order_id.empty()) return nullptr;
  return {{"amount", x.amount}, {"refunded", x.refunded}};
}

} // namespace

std::string money_text(const money_balance& x, const text_style& style) {
  auto out = lines_text(x, style) + findings_text(x, style) + differences_text(x, style);
  auto verdict =
    painted(x.balances() ? "the books balance" : "the books do not balance", x.balances(), style);
  if (x.settled > 0)
    verdict += ", " + std::to_string(x.settled) + " rows of the settlement list compared";
  return out + verdict + ", as of " + to_iso_z(x.as_of) + (x.standby ? " on a standby" : "") + '\n';
}

std::string money_json(const money_balance& x) {
  json out = {{"balances", x.balances()}, {"as_of", to_iso_z(x.as_of)}, {"standby", x.standby}};
  out["lines"] = json::array();
  for (auto& y : x.lines)
    out["lines"].push_back({{"what", y.what},
                            {"rows", y.rows},
                            {"recorded", y.recorded},
                            {"booked", y.booked},
                            {"balances", y.balances()}});
  out["accounts"] = json::array();
  for (auto& y : x.accounts)
    out["accounts"].push_back(
      {{"provider", y.provider}, {"account", y.account}, {"entries", y.entries}, {"sum", y.sum}});
  out["findings"] = json::array();
  for (auto& y : x.findings) {
    auto rows = json::array();
    for (auto& row : y.sample)
      rows.push_back({{"row", row.row}, {"says", row.says}, {"against", row.against}});
    out["findings"].push_back({{"rule", y.rule}, {"count", y.rows}, {"rows", std::move(rows)}});
  }
  out["settled"] = x.settled;
  out["differences"] = json::array();
  for (auto& y : x.differences)
    out["differences"].push_back({{"order_id", y.order_id},
                                  {"is", to_string(y.is)},
                                  {"here", side_json(y.here)},
                                  {"there", side_json(y.there)}});
  return out.dump(-1, ' ', false, json::error_handler_t::replace);
}

} // namespace tk::inspector
