#define CAF_SUITE history

#include <caf/test/dsl.hpp>

#include "tests/simulation/history.hpp"
#include "tests/simulation/names.hpp"

using namespace tk;
using namespace tk::sim;

namespace {

constexpr millis ttl{1'000}, old{0};

reservation_id order(uint64_t n) { return {0, n}; }

told_hold wish(int32_t user, const std::string& key, int64_t asked, int64_t answered, ec is) {
  told_hold out;
  out.user = user_of(user);
  out.key = key;
  out.items = {{seat_of(0, 1), 0}};
  out.asked = from_ms(asked);
  out.answered = from_ms(answered);
  out.is = is;
  return out;
}

told_hold granted(int32_t user, const std::string& key, uint64_t id, int64_t asked,
                  int64_t answered) {
  auto out = wish(user, key, asked, answered, ec::ok);
  out.id = order(id);
  out.pending = true;
  out.expires_at = from_ms(asked) + ttl;
  held_item item;
  item.seat = seat_of(0, 1);
  out.made = {item};
  return out;
}

told_change change(uint64_t id, ec is, int64_t asked, int64_t answered) {
  return {order(id), is, from_ms(asked), from_ms(answered)};
}

} // namespace

CAF_TEST(two live holds of a seat are not explained) {
  history x{ttl};
  x.heard(granted(1, "a", 1, 0, 10));
  x.heard(granted(2, "b", 2, 20, 30));
  CAF_CHECK(!x.check(old).empty());
}

CAF_TEST(a hold after the end of another one is explained) {
  history x{ttl};
  x.heard(granted(1, "a", 1, 0, 10));
  x.heard(granted(2, "b", 2, 1'001, 1'005));
  CAF_CHECK(x.check(old).empty());
}

CAF_TEST(a wish that is told again by its key happened once) {
  history x{ttl};
  x.heard(wish(1, "a", 0, 10, ec::unknown));
  auto again = granted(1, "a", 1, 20, 30);
  again.replayed = true;
  x.heard(again);
  // It may have been made when it was asked for first, so before this one was told.
  auto refused = wish(2, "b", 12, 15, ec::seat_held);
  refused.refused = refused.items;
  x.heard(refused);
  CAF_CHECK(x.check(old).empty());
}

CAF_TEST(a hold that is told again was made when its end says) {
  history x{ttl};
  x.heard(wish(1, "a", 0, 10, ec::unknown));
  auto refused = wish(2, "b", 300, 310, ec::seat_held);
  refused.refused = refused.items;
  x.heard(refused);
  // Without a key, so nothing says that it is the same wish; the seat is theirs since 5.
  auto again = granted(1, "", 1, 500, 510);
  again.replayed = true;
  again.expires_at = from_ms(5) + ttl;
  x.heard(again);
  CAF_CHECK(x.check(old).empty());
  // Nobody else can have had it meanwhile.
  x.heard(granted(3, "c", 3, 400, 410));
  CAF_CHECK(!x.check(old).empty());
}

CAF_TEST(who asked for another wish by another key explains nothing) {
  history x{ttl};
  auto refused = wish(2, "b", 12, 15, ec::seat_held);
  refused.refused = refused.items;
  x.heard(refused);
  x.heard(wish(1, "a", 16, 20, ec::unknown));
  CAF_CHECK(!x.check(old).empty());
  CAF_CHECK(!x.check(millis{5}).empty());
}

CAF_TEST(a refusal may be as old as is said) {
  history x{ttl};
  x.heard(granted(1, "a", 1, 0, 10));
  x.heard_cancel(change(1, ec::ok, 20, 30));
  auto refused = wish(2, "b", 50, 60, ec::seat_held);
  refused.refused = refused.items;
  x.heard(refused);
  CAF_CHECK(!x.check(old).empty());
  CAF_CHECK(x.check(millis{20}).empty());
}

CAF_TEST(a hold is shown as free a moment before its end and not earlier) {
  auto verdict_of = [](int64_t at) {
    history x{ttl};
    x.heard(granted(1, "a", 1, 0, 10));
    told_map seen;
    seen.seats = {0};
    seen.at = from_ms(at);
    seen.current = true;
    CAF_CHECK_EQUAL(x.saw(seen), "");
    return x.check(old);
  };
  auto end = ttl.count();
  CAF_CHECK(verdict_of(end - 2).empty());
  CAF_CHECK(verdict_of(end + 2).empty());
  CAF_CHECK(!verdict_of(end / 2).empty());
}

CAF_TEST(a sale to one while another one is told that it pays for it is not explained) {
  history x{ttl};
  x.heard(granted(1, "a", 1, 0, 10));
  x.heard_payment(change(1, ec::ok, 20, 30));
  CAF_CHECK(x.check(old).empty());
  x.heard(granted(2, "b", 2, 2'000, 2'010));
  CAF_CHECK(!x.check(old).empty());
}

CAF_TEST(a sale whose answer was lost may have happened) {
  history x{ttl};
  x.heard(granted(1, "a", 1, 0, 10));
  x.heard_payment(change(1, ec::unknown, 20, 30));
  auto refused = wish(2, "b", 50, 60, ec::seat_sold);
  refused.refused = refused.items;
  x.heard(refused);
  CAF_CHECK(x.check(old).empty());
}

CAF_TEST(who is told that it was cancelled before may have done it) {
  history x{ttl};
  x.heard(granted(1, "a", 1, 0, 10));
  x.heard_cancel(change(1, ec::already_cancelled, 20, 30));
  x.heard(granted(2, "b", 2, 40, 50));
  CAF_CHECK(x.check(old).empty());
}

CAF_TEST(what was refused may have happened by its twin) {
  history x{ttl};
  x.twins = true;
  x.heard(granted(1, "a", 1, 0, 10));
  x.heard_payment(change(1, ec::busy, 20, 30));
  auto refused = wish(2, "b", 50, 60, ec::seat_sold);
  refused.refused = refused.items;
  x.heard(refused);
  CAF_CHECK(x.check(old).empty());
}

CAF_TEST(what was refused has no effect) {
  history x{ttl};
  x.heard(granted(1, "a", 1, 0, 10));
  x.heard_payment(change(1, ec::payment_declined, 20, 30));
  auto refused = wish(2, "b", 50, 60, ec::seat_sold);
  refused.refused = refused.items;
  x.heard(refused);
  CAF_CHECK(!x.check(old).empty());
}

CAF_TEST(what was refused for coming late may have been made by its twin) {
  for (bool twins : {true, false}) {
    history x{ttl};
    x.twins = twins;
    x.heard(wish(1, "a", 0, 5'000, ec::unavailable)); // Its twin made it at once.
    auto late = granted(1, "a", 1, 5'010, 6'000);     // Told again, when it has run out.
    late.pending = false;
    x.heard(late);
    x.heard(granted(2, "b", 2, 5'500, 5'600));
    CAF_CHECK_EQUAL(x.check(old).empty(), twins);
  }
}
