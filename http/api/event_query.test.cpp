#define CAF_SUITE event_query

#include "http/api/event_query.hpp"

#include <memory>
#include <set>

#include "caf/test/dsl.hpp"

using namespace tk;
using namespace tk::http;

namespace {

std::unique_ptr<request> asked(const std::string& query) {
  auto x = std::make_unique<request>();
  x->head = "GET /api/events?" + query + " HTTP/1.1\r\nHost: t\r\n\r\n";
  CAF_REQUIRE(parse_head(*x));
  return x;
}

list_events read(const std::string& query) {
  auto x = read_event_query(*asked(query));
  if (!x) CAF_FAIL(query << ": " << x.error().text);
  return *x;
}

std::string refused(const std::string& query) {
  auto x = read_event_query(*asked(query));
  return x ? "" : x.error().text;
}

std::string key(const std::string& query) { return cache_key(read(query)); }

} // namespace

CAF_TEST(without parameters the first ten of all by start of sale) {
  auto x = read("");
  CAF_CHECK(x.status == event_status_filter::any && x.order == event_order::sale_start);
  CAF_CHECK(x.page == 1 && x.limit == 10 && !x.descending);
  CAF_CHECK(x.search.empty() && x.venue.empty() && x.artist.nil());
  CAF_CHECK(x.from == instant::min() && x.before == instant::max());
  CAF_CHECK(!x.min_price && !x.max_price);
}

CAF_TEST(G09 every filter is read) {
  auto x = read("status=on_sale&q=a%20b&venue=%EB%8F%94&from=2026-02-15&to=2026-02-16&minPrice=0&"
                "maxPrice=90000&sort=price&order=desc&page=3&limit=12&"
                "artistId=0f8fad5b-d9cb-469f-a165-70867728950e");
  CAF_CHECK(x.status == event_status_filter::on_sale && x.order == event_order::price);
  CAF_CHECK(x.page == 3 && x.limit == 12 && x.descending);
  CAF_CHECK(x.search == "a b" && x.venue == "돔");
  CAF_CHECK(to_string(x.artist) == "0f8fad5b-d9cb-469f-a165-70867728950e");
  CAF_CHECK(to_iso_z(x.from) == "2026-02-14T15:00:00.000Z");
  CAF_CHECK(to_iso_z(x.before) == "2026-02-16T15:00:00.000Z"); // All of the last day.
  CAF_CHECK(x.min_price == won{0} && x.max_price == won{90000});
  CAF_CHECK(read("sort=event_date").order == event_order::event_date);
  CAF_CHECK(read("sort=title&order=asc").order == event_order::title);
}

CAF_TEST(empty parameters are as absent ones) {
  CAF_CHECK_EQUAL(
    key("status=&q=&venue=&from=&to=&minPrice=&maxPrice=&sort=&order=&artistId=&page="), key(""));
}

CAF_TEST(a status that there is not is that of no event) {
  CAF_CHECK(read("status=sold_out").status == event_status_filter::none);
  CAF_CHECK(read("status=ON_SALE").status == event_status_filter::none);
  CAF_CHECK(read("artistId=00000000-0000-0000-0000-000000000000").status ==
            event_status_filter::none);
}

CAF_TEST(what is malformed is refused by name) {
  CAF_CHECK_EQUAL(refused("sort=rank"), "sort must be sale_start, event_date, title or price");
  CAF_CHECK_EQUAL(refused("order=up"), "order must be asc or desc");
  CAF_CHECK_EQUAL(refused("from=2026-02-30"), "from must be a day, YYYY-MM-DD");
  CAF_CHECK_EQUAL(refused("to=2026-02-15T00:00:00Z"), "to must be a day, YYYY-MM-DD");
  CAF_CHECK_EQUAL(refused("minPrice=1.5"), "minPrice must be an integer");
  CAF_CHECK_EQUAL(refused("maxPrice=x"), "maxPrice must be an integer");
  CAF_CHECK_EQUAL(refused("minPrice=-1"), "minPrice must be greater than or equal to 0");
  CAF_CHECK_EQUAL(refused("artistId=7"), "artistId must be a uuid");
  CAF_CHECK_EQUAL(refused("venue=" + std::string(101, 'v')),
                  "venue must be at most 100 characters");
  CAF_CHECK_EQUAL(refused("page=x"), "page must be an integer");
}

CAF_TEST(prices beyond all prices are no error) {
  CAF_CHECK(read("minPrice=99999999999999999999").min_price ==
            won{std::numeric_limits<int64_t>::max()});
}

CAF_TEST(a range of prices that ends before it begins is that of no event) {
  CAF_CHECK(read("minPrice=50000&maxPrice=20000").status == event_status_filter::none);
  CAF_CHECK(read("minPrice=50000&maxPrice=50000").status == event_status_filter::any);
}

CAF_TEST(only queries for the same share an answer) {
  std::set<std::string> keys;
  auto queries = {"",
                  "q=a",
                  "venue=a",
                  "q=ab",
                  "q=a&venue=b",
                  "q=a%2Fb",
                  "q=a%2F1&venue=b",
                  "status=ended",
                  "page=2",
                  "limit=2",
                  "sort=price",
                  "sort=price&order=desc",
                  "from=2026-01-01",
                  "to=2026-01-01",
                  "minPrice=1",
                  "maxPrice=1",
                  "minPrice=0",
                  "artistId=0f8fad5b-d9cb-469f-a165-70867728950e"};
  for (auto& x : queries) keys.insert(key(x));
  CAF_CHECK_EQUAL(keys.size(), queries.size());
  CAF_CHECK_EQUAL(key("page=0&limit=500"), key("limit=100"));
  CAF_CHECK_EQUAL(key("other=1&q=a"), key("q=a"));
}
