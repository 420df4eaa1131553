#define CAF_SUITE waiting_room

// A room on a node: real region, room and ledger actor over the ledger's model, whose batches can
// be lost, and an owner that can be replaced.

#include "actors/waiting_room/draw.hpp"
#include "actors/waiting_room/port.hpp"
#include "tests/support/model_rig.hpp"

using namespace tk;
using namespace tk::rig;

namespace {

const event_id event = event_no(1);
const user_id alice = user_no(1), bob = user_no(2), carol = user_no(3);

struct lobby : model_rig {
  lobby() { node.queue.threshold = 1; }

  auto check(user_id user, queue_ticket ticket = {}) {
    return request<waiting_room_actor>(room_key(event), check_queue{user, 0, ticket, true});
  }
  auto status(user_id user, queue_ticket ticket = {}) {
    return request<waiting_room_actor>(room_key(event), check_queue{user, 0, ticket, false});
  }
  auto leave(user_id user) {
    return request<waiting_room_actor>(room_key(event), leave_queue{user});
  }
  /// Slots that are open on record.
  [[nodiscard]] int open_slots() const {
    int out = 0;
    for (auto& [number, slot] : model.rows.rooms.at(event).slots) out += slot.ended_at == instant{};
    return out;
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(waiting_room_tests, lobby)

CAF_TEST(people come and go and the board tells) {
  CAF_CHECK(told(check(alice)).state == queue_state::active);
  auto b = told(check(bob));
  CAF_CHECK(b.state == queue_state::queued);
  CAF_CHECK_EQUAL(told(check(carol)).ahead, 1u);
  wait(millis{500});
  auto board = boards.find_room(event);
  CAF_REQUIRE(board);
  CAF_CHECK_EQUAL(board->waiting(), 2u);
  CAF_CHECK_EQUAL(board->active, 1u);
  CAF_CHECK(board->version >= b.version);
  CAF_CHECK(board->direct.ahead_of(b.ticket.place.number) == 0u);
  CAF_CHECK(leave(alice)->came());
  wait(millis{1500});
  CAF_CHECK(told(status(bob)).state == queue_state::active);
  CAF_CHECK_EQUAL(open_slots(), 1);
  board = boards.find_room(event);
  CAF_CHECK(board->ended(1, 1));
  CAF_CHECK(!board->ended(1, 2));
}

CAF_TEST(an event that is not known has no room) {
  auto x = request<waiting_room_actor>(room_key(event_no(9)), check_queue{alice, 0, {}, true});
  CAF_REQUIRE(x->came());
  CAF_CHECK(x->error == ec::event_unknown);
}

CAF_TEST(a turn whose outcome is not known is written once) {
  for (auto how : {fate::lost_before, fate::lost_after}) {
    database.fates = {how, how};
    auto x = check(how == fate::lost_before ? alice : bob);
    CAF_CHECK(!x->came()); // Not before it is on record.
    told(x);
    CAF_CHECK_EQUAL(open_slots(), 1);
  }
  CAF_CHECK(told(status(alice)).state == queue_state::active);
  CAF_CHECK(told(status(bob)).state == queue_state::queued);
}

CAF_TEST(without a database nobody gets a slot and who waits is told so) {
  told(check(alice));
  told(check(bob));
  database.away = true;
  auto x = leave(alice); // Not on record: not told.
  wait(millis{2000});
  CAF_CHECK(!x->came());
  CAF_CHECK(told(check(carol)).state == queue_state::queued); // Numbers are reserved.
  // Who is next has been chosen, and is told nothing that is not on record.
  CAF_CHECK(told(status(bob)).is == ec::unavailable);
  CAF_REQUIRE(x->came());
  CAF_CHECK(x->value.is == ec::unavailable);
  database.away = false;
  wait(millis{6000});
  CAF_CHECK(told(status(bob)).state == queue_state::active);
  CAF_CHECK_EQUAL(open_slots(), 1);
  CAF_CHECK_EQUAL(told(status(carol)).ahead, 0u);
}

CAF_TEST(a room goes on elsewhere with the same order and the same people inside) {
  told(check(alice));
  told(check(bob));
  auto c = told(check(carol));
  wait(millis{300});
  take_over();
  CAF_CHECK(told(status(alice)).state == queue_state::active);
  CAF_CHECK_EQUAL(told(status(bob)).ahead, 0u);
  auto again = told(status(carol, c.ticket));
  CAF_CHECK_EQUAL(again.ahead, 1u);
  CAF_CHECK(again.ticket.place == c.ticket.place);
  CAF_CHECK(again.ticket.epoch > c.ticket.epoch);
}

CAF_TEST(a place that was not written down comes back with its ticket) {
  told(check(alice));
  told(check(bob));
  wait(millis{300});
  auto c = told(check(carol)); // Answered at once, written later.
  take_over();
  CAF_CHECK(told(status(carol)).state == queue_state::absent);
  auto board = boards.find_room(event);
  CAF_REQUIRE(board);
  CAF_CHECK(c.ticket.place.number >= board->unsure_from);
  CAF_CHECK_EQUAL(told(status(carol, c.ticket)).ahead, 1u);
}

CAF_TEST(the room of an owner that was replaced decides nothing) {
  told(check(alice));
  // The ledger has another owner; this node has not heard of it.
  for (auto& x : model.rows.epochs) x++;
  auto x = leave(alice);
  wait(millis{500});
  CAF_REQUIRE(x->came());
  CAF_CHECK(x->error == ec::unknown);
  CAF_CHECK_EQUAL(open_slots(), 1);
}

CAF_TEST(a suspended node admits nobody) {
  told(check(alice));
  told(check(bob));
  CAF_CHECK(leave(alice)->came());
  node.suspended = true;
  wait(millis{3000});
  CAF_CHECK_EQUAL(open_slots(), 0);
  node.suspended = false;
  wait(millis{1500});
  CAF_CHECK_EQUAL(open_slots(), 1);
}

CAF_TEST(what organisers set is on record when they hear of it and stays) {
  auto x =
    request<waiting_room_actor>(room_key(event), steer_queue{queue_verb::set_threshold, 2, {}});
  CAF_REQUIRE(x->came());
  CAF_CHECK_EQUAL(x->value.threshold, 2u);
  take_over();
  told(check(alice));
  CAF_CHECK(told(check(bob)).state == queue_state::active);
  x = request<waiting_room_actor>(room_key(event), steer_queue{queue_verb::clear, 0, {}});
  CAF_CHECK_EQUAL(x->value.generation, 2);
  CAF_CHECK_EQUAL(open_slots(), 0);
  CAF_CHECK_EQUAL(x->value.threshold, 2u);
}

CAF_TEST(a room that nobody is in goes to sleep) {
  told(check(alice));
  CAF_CHECK_EQUAL(node.probe.rooms_active, 1);
  wait(millis{1200'000});
  CAF_CHECK_EQUAL(open_slots(), 0); // Nobody was heard of for ten minutes.
  CAF_CHECK_EQUAL(node.probe.rooms_active, 0);
  CAF_CHECK(told(check(bob)).admission == 2);
}

CAF_TEST(a pre-queue is drawn once through lost answers and take-overs) {
  for (auto how : {fate::normal, fate::lost_before, fate::lost_after}) {
    auto set = request<waiting_room_actor>(
      room_key(event), steer_queue{queue_verb::set_pre_queue, 0, now() + millis{10'000}});
    run();
    CAF_REQUIRE(set->came());
    if (set->value.is != ec::ok) { // The draw of the round before: over with its queue.
      request<waiting_room_actor>(room_key(event), steer_queue{queue_verb::clear, 0, {}});
      set = request<waiting_room_actor>(
        room_key(event), steer_queue{queue_verb::set_pre_queue, 0, now() + millis{10'000}});
      run();
    }
    CAF_REQUIRE(set->value.is == ec::ok);
    auto committed = set->value.draw.commitment;
    std::map<uint64_t, queue_ticket> tickets;
    for (uint64_t n = 1; n <= 5; ++n) {
      auto x = told(check(user_no(n)));
      CAF_CHECK(x.state == queue_state::pre_queue);
      tickets[n] = x.ticket;
    }
    wait(millis{200}); // Until they are on record.
    take_over();
    CAF_CHECK(told(status(user_no(2))).state == queue_state::pre_queue);
    wait(millis{9'000});
    database.fates = {how, how};
    for (int i = 0; i < 8; ++i) wait(millis{500});
    auto board = boards.find_room(event);
    CAF_REQUIRE(board && board->draw.drawn());
    CAF_CHECK(commitment_of(board->draw.seed) == committed);
    auto drawn = board->draw;
    take_over();
    told(status(user_no(2)));
    CAF_CHECK(boards.find_room(event)->draw == drawn);
    drawn_order order{event, drawn};
    uint64_t first = 1;
    for (auto& [n, ticket] : tickets)
      if (order.place_of(ticket.place.number) < order.place_of(tickets[first].place.number))
        first = n;
    CAF_CHECK(told(status(user_no(first))).state == queue_state::active);
    CAF_CHECK_EQUAL(open_slots(), 1);
  }
}

CAF_TEST(a room that follows the inventory asks for it) {
  auto followed =
    request<waiting_room_actor>(room_key(event), steer_queue{queue_verb::follow_inventory, 0, {}});
  run();
  CAF_REQUIRE(followed->came() && followed->value.follow_inventory);
  wait(millis{2500});
  auto board = boards.find_room(event);
  CAF_REQUIRE(board);
  CAF_CHECK(board->seats.known);
  CAF_CHECK_EQUAL(board->seats.free + board->seats.held, 0);
  CAF_CHECK(told(check(alice)).state == queue_state::queued); // The model has no seats.
  told(status(alice));
  request<waiting_room_actor>(room_key(event), steer_queue{queue_verb::ignore_inventory, 0, {}});
  wait(millis{2500});
  CAF_CHECK(told(status(alice)).state == queue_state::active);
}

CAF_TEST_FIXTURE_SCOPE_END()
