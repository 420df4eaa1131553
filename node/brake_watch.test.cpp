#define CAF_SUITE brake_watch
#include "node/brake_watch.hpp"

#include <caf/all.hpp>

#include "caf/test/dsl.hpp"

#include "supervisors/reply_once.hpp"

using namespace tk;

namespace {

struct table {
  std::vector<sales_brake> on;
  instant now = from_ms(1'800'000'000'000);
  bool away = false;
};

caf::behavior rows(caf::event_based_actor*, table* of) {
  return {[of](const list_brakes&) -> caf::result<brakes_told> {
    if (of->away) return tk::make_error(ec::unavailable);
    return brakes_told{false, true, of->on, of->now};
  }};
}

struct fixture : test_coordinator_fixture<> {
  table record;
  brake_list list;
  int loaded = 0;
  caf::actor from = sys.spawn(rows, &record);
  caf::actor watch;
  event_id event{1, 1};

  void start() {
    watch = spawn_brake_watch(sys, caf::actor_cast<brakes_actor>(from), list, [this] { ++loaded; });
    consume_messages();
  }
  ~fixture() {
    caf::anon_send_exit(watch, caf::exit_reason::user_shutdown);
    caf::anon_send_exit(from, caf::exit_reason::user_shutdown);
    consume_messages();
  }
  void pass_a_second() {
    record.now += millis{1000};
    advance_time(millis{1000});
    consume_messages();
  }
  void stop() {
    auto& x = record.on.emplace_back();
    x.id = {1, 2};
    x.what = brake_on::all;
    x.reason = "why";
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(brake_watch_tests, fixture)

CAF_TEST(what was stopped before the start is known before anybody is served) {
  stop();
  start();
  CAF_CHECK_EQUAL(loaded, 1);
  CAF_CHECK(list.stops(brake_on::holds, event));
}

CAF_TEST(what another node stops and releases is known a second later) {
  start();
  CAF_CHECK(!list.stops(brake_on::holds, event));
  stop();
  pass_a_second();
  CAF_CHECK(list.stops(brake_on::holds, event));
  record.on.clear();
  pass_a_second();
  CAF_CHECK(!list.stops(brake_on::holds, event));
  CAF_CHECK_EQUAL(loaded, 1);
}

CAF_TEST(while the database is away what was read last counts) {
  stop();
  start();
  record.away = true;
  for (int i = 0; i < 10; ++i) pass_a_second();
  CAF_CHECK(list.stops(brake_on::payments, event));
  record.away = false;
  record.on.clear();
  pass_a_second();
  CAF_CHECK(!list.stops(brake_on::payments, event));
}

CAF_TEST(nobody is told that it is known before it is) {
  record.away = true;
  start();
  pass_a_second();
  CAF_CHECK_EQUAL(loaded, 0);
  record.away = false;
  pass_a_second();
  CAF_CHECK_EQUAL(loaded, 1);
}

CAF_TEST_FIXTURE_SCOPE_END()
