#define CAF_SUITE model_timeline

#include "persistence/ledger/model_timeline.hpp"

#include <caf/test/dsl.hpp>

using namespace tk;

namespace {

const reservation_id hold{1, 1};
constexpr auto told_at = from_ms(1'800'000'000'000);

acknowledged_op told(op what) { return {std::make_shared<const op>(std::move(what)), told_at}; }

struct fixture {
  model_rows rows;
  void end(instant at) { rows.history.push_back({hold, "pending", "expired", {}, {}, "", "", at}); }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(model_timeline_tests, fixture)

CAF_TEST(an end that was told is found) {
  release_reservation x;
  x.id = hold;
  CAF_CHECK(!has_trace(rows, told(x)));
  end(told_at);
  CAF_CHECK(has_trace(rows, told(x)));
}

CAF_TEST(an end that another lane has made again on the new timeline proves nothing) {
  release_reservation x;
  x.id = hold;
  end(told_at + millis{5'000});
  CAF_CHECK(!has_trace(rows, told(x)));
}

CAF_TEST(an attempt that was begun or closed again proves nothing) {
  const attempt_id attempt{2, 2};
  begin_attempt begun;
  begun.id = attempt;
  complete_payment sold;
  sold.attempt = attempt;
  auto& row = rows.attempts[attempt];
  row.started_at = told_at;
  row.status = "approved";
  row.closed_at = told_at + millis{5'000};
  CAF_CHECK(has_trace(rows, told(begun)));
  CAF_CHECK(!has_trace(rows, told(sold)));
  row.closed_at = told_at;
  CAF_CHECK(has_trace(rows, told(sold)));
}

CAF_TEST(what leaves no trace is never found) { CAF_CHECK(!has_trace(rows, told(reread_items{}))); }

CAF_TEST_FIXTURE_SCOPE_END()
