#define CAF_SUITE link

// Both ends of the way between two nodes, with a cable in the test's hand.

#include "supervisors/link.hpp"

#include <deque>
#include <utility>

#include "supervisors/boards.hpp"
#include "supervisors/link_figures.hpp"
#include "tests/support/node_rig.hpp"

using namespace tk;
using namespace tk::rig;

namespace {

const entity_key block0 = key_of(event_no(1), 0);
constexpr int64_t life = 7;

/// Keeps what is sent until the test carries it.
struct cable final : frame_path {
  std::deque<link_frame> sent;
  bool plugged = true;
  bool send(link_frame x) override {
    if (plugged) sent.push_back(std::move(x));
    return plugged;
  }
  void cut(const char*) override { ++cuts; }
  int cuts = 0;
  link_frame next() {
    auto out = std::move(sent.front());
    sent.pop_front();
    return out;
  }
};

struct fixture : node_rig {
  link_probe probe;
  std::shared_ptr<cable> there = std::make_shared<cable>(), back = std::make_shared<cable>();
  caf::actor link, door;

  fixture() {
    link_settings tight;
    tight.open_max = 3;
    link = spawn_link(node, probe, life, tight);
    door = spawn_door(node, probe);
    caf::anon_send(link, link_up{there});
    run();
  }
  ~fixture() {
    for (auto& x : {link, door}) stop(x);
  }

  /// Asks the entity by the link, as the asking node's router does.
  template <class Port, class Message>
  auto ask_far(const entity_key& key, Message what, millis budget = millis{1000}) {
    using reply = typename reply_to<Port, Message>::type;
    auto out = ask_actor<reply>(link, caf::infinite,
                                envelope{key, now() + budget, caf::make_message(std::move(what))});
    run();
    return out;
  }
  auto wake() { return ask_far<seat_block_actor>(block0, wake_block{}); }

  void carry_there() {
    while (!there->sent.empty()) caf::anon_send(door, request_frame{there->next(), back});
    run();
  }
  void carry_back() {
    while (!back->sent.empty()) caf::anon_send(link, answer_frame{back->next()});
    run();
  }
  void lose() {
    caf::anon_send(link, link_down{});
    run();
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(link_tests, fixture)

CAF_TEST(a request crosses and its answer comes back) {
  auto x = wake();
  CAF_REQUIRE_EQUAL(there->sent.size(), 1u);
  CAF_CHECK(there->sent.front().about == "wake_block");
  carry_there();
  CAF_REQUIRE_EQUAL(back->sent.size(), 1u);
  CAF_CHECK(!x->came());
  carry_back();
  CAF_CHECK_EQUAL(x->count, 1);
  CAF_CHECK_EQUAL(x->value.seats, 10);
  CAF_CHECK_EQUAL(probe.open.load(), 0);
  CAF_CHECK_EQUAL(probe.answered.load(), 1u);
}

CAF_TEST(a trace goes along to whoever reads it) {
  auto bytes_of = [this](bool reads, const trace_context& trace) {
    caf::anon_send(link, link_up{there, reads});
    envelope x{block0, now() + millis{1000}, caf::make_message(wake_block{})};
    x.trace = trace;
    caf::anon_send(link, std::move(x));
    run();
    return there->next().bytes.size();
  };
  const trace_context trace{1, 2, 3, true};
  auto without = bytes_of(true, {});
  CAF_CHECK_EQUAL(bytes_of(false, trace), without); // An older release gets what it always got.
  CAF_CHECK_EQUAL(bytes_of(true, trace), without + 25);
}

CAF_TEST(what a link does is counted beside what all do) {
  link_settings third;
  third.slot = 2;
  link_table links;
  auto& mine = links[2];
  auto other = spawn_link(node, probe, life, third, mine);
  caf::anon_send(other, link_up{there});
  auto x = ask_actor<block_awake>(
    other, caf::infinite, envelope{block0, now() + millis{1000}, caf::make_message(wake_block{})});
  run();
  CAF_CHECK_EQUAL(mine.open.load(), 1);
  CAF_CHECK_EQUAL(mine.asked.load(), 1u);
  CAF_CHECK_EQUAL(mine.window.load(), third.open_max);
  CAF_CHECK_EQUAL(mine.bytes_sent.load(), there->sent.front().bytes.size());
  pass(millis{30});
  carry_there();
  auto size = back->sent.front().bytes.size();
  while (!back->sent.empty()) caf::anon_send(other, answer_frame{back->next()});
  run();
  CAF_CHECK_EQUAL(x->count, 1);
  CAF_CHECK_EQUAL(mine.open.load(), 0);
  CAF_CHECK_EQUAL(mine.answered.load(), 1u);
  CAF_CHECK_EQUAL(mine.bytes_heard.load(), size);
  CAF_CHECK_EQUAL(mine.answer_ms.load(), 30u);
  CAF_CHECK_EQUAL(probe.answered.load(), 1u);
  auto y = ask_actor<block_awake>(
    other, caf::infinite, envelope{block0, now() + millis{1000}, caf::make_message(wake_block{})});
  run();
  caf::anon_send(other, link_down{});
  run();
  CAF_CHECK(y->error == ec::unknown);
  CAF_CHECK_EQUAL(mine.unknown.load(), 1u);
  CAF_CHECK_EQUAL(mine.open.load(), 0);
  wake();
  CAF_CHECK_EQUAL(probe.asked.load(), 3u); // The other link's is not among them.
  CAF_CHECK_EQUAL(mine.asked.load(), 2u);
  stop(other);
}

CAF_TEST(what is told crosses without a way back) {
  auto until = now() + millis{1000};
  caf::anon_send(link, envelope{block0, until, caf::make_message(look_again{{1, 1}})});
  run();
  carry_there();
  CAF_CHECK(back->sent.empty());
  CAF_CHECK_EQUAL(probe.told.load(), 1u);
  CAF_CHECK_EQUAL(node.probe.blocks_active.load(), 1);
}

CAF_TEST(a refusal of the far side is the answer) {
  node.epochs.epochs[shard_of(block0)] = 0; // The far node does not own it.
  auto x = wake();
  carry_there();
  carry_back();
  CAF_CHECK(x->error == ec::unavailable);
}

CAF_TEST(what the far side has no more is asked elsewhere and nothing else is) {
  node.router = spawn_router(node);
  node.epochs.epochs[shard_of(block0)] = 0; // The far node, which is this one, does not own it.
  auto x = wake();
  carry_there();
  carry_back();
  CAF_CHECK(!x->came());
  CAF_CHECK_EQUAL(probe.moved.load(), 1u);
  node.epochs.epochs[shard_of(block0)] = 2; // Ours by now.
  pass(millis{50});
  CAF_CHECK_EQUAL(x->value.seats, 10);
  auto y = wake();
  lose(); // It was sent.
  pass(millis{200});
  CAF_CHECK(y->error == ec::unknown);
  stop(std::exchange(node.router, nullptr));
}

CAF_TEST(without a connection a request waits with the router) {
  node.router = spawn_router(node);
  lose();
  node.epochs.epochs[shard_of(block0)] = 0;
  auto x = wake();
  CAF_CHECK(!x->came());
  CAF_CHECK(there->sent.empty());
  node.epochs.epochs[shard_of(block0)] = 2;
  pass(millis{50});
  CAF_CHECK_EQUAL(x->value.seats, 10);
  stop(std::exchange(node.router, nullptr));
}

CAF_TEST(boards cross and reach who shows them) {
  auto board = std::make_shared<seat_board>();
  board->event = event_no(1);
  board->epoch = 9;
  board->version = 3;
  board->seat_count = 4;
  board->bits = {0b11100100};
  boards.on_change([] {});
  caf::anon_send(link, board_frame{block0, caf::make_message(*board)});
  run();
  carry_there();
  auto shown = boards.find_seats(event_no(1), 0);
  CAF_REQUIRE(shown != nullptr);
  CAF_CHECK(shown->version == 3 && shown->bits == board->bits);
  CAF_CHECK(boards.take_changed().empty()); // It is not told on.
  CAF_CHECK(back->sent.empty());
}

CAF_TEST(of the boards that cannot be sent the newest of each is kept) {
  there->plugged = false;
  for (uint64_t version = 1; version <= 5; ++version) {
    seat_board board;
    board.event = event_no(1);
    board.epoch = 9;
    board.version = version;
    caf::anon_send(link, board_frame{block0, caf::make_message(board)});
  }
  run();
  there->plugged = true;
  pass(millis{200});
  CAF_CHECK_EQUAL(there->sent.size(), 1u);
  carry_there();
  CAF_CHECK_EQUAL(boards.find_seats(event_no(1), 0)->version, 5u);
}

CAF_TEST(H05 what is open when the connection is lost is unknown at once) {
  auto x = wake(), y = wake();
  lose();
  CAF_CHECK(x->error == ec::unknown);
  CAF_CHECK(y->error == ec::unknown);
  CAF_CHECK_EQUAL(probe.open.load(), 0);
  CAF_CHECK_EQUAL(probe.unknown.load(), 2u);
}

CAF_TEST(H05 without a connection certainly nothing happens) {
  lose();
  auto x = wake();
  CAF_CHECK(x->error == ec::unavailable);
  CAF_CHECK(there->sent.empty());
  caf::anon_send(link, link_up{there});
  run();
  there->plugged = false; // Too much waits for it already.
  auto y = wake();
  CAF_CHECK(y->error == ec::unavailable);
  CAF_CHECK_EQUAL(probe.unreachable.load(), 2u);
  CAF_CHECK_EQUAL(probe.open.load(), 0);
}

CAF_TEST(an answer that comes after its connection was lost is nobodys) {
  auto x = wake();
  carry_there();
  lose();
  caf::anon_send(link, link_up{there});
  carry_back();
  CAF_CHECK_EQUAL(x->count, 1);
  CAF_CHECK(x->error == ec::unknown);
}

CAF_TEST(a request is given up when its time is over) {
  auto x = wake();
  pass(millis{1400});
  CAF_CHECK(!x->came());
  pass(millis{300});
  CAF_CHECK(x->error == ec::unknown);
  CAF_CHECK_EQUAL(probe.open.load(), 0);
  carry_there();
  carry_back();
  CAF_CHECK_EQUAL(x->count, 1);
}

CAF_TEST(a request whose time is over is not sent) {
  auto x = ask_far<seat_block_actor>(block0, wake_block{}, millis{-1});
  CAF_CHECK(x->error == ec::late);
  CAF_CHECK(there->sent.empty());
}

CAF_TEST(the window is bounded) {
  auto a = wake(), b = wake(), c = wake(), d = wake();
  CAF_CHECK(d->error == ec::busy);
  CAF_CHECK_EQUAL(there->sent.size(), 3u);
  carry_there();
  carry_back();
  CAF_CHECK_EQUAL(a->count + b->count + c->count, 3);
  auto e = wake();
  CAF_CHECK(!e->came());
}

CAF_TEST(an answer that comes twice is given once) {
  auto x = wake();
  carry_there();
  back->sent.push_back(back->sent.front());
  carry_back();
  CAF_CHECK_EQUAL(x->count, 1);
}

CAF_TEST(an answer that strays to another link is nobodys) {
  link_settings how;
  how.slot = 1;
  auto other = spawn_link(node, probe, life, how);
  caf::anon_send(other, link_up{there});
  wake();
  carry_there();
  auto y = ask_actor<block_awake>(
    other, caf::infinite, envelope{block0, now() + millis{1000}, caf::make_message(wake_block{})});
  run();
  caf::anon_send(other, answer_frame{back->next()}); // Of the first one's first request.
  run();
  CAF_CHECK(!y->came());
  lose();
  stop(other);
}

CAF_TEST(an answer for an earlier life is nobodys) {
  auto x = wake();
  carry_there();
  auto later = spawn_link(node, probe, life + 1);
  std::swap(link, later);
  caf::anon_send(link, link_up{there});
  auto y = wake(); // Has the number that the other one had.
  carry_back();
  CAF_CHECK(!y->came());
  stop(later);
  CAF_CHECK_EQUAL(x->count, 1);
  CAF_CHECK(x->error == ec::unknown); // It ended before its answer came.
}

CAF_TEST(F12 frames that cannot be read harm nobody) {
  auto x = wake();
  auto whole = there->next();
  for (size_t n = 0; n < whole.bytes.size(); ++n) {
    auto cut = whole;
    cut.bytes.resize(n);
    caf::anon_send(door, request_frame{cut, back});
    caf::anon_send(link, answer_frame{cut});
    run();
  }
  CAF_CHECK(probe.refused.load() > 0);
  CAF_CHECK(!x->came() || x->error != ec::ok);
  // Whoever sends frames without a head is no node, or a broken one.
  CAF_CHECK(back->cuts > 0);
  CAF_CHECK(there->cuts > 0);
  auto y = wake();
  carry_there();
  carry_back();
  CAF_CHECK_EQUAL(y->value.seats, 10);
}

CAF_TEST(a frame holds its place until it is done with) {
  auto place = std::make_shared<int>(1);
  auto x = wake(), y = wake();
  caf::anon_send(door, request_frame{there->next(), back, place});
  CAF_CHECK(place.use_count() > 1);
  run();
  CAF_CHECK_EQUAL(place.use_count(), 1);
  // One that cannot be read, too.
  auto cut = there->next();
  cut.bytes.resize(3);
  caf::anon_send(door, request_frame{cut, back, place});
  caf::anon_send(link, answer_frame{back->next(), place});
  CAF_CHECK(place.use_count() > 2);
  run();
  CAF_CHECK_EQUAL(place.use_count(), 1);
  CAF_CHECK_EQUAL(x->value.seats, 10);
  CAF_CHECK(!y->came());
}

CAF_TEST(F13 a message of a newer release is refused and nothing is begun) {
  auto x = wake();
  auto frame = there->next();
  std::string text(frame.bytes.begin(), frame.bytes.end());
  auto at = text.find("wake_block");
  CAF_REQUIRE(at != std::string::npos);
  frame.bytes[at] = 'x';
  caf::anon_send(door, request_frame{frame, back});
  run();
  carry_back();
  CAF_CHECK(x->error == ec::unavailable);
  CAF_CHECK_EQUAL(node.probe.blocks_active.load(), 0);
}

CAF_TEST_FIXTURE_SCOPE_END()
