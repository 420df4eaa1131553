#define CAF_SUITE linearizability

#include <caf/test/dsl.hpp>

#include "tests/simulation/linearizability.hpp"

using namespace tk;
using namespace tk::sim;

namespace {

using ops = std::vector<seat_op>;

seat_op done(seat_act what, uint32_t whose, int64_t from, int64_t until) {
  return {what, whose, from_ms(from), from_ms(until)};
}
seat_op open(seat_act what, uint32_t whose, int64_t from) {
  return {what, whose, from_ms(from), std::nullopt};
}
consistency verdict_of(const ops& x) { return check_seat(x).is; }

constexpr auto take = seat_act::take, cancel = seat_act::give_back, lapse = seat_act::lapse,
               sell = seat_act::sell, refund = seat_act::refund, mine = seat_act::see_mine,
               held = seat_act::see_held, sold = seat_act::see_sold, vacant = seat_act::see_free;

} // namespace

CAF_TEST(an empty history holds) { CAF_CHECK(verdict_of({}) == consistency::holds); }

CAF_TEST(one after the other holds) {
  ops x{done(take, 1, 0, 10),   done(cancel, 1, 20, 30), done(take, 2, 40, 50),
        done(sell, 2, 60, 70),  done(sold, 3, 80, 90),   done(refund, 2, 100, 110),
        done(take, 3, 120, 130)};
  CAF_CHECK(verdict_of(x) == consistency::holds);
}

CAF_TEST(a seat taken twice is broken) {
  ops x{done(take, 1, 0, 10), done(take, 2, 5, 15)};
  auto out = check_seat(x);
  CAF_CHECK(out.is == consistency::broken);
  CAF_CHECK_EQUAL(out.culprit, 1u);
}

CAF_TEST(two takes hold when the first one may have been given back between them) {
  CAF_CHECK(verdict_of({done(take, 1, 0, 10), done(cancel, 1, 5, 30), done(take, 2, 20, 40)}) ==
            consistency::holds);
  CAF_CHECK(verdict_of({done(take, 1, 0, 10), done(take, 2, 20, 40), done(cancel, 1, 50, 60)}) ==
            consistency::broken);
}

CAF_TEST(a hold that may have run out frees its seat and not before) {
  CAF_CHECK(verdict_of({done(take, 1, 0, 10), open(lapse, 1, 30), done(take, 2, 25, 35)}) ==
            consistency::holds);
  CAF_CHECK(verdict_of({done(take, 1, 0, 10), open(lapse, 1, 36), done(take, 2, 25, 35)}) ==
            consistency::broken);
}

CAF_TEST(an unanswered take may land) {
  // Only it explains that the seat is held.
  CAF_CHECK(verdict_of({open(take, 1, 0), done(held, 2, 20, 30)}) == consistency::holds);
  CAF_CHECK(verdict_of({open(take, 1, 31), done(held, 2, 20, 30)}) == consistency::broken);
}

CAF_TEST(an unanswered take may never land) {
  CAF_CHECK(verdict_of({open(take, 1, 0), done(take, 2, 20, 30), done(sell, 2, 40, 50)}) ==
            consistency::holds);
}

CAF_TEST(an unanswered take does not land twice) {
  // Once for the first answer, given back for the second one, and no more for the third.
  ops x{open(take, 1, 0), open(lapse, 1, 15), done(held, 2, 10, 12), done(vacant, 3, 20, 22)};
  CAF_CHECK(verdict_of(x) == consistency::holds);
  x.push_back(done(held, 4, 30, 32));
  CAF_CHECK(verdict_of(x) == consistency::broken);
}

CAF_TEST(nobody pays for what somebody else holds) {
  CAF_CHECK(verdict_of({done(take, 1, 0, 10), open(lapse, 1, 12), done(take, 2, 20, 30),
                        done(sell, 1, 40, 50)}) == consistency::broken);
  CAF_CHECK(verdict_of({done(take, 1, 0, 10), open(lapse, 1, 12), done(take, 2, 20, 60),
                        done(sell, 1, 15, 50)}) == consistency::broken);
  // The second one may have been the first: it was let go before.
  CAF_CHECK(verdict_of({done(take, 1, 0, 45), open(lapse, 2, 12), done(take, 2, 5, 60),
                        done(sell, 1, 15, 50)}) == consistency::holds);
}

CAF_TEST(a sold seat does not come back by time) {
  CAF_CHECK(verdict_of({done(take, 1, 0, 10), open(lapse, 1, 30), done(sell, 1, 12, 20),
                        done(take, 2, 40, 50)}) == consistency::broken);
}

CAF_TEST(a sale without an answer explains later answers) {
  ops x{done(take, 1, 0, 10), open(sell, 1, 20), done(sold, 2, 30, 40)};
  CAF_CHECK(verdict_of(x) == consistency::holds);
  x.push_back(done(take, 2, 50, 60));
  CAF_CHECK(verdict_of(x) == consistency::broken);
}

CAF_TEST(a cancellation frees what was held or sold) {
  CAF_CHECK(verdict_of({done(take, 1, 0, 10), done(sell, 1, 20, 30), done(cancel, 1, 40, 50),
                        done(take, 2, 60, 70)}) == consistency::holds);
  CAF_CHECK(verdict_of({done(cancel, 1, 40, 50)}) == consistency::broken);
}

CAF_TEST(ones own hold is seen while it is there) {
  CAF_CHECK(verdict_of({done(take, 1, 0, 10), done(mine, 1, 12, 14)}) == consistency::holds);
  CAF_CHECK(verdict_of({done(take, 1, 0, 10), done(cancel, 1, 11, 12), done(mine, 1, 13, 14)}) ==
            consistency::broken);
}

CAF_TEST(many unanswered operations stay cheap) {
  ops x;
  for (uint32_t n = 1; n <= 20; ++n) {
    x.push_back(open(take, n, n));
    x.push_back(open(lapse, n, n + 50));
    x.push_back(done(held, 1000, 300 + n, 310 + n));
  }
  auto out = check_seat(x);
  CAF_CHECK(out.is == consistency::holds);
  CAF_CHECK_LESS(out.most_states, 1'000u);
}

CAF_TEST(too many possibilities are called undecided) {
  ops x{open(take, 1, 0), open(take, 2, 0), open(take, 3, 0), done(held, 4, 1, 2)};
  CAF_CHECK(check_seat(x, 2).is == consistency::undecided);
}
