#define CAF_SUITE settlement
#include "persistence/money/settlement.hpp"

#include <caf/test/dsl.hpp>

using namespace tk;

namespace {

using kind = settlement_difference::kind;
using list = std::vector<settled_payment>;

std::string wrong(std::string_view text) {
  auto out = parse_settlement(text);
  return out ? "nothing" : out.error();
}

} // namespace

CAF_TEST(lists that say the same differ in nothing) {
  CAF_CHECK(compare_settlement({}, {}).empty());
  CAF_CHECK(compare_settlement({{"a", 1, 0}, {"b", 2, 2}}, {{"b", 2, 2}, {"a", 1, 0}}).empty());
}

CAF_TEST(every difference is told with what both say) {
  list here{{"d", 5, 1}, {"a", 1, 0}, {"b", 2, 0}};
  list there{{"b", 3, 0}, {"c", 4, 0}, {"d", 5, 5}};
  auto found = compare_settlement(here, there);
  CAF_REQUIRE_EQUAL(found.size(), 4u);
  CAF_CHECK((found[0] == settlement_difference{kind::missing_there, "a", {"a", 1, 0}, {}}));
  CAF_CHECK((found[1] == settlement_difference{kind::amount, "b", {"b", 2, 0}, {"b", 3, 0}}));
  CAF_CHECK((found[2] == settlement_difference{kind::unknown_here, "c", {}, {"c", 4, 0}}));
  CAF_CHECK((found[3] == settlement_difference{kind::refunded, "d", {"d", 5, 1}, {"d", 5, 5}}));
}

CAF_TEST(rows of one order are added up) {
  CAF_CHECK(compare_settlement({{"a", 3, 1}}, {{"a", 3, 0}, {"a", 0, 1}}).empty());
  auto twice = compare_settlement({{"a", 3, 0}}, {{"a", 3, 0}, {"a", 3, 0}}); // Settled twice.
  CAF_REQUIRE_EQUAL(twice.size(), 1u);
  CAF_CHECK_EQUAL(twice[0].there.amount, 6);
}

CAF_TEST(lists are read from json) {
  list wanted{{"ORD_1", 50000, 0, 1}, {"ORD_2", 7, 3}};
  auto rows = R"([{"orderId":"ORD_1","amount":50000,"fee":1},
                  {"orderId":"ORD_2","amount":7,"refunded":3}])";
  CAF_CHECK(*parse_settlement(rows) == wanted);
  CAF_CHECK(*parse_settlement(std::string{R"({"payments":)"} + rows + "}") == wanted);
  CAF_CHECK(parse_settlement("[]")->empty());
}

CAF_TEST(lists are read from csv) {
  list wanted{{"ORD_1", 50000, 0}, {"ORD_2", 7, 3}};
  CAF_CHECK(*parse_settlement("orderId,amount,refunded\nORD_1,50000,\nORD_2,7,3\n") == wanted);
  CAF_CHECK(*parse_settlement("\xef\xbb\xbf"
                              "day,amount,orderId,refunded\r\nx,50000,ORD_1,0\r\n\r\n"
                              "y,7,ORD_2,3") == wanted);
  CAF_CHECK(parse_settlement("orderId,amount\n")->empty());
  CAF_CHECK(
    (*parse_settlement("orderId,amount,fee\nORD_1,50000,-12\n") == list{{"ORD_1", 50000, 0, -12}}));
}

CAF_TEST(what is no list is refused with its place) {
  CAF_CHECK_EQUAL(wrong(""), "is empty");
  CAF_CHECK_EQUAL(wrong(" \n"), "is empty");
  CAF_CHECK_EQUAL(wrong("{\"payments\":1}"), "is no list of payments");
  CAF_CHECK_EQUAL(wrong("[1"), "is no list of payments");
  CAF_CHECK_EQUAL(wrong("[1]"), "row 1: is no object");
  CAF_CHECK_EQUAL(wrong(R"([{"orderId":"a","amount":1},{"orderId":"b"}])"),
                  "row 2: needs orderId, amount and, perhaps, refunded and fee");
  CAF_CHECK_EQUAL(wrong(R"([{"orderId":"a","amount":1.5}])"),
                  "row 1: needs orderId, amount and, perhaps, refunded and fee");
  CAF_CHECK_EQUAL(wrong(R"([{"orderId":"","amount":1}])"), "row 1: says what cannot be");
  CAF_CHECK_EQUAL(wrong(R"([{"orderId":"a","amount":-1}])"), "row 1: says what cannot be");
  CAF_CHECK_EQUAL(wrong("a,b\n1,2"), "its first line must name orderId and amount");
  CAF_CHECK_EQUAL(wrong("orderId,amount\na,1,2"), "row 2: has not the columns of the first");
  CAF_CHECK_EQUAL(wrong("orderId,amount\na,1\nb,1x"),
                  "row 3: has no whole number where one belongs");
  CAF_CHECK_EQUAL(wrong("orderId,amount\na,9999999999999999999"),
                  "row 2: has no whole number where one belongs");
}

CAF_TEST(what staff send names whose it is and when) {
  auto read = read_settlement(R"({"provider":"toss","from":"2026-11-21T00:00:00+09:00",
    "to":"2026-11-22T00:00:00+09:00","settledOn":"2026-11-24","payments":[
    {"orderId":"ORD_1","amount":50000,"fee":1500,"refunded":null}]})");
  CAF_REQUIRE(read.has_value());
  CAF_CHECK_EQUAL(read->list.provider, "toss");
  CAF_CHECK_EQUAL(read->settled_on, "2026-11-24");
  CAF_CHECK((read->list.payments == list{{"ORD_1", 50000, 0, 1500}}));
  auto refusal = [](std::string_view text) {
    auto out = read_settlement(text);
    return out ? "nothing" : out.error();
  };
  CAF_CHECK_EQUAL(refusal("[]"), "the body must be an object");
  CAF_CHECK_EQUAL(refusal("{}"), "provider must name a provider");
  CAF_CHECK_EQUAL(refusal(R"({"provider":"toss"})"), "from and to must be times with their offset");
  std::string head = R"({"provider":"toss","to":"2026-11-22T00:00:00Z","from":"2026-11-2)";
  CAF_CHECK_EQUAL(refusal(head + R"(2T00:00:00Z","payments":[]})"), "to must be after from");
  CAF_CHECK_EQUAL(refusal(head + R"(1T00:00:00Z","settledOn":"x","payments":[]})"),
                  "settledOn must be a day, YYYY-MM-DD");
  CAF_CHECK_EQUAL(refusal(head + R"(1T00:00:00Z","payments":[{}]})"),
                  "payments: row 1: needs orderId, amount and, perhaps, refunded and fee");
  CAF_CHECK_EQUAL(refusal(head + R"(1T00:00:00Z"})"), "payments: is no list of payments");
}
