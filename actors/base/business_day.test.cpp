#define CAF_SUITE business_day

#include "actors/base/business_day.hpp"

#include "caf/test/dsl.hpp"

using namespace tk;

namespace {

/// The moment a day begins, or "none".
std::string begins(std::string_view day) {
  auto x = parse_day(day);
  return x ? to_iso_z(business_midnight(*x)) : "none";
}

} // namespace

CAF_TEST(D36 a day begins at midnight in Seoul) {
  CAF_CHECK_EQUAL(begins("2026-02-15"), "2026-02-14T15:00:00.000Z");
  CAF_CHECK_EQUAL(begins("2024-02-29"), "2024-02-28T15:00:00.000Z");
  CAF_CHECK_EQUAL(begins("2027-01-01"), "2026-12-31T15:00:00.000Z");
  CAF_CHECK_EQUAL(begins("0000-01-01").substr(5), "12-31T15:00:00.000Z");
}

CAF_TEST(what is no day is none) {
  for (auto x : {"", "2026-2-15", "2026-02-30", "2025-02-29", "2026-13-01", "2026-00-10",
                 "2026-01-00", "20260215", "2026/02/15", "2026-02-15T00:00:00Z", " 2026-02-15",
                 "2026-02-1x", "-026-02-15", "+026-02-15", "tomorrow"})
    CAF_CHECK_EQUAL(begins(x), "none");
}

CAF_TEST(a moment falls on the day that has begun) {
  auto day = *parse_day("2026-02-15");
  auto midnight = business_midnight(day);
  CAF_CHECK(business_day(midnight) == day);
  CAF_CHECK(business_day(midnight - millis{1}) == *parse_day("2026-02-14"));
  CAF_CHECK(business_day(midnight + std::chrono::hours{24} - millis{1}) == day);
}
