#define CAF_SUITE waiting_room_pre_queue

#include <algorithm>
#include <random>
#include <set>

#include <caf/test/dsl.hpp>

#include "tests/support/room_rig.hpp"

// The pre-queue of a waiting room, and admission that follows the inventory.

using namespace tk;
using namespace tk::room_rig;

namespace {

constexpr int64_t wait_s = 300;

struct drawing_room : room {
  std::map<uint64_t, queue_ticket> tickets;
  sha256_digest committed{};

  explicit drawing_room(int32_t threshold = 1) : room(threshold) {
    auto told = steer(queue_verb::set_pre_queue, 0, start + std::chrono::seconds(wait_s));
    CAF_REQUIRE(told.is == ec::ok);
    committed = told.draw.commitment;
  }
  void come(uint64_t n, uint32_t gate = 0) {
    auto told = check(n, gate);
    CAF_REQUIRE(told.state == queue_state::pre_queue);
    tickets[n] = told.ticket;
  }
  /// Everybody stays in sight.
  void stay(int64_t seconds) {
    constexpr int64_t poll_s = 50;
    for (; seconds > 0; seconds -= poll_s) {
      for (auto& [n, ticket] : tickets) status(n, ticket);
      pass(std::min(seconds, poll_s));
    }
  }
  void open() { stay(wait_s + 1); }
  /// In which order they are let in one by one.
  std::vector<uint64_t> admitted() {
    std::vector<uint64_t> out;
    for (size_t i = 0; i < 3 * tickets.size() && out.size() < tickets.size(); ++i) {
      pass(1);
      for (auto& [n, ticket] : tickets) {
        if (status(n, ticket).state != queue_state::active) continue;
        out.push_back(n);
        leave(n);
      }
    }
    return out;
  }
  /// The order that the published draw tells.
  std::vector<uint64_t> drawn() {
    auto draw = core->board(now).draw;
    CAF_REQUIRE(draw.drawn());
    drawn_order order{event, draw};
    std::vector<std::pair<uint32_t, uint64_t>> places;
    places.reserve(tickets.size());
    for (auto& [n, ticket] : tickets) places.emplace_back(order.place_of(ticket.place.number), n);
    std::ranges::sort(places);
    std::vector<uint64_t> out;
    out.reserve(places.size());
    for (auto& x : places) out.push_back(x.second);
    return out;
  }
};

} // namespace

CAF_TEST(before the opening nobody is let in and nobody has a place) {
  drawing_room x{10};
  for (uint64_t n = 1; n <= 5; ++n) x.come(n);
  x.pass(wait_s - 1);
  auto told = x.status(3, x.tickets[3]);
  CAF_CHECK(told.state == queue_state::pre_queue);
  CAF_CHECK_EQUAL(told.ahead + told.behind, 0u);
  CAF_CHECK_EQUAL(told.waiting, 5u);
  CAF_CHECK(told.draw.opens_at == start + std::chrono::seconds(wait_s));
  CAF_CHECK_EQUAL(x.core->active(), 0u);
  CAF_CHECK(x.status(9).state == queue_state::absent);
}

CAF_TEST(the seed is hidden until the draw is on record and fits its commitment then) {
  drawing_room x;
  x.come(1);
  auto before = x.core->board(x.now).draw;
  CAF_CHECK(before.wanted() && !before.drawn());
  CAF_CHECK(is_none(before.seed) && is_none(before.list));
  CAF_CHECK(before.commitment == x.committed && !is_none(x.committed));
  x.now += std::chrono::seconds(wait_s + 1);
  x.core->round(x.now);
  auto turn = x.core->take_turn(x.now);
  CAF_REQUIRE(turn);
  CAF_CHECK(turn->control.draw->cutoff != 0);
  CAF_CHECK(!x.core->board(x.now).draw.drawn()); // It is on its way.
  CAF_CHECK(x.core->check({user(1), 0, {}, true}, x.now).reply.state == queue_state::pre_queue);
  x.kept.write(*turn, x.now);
  x.core->turn_written(x.now, {}, x.now);
  auto after = x.core->board(x.now).draw;
  CAF_CHECK(after.drawn());
  CAF_CHECK(commitment_of(after.seed) == x.committed);
}

CAF_TEST(people are let in as the published draw says) {
  for (uint64_t crowd : {1u, 2u, 5u, 17u}) {
    drawing_room x;
    for (uint64_t n = 1; n <= crowd; ++n) x.come(n);
    x.open();
    auto want = x.drawn();
    CAF_CHECK_EQUAL(x.admitted(), want);
  }
}

CAF_TEST(whoever asks when they were told to is not passed over at the opening) {
  // So many that some are told to ask again in more than a minute.
  constexpr uint64_t crowd = 4100;
  constexpr int64_t left_s = 60, long_s = 63;
  drawing_room x{0};
  for (uint64_t n = 1; n <= crowd; ++n) {
    x.come(n);
    x.write();
  }
  x.now = start + std::chrono::seconds(wait_s - left_s);
  std::set<uint64_t> late;
  for (auto& [n, ticket] : x.tickets) {
    auto left = std::chrono::seconds(left_s);
    x.status(n, ticket);
    if (pre_queue_poll_s(left, ticket.place.number, crowd) > long_s) late.insert(n);
  }
  x.pass(left_s + 1); // Drawn, and it is nobody's turn to ask yet.
  auto order = x.drawn();
  auto first = std::ranges::find_if(order, [&](auto n) { return late.contains(n); });
  CAF_REQUIRE(first != order.end());
  x.steer(queue_verb::set_threshold, static_cast<int32_t>(first - order.begin()) + 1);
  x.pass(1);
  CAF_CHECK(x.status(*first, x.tickets[*first]).state == queue_state::active);
}

CAF_TEST(who comes after the opening stands behind all who came before) {
  drawing_room x{0};
  for (uint64_t n = 1; n <= 20; ++n) x.come(n);
  x.open();
  auto late = x.check(99);
  CAF_CHECK(late.state == queue_state::queued);
  CAF_CHECK_EQUAL(late.ahead, 20u);
  uint32_t sum = 0;
  for (auto& [n, ticket] : x.tickets) sum += x.status(n, ticket).ahead;
  CAF_CHECK_EQUAL(sum, 190u); // Each place once.
}

CAF_TEST(a number of the gate buys nothing in a pre-queue) {
  drawing_room x;
  x.come(1);
  x.come(2, 1);
  CAF_CHECK(x.tickets[2].place.direct);
  x.open();
  CAF_CHECK(x.check(3, 2).ticket.place.direct);
}

CAF_TEST(a crash at any moment leaves one order) {
  for (int when = 0; when < 4; ++when) {
    drawing_room x;
    for (uint64_t n = 1; n <= 8; ++n) x.come(n);
    x.write();
    x.now += millis{500};
    x.write();
    if (when == 0) x.restart(); // Before the opening.
    x.stay(wait_s - 2);
    x.now = start + std::chrono::seconds(wait_s);
    x.core->round(x.now);
    auto turn = x.core->take_turn(x.now);
    CAF_REQUIRE(turn && turn->control.draw->cutoff != 0);
    if (when == 1) x.restart(); // It never arrived: nobody has heard of it.
    if (when != 1) x.kept.write(*turn, x.now);
    if (when == 2) x.restart(); // On record, and nobody has heard of it.
    if (when == 0 || when == 3) x.core->turn_written(x.now, {}, x.now);
    if (when == 3) {
      x.pass(1);
      auto want = x.drawn();
      x.restart(); // Somebody has heard of it.
      CAF_CHECK_EQUAL(x.drawn(), want);
    }
    x.pass(1);
    auto want = x.drawn();
    CAF_CHECK(commitment_of(x.core->board(x.now).draw.seed) == x.committed);
    x.pass(1);
    CAF_CHECK_EQUAL(x.admitted(), want);
  }
}

CAF_TEST(the list names everybody who joined before the cut-off and nobody else) {
  drawing_room x{0};
  for (uint64_t n = 1; n <= 4; ++n) x.come(n);
  x.leave(2); // Has joined all the same.
  x.pass(wait_s - 2);
  x.restart();
  x.come(5);
  x.pass(3);
  x.check(6);
  x.pass(1);
  auto draw = x.core->board(x.now).draw;
  sha256_digest want{};
  for (uint64_t n = 1; n <= 5; ++n)
    want = chained(want, x.tickets[n].place.number, pseudonym_of(draw.seed, user(n)));
  CAF_CHECK(draw.list == want);
  CAF_CHECK(x.tickets[5].place.number < draw.cutoff);
}

CAF_TEST(a place that was not yet on record survives the crash and the draw) {
  drawing_room x{0};
  for (uint64_t n = 1; n <= 3; ++n) x.come(n);
  x.now += millis{200};
  x.write();
  auto lost = x.core->check({user(4), 0, {}, true}, x.now).reply; // Never written down.
  x.restart();
  x.open();
  auto back = x.status(4, lost.ticket);
  CAF_CHECK(back.state == queue_state::queued);
  CAF_CHECK(back.ticket.place == lost.ticket.place);
  drawn_order order{event, x.core->board(x.now).draw};
  auto stands = [&](uint64_t n, const queue_ticket& t) {
    return std::pair{order.place_of(t.place.number), x.status(n, t).ahead};
  };
  std::vector<std::pair<uint32_t, uint32_t>> all{stands(4, lost.ticket)};
  for (auto& [n, ticket] : x.tickets) all.push_back(stands(n, ticket));
  std::ranges::sort(all);
  for (uint32_t i = 0; i < all.size(); ++i) CAF_CHECK_EQUAL(all[i].second, i);
}

CAF_TEST(signs of life by number keep people present after the draw) {
  drawing_room x;
  for (uint64_t n = 1; n <= 3; ++n) x.come(n);
  x.steer(queue_verb::pause);
  heard_people batch{7, 0, 1, {}};
  for (int64_t s = 0; s < wait_s + 600; ++s) {
    batch.batch++;
    batch.places = {x.tickets[1].place.code(), x.tickets[3].place.code()};
    x.core->hear(batch, x.now);
    x.pass(1);
  }
  x.steer(queue_verb::resume);
  x.pass(2);
  auto first = x.drawn();
  std::erase(first, 2u); // Was not heard of, and is passed over.
  CAF_CHECK(x.status(first.front(), x.tickets[first.front()]).state == queue_state::active);
}

CAF_TEST(a pre-queue begins with nobody there and is over with its draw) {
  room x{1};
  x.check(1);
  auto at = x.now + std::chrono::seconds(wait_s);
  CAF_CHECK(x.steer(queue_verb::set_pre_queue, 0, at).is == ec::queue_in_use);
  x.leave(1);
  CAF_CHECK(x.steer(queue_verb::set_pre_queue, 0, at).is == ec::ok);
  auto first = x.core->board(x.now).draw;
  // Another time is no other seed.
  CAF_CHECK(x.steer(queue_verb::set_pre_queue, 0, at + millis{5000}).is == ec::ok);
  auto later = x.core->board(x.now).draw;
  CAF_CHECK(later.commitment == first.commitment);
  CAF_CHECK(later.opens_at == at + millis{5000});
  CAF_CHECK(x.check(2).state == queue_state::pre_queue);
  CAF_CHECK(x.steer(queue_verb::drop_pre_queue).is == ec::ok);
  CAF_CHECK(x.check(2).state != queue_state::pre_queue);
  x.leave(2);
  CAF_CHECK(x.steer(queue_verb::set_pre_queue, 0, at).is == ec::ok);
  CAF_CHECK(x.core->board(x.now).draw.commitment != first.commitment);
  x.pass(wait_s + 2);
  CAF_CHECK(x.core->board(x.now).draw.drawn()); // Of nobody.
  CAF_CHECK(x.steer(queue_verb::set_pre_queue, 0, at).is == ec::queue_in_use);
  CAF_CHECK(x.steer(queue_verb::drop_pre_queue).is == ec::queue_in_use);
  CAF_CHECK(x.check(3).state == queue_state::active);
}

CAF_TEST(clearing before the draw keeps the commitment and after it ends the draw) {
  drawing_room x{0};
  for (uint64_t n = 1; n <= 3; ++n) x.come(n);
  x.steer(queue_verb::clear);
  CAF_CHECK(x.status(1, x.tickets[1]).state == queue_state::absent);
  x.tickets.clear();
  x.come(7);
  x.come(8);
  x.open();
  auto draw = x.core->board(x.now).draw;
  CAF_CHECK(draw.commitment == x.committed);
  CAF_CHECK_EQUAL(draw.from, x.tickets[7].place.number);
  CAF_CHECK_EQUAL(x.status(7, x.tickets[7]).ahead + x.status(8, x.tickets[8]).ahead, 1u);
  x.steer(queue_verb::clear);
  CAF_CHECK(!x.core->board(x.now).draw.wanted());
  CAF_CHECK(x.check(9).state == queue_state::queued);
  x.pass(1);
  x.restart();
  CAF_CHECK_EQUAL(x.check(10).ahead, 1u);
}

CAF_TEST(a paused room draws but lets nobody in) {
  drawing_room x{5};
  x.come(1);
  x.steer(queue_verb::pause);
  x.open();
  CAF_CHECK(x.core->board(x.now).draw.drawn());
  CAF_CHECK(x.status(1, x.tickets[1]).state == queue_state::queued);
}

CAF_TEST(a draw of many keeps every place through leavers and restarts) {
  std::mt19937_64 random{11};
  drawing_room x{0};
  for (uint64_t n = 1; n <= 3000; ++n) x.come(n);
  for (uint64_t n = 5; n <= 3000; n += 7) {
    x.leave(n);
    x.tickets.erase(n);
  }
  x.open();
  for (int round = 0; round < 3; ++round) {
    auto want = x.drawn();
    for (uint32_t i = 0; i < want.size(); i += 37)
      CAF_REQUIRE_EQUAL(x.status(want[i], x.tickets[want[i]]).ahead, i);
    auto gone = want[random() % want.size()];
    x.leave(gone);
    x.tickets.erase(gone);
    x.restart();
  }
}

// -- the inventory ------------------------------------------------------------------------------

CAF_TEST(a room that follows the inventory lets in no more than there are seats for) {
  room x{100};
  x.steer(queue_verb::follow_inventory);
  x.core->note_inventory({true, 6, 0, 6});
  for (uint64_t n = 1; n <= 5; ++n) x.check(n);
  // Two seats a person: three may choose at a time.
  CAF_CHECK_EQUAL(x.core->active(), 3u);
  auto fourth = x.status(4);
  CAF_CHECK(fourth.state == queue_state::queued);
  CAF_CHECK(fourth.seats.for_position(1) == outlook::unlikely);
  // One of them has taken two: they are not choosing any more, and hardly give back.
  x.core->note_inventory({true, 4, 2, 6});
  x.pass(1);
  CAF_CHECK_EQUAL(x.core->active(), 3u);
  // Somebody leaves without having bought.
  x.leave(1);
  x.core->note_inventory({true, 4, 2, 6});
  x.pass(1);
  CAF_CHECK_EQUAL(x.core->active(), 3u);
  CAF_CHECK(x.status(4).state == queue_state::active);
}

CAF_TEST(what somebody took between two looks is nobody elses) {
  for (bool pays : {true, false}) {
    room x{1};
    x.steer(queue_verb::follow_inventory);
    x.core->note_inventory({true, 2, 0, 2});
    auto first = x.check(1);
    x.check(2);
    // A look is on its way while the first one takes both seats, and pays for them or not.
    auto ended = x.core->ended();
    if (pays) {
      x.core->look_at_payments();
      x.write({first.admission});
    } else {
      x.leave(1);
    }
    x.pass(1);
    CAF_CHECK(x.status(2).state == queue_state::queued);
    x.core->note_inventory({true, 2, 0, 2}, ended);
    x.pass(1);
    CAF_CHECK(x.status(2).state == queue_state::queued);
    x.core->note_inventory({true, 0, pays ? 0 : 2, 2});
    x.pass(1);
    CAF_CHECK(x.status(2).state == queue_state::queued);
    x.core->note_inventory({true, 2, 0, 2}); // They came back.
    x.pass(1);
    CAF_CHECK(x.status(2).state == queue_state::active);
  }
}

CAF_TEST(nobody is let in when all is sold and everybody again when seats come back) {
  room x{100};
  x.steer(queue_verb::follow_inventory);
  x.core->note_inventory({true, 0, 0, 6});
  CAF_CHECK(x.check(1).state == queue_state::queued);
  x.pass(5);
  auto told = x.status(1);
  CAF_CHECK(told.state == queue_state::queued);
  CAF_CHECK(told.seats.for_position(1) == outlook::sold_out);
  x.core->note_inventory({true, 2, 0, 6});
  CAF_CHECK(x.core->board(x.now).seats.for_position(1) == outlook::likely);
  x.pass(1);
  CAF_CHECK(x.status(1).state == queue_state::active);
}

CAF_TEST(who follows waits for the first look and rooms that do not follow hold nobody back) {
  room x{1};
  x.core->note_inventory({true, 0, 0, 6});
  CAF_CHECK(x.check(1).state == queue_state::active);
  CAF_CHECK(x.check(2).seats.for_position(1) == outlook::unknown);
  room y{1};
  y.steer(queue_verb::follow_inventory);
  CAF_CHECK(y.check(1).state == queue_state::queued);
  y.core->note_inventory({true, 6, 0, 6});
  y.pass(1);
  CAF_CHECK(y.status(1).state == queue_state::active);
  y.restart();
  CAF_CHECK(y.core->follows_inventory()); // On record.
  y.steer(queue_verb::ignore_inventory);
  CAF_CHECK(!y.core->follows_inventory());
}

CAF_TEST(what comes back is learned from how slots have ended) {
  room x{100};
  x.steer(queue_verb::follow_inventory);
  x.core->note_inventory({true, 100, 100, 200});
  CAF_CHECK_EQUAL(x.core->board(x.now).seats.coming_back, 20); // Nothing to learn from.
  for (uint64_t n = 1; n <= 20; ++n) x.check(n);
  for (uint64_t n = 1; n <= 20; ++n) x.leave(n);
  CAF_CHECK_EQUAL(x.core->board(x.now).seats.coming_back, 73); // 22 of 30.
}
