#define CAF_SUITE event_actor

#include "actors/event/actor.hpp"

#include "tests/support/node_rig.hpp"

using namespace tk;
using namespace tk::rig;

CAF_TEST_FIXTURE_SCOPE(event_actor_tests, node_rig)

CAF_TEST(an event tells its board and publishes it) {
  auto x = request<event_actor>(key_of(event_no(1)), describe_event{});
  CAF_REQUIRE_EQUAL(x->count, 1);
  CAF_CHECK(x->value.event == event_no(1));
  CAF_CHECK(x->value.blocks == (std::vector<int32_t>{0, 1, 2}));
  CAF_CHECK(x->value.sale.sale_end == st.rows.events[event_no(1)].event_date);
  CAF_CHECK(x->value.owner == node.epochs.of(key_of(event_no(1))));
  auto board = boards.find_event(event_no(1));
  CAF_REQUIRE(board);
  CAF_CHECK(*board == x->value);
}

CAF_TEST(an unknown event is not started) {
  auto x = request<event_actor>(key_of(event_no(9)), describe_event{});
  CAF_CHECK(x->error == ec::event_unknown);
  CAF_CHECK_EQUAL(node.probe.events_active.load(), 0);
}

CAF_TEST(a restart within the same epoch has the newer board) {
  request<event_actor>(key_of(event_no(1)), describe_event{});
  auto first = boards.find_event(event_no(1));
  pass(millis{5});
  st.rows.events[event_no(1)].cancelled = true;
  end_entities();
  request<event_actor>(key_of(event_no(1)), describe_event{});
  auto second = boards.find_event(event_no(1));
  CAF_CHECK(second->version > first->version);
  CAF_CHECK(second->sale.cancelled);
}

CAF_TEST(whoever changes the row has it read again and everybody gets the board) {
  request<event_actor>(key_of(event_no(1)), describe_event{});
  auto first = boards.find_event(event_no(1));
  st.rows.events[event_no(1)].cancelled = true;
  auto x = request<event_actor>(key_of(event_no(1)), look_at_event{});
  CAF_REQUIRE(x->error == ec::ok);
  CAF_CHECK(x->value.sale.cancelled);
  auto second = boards.find_event(event_no(1));
  CAF_CHECK(second->version > first->version);
  CAF_CHECK(*second == x->value);
  st.reads_down = true;
  auto y = request<event_actor>(key_of(event_no(1)), look_at_event{});
  CAF_CHECK(y->error == ec::unavailable);
  CAF_CHECK(boards.find_event(event_no(1))->sale.cancelled);
}

CAF_TEST_FIXTURE_SCOPE_END()
