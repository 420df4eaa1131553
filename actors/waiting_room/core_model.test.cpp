#define CAF_SUITE waiting_room_model

// A room under random wishes, silence and crashes.

#include "actors/waiting_room/core.hpp"

#include <map>
#include <random>
#include <set>

#include <caf/test/dsl.hpp>

#include "tests/support/room_rig.hpp"

using namespace tk;
using namespace tk::room_rig;

CAF_TEST(whatever happens the record stays right and nobody is lost) {
  for (uint32_t seed = 1; seed <= 60; ++seed) {
    std::mt19937 random{seed};
    room x{static_cast<int32_t>(1 + seed % 7)};
    std::map<uint64_t, queue_ticket> tickets; ///< Of who was told to wait.
    std::set<uint64_t> here;
    for (int step = 0; step < 1500; ++step) {
      uint64_t n = 1 + random() % 40;
      switch (random() % 12) {
      case 0:
      case 1:
      case 2: {
        auto gate = random() % 4 == 0 ? static_cast<uint32_t>(n * 7 % 60 + 1) : 0;
        auto told = x.ask({user(n), gate, tickets[n], true});
        CAF_REQUIRE(told.state != queue_state::absent);
        here.insert(n);
        tickets[n] = told.state == queue_state::queued ? told.ticket : queue_ticket{};
        break;
      }
      case 3:
        x.leave(n);
        here.erase(n);
        tickets.erase(n);
        break;
      case 4: x.pass(1 + random() % 5); break;
      case 5: x.now += millis{random() % 300}; break;
      case 6:
        if (random() % 20 == 0) x.restart(); // What was not written is lost but for its tickets.
        break;
      case 7:
        if (random() % 10 == 0)
          x.steer(queue_verb::set_threshold, static_cast<int32_t>(random() % 9));
        break;
      default: {
        auto told = x.ask({user(n), 0, tickets[n], false});
        if (told.state == queue_state::queued) tickets[n] = told.ticket;
        if (told.state == queue_state::active) tickets.erase(n);
        if (told.state != queue_state::absent) CAF_REQUIRE(here.contains(n));
        // Whoever has a ticket has not been forgotten, unless they stayed away over three crashes.
        bool lost = tickets[n].epoch >= x.epoch - 2 && told.state == queue_state::absent &&
                    here.contains(n) && tickets.contains(n) && !tickets[n].place.none() &&
                    tickets[n].place.direct;
        CAF_REQUIRE(!lost);
      }
      }
      x.write();
      CAF_REQUIRE(x.kept.turn == x.core->written());
    }
  }
}
