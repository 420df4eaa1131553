#define CAF_SUITE cancellation

#include "actors/base/cancellation.hpp"

#include <caf/test/dsl.hpp>

using namespace tk;

namespace {

instant at(const char* text) { return *parse_iso(text); }

/// A show on a Saturday evening in Seoul.
const instant show = *parse_iso("2026-12-05T19:30:00+09:00");
constexpr won paid{100'001};

cancellation_policy usual() { return {24, false, {{9, 10}, {6, 20}, {2, 30}}}; }

cancellation_terms when(const char* text, const cancellation_policy& x = usual()) {
  return terms_at(x, show, paid, at(text));
}

} // namespace

CAF_TEST(an event without a policy gives everything back at any time) {
  cancellation_policy none;
  CAF_CHECK(none.is_free());
  for (auto text : {"2026-11-01T00:00:00Z", "2026-12-05T10:29:00Z", "2027-01-01T00:00:00Z"}) {
    auto x = when(text, none);
    CAF_CHECK(x.allowed);
    CAF_CHECK(x.fee == won{0});
    CAF_CHECK(x.refund == paid);
    CAF_CHECK(x.until == instant::max());
  }
}

CAF_TEST(the fee rises at midnight in Seoul) {
  auto early = when("2026-11-25T23:59:59.999+09:00");
  CAF_CHECK(early.fee == won{0});
  CAF_CHECK(early.until == at("2026-11-26T00:00:00+09:00"));
  auto first = when("2026-11-26T00:00:00+09:00");
  CAF_CHECK(first.fee == won{10'000}); // Rounded down.
  CAF_CHECK(first.refund == won{90'001});
  CAF_CHECK(first.until == at("2026-11-29T00:00:00+09:00"));
  CAF_CHECK(when("2026-11-28T23:59:59+09:00").fee == won{10'000});
  CAF_CHECK(when("2026-11-29T00:00:00+09:00").fee == won{20'000});
  auto last = when("2026-12-03T00:00:00+09:00");
  CAF_CHECK(last.fee == won{30'000});
  CAF_CHECK(last.until == at("2026-12-04T19:30:00+09:00"));
}

CAF_TEST(so many hours before the show it ends) {
  CAF_CHECK(when("2026-12-04T19:29:59.999+09:00").allowed);
  auto over = when("2026-12-04T19:30:00+09:00");
  CAF_CHECK(!over.allowed);
  CAF_CHECK(over.refund == won{0});
  auto to_the_end = cancellation_policy{0, true, {}};
  CAF_CHECK(when("2026-12-05T19:29:59+09:00", to_the_end).allowed);
  CAF_CHECK(!when("2026-12-05T19:30:00+09:00", to_the_end).allowed);
}

CAF_TEST(not on the day of the show when it says so) {
  cancellation_policy x{std::nullopt, false, {}};
  CAF_CHECK(when("2026-12-04T23:59:59+09:00", x).allowed);
  CAF_CHECK(when("2026-12-04T23:59:59+09:00", x).until == at("2026-12-05T00:00:00+09:00"));
  CAF_CHECK(!when("2026-12-05T00:00:00+09:00", x).allowed);
  CAF_CHECK(!when("2026-12-06T00:00:00+09:00", x).allowed);
  x.show_day = true;
  CAF_CHECK(when("2026-12-05T00:00:00+09:00", x).allowed);
}

CAF_TEST(all of it may be kept and sums do not overflow) {
  cancellation_policy x{std::nullopt, true, {{365, 100}}};
  auto terms = terms_at(x, show, won{9'000'000'000'000'000'000}, at("2026-12-01T00:00:00Z"));
  CAF_CHECK(terms.fee == won{9'000'000'000'000'000'000});
  CAF_CHECK(terms.refund == won{0});
  CAF_CHECK(terms_at(x, show, won{0}, at("2026-12-01T00:00:00Z")).fee == won{0});
}

CAF_TEST(what makes no sense is told) {
  CAF_CHECK(wrong_with(usual()).empty());
  CAF_CHECK(wrong_with({}).empty());
  CAF_CHECK(!wrong_with({-1, true, {}}).empty());
  CAF_CHECK(!wrong_with({8761, true, {}}).empty());
  CAF_CHECK(!wrong_with({{}, true, {{366, 1}}}).empty());
  CAF_CHECK(!wrong_with({{}, true, {{1, 101}}}).empty());
  CAF_CHECK(!wrong_with({{}, true, {{2, 10}, {2, 20}}}).empty());
  CAF_CHECK(!wrong_with({{}, true, {{2, 20}, {1, 10}}}).empty());
  CAF_CHECK(!wrong_with({{}, true, std::vector<fee_step>(17)}).empty());
}

CAF_TEST(fees are written and read) {
  for (auto& x : {std::vector<fee_step>{}, usual().fees}) CAF_CHECK(parse_fees(to_text(x)) == x);
  CAF_CHECK(to_text(usual().fees) == "9:10,6:20,2:30");
  for (auto text : {"9", "9:", ":1", "9:10,", "a:1", "9:-1", "9:10;6:20", "99999999999:1"})
    CAF_CHECK(!parse_fees(text).has_value());
}
