#include "http/api/event_query.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

#include "actors/base/business_day.hpp"

namespace tk::http {

namespace {

constexpr size_t text_max = 100;

problem wrong(std::string_view name, std::string_view rule) {
  problem out;
  out.text.append(name).append(" must be ").append(rule);
  return out;
}

/// Filters are exact: a word that is no status is that of no event.
event_status_filter status_of(std::string_view x) {
  if (x.empty()) return event_status_filter::any;
  if (x == "upcoming") return event_status_filter::upcoming;
  if (x == "on_sale") return event_status_filter::on_sale;
  if (x == "ended") return event_status_filter::ended;
  if (x == "cancelled") return event_status_filter::cancelled;
  return event_status_filter::none;
}

/// Reads into `to` what is there.
std::optional<problem> read_order(const request& x, list_events& to) {
  constexpr std::array<std::pair<std::string_view, event_order>, 4> orders{
    {{"sale_start", event_order::sale_start},
     {"event_date", event_order::event_date},
     {"title", event_order::title},
     {"price", event_order::price}}};
  if (auto word = x.query("sort"); word && !word->empty()) {
    auto found =
      std::ranges::find(orders, std::string_view{*word}, [](auto& o) { return o.first; });
    if (found == orders.end()) return wrong("sort", "sale_start, event_date, title or price");
    to.order = found->second;
  }
  if (auto word = x.query("order"); word && !word->empty()) {
    if (*word != "asc" && *word != "desc") return wrong("order", "asc or desc");
    to.descending = *word == "desc";
  }
  return std::nullopt;
}

/// Whole days in the business zone, both bounds included.
std::optional<problem> read_days(const request& x, list_events& to) {
  for (std::string_view name : {"from", "to"}) {
    auto text = x.query(name);
    if (!text || text->empty()) continue;
    auto day = parse_day(*text);
    if (!day) return wrong(name, "a day, YYYY-MM-DD");
    if (name == "from") to.from = business_midnight(*day);
    else to.before = business_midnight(*day) + std::chrono::hours{24};
  }
  return std::nullopt;
}

checked<std::optional<won>> read_price(const request& x, std::string_view name) {
  constexpr auto lowest = std::numeric_limits<int64_t>::min();
  constexpr auto highest = std::numeric_limits<int64_t>::max();
  auto text = x.query(name);
  if (!text || text->empty()) return std::nullopt;
  auto value = read_integer_query(x, name, 0, lowest, highest);
  if (!value) return tl::unexpected(value.error());
  if (*value < 0) return tl::unexpected(wrong(name, "greater than or equal to 0"));
  return won{*value};
}

std::optional<problem> read_prices(const request& x, list_events& to) {
  auto low = read_price(x, "minPrice");
  if (!low) return low.error();
  auto high = read_price(x, "maxPrice");
  if (!high) return high.error();
  to.min_price = *low;
  to.max_price = *high;
  // An event of several prices reaches over both ends of such a range, and is in none.
  if (to.min_price && to.max_price && *to.min_price > *to.max_price)
    to.status = event_status_filter::none;
  return std::nullopt;
}

std::optional<problem> read_artist(const request& x, list_events& to) {
  auto text = x.query("artistId");
  if (!text || text->empty()) return std::nullopt;
  auto id = parse_id<artist_id>(*text);
  if (!id) return wrong("artistId", "a uuid");
  if (id->nil()) to.status = event_status_filter::none; // Nobody has that id.
  to.artist = *id;
  return std::nullopt;
}

} // namespace

checked<list_events> read_event_query(const request& x) {
  constexpr int64_t default_limit = 10;
  auto page = read_page(x, default_limit);
  if (!page) return tl::unexpected(page.error());
  auto search = read_text_query(x, "q", text_max);
  if (!search) return tl::unexpected(search.error());
  auto venue = read_text_query(x, "venue", text_max);
  if (!venue) return tl::unexpected(venue.error());
  list_events out;
  out.page = static_cast<int32_t>(page->page);
  out.limit = static_cast<int32_t>(page->limit);
  out.search = std::move(*search);
  out.venue = std::move(*venue);
  out.status = status_of(x.query("status").value_or(""));
  for (auto read : {read_order, read_days, read_prices, read_artist})
    if (auto refused = read(x, out)) return tl::unexpected(std::move(*refused));
  return out;
}

std::string cache_key(const list_events& x) {
  std::string out = "events";
  auto add = [&](const std::string& part) { out += '/' + part; };
  auto add_number = [&](int64_t n) { add(std::to_string(n)); };
  auto add_price = [&](const std::optional<won>& p) { p ? add_number(p->amount) : add(""); };
  for (auto n :
       {static_cast<int64_t>(x.status), int64_t{x.page}, int64_t{x.limit},
        static_cast<int64_t>(x.order), int64_t{x.descending}, to_ms(x.from), to_ms(x.before)})
    add_number(n);
  add_price(x.min_price);
  add_price(x.max_price);
  add(to_string(x.artist));
  add_number(static_cast<int64_t>(x.search.size())); // Where one text ends and the other begins.
  add(x.search);
  add(x.venue);
  return out;
}

} // namespace tk::http
