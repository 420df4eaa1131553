#define CAF_SUITE errors

#include "actors/base/errors.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include <caf/test/dsl.hpp>

#include "tests/support/check_that.hpp"

using namespace tk;

namespace {

constexpr int last = static_cast<int>(ec::moved);

template <class F> void for_each_error(F f) {
  for (int i = 0; i <= last; ++i) f(static_cast<ec>(i));
}

std::string lower(std::string_view x) {
  std::string out{x};
  std::ranges::transform(out, out.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return out;
}

} // namespace

CAF_TEST(every error has a status and a code and a text) {
  for_each_error([](ec x) {
    auto a = answer_to(x);
    CHECK_THAT(x == ec::ok ? a.status == 200 : a.status >= 400 && a.status <= 599, to_string(x));
    CHECK_THAT(!a.code.empty() && !a.text.empty(), to_string(x));
    CHECK_THAT(std::ranges::all_of(a.code,
                                   [](char c) {
                                     return c == '_' || (c >= 'A' && c <= 'Z') ||
                                            (c >= '0' && c <= '9');
                                   }),
               a.code);
  });
}

CAF_TEST(names are unique and no value falls through to internal) {
  std::set<std::string_view> names;
  for_each_error([&](ec x) {
    CHECK_THAT(names.insert(to_string(x)).second, to_string(x));
    CAF_CHECK_EQUAL(answer_to(x).status == 500, x == ec::internal);
  });
  CAF_CHECK_EQUAL(to_string(ec::internal), "internal");
}

CAF_TEST(one code means one status and one text) {
  std::map<std::string_view, ec> seen;
  for_each_error([&](ec x) {
    auto a = answer_to(x);
    auto [i, fresh] = seen.emplace(a.code, x);
    auto b = answer_to(i->second);
    CHECK_THAT(a.status == b.status && a.text == b.text, a.code);
    bool both_unknown = x == ec::unknown && i->second == ec::in_flight;
    bool both_moved = x == ec::moved && i->second == ec::fenced;
    CHECK_THAT(fresh || both_unknown || both_moved, a.code);
  });
}

CAF_TEST(only a paid subject looks like a confirmed payment to a client) {
  for_each_error([](ec x) {
    bool looks_paid = lower(answer_to(x).text).find("already confirmed") != std::string::npos;
    CHECK_THAT(looks_paid == (x == ec::already_paid), answer_to(x).text);
  });
}

CAF_TEST(clients are told when to come back exactly where waiting helps) {
  for_each_error([](ec x) {
    auto a = answer_to(x);
    if (a.status == 503 || a.status == 429) CHECK_THAT(a.retry_after_s > 0, to_string(x));
    if (retryable(x)) CHECK_THAT(a.retry_after_s > 0, to_string(x));
  });
}

CAF_TEST(nothing that may have happened is called retryable) {
  CAF_CHECK(!retryable(ec::unknown));
  CAF_CHECK(!retryable(ec::in_flight));
  CAF_CHECK(!retryable(ec::internal));
  CAF_CHECK(!retryable(ec::ok));
  CAF_CHECK(retryable(ec::busy));
  CAF_CHECK(retryable(ec::seat_contested));
}

CAF_TEST(the texts that clients compare are those of the contract) {
  CAF_CHECK_EQUAL(answer_to(ec::seat_held).text, "Seat already selected by another user");
  CAF_CHECK_EQUAL(answer_to(ec::seat_contested).text, "Seat modified concurrently");
  CAF_CHECK_EQUAL(answer_to(ec::seat_unknown).text, "Selected seat not found");
  CAF_CHECK_EQUAL(answer_to(ec::event_unknown).text, "Event not found");
  CAF_CHECK_EQUAL(answer_to(ec::sale_closed).text, "Sale is not open for this event");
  CAF_CHECK_EQUAL(answer_to(ec::reservation_unknown).text, "Reservation not found");
  CAF_CHECK_EQUAL(answer_to(ec::already_cancelled).text, "Already cancelled reservation");
  for (auto lost_race : {ec::seat_held, ec::seat_contested, ec::seat_sold})
    CAF_CHECK_EQUAL(answer_to(lost_race).status, 409);
}
