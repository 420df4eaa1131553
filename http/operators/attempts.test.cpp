#define CAF_SUITE operator_attempts
#include "http/operators/attempts.hpp"

#include "caf/test/dsl.hpp"

#include "actors/base/items.hpp"

using namespace tk;
using namespace tk::http;

namespace {

struct fixed_clock : wall_clock {
  instant at = from_ms(1'800'000'000'000);
  [[nodiscard]] instant now() const override { return at; }
};

struct fixture {
  fixed_clock clock;
  attempt_log log;
  node_context node;
  const seat_id seat{1, 2};
  const reservation_id wish{3, 4};
  fixture() {
    node.clock = &clock;
    node.attempts = &log;
  }

  attempt refused(std::string_view why) const {
    attempt out;
    out.first_at = clock.at;
    out.why = why;
    out.user = {5, 6};
    out.reservation = wish;
    out.request = {7, 8};
    out.block_no = 3;
    return out;
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(operator_attempts_tests, fixture)

CAF_TEST(a refusal is told with time and principal and reason) {
  log.note(attempt_subject::of(seat), refused("seat_held"));
  auto rows = attempts_of_seat(node, seat).rows;
  CAF_REQUIRE_EQUAL(rows.size(), 1u);
  auto& x = rows[0];
  CAF_CHECK_EQUAL(x["at"].get<std::string>(), "2027-01-15T08:00:00.000Z");
  CAF_CHECK_EQUAL(x["what"].get<std::string>(), "hold refused");
  CAF_CHECK_EQUAL(x["who"].get<std::string>(), "user " + to_string(user_id{5, 6}));
  CAF_CHECK_EQUAL(x["reason"].get<std::string>(), "seat_held");
  CAF_CHECK_EQUAL(x["decided_by"].get<std::string>(), "block 3");
  CAF_CHECK_EQUAL(x["request"].get<std::string>(), to_string(request_id{7, 8}));
  CAF_CHECK(x["fence"].is_null());
}

CAF_TEST(who fails for another seat of the wish hears that it was not this one) {
  auto x = refused("seat_sold");
  x.of_others = true;
  x.block_no = unplaced;
  x.user = {};
  log.note(attempt_subject::of(seat), x);
  auto rows = attempts_of_seat(node, seat).rows;
  CAF_CHECK_EQUAL(rows[0]["reason"].get<std::string>(),
                  "seat_sold, of something else in the same wish");
  CAF_CHECK_EQUAL(rows[0]["decided_by"].get<std::string>(), "the user's session");
  CAF_CHECK_EQUAL(rows[0]["who"].get<std::string>(), "-");
}

CAF_TEST(a reservation has what was wanted under its id and its own) {
  auto claim = refused("");
  claim.what = attempt_on::claim;
  claim.fate = attempt_fate::taken;
  claim.fence = 9;
  log.note(attempt_subject::of(seat), claim);
  auto late = refused("hold_over");
  late.what = attempt_on::payment;
  late.first_at += millis{5};
  log.note(attempt_subject::of(wish), late);
  log.note(attempt_subject::of(seat_id{1, 3}), attempt{}); // Another's.
  auto rows = attempts_of_reservation(node, wish).rows;
  CAF_REQUIRE_EQUAL(rows.size(), 2u);
  CAF_CHECK_EQUAL(rows[0]["what"].get<std::string>(), "claim taken");
  CAF_CHECK_EQUAL(rows[0]["item"].get<std::string>(), to_string(seat));
  CAF_CHECK_EQUAL(rows[0]["fence"].get<int>(), 9);
  CAF_CHECK_EQUAL(rows[1]["what"].get<std::string>(), "payment refused");
  CAF_CHECK(rows[1]["item"].is_null());
}

CAF_TEST(what a node does not know it does not tell as a part) {
  auto none = attempts_told(node, attempts_of_seat(node, seat));
  CAF_CHECK(none.parts.empty());
  CAF_CHECK(!tells_of_attempts(none));
  CAF_CHECK_EQUAL(none.notes.size(), 1u);
  log.note(attempt_subject::of(seat), refused("seat_held"));
  auto some = attempts_told(node, attempts_of_seat(node, seat));
  CAF_CHECK(tells_of_attempts(some));
  node.attempts = nullptr;
  CAF_CHECK(attempts_of_seat(node, seat).rows.empty());
  CAF_CHECK(attempts_of_reservation(node, wish).rows.empty());
}

CAF_TEST_FIXTURE_SCOPE_END()
