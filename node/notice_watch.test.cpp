#define CAF_SUITE notice_watch
#include "node/notice_watch.hpp"

#include <caf/all.hpp>

#include "caf/test/dsl.hpp"

#include "supervisors/reply_once.hpp"

using namespace tk;

namespace {

struct table {
  std::vector<notice> standing;
  instant now = from_ms(1'800'000'000'000);
  bool away = false;
};

caf::behavior rows(caf::event_based_actor*, table* of) {
  return {[of](const list_notices&) -> caf::result<notices_told> {
    if (of->away) return tk::make_error(ec::unavailable);
    return notices_told{notice_end::nothing, of->standing, of->now};
  }};
}

struct fixture : test_coordinator_fixture<> {
  table record;
  http::notice_board board;
  caf::actor from = sys.spawn(rows, &record);
  caf::actor watch;

  void start() {
    watch = spawn_notice_watch(sys, caf::actor_cast<notices_actor>(from), board);
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
  void write(uint64_t number) {
    auto& x = record.standing.emplace_back();
    x.id = {1, number};
    x.starts_at = record.now;
  }
  size_t shown() { return board.rows()->size(); }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(notice_watch_tests, fixture)

CAF_TEST(what another node writes and takes back is known a second later) {
  start();
  CAF_CHECK_EQUAL(shown(), 0u);
  CAF_CHECK(!board.told(record.now).empty());
  write(1);
  pass_a_second();
  CAF_CHECK_EQUAL(shown(), 1u);
  record.standing.clear();
  pass_a_second();
  CAF_CHECK_EQUAL(shown(), 0u);
}

CAF_TEST(while the database is away what was read last is told with its age) {
  write(1);
  start();
  auto heard = record.now;
  record.away = true;
  for (int i = 0; i < 10; ++i) pass_a_second();
  CAF_CHECK_EQUAL(shown(), 1u);
  CAF_CHECK(board.as_of() == heard);
  CAF_CHECK(board.told(record.now).find(R"("age_ms":10000)") != std::string::npos);
  record.away = false;
  record.standing.clear();
  pass_a_second();
  CAF_CHECK_EQUAL(shown(), 0u);
}

CAF_TEST(nothing is told before anything was heard) {
  record.away = true;
  start();
  pass_a_second();
  CAF_CHECK(board.told(record.now).empty());
  record.away = false;
  pass_a_second();
  CAF_CHECK(!board.told(record.now).empty());
}

CAF_TEST_FIXTURE_SCOPE_END()
