#include "inspector/money_command.hpp"

#include <algorithm>
#include <fstream>
#include <iostream>
#include <iterator>

#include "inspector/audit_command.hpp"
#include "inspector/money_view.hpp"
#include "inspector/output.hpp"

namespace tk::inspector {

namespace {

using problem = tl::unexpected<std::string>;

constexpr size_t file_max = 64u << 20;

/// All of it, unless it is longer than any list that is taken.
tl::expected<std::string, std::string> read_whole(const std::string& path) {
  std::ifstream file;
  bool piped = path == "-";
  if (!piped) file.open(path, std::ios::binary);
  auto& in = piped ? std::cin : static_cast<std::istream&>(file);
  if (!in) return problem("cannot read " + path);
  std::string out(file_max + 1, '\0');
  in.read(out.data(), static_cast<std::streamsize>(out.size()));
  if (in.bad()) return problem("cannot read " + path);
  out.resize(static_cast<size_t>(in.gcount()));
  if (out.size() > file_max) return problem(path + " is longer than 64 MiB");
  return out;
}

tl::expected<settlement_list, std::string> list_of(const money_options& x) {
  settlement_list out;
  out.provider = x.provider;
  auto time = [](const std::string& text, std::optional<instant>& to) {
    if (!text.empty()) to = parse_iso(text);
    return text.empty() || to.has_value();
  };
  if (!time(x.from, out.from)) return problem("--from must be a time with its offset");
  if (!time(x.to, out.to)) return problem("--to must be a time with its offset");
  auto text = read_whole(x.settlement);
  if (!text) return problem(text.error());
  auto rows = parse_settlement(*text);
  if (!rows) return problem(x.settlement + ": " + rows.error());
  out.payments = std::move(*rows);
  return out;
}

} // namespace

int balance_books(const money_options& options, const text_style& style) {
  std::optional<settlement_list> list;
  if (!options.settlement.empty()) {
    if (options.provider.empty()) return refuse("--provider must say whose settlement list it is");
    auto read = list_of(options);
    if (!read) return refuse(read.error());
    list = std::move(*read);
  }
  auto db = pg::connection::open(as_auditor(options.database));
  if (!db) return refuse("no connection: " + db.error());
  auto found = balance_money(*db, list ? &*list : nullptr, options.limits);
  if (!found) {
    auto why = found.error();
    std::ranges::replace(why, '\n', ' ');
    return refuse("cannot look: " + why);
  }
  say(options.json ? money_json(*found) + '\n' : money_text(*found, style));
  return found->balances() ? well : partial;
}

} // namespace tk::inspector
