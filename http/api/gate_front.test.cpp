#define CAF_SUITE gate_front

#include "http/api/gate_front.hpp"

#include "actors/gate/port.hpp"
#include "supervisors/router.hpp"
#include "tests/support/node_rig.hpp"

using namespace tk;
using namespace tk::http;
using namespace tk::rig;

namespace {

const event_id event = event_no(1);

/// What gates were asked and told.
struct played_gates {
  gate_board board;
  ec refusal = ec::ok;
  int looks = 0;
  std::vector<heard_position> heard;
};

caf::behavior play_gates(caf::event_based_actor*, played_gates* st) {
  return {
    [=](envelope& x) -> caf::result<caf::message> {
      if (x.body.match_elements<heard_position>()) {
        st->heard.push_back(x.body.get_as<heard_position>(0));
        return caf::make_message();
      }
      ++st->looks;
      if (st->refusal != ec::ok) return make_error(st->refusal);
      return caf::make_message(st->board);
    },
  };
}

struct fixture : node_rig {
  played_gates gates;
  gate_front front{node};
  caf::actor real;

  fixture() {
    real = node.region;
    node.region = sys.spawn(play_gates, &gates);
    gates.board.event = event;
    gates.board.epoch = 3;
    gates.board.version = 1;
    gates.board.state.activation = 1;
    gates.board.state.active = true;
  }
  ~fixture() {
    stop(node.region);
    node.region = real;
  }

  void publish(int64_t epoch, uint64_t version) {
    auto x = gates.board;
    x.epoch = epoch;
    x.version = version;
    x.made_at = now();
    boards.publish(std::make_shared<const gate_board>(x));
  }
  struct heard {
    int count = 0;
    ec is = ec::ok;
    gate_board_ptr board;
  };
  heard ask_for() {
    auto out = std::make_shared<heard>();
    auto client = [this, out](caf::event_based_actor* self, int) {
      front.with(self, event, [out](ec is, const gate_board_ptr& board) {
        ++out->count;
        out->is = is;
        out->board = board;
      });
    };
    clients.push_back(sys.spawn(client, 0));
    run();
    CAF_REQUIRE_EQUAL(out->count, 1);
    return *out;
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(gate_front_tests, fixture)

CAF_TEST(a fresh board is believed and nobody is asked) {
  CAF_CHECK(!front.look(event));
  publish(3, 5);
  pass(millis{3000}, millis{100});
  CAF_CHECK(front.look(event));
  CAF_CHECK_EQUAL(ask_for().board->version, 5u);
  CAF_CHECK_EQUAL(gates.looks, 0);
}

CAF_TEST(without a fresh board the gate is asked once for all who come) {
  publish(2, 9); // Of an owner that has gone.
  pass(millis{3100}, millis{100});
  CAF_CHECK(!front.look(event));
  CAF_CHECK_EQUAL(ask_for().board->epoch, 3);
  CAF_CHECK_EQUAL(ask_for().board->epoch, 3);
  CAF_CHECK_EQUAL(gates.looks, 1);
  publish(3, 7); // Newer than what was told.
  CAF_CHECK_EQUAL(front.look(event)->version, 7u);
}

CAF_TEST(a board of before the last activation is not believed) {
  publish(3, 5);
  front.note(event, 2);
  CAF_CHECK(!front.look(event));
  gates.board.version = 6;
  gates.board.state.activation = 2;
  CAF_CHECK_EQUAL(ask_for().board->state.activation, 2);
  CAF_CHECK(front.look(event));
}

CAF_TEST(while the gate cannot be asked an older board is better than none but not for long) {
  publish(3, 5);
  gates.refusal = ec::unavailable;
  pass(millis{20'000}, millis{100});
  CAF_CHECK_EQUAL(ask_for().board->version, 5u);
  pass(millis{20'000}, millis{100});
  auto out = ask_for();
  CAF_CHECK(!out.board);
  CAF_CHECK(out.is == ec::unavailable);
}

CAF_TEST(an event that is not known has no board) {
  gates.refusal = ec::event_unknown;
  auto out = ask_for();
  CAF_CHECK(!out.board);
  CAF_CHECK(out.is == ec::event_unknown);
}

CAF_TEST(a gate is told the greatest position of each hole that somebody has) {
  gates.board.state.holes = {{100, 200}, {500, 600}};
  for (int64_t position : {50, 100, 110, 150, 120, 201, 510}) front.hear(gates.board, position);
  front.tell_gates();
  run();
  CAF_REQUIRE_EQUAL(gates.heard.size(), 2u);
  CAF_CHECK(gates.heard[0] == (heard_position{1, 150}));
  CAF_CHECK(gates.heard[1] == (heard_position{1, 510}));
  front.tell_gates();
  run();
  CAF_CHECK_EQUAL(gates.heard.size(), 2u);
}

CAF_TEST_FIXTURE_SCOPE_END()
