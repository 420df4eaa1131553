#define CAF_SUITE brakes
#include "supervisors/brakes.hpp"

#include "caf/test/dsl.hpp"

using namespace tk;

namespace {

sales_brake brake(brake_on what, uint64_t event = 0, std::string method = "") {
  sales_brake out;
  out.id = {7, event + 1};
  out.what = what;
  if (event != 0) out.event = {event, event};
  out.method = std::move(method);
  out.reason = "why";
  return out;
}

constexpr event_id one{1, 1}, two{2, 2}, none{};

} // namespace

CAF_TEST(nothing is stopped before anything was heard) {
  const brake_list list;
  for (auto what : {brake_on::queue, brake_on::holds, brake_on::payments}) {
    CAF_CHECK(!list.stops(what, one));
    CAF_CHECK(!list.by_event(what));
  }
  CAF_CHECK(list.as_of() == instant{});
}

CAF_TEST(a brake on all stops everything everywhere) {
  brake_list list;
  list.take({brake(brake_on::all)}, from_ms(1));
  for (auto what : {brake_on::queue, brake_on::holds, brake_on::payments}) {
    CAF_CHECK(list.stops(what, one));
    CAF_CHECK(list.stops(what, none));
    CAF_CHECK(!list.by_event(what));
  }
}

CAF_TEST(a brake stops what it is on and nothing else) {
  brake_list list;
  list.take({brake(brake_on::holds, 1), brake(brake_on::queue)}, from_ms(1));
  CAF_CHECK(list.stops(brake_on::holds, one));
  CAF_CHECK(!list.stops(brake_on::holds, two));
  CAF_CHECK(!list.stops(brake_on::holds, none));
  CAF_CHECK(list.stops(brake_on::queue, two));
  CAF_CHECK(!list.stops(brake_on::payments, one));
  CAF_CHECK(list.by_event(brake_on::holds));
  CAF_CHECK(!list.by_event(brake_on::payments));
}

CAF_TEST(an event as a whole is stopped alone) {
  brake_list list;
  list.take({brake(brake_on::all, 1)}, from_ms(1));
  CAF_CHECK(list.stops(brake_on::payments, one));
  CAF_CHECK(!list.stops(brake_on::payments, two));
  CAF_CHECK(list.by_event(brake_on::payments));
}

CAF_TEST(a method of payment is stopped alone) {
  brake_list list;
  list.take({brake(brake_on::payments, 0, "toss")}, from_ms(1));
  CAF_CHECK(list.find(brake_on::payments, one, "toss").has_value());
  CAF_CHECK(!list.find(brake_on::payments, one, "kakao_pay").has_value());
  CAF_CHECK(!list.find(brake_on::payments, one).has_value());
}

CAF_TEST(an older look changes nothing) {
  brake_list list;
  list.take({brake(brake_on::all)}, from_ms(5));
  list.take({}, from_ms(4));
  CAF_CHECK(list.stops(brake_on::holds, one));
  list.take({}, from_ms(6));
  CAF_CHECK(!list.stops(brake_on::holds, one));
}

CAF_TEST(words are read as they are written) {
  for (auto x : {brake_on::all, brake_on::queue, brake_on::holds, brake_on::payments})
    CAF_CHECK(parse_brake(to_string(x)) == x);
  CAF_CHECK(!parse_brake("everything").has_value());
}
