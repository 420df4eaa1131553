#define CAF_SUITE ledger_contract_keys

#include "tests/integration/ledger_fixture.hpp"

using namespace tk;

namespace {

struct fixture : test::world_fixture {
  claim_key claiming(const std::string& digest = "this") {
    return {user, "payments.confirm", "key-1", digest, fresh<effect_id>(), {}};
  }

  /// What the key names after `x`, which must end as `expected`.
  effect_id named_by(const claim_key& x, outcome expected) {
    return judged({x}, {expected}).front().effect;
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(ledger_contract_keys_cases, fixture)

CAF_TEST(a key names its effect from the first claim on) {
  const auto first = claiming();
  CAF_CHECK(named_by(first, outcome::ok) == first.effect);
  const auto made = world->counts();
  CAF_CHECK(named_by(first, outcome::ok) ==
            first.effect); // The same op again: its answer was lost.
  CAF_CHECK(named_by(claiming(), outcome::replayed) == first.effect);
  CAF_CHECK(world->counts() == made);
}

CAF_TEST(a key that was used for something else is refused and keeps its effect) {
  const auto first = claiming();
  does(first);
  refused(claiming("that"), outcome::conflict);
  auto moving = claiming("that");
  moving.instead_of = first.effect;
  refused(moving, outcome::conflict);
  CAF_CHECK(named_by(claiming(), outcome::replayed) == first.effect);
}

CAF_TEST(another user and another operation and another key are new) {
  const auto first = claiming();
  does(first);
  auto stranger = claiming("that"), elsewhere = claiming("that"), second = claiming("that");
  stranger.user = fresh<user_id>();
  world->add_user(stranger.user);
  elsewhere.operation = "payments.cancel";
  second.key = "key-2";
  for (const auto& x : {stranger, elsewhere, second})
    CAF_CHECK(named_by(x, outcome::ok) == x.effect);
  CAF_CHECK(named_by(claiming(), outcome::replayed) == first.effect);
}

CAF_TEST(an effect of which nothing came is replaced once) {
  const auto first = claiming();
  does(first);
  auto second = claiming(), third = claiming();
  second.instead_of = third.instead_of = first.effect;
  CAF_CHECK(named_by(second, outcome::ok) == second.effect);
  CAF_CHECK(named_by(third, outcome::replayed) == second.effect);
  third.instead_of = second.effect;
  CAF_CHECK(named_by(third, outcome::ok) == third.effect);
}

CAF_TEST(twins of one batch: the first makes or moves the row) {
  const auto first = claiming(), second = claiming(), other = claiming("that");
  auto v = judged({first, second, other}, {outcome::ok, outcome::replayed, outcome::conflict});
  for (const auto& x : v) CAF_CHECK(x.effect == first.effect);
  auto moving = claiming(), late = claiming();
  moving.instead_of = late.instead_of = first.effect;
  v = judged({first, late}, {outcome::ok, outcome::replayed});
  CAF_CHECK(v[1].effect == first.effect);
  v = judged({moving, late}, {outcome::ok, outcome::replayed});
  CAF_CHECK(v[1].effect == moving.effect);
}

CAF_TEST(many keys in one batch in any order) {
  std::vector<op> ops;
  std::vector<outcome> expected;
  for (int i = 9; i >= 0; --i) {
    auto x = claiming();
    x.key = "key-" + std::to_string(i % 5);
    ops.emplace_back(x);
    expected.push_back(i >= 5 ? outcome::ok : outcome::replayed);
  }
  const auto v = judged(std::move(ops), expected);
  for (size_t i = 0; i < 5; ++i) CAF_CHECK(v[i].effect == v[i + 5].effect);
}

CAF_TEST(nobody has no keys) {
  auto x = claiming();
  x.user = fresh<user_id>();
  refused(x, outcome::not_pending);
  auto good = claiming();
  judged({x, good}, {outcome::not_pending, outcome::ok});
}

CAF_TEST_FIXTURE_SCOPE_END()
