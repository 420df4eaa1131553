#define CAF_SUITE revocation_watch
#include "node/revocation_watch.hpp"

#include <algorithm>
#include <vector>

#include <caf/all.hpp>

#include "caf/test/dsl.hpp"

#include "supervisors/reply_once.hpp"

using namespace tk;

namespace {

struct moving_clock : wall_clock {
  instant at = from_ms(1'800'000'000'000);
  [[nodiscard]] instant now() const override { return at; }
};

/// A table of users, of which nothing can be read when told so.
struct table {
  std::vector<revocation_row> rows;
  bool away = false;
  int asked = 0;
};

caf::behavior store(caf::event_based_actor*, table* of) {
  return {[of](const list_revocations& x) -> caf::result<revocation_page> {
    ++of->asked;
    if (of->away) return tk::make_error(ec::unavailable);
    auto key = [](const revocation_row& y) { return std::pair{y.revoked_before, y.user}; };
    std::ranges::sort(of->rows, {}, key);
    revocation_page out;
    for (auto& y : of->rows)
      if (key(y) > std::pair{x.since, x.after} && out.rows.size() < static_cast<size_t>(x.limit))
        out.rows.push_back(y);
    return out;
  }};
}

struct fixture : test_coordinator_fixture<> {
  moving_clock clock;
  table users;
  revocation_list list;
  int loaded = 0;
  caf::actor from = sys.spawn(store, &users);
  caf::actor watch;

  void start(int32_t page_max = 1000) {
    revocation_watch_config config;
    config.page_max = page_max;
    watch = spawn_revocation_watch(sys, caf::actor_cast<store_actor>(from), list, clock, config,
                                   [this] { ++loaded; });
    consume_messages();
  }
  ~fixture() {
    caf::anon_send_exit(watch, caf::exit_reason::user_shutdown);
    caf::anon_send_exit(from, caf::exit_reason::user_shutdown);
    consume_messages();
  }
  void pass(millis x) {
    clock.at += x;
    advance_time(x);
    consume_messages();
  }
  void revoke(uint64_t user, instant at) { users.rows.push_back({user_id{user, user}, at}); }
  [[nodiscard]] bool refused(uint64_t user, instant issued) const {
    return list.refuses(user_id{user, user}, issued);
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(revocation_watch_tests, fixture)

CAF_TEST(the first look covers the life of a token) {
  auto noon = clock.at;
  revoke(1, noon - millis{1'799'000});
  revoke(2, noon - millis{3'600'000});
  start();
  CAF_CHECK_EQUAL(loaded, 1);
  CAF_CHECK(refused(1, noon - millis{1'799'000}));
  CAF_CHECK(!refused(1, noon));
  CAF_CHECK(!refused(2, noon - millis{3'600'000})); // Such a token has run out.
}

CAF_TEST(what another node revokes is known a second later) {
  start();
  pass(millis{100'000});
  revoke(1, clock.at);
  revoke(2, clock.at - millis{20'000}); // Committed late.
  CAF_CHECK(!refused(1, clock.at));
  pass(millis{1000});
  CAF_CHECK(refused(1, clock.at - millis{1000}));
  CAF_CHECK(refused(2, clock.at - millis{21'000}));
  CAF_CHECK_EQUAL(loaded, 1);
}

CAF_TEST(it reads page by page and loses nobody of one moment) {
  for (uint64_t i = 1; i <= 25; ++i) revoke(i, clock.at - millis{i < 20 ? 500 : 400});
  start(4);
  CAF_CHECK_EQUAL(loaded, 1);
  CAF_CHECK_EQUAL(users.asked, 7);
  CAF_CHECK_EQUAL(list.size(), 25u);
}

CAF_TEST(nobody is served before the first look succeeds) {
  users.away = true;
  revoke(1, clock.at - millis{1'000'000});
  start();
  pass(millis{1000});
  CAF_CHECK_EQUAL(loaded, 0);
  users.away = false;
  pass(millis{1000});
  CAF_CHECK_EQUAL(loaded, 1);
  CAF_CHECK(refused(1, clock.at - millis{1'002'000}));
}

CAF_TEST(what was revoked while the database was away is found later) {
  start();
  users.away = true;
  revoke(1, clock.at);
  pass(millis{1000});
  for (int i = 0; i < 200; ++i) pass(millis{1000});
  CAF_CHECK(!refused(1, clock.at - millis{201'000}));
  users.away = false;
  pass(millis{1000});
  CAF_CHECK(refused(1, clock.at - millis{202'000}));
}

CAF_TEST_FIXTURE_SCOPE_END()
