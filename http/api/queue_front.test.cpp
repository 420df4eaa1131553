#define CAF_SUITE queue_front

#include "http/api/queue_front.hpp"

#include <caf/all.hpp>

#include "actors/base/entropy.hpp"
#include "actors/waiting_room/port.hpp"
#include "caf/test/dsl.hpp"
#include "supervisors/router.hpp"

using namespace tk;
using namespace tk::http;

namespace {

struct fixed_clock final : wall_clock {
  instant at = from_ms(1'700'000'000'000);
  [[nodiscard]] instant now() const override { return at; }
};

struct counting final : entropy {
  uint64_t n = 0;
  uint64_t next() override { return ++n; }
};

/// Takes what goes to entities, in place of a region.
struct catcher_state {
  std::vector<heard_people>* heard = nullptr;
};
caf::behavior catcher(caf::stateful_actor<catcher_state>* self, std::vector<heard_people>* heard) {
  self->state.heard = heard;
  return {[=](envelope& x) {
    if (x.body.match_elements<heard_people>())
      self->state.heard->push_back(x.body.get_as<heard_people>(0));
  }};
}

constexpr int64_t own_life = 77;

struct fixture : test_coordinator_fixture<> {
  fixed_clock clock;
  counting random;
  board_store boards;
  node_context node;
  std::vector<heard_people> heard;
  event_id event{1, 2};
  room_board board;
  queue_front front{node};

  fixture() {
    node.system = &sys;
    node.clock = &clock;
    node.random = &random;
    node.boards = &boards;
    for (auto& x : node.epochs.epochs) x = 1;
    node.living.set(own_life, {own_life});
    node.region = sys.spawn(catcher, &heard);
    board.event = event;
    board.epoch = 5;
    board.version = 100;
    board.generation = 2;
    board.unsure_from = 1000;
    waiting_line line;
    for (uint32_t n = 10; n < 30; ++n) line.put(n, n);
    line.remove(15);
    board.direct = line.view();
    waiting_line gated;
    gated.put(3, 1);
    board.gated = gated.view();
    show();
  }
  ~fixture() { anon_send_exit(node.region, caf::exit_reason::user_shutdown); }
  void show() {
    board.made_at = clock.at;
    boards.publish(std::make_shared<const room_board>(board));
  }
  static queue_ticket ticket(uint32_t number, bool direct = true) {
    return {{direct, number}, 2, 5};
  }
  void tell() {
    front.tell_rooms();
    run();
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(queue_front_tests, fixture)

CAF_TEST(who still waits by the board is told so without asking the room) {
  auto seen = front.look(event, ticket(20));
  CAF_REQUIRE(seen.has_value());
  CAF_CHECK_EQUAL(seen->ahead, 10u); // Nine of their kind, and the one the gate numbered.
  auto gated = front.look(event, ticket(3, false));
  CAF_CHECK(gated && gated->ahead == 0);
}

CAF_TEST(whatever the board cannot tell the room is asked) {
  CAF_CHECK(!front.look(event, ticket(9)));  // Served, or gone: only the room knows.
  CAF_CHECK(!front.look(event, ticket(15))); // Not waiting any more.
  CAF_CHECK(!front.look(event, ticket(40))); // Newer than the board.
  CAF_CHECK(!front.look(event, queue_ticket{}));
  CAF_CHECK(!front.look({1, 3}, ticket(20)));
  auto old = ticket(20);
  old.generation = 1; // Cleared since.
  CAF_CHECK(!front.look(event, old));
  old = ticket(20);
  old.epoch = 6; // The board is a zombie's.
  CAF_CHECK(!front.look(event, old));
}

CAF_TEST(a place of an earlier epoch is shown to the room when it may not know it) {
  auto old = ticket(20);
  old.epoch = 4;
  CAF_CHECK(front.look(event, old).has_value());
  board.unsure_from = 20;
  ++board.version;
  show();
  CAF_CHECK(!front.look(event, old));
  auto gated = ticket(3, false);
  gated.epoch = 4;
  CAF_CHECK(!front.look(event, gated));
}

CAF_TEST(an old board tells nothing) {
  clock.at += millis{3001};
  CAF_CHECK(!front.look(event, ticket(20)));
}

CAF_TEST(nobody is told less than somebody here was told before) {
  front.note(event, 5, 101);
  CAF_CHECK(!front.look(event, ticket(20)));
  board.version = 101;
  show();
  CAF_CHECK(front.look(event, ticket(20)).has_value());
  front.note(event, 6, 1); // The room has moved.
  CAF_CHECK(!front.look(event, ticket(20)));
}

CAF_TEST(rooms hear once a second of whom was heard of here) {
  front.look(event, ticket(20));
  front.look(event, ticket(12));
  tell();
  tell();
  CAF_REQUIRE_EQUAL(heard.size(), 2u); // Empty ones too: silence of the ingress is another thing.
  CAF_CHECK_EQUAL(heard[0].batch, 1u);
  CAF_CHECK_EQUAL(heard[1].batch, 2u);
  CAF_CHECK_EQUAL(heard[0].generation, 2);
  CAF_REQUIRE_EQUAL(heard[0].places.size(), 2u);
  CAF_CHECK(queue_place::of(heard[0].places[0]) == ticket(20).place);
  CAF_CHECK(heard[1].places.empty());
  for (auto& x : heard) CAF_CHECK_EQUAL(x.ingress, own_life);
}

CAF_TEST(H11 a room with people hears from an ingress that has heard of nobody) {
  tell();
  CAF_REQUIRE_EQUAL(heard.size(), 1u);
  CAF_CHECK(heard[0].places.empty());
  CAF_CHECK_EQUAL(heard[0].batch, 1u);
}

CAF_TEST(a room where nobody waits is told nothing) {
  board.direct = board.gated = {};
  ++board.version;
  show();
  front.note(event, 5, 1);
  tell();
  CAF_CHECK(heard.empty());
  front.alive(event, ticket(20)); // Who is heard of is told all the same.
  tell();
  tell();
  CAF_REQUIRE_EQUAL(heard.size(), 1u);
  CAF_CHECK_EQUAL(heard[0].places.size(), 1u);
}

CAF_TEST(an ingress whose node is not on the roster tells nobody) {
  node.living.set(0, {});
  front.look(event, ticket(20));
  tell();
  CAF_CHECK(heard.empty());
}

CAF_TEST_FIXTURE_SCOPE_END()
