#define CAF_SUITE ledger_contract_rooms

#include <algorithm>

#include "actors/waiting_room/people.hpp"
#include "tests/integration/ledger_fixture.hpp"

// Which rooms must not sleep.

using namespace tk;
using namespace std::chrono_literals;

namespace {

struct fixture : test::payment_fixture {
  static constexpr uint16_t room_shard = 21;
  int64_t last_turn = 0;

  room_turn turn(int32_t generation = 1) {
    room_turn x;
    x.event = event;
    x.room = at(room_shard);
    x.turn = ++last_turn;
    x.generation = generation;
    x.reserved_to = 10'001;
    return x;
  }
  [[nodiscard]] bool alive() const {
    const auto found = world->rooms_alive();
    return std::ranges::find(found, event) != found.end();
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(ledger_contract_rooms_cases, fixture)

CAF_TEST(a room is found while somebody waits) {
  CAF_CHECK(!alive());
  does(turn());
  CAF_CHECK(!alive());
  const auto first = queue_place{true, 1}.code(), gated = queue_place{false, 5}.code();
  auto x = turn();
  x.joins = {{first, fresh<user_id>()}, {gated, fresh<user_id>()}};
  does(x);
  CAF_CHECK(alive());
  x = turn();
  x.leavers = {first};
  does(x);
  CAF_CHECK(alive());
  x = turn();
  x.leavers = {gated};
  does(x);
  CAF_CHECK(!alive());
}

CAF_TEST(a room is found while somebody is inside) {
  auto x = turn();
  const auto place = queue_place{true, 1}.code();
  const auto guest = fresh<user_id>();
  x.joins = {{place, guest}};
  x.admissions = {{1, guest, place}}; // Out of the line at once.
  does(x);
  CAF_CHECK(alive());
  x = turn();
  x.ends = {{1, slot_end::left}};
  does(x);
  CAF_CHECK(!alive());
  x = turn();
  x.slot_max_s = 1;
  x.admissions = {{2, fresh<user_id>(), 0}};
  does(x);
  CAF_CHECK(alive());
  world->wait_past(world->room(event).slots.at(0).hard_end);
  CAF_CHECK(!alive());
}

CAF_TEST(a room that was cleared is found when somebody comes again) {
  auto x = turn();
  x.joins = {{queue_place{true, 7}.code(), fresh<user_id>()}};
  does(x);
  does(turn(2));
  CAF_CHECK(!alive());
  x = turn(2);
  x.joins = {{queue_place{true, 8}.code(), fresh<user_id>()}};
  does(x);
  CAF_CHECK(alive());
}

CAF_TEST_FIXTURE_SCOPE_END()
