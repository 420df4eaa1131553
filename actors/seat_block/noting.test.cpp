#define CAF_SUITE seat_block_noting
#include "supervisors/attempt_log.hpp"

#include "caf/test/dsl.hpp"

#include "tests/support/node_rig.hpp"

using namespace tk;
using namespace tk::rig;

namespace {

const user_id alice = user_no(1), bob = user_no(2);

struct fixture : node_rig {
  attempt_log log;
  fixture() {
    node.attempts = &log;
    open_sale();
  }

  std::vector<attempt> of(seat_id x) const { return log.about(attempt_subject::of(x)).attempts; }
  std::vector<attempt> of(reservation_id x) const {
    return log.about(attempt_subject::of(x)).attempts;
  }
};

verdict said(outcome is) {
  verdict out;
  out.is = is;
  return out;
}

/// "what fate why", for comparing.
std::string text_of(const attempt& x) {
  auto out = std::string{to_string(x.what)} + ' ' + std::string{to_string(x.fate)};
  return x.why.empty() ? out : out + ' ' + std::string{x.why};
}

} // namespace

CAF_TEST_FIXTURE_SCOPE(seat_block_noting_tests, fixture)

CAF_TEST(a hold leaves its claim with the fence it got) {
  auto x = reserve(alice, {want(0, 1)});
  auto found = of(seat_no(0, 1));
  CAF_REQUIRE_EQUAL(found.size(), 1u);
  CAF_CHECK_EQUAL(text_of(found[0]), "claim taken");
  CAF_CHECK(found[0].user == alice);
  CAF_CHECK(found[0].reservation == x->value.id);
  CAF_CHECK(found[0].first_at == now());
  CAF_CHECK_EQUAL(found[0].fence, x->value.items[0].fence);
}

CAF_TEST(who came second is noted with the reason and the one who was refused) {
  reserve(alice, {want(0, 1)});
  pass(millis{10});
  auto y = reserve(bob, {want(0, 1), want(0, 2)});
  CAF_CHECK(y->value.is == ec::seat_held);
  auto found = of(seat_no(0, 1));
  CAF_REQUIRE_EQUAL(found.size(), 2u);
  CAF_CHECK_EQUAL(text_of(found[1]), "hold refused seat_held");
  CAF_CHECK(found[1].user == bob);
  CAF_CHECK(!found[1].of_others);
  CAF_CHECK_EQUAL(found[1].block_no, 0);
  auto beside = of(seat_no(0, 2)); // It was free: the wish failed for the other one.
  CAF_REQUIRE_EQUAL(beside.size(), 1u);
  CAF_CHECK_EQUAL(text_of(beside[0]), "hold refused seat_held");
  CAF_CHECK(beside[0].of_others);
}

CAF_TEST(of two blocks each notes its own items) {
  reserve(alice, {want(1, 1)});
  reserve(bob, {want(0, 1), want(1, 1)});
  auto led = of(seat_no(0, 1));
  CAF_REQUIRE_EQUAL(led.size(), 2u);
  CAF_CHECK_EQUAL(text_of(led[0]), "claim taken");
  CAF_CHECK_EQUAL(text_of(led[1]), "hold refused seat_held");
  CAF_CHECK(led[1].of_others);
  auto other = of(seat_no(1, 1));
  CAF_REQUIRE_EQUAL(other.size(), 2u);
  CAF_CHECK_EQUAL(text_of(other[1]), "claim refused seat_held");
  CAF_CHECK_EQUAL(other[1].block_no, 1);
}

CAF_TEST(a claim for a wish that fails further on is noted as given up) {
  reserve(alice, {want(2, 1)});
  reserve(bob, {want(0, 1), want(1, 1), want(2, 1)});
  auto found = of(seat_no(1, 1));
  CAF_REQUIRE_EQUAL(found.size(), 2u);
  CAF_CHECK_EQUAL(text_of(found[0]), "claim taken");
  CAF_CHECK_EQUAL(text_of(found[1]), "claim given up");
  CAF_CHECK(found[0].reservation == found[1].reservation);
}

CAF_TEST(a fence of the ledger is noted in its own words) {
  st.answers = {said(outcome::fenced)};
  reserve(alice, {want(0, 1)});
  auto found = of(seat_no(0, 1));
  CAF_REQUIRE(found.size() >= 2u);
  CAF_CHECK_EQUAL(text_of(found[1]), "hold refused fenced");
  CAF_CHECK(found[1].user == alice);
}

CAF_TEST(what nobody knows of is noted as unknown) {
  st.fates = {fate::lost_after};
  reserve(alice, {want(0, 1)});
  auto found = of(seat_no(0, 1));
  CAF_REQUIRE(found.size() >= 2u);
  CAF_CHECK_EQUAL(text_of(found[1]), "hold unknown");
}

CAF_TEST(the limit of holds is refused by the session and noted for the seat) {
  reserve(alice, {want(0, 1), want(0, 2), want(0, 3), want(0, 4)});
  auto x = reserve(alice, {want(0, 5)});
  CAF_CHECK(x->value.is == ec::hold_limit);
  auto found = of(seat_no(0, 5));
  CAF_REQUIRE(!found.empty());
  CAF_CHECK_EQUAL(text_of(found.back()), "hold refused hold_limit");
  CAF_CHECK_EQUAL(found.back().block_no, unplaced);
  CAF_CHECK(found.back().user == alice);
}

CAF_TEST(a release that is refused is noted with the reservation) {
  auto x = reserve(alice, {want(0, 1)});
  auto held = request<seat_block_actor>(key_of(event_no(1), 0), release_hold{x->value.id, bob, {}});
  CAF_CHECK(held->value.is == ec::reservation_unknown);
  auto found = of(x->value.id);
  CAF_REQUIRE_EQUAL(found.size(), 1u);
  CAF_CHECK_EQUAL(text_of(found[0]), "release refused reservation_unknown");
  CAF_CHECK(found[0].user == bob);
  cancel(alice, x->value.id);
  CAF_CHECK_EQUAL(of(x->value.id).size(), 1u); // What is done has rows.
}

CAF_TEST(a payment that came after the end is noted with the reservation) {
  auto x = reserve(alice, {want(0, 1)});
  pin_hold pin;
  pin.id = x->value.id;
  pin.attempt = {1, 1};
  st.answers = {said(outcome::expired)};
  auto told = request<seat_block_actor>(key_of(event_no(1), 0), pin);
  CAF_CHECK(told->value.is != ec::ok);
  auto found = of(x->value.id);
  CAF_REQUIRE_EQUAL(found.size(), 1u);
  CAF_CHECK_EQUAL(text_of(found[0]), "payment refused expired");
}

CAF_TEST(a node without such a memory decides all the same) {
  node.attempts = nullptr;
  auto x = reserve(alice, {want(0, 1)});
  CAF_CHECK(x->value.is == ec::ok);
  CAF_CHECK(reserve(bob, {want(0, 1)})->value.is == ec::seat_held);
}

CAF_TEST_FIXTURE_SCOPE_END()
