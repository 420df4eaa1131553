#define CAF_SUITE ledger_contract_accounts

#include <algorithm>

#include "tests/integration/ledger_fixture.hpp"

using namespace tk;
using namespace std::chrono_literals;

namespace {

struct fixture : test::order_fixture {
  /// A family that is on record.
  open_family opened() {
    auto x = family();
    does(x);
    return x;
  }

  rotate_token next_of(const open_family& x) { return next_of(x, x.token_hash); }
  rotate_token next_of(const open_family& x, const std::string& hash) {
    return {user, x.family, hash, fresh_hash(), 604'800, at(session_shard)};
  }

  int32_t generation(const open_family& x) { return world->family(x.family)->generation; }
  bool ended(const open_family& x) { return world->family(x.family)->revoked; }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(ledger_contract_accounts_cases, fixture)

CAF_TEST(open family ok and done and fenced) {
  const auto x = opened();
  const auto rows = world->families(user);
  CAF_REQUIRE_EQUAL(rows.size(), 1u);
  CAF_CHECK(rows[0].id == x.family);
  CAF_CHECK_EQUAL(rows[0].token_hash, x.token_hash);
  CAF_CHECK(!rows[0].revoked);
  CAF_CHECK(rows[0].expires_at > world->now() + std::chrono::hours(167));
  CAF_CHECK(rows[0].expires_at <= world->now() + std::chrono::hours(168));
  const auto other = family();
  take_over(session_shard);
  refused(x, outcome::done);
  refused(other, outcome::fenced);
}

CAF_TEST(revoke ends the families that are on record and no later one) {
  const auto x = opened();
  CAF_CHECK(world->revoked_before(user) == instant{});
  const auto earliest = world->now();
  const auto v = judge({ending()}).front();
  CAF_REQUIRE_EQUAL(v.is, outcome::ok);
  CAF_CHECK(v.at >= earliest - 1ms);
  CAF_CHECK(v.at <= world->now() + 1ms);
  CAF_CHECK(world->revoked_before(user) == v.at);
  CAF_CHECK(world->families(user).at(0).revoked);
  // C32: a log-in right after a log-out works, and hears what its tokens must be younger than.
  const auto login = judge({family()}).front();
  CAF_REQUIRE_EQUAL(login.is, outcome::ok);
  CAF_CHECK(login.at == v.at);
  const auto rows = world->families(user);
  const auto live = std::count_if(rows.begin(), rows.end(), [](auto& y) { return !y.revoked; });
  CAF_CHECK_EQUAL(live, 1);
}

CAF_TEST(revoke again is ok and never falls) {
  const auto first = judge({ending()}).front();
  const auto second = judge({ending()}).front();
  CAF_CHECK_EQUAL(second.is, outcome::ok);
  CAF_CHECK(second.at >= first.at);
}

CAF_TEST(revoke fenced) {
  const auto x = opened();
  const auto end = ending();
  take_over(session_shard);
  refused(end, outcome::fenced);
  CAF_CHECK(world->revoked_before(user) == instant{});
  CAF_CHECK(!world->families(user).at(0).revoked);
}

CAF_TEST(a family remembers where it was opened and ends the one it follows) {
  auto x = family();
  x.user_agent = "Browser";
  x.address = "192.0.2.1";
  x.life_s = 3600;
  does(x);
  const auto row = world->family(x.family);
  CAF_REQUIRE(row);
  CAF_CHECK(row->user_agent == "Browser");
  CAF_CHECK(row->address == "192.0.2.1");
  CAF_CHECK(row->expires_at <= world->now() + 1h);
  CAF_CHECK(world->families(user).at(0).expires_at <= world->now() + 1h);
  auto next = family();
  next.ends = x.family;
  does(next);
  CAF_CHECK(ended(x));
  CAF_CHECK(!ended(next));
  ends(next_of(x), outcome::not_pending);
}

CAF_TEST(a family of somebody else is not ended) {
  const auto theirs = opened();
  user = fresh<user_id>();
  world->add_user(user);
  auto mine = family();
  mine.ends = theirs.family;
  does(mine);
  CAF_CHECK(!ended(theirs));
}

CAF_TEST(credentials that changed since they were verified open nothing) {
  auto x = family();
  x.credentials = world->credentials(user).number;
  auto change = ending();
  change.new_hash = "new";
  world->set_password(user, "old");
  change.old_hash = "old";
  does(change);
  refused(x, outcome::moved);
  x.credentials = world->credentials(user).number;
  does(x);
}

CAF_TEST(a refresh token is used once) {
  const auto x = opened();
  const auto first = next_of(x);
  const auto v = judge({first}).front();
  CAF_REQUIRE_EQUAL(v.is, outcome::ok);
  CAF_CHECK(v.at == instant{});
  CAF_CHECK(v.expires_at > world->now() + std::chrono::hours(167));
  CAF_CHECK(generation(x) == 2);
  does(next_of(x, first.next_hash));
  CAF_CHECK(generation(x) == 3);
}

CAF_TEST(P3 C31 a token that was used before ends its family and no other) {
  const auto other = opened(), x = opened();
  const auto first = next_of(x);
  does(first);
  world->age_rotation(x.family, std::chrono::seconds(refresh_grace_s) + 1s);
  const auto earliest = world->now();
  const auto v = judge({next_of(x)}).front();
  CAF_REQUIRE_EQUAL(v.is, outcome::reused);
  CAF_CHECK(ended(x));
  CAF_CHECK(!ended(other));
  CAF_CHECK(v.at >= earliest - 1ms); // H-22g: access tokens are refused, too.
  CAF_CHECK(world->revoked_before(user) == v.at);
  refused(next_of(x, first.next_hash), outcome::not_pending); // The thief's or the owner's.
  does(next_of(other));
}

CAF_TEST(a family that has ended is not revoked again by the same theft) {
  const auto x = family();
  const auto first = next_of(x);
  judge({x});
  does(first);
  world->age_rotation(x.family, 1min);
  const auto stolen = next_of(x);
  const auto v = judge({stolen}).front();
  world->wait_past(v.at + 2ms);
  const auto again = judge({stolen}).front(); // A lost batch that is sent again.
  CAF_CHECK_EQUAL(again.is, outcome::reused);
  CAF_CHECK(again.at == v.at);
  CAF_CHECK(world->revoked_before(user) == v.at);
}

CAF_TEST(D13 the predecessor gets a token of the same generation within the grace) {
  const auto x = opened();
  const auto first = next_of(x);
  const auto second = next_of(x);
  does(first);
  does(second);
  CAF_CHECK(generation(x) == 2);
  // Either may go on. Who is second after the grace is a thief, or was robbed.
  does(next_of(x, second.next_hash));
  world->age_rotation(x.family, 11s);
  ends(next_of(x, first.next_hash), outcome::reused);
  CAF_CHECK(ended(x));
}

CAF_TEST(D13 the grace is of the immediate predecessor only) {
  const auto x = opened();
  const auto first = next_of(x);
  does(first);
  does(next_of(x, first.next_hash));
  ends(next_of(x), outcome::reused);
  CAF_CHECK(ended(x));
}

CAF_TEST(D13 both tabs in one batch are two tokens of one generation) {
  const auto x = opened();
  const auto first = next_of(x);
  const auto second = next_of(x);
  judged({first, second}, {outcome::ok, outcome::ok});
  CAF_CHECK(generation(x) == 2);
  judged({next_of(x, first.next_hash), next_of(x)},
         {outcome::ok, outcome::ok}); // The current, and the one before.
  CAF_CHECK(generation(x) == 3);
  does(next_of(x, second.next_hash));
}

CAF_TEST(P4 a token that is not on record is refused and ends nothing) {
  const auto x = opened();
  refused(next_of(x, fresh_hash()), outcome::not_pending);
  auto foreign = next_of(x);
  foreign.user = fresh<user_id>();
  world->add_user(foreign.user);
  refused(foreign, outcome::not_pending);
  auto mixed = next_of(x);
  mixed.family = fresh<family_id>();
  refused(mixed, outcome::not_pending);
  CAF_CHECK(!ended(x));
}

CAF_TEST(a refresh after the end of the token or of its family is refused) {
  auto brief = family();
  brief.ttl_s = 1;
  auto old = family();
  old.life_s = 1;
  judge({brief, old});
  auto longer = next_of(old);
  longer.ttl_s = 3600;
  does(longer);
  world->wait_past(world->now() + 1100ms);
  refused(next_of(brief), outcome::not_pending);
  refused(next_of(old, longer.next_hash), outcome::not_pending);
}

CAF_TEST(a rotation is fenced and its second run is the look_up) {
  const auto x = opened();
  const auto first = next_of(x);
  const auto late = next_of(x);
  does(first);
  take_over(session_shard);
  refused(first, outcome::done);
  refused(late, outcome::fenced);
}

CAF_TEST(a token made in the batch of its revocation is revoked with it) {
  const auto x = opened();
  const auto next = next_of(x);
  judged({ending(), next}, {outcome::ok, outcome::ok});
  CAF_CHECK(ended(x));
  for (const auto& y : world->families(user)) CAF_CHECK(y.revoked);
}

CAF_TEST(a change of the password keeps one family and happens once) {
  const auto mine = opened(), other = opened();
  world->set_password(user, "old");
  const auto before = world->credentials(user).number;
  auto change = ending();
  change.keep = mine.family;
  change.old_hash = "other";
  change.new_hash = "new";
  refused(change, outcome::moved);
  change.old_hash = "old";
  const auto v = judge({change}).front();
  CAF_REQUIRE_EQUAL(v.is, outcome::ok);
  CAF_CHECK(world->revoked_before(user) == v.at);
  CAF_CHECK(!ended(mine));
  CAF_CHECK(ended(other));
  CAF_CHECK(world->credentials(user).password_hash == "new");
  CAF_CHECK(world->credentials(user).number == before + 1);
  take_over(session_shard);
  const auto again = judge({change}).front();
  CAF_CHECK_EQUAL(again.is, outcome::done);
  CAF_CHECK(again.at == v.at);
  CAF_CHECK(world->credentials(user).number == before + 1);
}

CAF_TEST(one family ends alone and access tokens with it) {
  const auto mine = opened(), other = opened();
  auto end = ending();
  end.only = other.family;
  const auto v = judge({end}).front();
  CAF_REQUIRE_EQUAL(v.is, outcome::ok);
  CAF_CHECK(world->revoked_before(user) == v.at);
  CAF_CHECK(ended(other));
  CAF_CHECK(!ended(mine));
  refused(end, outcome::done);
  end.only = fresh<family_id>();
  refused(end, outcome::not_pending);
}

CAF_TEST(a closed account has no session and gets none) {
  const auto x = opened();
  auto end = ending();
  end.close = true;
  does(end);
  CAF_CHECK(ended(x));
  CAF_CHECK(world->credentials(user).closed);
  refused(family(), outcome::not_pending);
  refused(end, outcome::done);
}

CAF_TEST_FIXTURE_SCOPE_END()
