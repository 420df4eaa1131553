#include "persistence/money/settlement.hpp"

#include <algorithm>
#include <charconv>

#include <nlohmann/json.hpp>

#include "actors/base/business_day.hpp"

namespace tk {

namespace {

using problem = tl::unexpected<std::string>;
using kind = settlement_difference::kind;
using nlohmann::json;

constexpr size_t order_id_max = 200;
/// More than any currency has: sums of a list stay within 64 bits.
constexpr int64_t amount_max = 1'000'000'000'000;

void sort_and_add_up(std::vector<settled_payment>& list) {
  std::ranges::sort(list, {}, &settled_payment::order_id);
  size_t kept = 0;
  for (size_t i = 0; i < list.size(); ++i) {
    if (kept > 0 && list[kept - 1].order_id == list[i].order_id) {
      list[kept - 1].amount += list[i].amount;
      list[kept - 1].refunded += list[i].refunded;
      list[kept - 1].fee += list[i].fee;
      continue;
    }
    if (kept != i) list[kept] = std::move(list[i]);
    ++kept;
  }
  list.resize(kept);
}

bool plausible(const settled_payment& x) {
  bool named = !x.order_id.empty() && x.order_id.size() <= order_id_max;
  return named && x.amount >= 0 && x.amount <= amount_max && x.refunded >= 0 &&
         x.refunded <= amount_max && x.fee >= -amount_max && x.fee <= amount_max;
}

std::string at(size_t row, const char* what) {
  return "row " + std::to_string(row + 1) + ": " + what;
}

/// A whole number that need not be there.
bool whole_or_none(const json& x, const char* name, int64_t& to) {
  auto i = x.find(name);
  if (i == x.end() || i->is_null()) return true;
  if (!i->is_number_integer()) return false;
  to = i->get<int64_t>();
  return true;
}

tl::expected<std::vector<settled_payment>, std::string> read_rows(const json& all, size_t max) {
  if (!all.is_array()) return problem("is no list of payments");
  if (all.size() > max) return problem("has too many rows");
  std::vector<settled_payment> out;
  out.reserve(all.size());
  for (size_t i = 0; i < all.size(); ++i) {
    auto& x = all[i];
    if (!x.is_object()) return problem(at(i, "is no object"));
    auto order = x.find("orderId");
    auto amount = x.find("amount");
    settled_payment row;
    bool whole = order != x.end() && order->is_string() && amount != x.end() &&
                 amount->is_number_integer() && whole_or_none(x, "refunded", row.refunded) &&
                 whole_or_none(x, "fee", row.fee);
    if (!whole) return problem(at(i, "needs orderId, amount and, perhaps, refunded and fee"));
    row.order_id = order->get<std::string>();
    row.amount = amount->get<int64_t>();
    if (!plausible(row)) return problem(at(i, "says what cannot be"));
    out.push_back(std::move(row));
  }
  return out;
}

tl::expected<std::vector<settled_payment>, std::string> read_json(std::string_view text) {
  auto all = json::parse(text, nullptr, false);
  if (all.is_object() && all.contains("payments")) all = json(std::move(all["payments"]));
  return read_rows(all, settlement_rows_max);
}

/// Empty when there is none.
std::string text_in(const json& x, const char* name) {
  auto i = x.find(name);
  return i != x.end() && i->is_string() ? i->get<std::string>() : "";
}

std::vector<std::string_view> split(std::string_view line) {
  std::vector<std::string_view> out;
  for (;;) {
    auto comma = line.find(',');
    out.push_back(line.substr(0, comma));
    if (comma == std::string_view::npos) return out;
    line.remove_prefix(comma + 1);
  }
}

std::optional<int64_t> number_of(std::string_view text) {
  int64_t out = 0;
  auto [end, wrong] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (wrong != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return out;
}

/// Where a name stands in the first line.
std::optional<size_t> place_of(const std::vector<std::string_view>& head, std::string_view name) {
  auto i = std::ranges::find(head, name);
  if (i == head.end()) return std::nullopt;
  return static_cast<size_t>(i - head.begin());
}

tl::expected<std::vector<settled_payment>, std::string> read_csv(std::string_view text) {
  std::vector<settled_payment> out;
  std::vector<std::string_view> head;
  for (size_t row = 0; !text.empty(); ++row) {
    auto end = text.find('\n');
    auto line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) continue;
    auto cells = split(line);
    if (head.empty()) {
      head = std::move(cells);
      continue;
    }
    if (out.size() == settlement_rows_max) return problem("has too many rows");
    auto order = place_of(head, "orderId"), amount = place_of(head, "amount");
    auto back = place_of(head, "refunded"), fee = place_of(head, "fee");
    if (!order || !amount) return problem("its first line must name orderId and amount");
    if (cells.size() != head.size()) return problem(at(row, "has not the columns of the first"));
    auto took = number_of(cells[*amount]);
    auto number = [&](const std::optional<size_t>& place) {
      bool there = place && !cells[*place].empty();
      return there ? number_of(cells[*place]) : std::optional{int64_t{0}};
    };
    auto gave = number(back), kept = number(fee);
    if (!took || !gave || !kept) return problem(at(row, "has no whole number where one belongs"));
    settled_payment x{std::string{cells[*order]}, *took, *gave, *kept};
    if (!plausible(x)) return problem(at(row, "says what cannot be"));
    out.push_back(std::move(x));
  }
  if (head.empty()) return problem("is empty");
  return out;
}

} // namespace

std::string_view to_string(settlement_difference::kind x) {
  switch (x) {
  case kind::unknown_here: return "unknown_here";
  case kind::missing_there: return "missing_there";
  case kind::amount: return "amount";
  case kind::refunded: break;
  }
  return "refunded";
}

std::vector<settlement_difference> compare_settlement(std::vector<settled_payment> here,
                                                      std::vector<settled_payment> there) {
  sort_and_add_up(here);
  sort_and_add_up(there);
  std::vector<settlement_difference> out;
  auto ours = here.begin();
  auto theirs = there.begin();
  while (ours != here.end() || theirs != there.end()) {
    bool only_here =
      theirs == there.end() || (ours != here.end() && ours->order_id < theirs->order_id);
    bool only_there = !only_here && (ours == here.end() || theirs->order_id < ours->order_id);
    if (only_here) {
      out.push_back({kind::missing_there, ours->order_id, *ours, {}});
      ++ours;
    } else if (only_there) {
      out.push_back({kind::unknown_here, theirs->order_id, {}, *theirs});
      ++theirs;
    } else {
      auto order = ours->order_id;
      if (ours->amount != theirs->amount) out.push_back({kind::amount, order, *ours, *theirs});
      else if (ours->refunded != theirs->refunded)
        out.push_back({kind::refunded, order, *ours, *theirs});
      ++ours;
      ++theirs;
    }
  }
  return out;
}

std::vector<settled_payment> add_up(std::vector<settled_payment> list) {
  sort_and_add_up(list);
  return list;
}

tl::expected<told_settlement, std::string> read_settlement(std::string_view text) {
  constexpr size_t provider_max = 20;
  auto all = json::parse(text, nullptr, false);
  if (!all.is_object()) return problem("the body must be an object");
  told_settlement out;
  out.list.provider = text_in(all, "provider");
  auto& provider = out.list.provider;
  bool named =
    !provider.empty() && provider.size() <= provider_max &&
    provider.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == std::string::npos;
  if (!named) return problem("provider must name a provider");
  out.list.from = parse_iso(text_in(all, "from"));
  out.list.to = parse_iso(text_in(all, "to"));
  if (!out.list.from || !out.list.to) return problem("from and to must be times with their offset");
  if (*out.list.to <= *out.list.from) return problem("to must be after from");
  out.settled_on = text_in(all, "settledOn");
  bool day = !all.contains("settledOn") || all["settledOn"].is_null() ||
             parse_day(out.settled_on).has_value();
  if (!day) return problem("settledOn must be a day, YYYY-MM-DD");
  auto rows = all.find("payments");
  if (rows == all.end()) return problem("payments: is no list of payments");
  auto read = read_rows(*rows, settlement_sent_max);
  if (!read) return problem("payments: " + read.error());
  for (auto& x : *read)
    if (x.order_id.find('\0') != std::string::npos) return problem("payments: an order has a zero");
  out.list.payments = std::move(*read);
  return out;
}

tl::expected<std::vector<settled_payment>, std::string> parse_settlement(std::string_view text) {
  constexpr std::string_view mark = "\xef\xbb\xbf"; // Spreadsheets begin with it.
  if (text.starts_with(mark)) text.remove_prefix(mark.size());
  auto first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return problem("is empty");
  return text[first] == '[' || text[first] == '{' ? read_json(text) : read_csv(text);
}

} // namespace tk
