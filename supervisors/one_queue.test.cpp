#define CAF_SUITE one_queue

// One person waits for one event at a time (C8): real sessions and rooms on a node, over the
// ledger's model.

#include "actors/session/port.hpp"
#include "actors/waiting_room/port.hpp"
#include "tests/support/model_rig.hpp"

using namespace tk;
using namespace tk::rig;

namespace {

const event_id opera = event_no(1), circus = event_no(2);
const user_id alice = user_no(1), bob = user_no(2);

struct town : model_rig {
  town() {
    st.rows.add_event(circus, 1, 10, now());
    model.rows.events = st.rows.events;
    for (auto x : {alice, bob}) model.rows.users[x] = instant{};
    node.queue.threshold = 0; // Whoever comes waits.
  }

  auto ask_join(user_id user, event_id event, queue_ticket ticket = {}) {
    return send<session_actor>(key_of(user), join_queue{event, 0, ticket, true});
  }
  queue_reply join(user_id user, event_id event, queue_ticket ticket = {}) {
    auto out = ask_join(user, event, ticket);
    run();
    return told(out);
  }
  /// As the status of somebody who shows a ticket.
  queue_reply look(user_id user, event_id event, queue_ticket ticket) {
    return told(request<session_actor>(key_of(user), join_queue{event, 0, ticket, false}));
  }
  auto leave(user_id user, event_id event) {
    return request<waiting_room_actor>(room_key(event), leave_queue{user});
  }
  void steer(event_id event, queue_verb verb, int32_t value = 0) {
    told(request<waiting_room_actor>(room_key(event), steer_queue{verb, value, {}}));
  }
  /// The two of them wait there, so that it has numbers to give.
  void somebody_waits(event_id event) {
    CAF_REQUIRE(join(bob, event).state == queue_state::queued);
    wait(millis{500});
  }
  [[nodiscard]] bool waits(user_id user, event_id event) {
    return told(request<waiting_room_actor>(room_key(event), find_waiter{user})).waits;
  }
  [[nodiscard]] std::vector<user_id> on_record(event_id event) const {
    std::vector<user_id> out;
    for (auto& x : model.read(load_room{event}).waiting) out.push_back(x.user);
    return out;
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(one_queue_tests, town)

CAF_TEST(whoever waits for one event joins no other and keeps the place) {
  auto place = join(alice, opera);
  CAF_CHECK(place.state == queue_state::queued);
  auto elsewhere = join(alice, circus);
  CAF_CHECK(elsewhere.is == ec::queue_elsewhere);
  CAF_CHECK(!waits(alice, circus));
  CAF_CHECK(join(alice, opera).ticket == place.ticket);
  CAF_CHECK(join(alice, circus).is == ec::queue_elsewhere);
  CAF_CHECK(join(bob, circus).state == queue_state::queued); // Somebody else's matter.
}

CAF_TEST(of two joins at once exactly one gets in) {
  auto there = ask_join(alice, opera), here = ask_join(alice, circus);
  run();
  auto a = told(there), b = told(here);
  CAF_CHECK(a.state == queue_state::queued);
  CAF_CHECK(b.is == ec::queue_elsewhere);
  CAF_CHECK(waits(alice, opera) && !waits(alice, circus));
}

CAF_TEST(the same join twice at once is one place) {
  auto first = ask_join(alice, opera), second = ask_join(alice, opera);
  run();
  auto a = told(first), b = told(second);
  CAF_CHECK(a.state == queue_state::queued);
  CAF_CHECK(a.ticket == b.ticket);
}

CAF_TEST(leaving frees and so does a room that is cleared) {
  join(alice, opera);
  CAF_CHECK(leave(alice, opera)->came());
  CAF_CHECK(join(alice, circus).state == queue_state::queued);
  CAF_CHECK(join(alice, opera).is == ec::queue_elsewhere);
  steer(circus, queue_verb::clear);
  CAF_CHECK(join(alice, opera).state == queue_state::queued);
  CAF_CHECK(join(alice, circus).is == ec::queue_elsewhere);
}

CAF_TEST(whoever is let in may wait for another event) {
  join(alice, opera);
  steer(opera, queue_verb::set_threshold, 1);
  wait(millis{3000});
  CAF_CHECK(join(alice, opera).state == queue_state::active);
  CAF_CHECK(join(alice, circus).state == queue_state::queued);
  CAF_CHECK(join(alice, opera).state == queue_state::active); // The slot is still theirs.
  leave(alice, opera);
  CAF_CHECK(join(alice, opera).is == ec::queue_elsewhere); // It would be a new one.
}

CAF_TEST(a place that was swept and a slot that ran out free) {
  node.queue.stale_after = millis{60'000};
  join(alice, opera);
  CAF_CHECK(join(alice, circus).is == ec::queue_elsewhere);
  wait(millis{100'000});
  CAF_CHECK(!waits(alice, opera));
  CAF_CHECK(join(alice, circus).state == queue_state::queued);
  steer(circus, queue_verb::set_threshold, 1);
  wait(millis{3000});
  CAF_CHECK(join(alice, circus).state == queue_state::active);
  wait(node.queue.slot + millis{3000});
  CAF_CHECK(join(alice, opera).state == queue_state::queued);
}

CAF_TEST(after a crash the session still knows) {
  auto place = join(alice, opera);
  wait(millis{1000});
  take_over();
  CAF_CHECK(join(alice, circus).is == ec::queue_elsewhere);
  CAF_CHECK(join(alice, opera).ticket.place == place.ticket.place);
}

CAF_TEST(a place that a crash has lost does not come back beside another one) {
  somebody_waits(opera);
  auto place = join(alice, opera);
  take_over(); // Before the place was on record.
  CAF_REQUIRE(join(alice, circus).state == queue_state::queued);
  CAF_CHECK(look(alice, opera, place.ticket).state == queue_state::absent);
  CAF_CHECK(join(alice, opera, place.ticket).is == ec::queue_elsewhere);
  CAF_CHECK(!waits(alice, opera));
  leave(alice, circus);
  CAF_CHECK(look(alice, opera, place.ticket).ticket.place == place.ticket.place);
  CAF_CHECK(join(alice, circus).is == ec::queue_elsewhere);
}

CAF_TEST(nobody is let join elsewhere by a leave that may be undone) {
  somebody_waits(circus);
  join(alice, opera);
  wait(millis{1000});
  database.loses_rooms = true;
  auto left = leave(alice, opera);
  auto other = ask_join(alice, circus);
  run();
  for (int i = 0; i < 60; ++i) {
    CAF_CHECK(!waits(alice, circus));
    wait(millis{100});
  }
  CAF_CHECK(told(left).is == ec::unavailable);
  CAF_CHECK(told(other).is == ec::unavailable);
  CAF_CHECK_EQUAL(on_record(opera).size(), 1u); // A crash now would bring the place back.
  database.loses_rooms = false;
  wait(millis{3000});
  CAF_CHECK(on_record(opera).empty());
  CAF_CHECK(join(alice, circus).state == queue_state::queued);
}

CAF_TEST(a join whose answer got lost counts for as long as it may still happen) {
  CAF_REQUIRE(told(leave(alice, opera)).is == ec::ok); // The room is there,
  model.rows.epochs[shard_of(room_key(opera))]++;      // and is somebody else's from now on.
  auto lost = ask_join(alice, opera);
  for (int i = 0; i < 60 && !lost->came(); ++i) wait(millis{100});
  CAF_REQUIRE(lost->came());
  CAF_CHECK(lost->value.is == ec::unknown);
  CAF_CHECK(join(alice, circus).is == ec::queue_elsewhere);
  wait(millis{8000});
  CAF_CHECK(join(alice, circus).state == queue_state::queued);
}

CAF_TEST(an event that is gone holds nobody) {
  join(alice, opera);
  model.rows.rooms.erase(opera);
  model.rows.events.erase(opera);
  take_over();
  CAF_CHECK(join(alice, circus).state == queue_state::queued);
  CAF_CHECK(join(bob, opera).is == ec::event_unknown);
}

CAF_TEST(without a database nobody joins and places are told) {
  auto place = join(alice, opera);
  wait(millis{1000});
  database.away = true;
  auto other = join(bob, circus);
  CAF_CHECK(other.is != ec::ok);
  CAF_CHECK(join(alice, opera).ticket == place.ticket);
  database.away = false;
  wait(millis{5000});
  CAF_CHECK(join(bob, circus).state == queue_state::queued);
}

CAF_TEST(nobody keeps a session busy without end) {
  std::vector<answer_ptr<queue_reply>> all;
  all.reserve(40);
  for (int i = 0; i < 40; ++i) all.push_back(ask_join(alice, i % 2 == 0 ? opera : circus));
  run();
  int busy = 0;
  for (auto& x : all) busy += told(x).is == ec::busy ? 1 : 0;
  CAF_CHECK_EQUAL(busy, 24);
  CAF_CHECK(waits(alice, opera) && !waits(alice, circus));
}

CAF_TEST(who is nobody joins nothing) {
  CAF_CHECK(join(user_no(9), opera).is == ec::not_authenticated);
  CAF_CHECK(!waits(user_no(9), opera));
}

CAF_TEST_FIXTURE_SCOPE_END()
