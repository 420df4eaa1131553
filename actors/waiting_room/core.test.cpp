#define CAF_SUITE waiting_room_core

#include "actors/waiting_room/core.hpp"

#include <algorithm>
#include <set>

#include <caf/test/dsl.hpp>

#include "tests/support/room_rig.hpp"

using namespace tk;
using namespace tk::room_rig;

CAF_TEST(who comes while there is room is active at once) {
  room x{2};
  auto a = x.check(1);
  CAF_CHECK(a.state == queue_state::active);
  CAF_CHECK_EQUAL(a.admission, 1);
  CAF_CHECK_EQUAL(a.active, 1u); // C21: counts the caller.
  CAF_CHECK(a.slot_end == x.now + x.settings.slot);
  auto again = x.check(1);
  CAF_CHECK_EQUAL(again.admission, 1);
  auto b = x.check(2);
  CAF_CHECK_EQUAL(b.admission, 2);
  auto c = x.check(3);
  CAF_CHECK(c.state == queue_state::queued);
  CAF_CHECK_EQUAL(c.ahead, 0u);
  CAF_CHECK_EQUAL(c.threshold, 2u);
  auto d = x.check(4);
  CAF_CHECK_EQUAL(d.ahead, 1u);
  CAF_CHECK_EQUAL(d.behind, 0u);
  c = x.status(3);
  CAF_CHECK_EQUAL(c.behind, 1u);
}

CAF_TEST(nobody hears of a slot before it is on record) {
  room x;
  auto out = x.core->check({user(1), 0, {}, true}, x.now);
  CAF_CHECK(out.after_turn != 0);
  auto second_tab = x.core->check({user(1), 0, {}, true}, x.now);
  CAF_CHECK_EQUAL(second_tab.after_turn, out.after_turn);
  CAF_CHECK_EQUAL(x.core->active(), 1u);
}

CAF_TEST(nobody gets a number before its range is on record) {
  room x{0};
  auto out = x.core->check({user(1), 0, {}, true}, x.now);
  CAF_CHECK(out.after_turn != 0);
  auto turn = x.core->take_turn(x.now);
  CAF_REQUIRE(turn);
  CAF_CHECK_EQUAL(turn->reserved_to, 1 + static_cast<int64_t>(waiting_room_core::range));
  // Somebody else comes while it is on its way: waits for the same turn.
  auto other = x.core->check({user(2), 0, {}, true}, x.now);
  CAF_CHECK_EQUAL(other.after_turn, turn->turn);
}

CAF_TEST(the next range is reserved before the last one is used up) {
  room x{0};
  for (uint64_t n = 1; n <= 3 * uint64_t{waiting_room_core::range}; ++n) {
    auto out = x.core->check({user(n), 0, {}, true}, x.now);
    if (n > 1) CAF_REQUIRE_EQUAL(out.after_turn, 0);
    x.now += millis{1};
    x.write();
    if (n == 1) x.check(1);
  }
}

CAF_TEST(while anybody waits newcomers wait) {
  room x{1};
  x.check(1);
  x.check(2);
  x.leave(1);
  auto c = x.check(3);
  CAF_CHECK(c.state == queue_state::queued);
  CAF_CHECK_EQUAL(c.ahead, 1u);
  x.pass(1);
  CAF_CHECK(x.status(2).state == queue_state::active);
  CAF_CHECK(x.status(3).state == queue_state::queued);
}

CAF_TEST(whoever only looks does not join) {
  room x;
  auto out = x.status(1);
  CAF_CHECK(out.state == queue_state::absent);
  CAF_CHECK_EQUAL(x.core->active(), 0u);
  CAF_CHECK(x.core->idle());
}

CAF_TEST(numbers of the gate come first and in their order) {
  room x{0};
  x.check(1);
  x.check(2, 50);
  x.check(3, 20);
  x.check(4, 50); // Somebody else's number: as if without.
  CAF_CHECK_EQUAL(x.status(3).ahead, 0u);
  CAF_CHECK_EQUAL(x.status(2).ahead, 1u);
  CAF_CHECK_EQUAL(x.status(1).ahead, 2u);
  CAF_CHECK_EQUAL(x.status(4).ahead, 3u);
  auto huge = x.check(5, waiting_room_core::gate_number_max);
  CAF_CHECK_EQUAL(huge.ahead, 4u);
}

CAF_TEST(whoever waits is found and nobody else) {
  room x{1};
  x.check(1);
  x.check(2);
  auto waits = [&](uint64_t n) {
    auto out = x.core->find(user(n));
    CAF_CHECK_EQUAL(out.after_turn, 0);
    return out.reply.waits;
  };
  x.now += waiting_room_core::linger;
  x.write();
  CAF_CHECK(waits(2));
  CAF_CHECK(!waits(1)); // With a slot nobody waits.
  CAF_CHECK(!waits(3));
  // A place is there before it is on record.
  x.check(3);
  CAF_CHECK(x.core->find(user(3)).reply.waits);
}

CAF_TEST(that somebody is gone is told when no crash can bring them back) {
  for (auto how : {queue_verb::report, queue_verb::clear}) {
    room x{0};
    x.check(1);
    x.pass(1);
    auto turn = how == queue_verb::clear ? x.core->steer({how, 0, {}}, x.now, {}).after_turn
                                         : x.core->leave(user(1), x.now);
    auto gone = x.core->find(user(1));
    CAF_CHECK(!gone.reply.waits);
    CAF_CHECK_EQUAL(gone.after_turn, turn);
    auto sent = x.core->take_turn(x.now);
    CAF_REQUIRE(sent);
    CAF_CHECK_EQUAL(x.core->find(user(1)).after_turn, turn); // On its way, only.
    x.kept.write(*sent, x.now);
    x.core->turn_written(x.now, {}, x.now);
    CAF_CHECK_EQUAL(x.core->find(user(1)).after_turn, 0);
  }
}

CAF_TEST(a number of the gate is good for one slot) {
  room x{1};
  CAF_CHECK(x.check(1, 7).state == queue_state::active); // Used up although nobody waited.
  x.check(2);
  CAF_CHECK_EQUAL(x.check(3, 7).ahead, 1u);
  CAF_CHECK_EQUAL(x.check(4, 8).ahead, 0u);
  x.leave(1);
  x.pass(1);
  CAF_CHECK(x.status(4).state == queue_state::active);
  for (uint64_t n : {5, 7}) { // A life each.
    CAF_CHECK(!x.check(n, 7).ticket.place.none());
    CAF_CHECK(x.status(n).ticket.place.direct);
    x.check(n + 1, 8);
    CAF_CHECK(x.status(n + 1).ticket.place.direct);
    x.pass(1);
    x.restart();
  }
  x.steer(queue_verb::clear); // In a new generation they are good again.
  x.check(20);
  CAF_CHECK(!x.check(21, 8).ticket.place.direct);
}

CAF_TEST(whoever gave up a place of the gate takes it again) {
  room x{0};
  x.check(1, 5);
  x.check(2, 6);
  x.leave(1);
  CAF_CHECK_EQUAL(x.status(2).ahead, 0u);
  x.check(1, 5);
  CAF_CHECK_EQUAL(x.status(2).ahead, 1u);
  x.pass(1);
  x.restart();
  CAF_CHECK_EQUAL(x.status(1).ahead, 0u);
  CAF_CHECK_EQUAL(x.status(2).ahead, 1u);
}

CAF_TEST(a slot ends when it is not heard of and at its hard end) {
  room x{1};
  x.check(1);
  x.check(2);
  x.pass(599);
  CAF_CHECK(x.status(2).state == queue_state::queued); // Keeps the place, too.
  x.check(1);
  for (int i = 0; i < 11; ++i) { // Heard of all the time: 1,800 s and no more (D32).
    x.pass(100);
    x.status(2);
    if (x.status(1).state != queue_state::active) CAF_FAIL("ended early");
  }
  x.pass(90);
  x.status(2); // Who is not heard of is passed over.
  x.pass(12);
  CAF_CHECK(x.status(1).state == queue_state::absent);
  CAF_CHECK(x.status(2).state == queue_state::active);
}

CAF_TEST(a pass never outlives its slot) {
  room x{1};
  auto a = x.check(1);
  x.pass(1500);
  x.core->check({user(1), 0, {}, true}, x.now);
  x = room{1};
  a = x.check(1);
  for (int i = 0; i < 3; ++i) {
    x.pass(500);
    a = x.check(1);
  }
  CAF_CHECK(a.slot_end == start + x.settings.slot_max);
}

CAF_TEST(whoever pays gives the slot back) {
  room x{1};
  auto a = x.check(1);
  x.check(2);
  x.core->look_at_payments();
  auto turn = x.core->take_turn(x.now);
  CAF_REQUIRE(turn);
  CAF_CHECK(turn->paid_since != instant{});
  x.kept.write(*turn, x.now);
  x.kept.open.erase(a.admission);
  x.core->turn_written(x.now, {a.admission}, x.now);
  CAF_CHECK(x.core->board(x.now).ended(1, a.admission));
  x.pass(1);
  CAF_CHECK(x.status(1).state == queue_state::absent);
  CAF_CHECK(x.status(2).state == queue_state::active);
}

CAF_TEST(the silent are passed over and keep their place) {
  room x{1};
  x.check(1);
  x.check(2);
  x.check(3);
  for (int i = 0; i < 40; ++i) {
    x.pass(1);
    x.status(3);
  }
  x.leave(1);
  x.pass(1);
  CAF_CHECK(x.status(3).state == queue_state::active);
  auto b = x.status(2); // Back again: first, as before.
  CAF_CHECK(b.state == queue_state::queued);
  CAF_CHECK_EQUAL(b.ahead, 0u);
  x.leave(3);
  x.pass(1);
  CAF_CHECK(x.status(2).state == queue_state::active);
}

CAF_TEST(nobody present is overtaken) {
  room x{0};
  for (uint64_t n = 1; n <= 300; ++n) x.check(n);
  x.steer(queue_verb::set_threshold, 50);
  uint64_t next = 1;
  while (next <= 300) {
    for (uint64_t n = next; n <= 300; ++n) x.status(n);
    x.pass(1);
    for (; next <= 300 && x.status(next).state == queue_state::active; ++next) x.leave(next);
    for (uint64_t n = next; n <= 300; ++n) CAF_REQUIRE(x.status(n).state == queue_state::queued);
  }
}

CAF_TEST(the stale lose their place after ten minutes) {
  room x{0};
  x.check(1);
  x.check(2);
  for (int i = 0; i < 62; ++i) {
    x.pass(10);
    x.status(2);
  }
  x.pass(31);
  CAF_CHECK(x.status(1).state == queue_state::absent);
  CAF_CHECK_EQUAL(x.status(2).ahead, 0u);
  CAF_CHECK_EQUAL(x.kept.waiting.size(), 1u);
}

CAF_TEST(signs of life come from an ingress as well) {
  room x{0};
  x.check(1);
  auto two = x.check(2);
  for (uint64_t batch = 1; batch <= 700; ++batch) {
    x.core->hear({1, batch, 1, {two.ticket.place.code(), queue_place{true, 9'999}.code()}}, x.now);
    x.pass(1);
  }
  CAF_CHECK(x.status(1).state == queue_state::absent);
  CAF_CHECK(x.status(2).state == queue_state::queued);
}

CAF_TEST(the rate bounds a round and a pause ends admission) {
  room x{0};
  for (uint64_t n = 1; n <= 50; ++n) x.check(n);
  x.steer(queue_verb::set_rate, 7);
  x.steer(queue_verb::set_threshold, 1000);
  x.pass(1);
  CAF_CHECK_EQUAL(x.core->active(), 7u);
  auto told = x.steer(queue_verb::pause);
  CAF_CHECK(told.paused);
  x.pass(5);
  CAF_CHECK_EQUAL(x.core->active(), 7u);
  for (uint64_t n = 1; n <= 50; ++n) x.leave(n);
  CAF_CHECK(x.check(60).state == queue_state::queued); // Though nobody is inside.
  x.steer(queue_verb::resume);
  x.pass(1);
  CAF_CHECK(x.status(60).state == queue_state::active);
}

CAF_TEST(while sales are stopped nobody is let in and everybody stays) {
  room x{2};
  x.check(1);
  x.check(2);
  x.check(3);
  auto shown = x.core->version();
  x.core->brake(true);
  CAF_CHECK(x.core->version() > shown);
  CAF_CHECK(x.core->board(x.now).paused);
  x.leave(1);
  x.pass(5);
  CAF_CHECK(x.status(3).state == queue_state::queued);
  CAF_CHECK(x.status(2).state == queue_state::active); // Goes on.
  x.leave(3);
  CAF_CHECK(x.check(4).state == queue_state::queued); // Though nobody waits.
  x.steer(queue_verb::pause);
  x.core->brake(false);
  x.pass(1);
  CAF_CHECK(x.status(4).state == queue_state::queued); // Paused by itself, too.
  x.steer(queue_verb::resume);
  x.pass(1);
  CAF_CHECK(x.status(4).state == queue_state::active);
  shown = x.core->version();
  x.core->brake(false);
  CAF_CHECK_EQUAL(x.core->version(), shown);
}

CAF_TEST(what a round has not earned in full the next ones have) {
  room x{0};
  x.settings.round_every = millis{200};
  x.restart();
  for (uint64_t n = 1; n <= 50; ++n) x.check(n);
  x.steer(queue_verb::set_rate, 3);
  x.steer(queue_verb::set_threshold, 1000);
  for (int i = 0; i < 10; ++i) {
    x.core->round(x.now += x.settings.round_every);
    x.write();
  }
  CAF_CHECK_EQUAL(x.core->active(), 6u); // 3 a second, for two seconds.
}

CAF_TEST(at a rate of nothing nobody is let in) {
  room x{5};
  x.steer(queue_verb::set_rate, 0);
  CAF_CHECK(x.check(1).state == queue_state::queued);
  x.pass(20);
  CAF_CHECK_EQUAL(x.core->active(), 0u);
  x.steer(queue_verb::set_rate, 1);
  x.pass(1);
  CAF_CHECK(x.status(1).state == queue_state::active);
}

CAF_TEST(a full room refuses newcomers only) {
  room x{0};
  x.settings.capacity = 2;
  x.restart();
  x.check(1);
  x.check(2);
  auto c = x.check(3);
  CAF_CHECK(c.is == ec::queue_full);
  CAF_CHECK(x.check(1).state == queue_state::queued);
  x.leave(1);
  CAF_CHECK(x.check(3).is == ec::ok);
}

CAF_TEST(clearing ends everything and what is shown of it is worthless) {
  room x{1};
  auto a = x.check(1);
  auto b = x.check(2);
  x.steer(queue_verb::clear);
  CAF_CHECK(x.status(1).state == queue_state::absent);
  CAF_CHECK(x.status(2, b.ticket).state == queue_state::absent);
  auto board = x.core->board(x.now);
  CAF_CHECK(board.ended(a.ticket.generation, a.admission));
  auto again = x.check(1);
  CAF_CHECK(again.state == queue_state::active);
  CAF_CHECK_EQUAL(again.ticket.generation, 2);
  CAF_CHECK(!board.ended(2, again.admission));
  x.restart();
  CAF_CHECK(x.status(1).state == queue_state::active);
}

CAF_TEST(a turn is written before the next and what came meanwhile is in that one) {
  room x{5};
  x.core->check({user(1), 0, {}, true}, x.now);
  auto first = x.core->take_turn(x.now);
  CAF_REQUIRE(first);
  auto out = x.core->check({user(2), 0, {}, true}, x.now);
  CAF_CHECK_EQUAL(out.after_turn, first->turn + 1);
  CAF_CHECK(!x.core->take_turn(x.now));
  CAF_CHECK(x.core->in_flight() != nullptr);
  // Whoever leaves before the slot is on record: it is opened and then ended.
  auto left = x.core->leave(user(1), x.now);
  CAF_CHECK_EQUAL(left, first->turn + 1);
  x.kept.write(*first, x.now);
  x.core->turn_written(x.now, {}, x.now);
  x.write();
  CAF_CHECK_EQUAL(x.kept.open.size(), 1u);
  CAF_CHECK(x.status(1).state == queue_state::absent);
  CAF_CHECK(x.status(2).state == queue_state::active);
}

CAF_TEST(a room starts again with the same order and the same people inside) {
  room x{3};
  for (uint64_t n = 1; n <= 20; ++n) x.check(n, n > 15 ? static_cast<uint32_t>(100 - n) : 0);
  x.leave(7);
  x.now += millis{1000};
  x.write();
  std::map<uint64_t, uint32_t> ahead;
  for (uint64_t n = 1; n <= 20; ++n)
    if (auto told = x.status(n); told.state == queue_state::queued) ahead[n] = told.ahead;
  x.restart();
  for (auto [n, before] : ahead) {
    auto told = x.status(n);
    CAF_CHECK_EQUAL(told.ahead, before);
  }
  CAF_CHECK_EQUAL(x.core->active(), 3u);
  auto late = x.check(99);
  CAF_CHECK(late.ticket.place.number > waiting_room_core::range); // Nobody gets a number twice.
}

CAF_TEST(a ticket proves a place that was not written down) {
  room x{0};
  x.check(1);
  x.now += millis{1000};
  x.write();
  auto two = x.core->check({user(2), 0, {}, true}, x.now).reply;
  auto three = x.core->check({user(3), 0, {}, true}, x.now).reply;
  x.restart(); // Before either was written.
  CAF_CHECK_EQUAL(x.kept.waiting.size(), 1u);
  auto late = x.check(4);
  auto board = x.core->board(x.now);
  CAF_CHECK(two.ticket.place.number >= board.unsure_from && two.ticket.epoch < board.epoch);
  auto back = x.status(3, three.ticket);
  CAF_CHECK(back.state == queue_state::queued);
  CAF_CHECK_EQUAL(back.ahead, 1u);
  CAF_CHECK_EQUAL(back.ticket.epoch, board.epoch);
  back = x.status(2, two.ticket);
  CAF_CHECK_EQUAL(back.ahead, 1u);
  CAF_CHECK_EQUAL(x.status(4).ahead, 3u);
  CAF_CHECK_EQUAL(late.ahead, 1u);
  // It proves that once: whoever has left does not come back with it, nor does anybody else.
  x.leave(2);
  CAF_CHECK(x.status(2, two.ticket).state == queue_state::absent);
  CAF_CHECK(x.status(9, three.ticket).state == queue_state::absent);
}

CAF_TEST(a ticket proves its place to a room that ended by itself) {
  room x{0};
  x.check(1);
  x.now += millis{1000};
  x.write();
  auto two = x.core->check({user(2), 0, {}, true}, x.now).reply;
  x.restart(0); // In the same epoch.
  auto three = x.check(3);
  CAF_CHECK(three.ticket.place > two.ticket.place);
  auto back = x.status(2, two.ticket);
  CAF_CHECK(back.state == queue_state::queued);
  CAF_CHECK(back.ticket.place == two.ticket.place);
  CAF_CHECK_EQUAL(x.status(3).ahead, 2u);
}

CAF_TEST(a ticket brings back the place that another device has given up) {
  room x{0};
  x.check(1);
  x.now += millis{1000};
  x.write();
  auto two = x.core->check({user(2), 0, {}, true}, x.now).reply;
  x.restart();
  x.check(3);
  CAF_CHECK_EQUAL(x.check(2).ahead, 2u); // Without a ticket: nobody knows of the place.
  x.now += millis{1000};
  x.write();
  auto back = x.status(2, two.ticket);
  CAF_CHECK(back.ticket.place == two.ticket.place);
  CAF_CHECK_EQUAL(back.ahead, 1u);
  x.now += millis{1000};
  x.write();
  CAF_CHECK_EQUAL(x.kept.waiting.size(), 3u);
  x.restart();
  CAF_CHECK_EQUAL(x.status(2).ahead, 1u);
  CAF_CHECK_EQUAL(x.status(3).ahead, 2u);
}

CAF_TEST(a slot does not get longer when the answer to its turn was lost) {
  room x{1};
  auto turn = x.core->check({user(1), 0, {}, true}, x.now).after_turn;
  CAF_REQUIRE(x.core->take_turn(x.now));
  x.kept.write(*x.core->in_flight(), x.now);
  auto hard_end = x.kept.open.at(1).hard_end;
  x.now += millis{5000}; // Sent again, and found to be on record.
  x.core->turn_written(x.now, {}, x.now);
  CAF_CHECK_EQUAL(x.core->written(), turn);
  for (int i = 0; i < 200 && x.core->active() > 0; ++i) {
    auto told = x.core->check({user(1), 0, {}, false}, x.now).reply;
    CAF_CHECK(told.state != queue_state::active || told.slot_end <= hard_end);
    x.now += millis{10'000};
    x.core->round(x.now);
    x.write();
  }
}

CAF_TEST(whoever leaves twice at once is told when it is on record) {
  room x{1};
  x.check(1);
  x.check(2);
  for (uint64_t n : {1, 2}) {
    auto turn = x.core->leave(user(n), x.now);
    CAF_CHECK(turn > x.core->written());
    CAF_CHECK_EQUAL(x.core->leave(user(n), x.now), turn); // The second tab.
    CAF_REQUIRE(x.core->take_turn(x.now));
    CAF_CHECK_EQUAL(x.core->leave(user(n), x.now), turn);
    x.kept.write(*x.core->in_flight(), x.now);
    x.core->turn_written(x.now, {}, x.now);
    CAF_CHECK(x.core->leave(user(n), x.now) > turn); // Nothing is left: that is proved, too.
  }
}

CAF_TEST(whoever leaves beside a clear is answered by a turn that comes) {
  room x{1};
  x.core->check({user(1), 0, {}, true}, x.now);
  auto turn = x.core->leave(user(1), x.now); // The slot is in the turn that is being gathered.
  auto cleared = x.core->steer({queue_verb::clear, 0, {}}, x.now, {}).after_turn;
  x.write();
  CAF_CHECK(x.core->written() >= cleared);
  CAF_CHECK(x.core->written() >= turn);
}

CAF_TEST(nobody gets a place of a generation that a crash would take back) {
  room x{0};
  x.check(1);
  x.pass(1);
  auto turn = x.core->steer({queue_verb::clear, 0, {}}, x.now, {}).after_turn;
  const check_queue joins{user(2), 0, {}, true};
  CAF_CHECK_EQUAL(x.core->check(joins, x.now).after_turn, turn);
  CAF_CHECK_EQUAL(x.core->leave(user(1), x.now), turn);
  auto sent = x.core->take_turn(x.now);
  CAF_REQUIRE(sent);
  CAF_CHECK_EQUAL(x.core->check(joins, x.now).after_turn, turn); // On its way, only.
  x.kept.write(*sent, x.now);
  x.core->turn_written(x.now, {}, x.now);
  auto told = x.core->check(joins, x.now);
  CAF_CHECK_EQUAL(told.after_turn, 0);
  CAF_CHECK_EQUAL(told.reply.ticket.generation, 2);
}

CAF_TEST(what was seen of the inventory is forgotten when it is not followed) {
  room x{0};
  auto steer = [&](queue_verb verb) { x.core->steer({verb, 0, {}}, x.now, {}); };
  steer(queue_verb::follow_inventory);
  x.core->note_inventory({true, 5, 0, 5});
  CAF_CHECK(x.core->board(x.now).seats.known);
  steer(queue_verb::follow_inventory); // It is followed all the time.
  CAF_CHECK(x.core->board(x.now).seats.known);
  steer(queue_verb::ignore_inventory);
  steer(queue_verb::follow_inventory);
  CAF_CHECK(!x.core->board(x.now).seats.known);
}

CAF_TEST(an idle room has nothing to write) {
  room x{1};
  CAF_CHECK(x.core->idle());
  CAF_CHECK(x.core->next_turn_at() == instant::max());
  x.check(1);
  CAF_CHECK(!x.core->idle());
  x.leave(1);
  CAF_CHECK(x.core->idle());
  x.pass(20);
  CAF_CHECK_EQUAL(x.kept.turn, x.core->written());
}
