#define CAF_SUITE queue_stream

#include "http/api/queue_stream.hpp"

#include <caf/all.hpp>

#include "actors/base/entropy.hpp"
#include "caf/test/dsl.hpp"
#include "http/api/queue_desk.hpp"
#include "http/api/queue_views.hpp"
#include "http/api/tokens.hpp"
#include "supervisors/router.hpp"

using namespace tk;
using namespace tk::http;

namespace {

struct hand_clock final : wall_clock {
  instant at = from_ms(1'800'000'000'000);
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

/// An event as text/event-stream has it; without a name when there is none.
struct event {
  std::string name;
  json data;
};

event read(const stream_frame_ptr& frame) {
  if (!frame) return {};
  std::string text{frame->events()};
  auto value = [&](const std::string& field) {
    auto at = text.find("\n" + field + ": ");
    CAF_REQUIRE(at != std::string::npos);
    at += field.size() + 3;
    return text.substr(at, text.find('\n', at) - at);
  };
  CAF_CHECK(text.starts_with("id: "));
  return {value("event"), json::parse(value("data"))};
}

constexpr char pass_key[] = "tests: nobody's key, of enough bytes";

struct fixture : test_coordinator_fixture<> {
  hand_clock clock;
  counting random;
  board_store boards;
  node_context node;
  std::vector<heard_people> heard;
  event_id night{1, 2};
  user_id user{3, 4};
  room_board board;
  waiting_line line;
  std::unique_ptr<queue_desk> desk;
  std::shared_ptr<queue_feed> feed;
  int rooms_asked = 0, tokens_asked = 0;
  bool refused = false;
  queue_stream::letter_box_ptr box;

  fixture() {
    node.system = &sys;
    node.clock = &clock;
    node.random = &random;
    node.boards = &boards;
    for (auto& x : node.epochs.epochs) x = 1;
    node.living.set(1, {1});
    node.region = sys.spawn(catcher, &heard);
    queue_desk_settings settings;
    settings.pass_key = pass_key;
    desk = std::make_unique<queue_desk>(node, settings);
    board.event = night;
    board.epoch = 5;
    board.version = 100;
    board.generation = 1;
    board.active = 2;
    board.threshold = 2;
    for (uint32_t n = 1; n <= 5; ++n) line.put(n, n);
    show();
    feed = desk->streams.feed_of(night, boards, clock, desk->titles, title());
  }
  ~fixture() { anon_send_exit(node.region, caf::exit_reason::user_shutdown); }

  static event_title title() { return {"A \"quoted\" night", std::nullopt}; }
  static queue_ticket ticket(uint32_t number) { return {{true, number}, 1, 5}; }
  void show() {
    ++board.version;
    board.made_at = clock.at;
    board.direct = line.view();
    boards.publish(std::make_shared<const room_board>(board));
  }
  void wait(millis time = queue_feed::pace) { clock.at += time; }

  std::shared_ptr<queue_stream> open(uint32_t number,
                                     const std::optional<queue_reply>& first = std::nullopt,
                                     std::optional<instant> token_end = std::nullopt) {
    queue_stream::questions ask;
    ask.room = [this](const queue_ticket&, const auto&) { ++rooms_asked; };
    ask.token = [this](const auto&) { ++tokens_asked; };
    ask.refused = [this] { return refused; };
    auto out = std::make_shared<queue_stream>(
      *desk, clock, feed,
      queue_stream::listener{night, user, ticket(number), token_end, millis{10'000}}, ask, first);
    box = out->box();
    desk->streams.add(user, box);
    return out;
  }
  void room_says(const queue_reply& x) const { box->reply = x; }
  queue_reply queued(uint32_t number) const {
    auto out = told_by(board, number - 1);
    out.ticket = ticket(number);
    return out;
  }
  static event next(queue_stream& x) {
    auto step = x.next({});
    CAF_CHECK(!step.over);
    return read(step.frame);
  }
  static event last(queue_stream& x) {
    auto step = x.next({});
    CAF_CHECK(step.over);
    return read(step.frame);
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(queue_stream_tests, fixture)

CAF_TEST(a stream begins with the place and has the fields of the status) {
  auto stream = open(4);
  auto first = next(*stream);
  CAF_CHECK_EQUAL(first.name, "position");
  auto told = told_by(board, 3);
  json wanted = {{"queued", true},
                 {"status", "queued"},
                 {"position", 4},
                 {"peopleAhead", 3},
                 {"peopleBehind", told.behind},
                 {"estimatedWait", told.wait_s},
                 {"nextPoll", 1},
                 {"threshold", told.threshold},
                 {"currentUsers", told.active},
                 {"queueSize", told.waiting},
                 {"eventInfo", {{"title", title().title}, {"artist", nullptr}}}};
  CAF_CHECK_EQUAL(first.data.dump(), wanted.dump());
  auto answered = json::parse(waiting_text(told, room_text(title(), told), clock.at));
  CAF_CHECK_EQUAL(answered.dump(), wanted.dump()); // In the same order, too.
  CAF_CHECK_EQUAL(first.data["position"].get<int>(), 4);
  CAF_CHECK_EQUAL(rooms_asked, 0);
}

CAF_TEST(a place counts down and is told when it changes only) {
  auto stream = open(4);
  next(*stream);
  for (uint32_t n = 1; n <= 3; ++n) {
    line.remove(n);
    show();
    wait();
    auto told = next(*stream);
    CAF_CHECK_EQUAL(told.data["position"].get<uint32_t>(), 4 - n);
  }
  show(); // As a room does every second.
  wait();
  CAF_CHECK_EQUAL(next(*stream).name, "");
  board.active = 1; // Something else that is shown.
  show();
  wait();
  CAF_CHECK_EQUAL(next(*stream).data["currentUsers"].get<int>(), 1);
}

CAF_TEST(what the room has said is not told again by its board) {
  auto stream = open(4, queued(4));
  auto first = next(*stream);
  CAF_CHECK_EQUAL(first.data["position"].get<int>(), 4);
  CAF_CHECK_EQUAL(next(*stream).name, "");
  for (int i = 0; i < 3; ++i) { // As a room does every second.
    wait();
    show();
    CAF_CHECK_EQUAL(next(*stream).name, "");
  }
  line.remove(1);
  show();
  wait();
  CAF_CHECK_EQUAL(next(*stream).data["position"].get<int>(), 3);
}

CAF_TEST(at most two places a second however often boards come) {
  auto stream = open(5);
  next(*stream);
  int told = 0;
  for (int i = 0; i < 100; ++i) {
    ++board.active;
    show();
    wait(millis{10});
    if (!next(*stream).name.empty()) ++told;
  }
  CAF_CHECK_EQUAL(told, 2);
}

CAF_TEST(who is no longer on the board asks the room once and is admitted) {
  auto stream = open(1);
  next(*stream);
  line.remove(1);
  show();
  wait();
  CAF_CHECK_EQUAL(next(*stream).name, "");
  wait();
  CAF_CHECK_EQUAL(next(*stream).name, "");
  CAF_CHECK_EQUAL(rooms_asked, 1);
  queue_reply in;
  in.state = queue_state::active;
  in.admission = 7;
  in.ticket.generation = 1;
  in.slot_end = clock.at + millis{60'000};
  room_says(in);
  auto told = last(*stream);
  CAF_CHECK_EQUAL(told.name, "admitted");
  CAF_CHECK_EQUAL(told.data["status"].get<std::string>(), "active");
  auto pass = verify_entry(told.data["entryToken"].get<std::string>(), pass_key, clock.at);
  CAF_REQUIRE(pass.has_value());
  CAF_CHECK(pass->user == user && pass->event == night);
  CAF_CHECK_EQUAL(pass->admission, 7);
  CAF_CHECK(!verify_entry(told.data["entryToken"].get<std::string>(), pass_key, in.slot_end));
}

CAF_TEST(who has left elsewhere is told so) {
  queue_reply gone;
  auto stream = open(1, gone);
  auto told = last(*stream);
  CAF_CHECK_EQUAL(told.name, "not_in_queue");
  CAF_CHECK_EQUAL(told.data["status"].get<std::string>(), "not_in_queue");
}

CAF_TEST(a room that cannot answer is asked again and the place is kept) {
  auto stream = open(9); // Not on the board.
  next(*stream);
  CAF_CHECK_EQUAL(rooms_asked, 1);
  queue_reply failed;
  failed.is = ec::unavailable;
  room_says(failed);
  CAF_CHECK_EQUAL(next(*stream).name, "");
  wait();
  next(*stream);
  CAF_CHECK_EQUAL(rooms_asked, 1); // Not at once.
  wait(queue_stream::retry_after);
  next(*stream);
  CAF_CHECK_EQUAL(rooms_asked, 2);
  wait(queue_stream::ask_again); // No answer ever came.
  show();
  next(*stream);
  CAF_CHECK_EQUAL(rooms_asked, 3);
  room_says(queued(2));
  auto told = next(*stream);
  CAF_CHECK_EQUAL(told.data["position"].get<int>(), 2);
  line.remove(1);
  show();
  wait();
  CAF_CHECK_EQUAL(next(*stream).data["position"].get<int>(), 1); // By its new ticket.
  CAF_CHECK_EQUAL(rooms_asked, 3);
}

CAF_TEST(a room that is gone for good ends its streams) {
  auto stream = open(9);
  next(*stream);
  queue_reply failed;
  failed.is = ec::event_unknown;
  room_says(failed);
  CAF_CHECK_EQUAL(last(*stream).name, "");
}

CAF_TEST(an old board tells nothing) {
  auto stream = open(4);
  next(*stream);
  line.remove(1);
  show();
  wait(millis{5000});
  CAF_CHECK_EQUAL(next(*stream).name, "");
  CAF_CHECK_EQUAL(rooms_asked, 1);
}

CAF_TEST(a crowd that is asked for at once asks its room in turns) {
  std::vector<std::shared_ptr<queue_stream>> crowd(queue_feed::asks_per_turn + 100);
  for (auto& x : crowd) x = open(9);
  auto all_ask = [&] {
    for (auto& x : crowd) next(*x);
  };
  all_ask();
  CAF_CHECK_EQUAL(rooms_asked, queue_feed::asks_per_turn);
  wait();
  show();
  all_ask();
  CAF_CHECK_EQUAL(rooms_asked, queue_feed::asks_per_turn + 100);
}

CAF_TEST(an open stream is a sign of life every ten seconds) {
  auto stream = open(4);
  next(*stream);
  for (int s = 0; s < 30; ++s) {
    wait(millis{1000});
    show();
    next(*stream);
    desk->front.tell_rooms();
    run();
  }
  size_t signs = 0;
  for (auto& x : heard) {
    signs += x.places.size();
    for (auto place : x.places) CAF_CHECK_EQUAL(place, ticket(4).place.code());
  }
  CAF_CHECK_EQUAL(signs, 3u);
}

CAF_TEST(a token that runs out ends the stream) {
  auto stream = open(4, std::nullopt, clock.at + millis{700});
  CAF_CHECK_EQUAL(next(*stream).name, "position");
  wait();
  next(*stream);
  wait();
  CAF_CHECK_EQUAL(last(*stream).name, "");
}

CAF_TEST(a token that another node has ended ends the stream before it says anything more) {
  auto stream = open(4, std::nullopt, clock.at + millis{1'000'000});
  next(*stream);
  refused = true;
  room_says(queued(4));
  CAF_CHECK_EQUAL(last(*stream).name, "");
}

CAF_TEST(a token that was revoked ends the stream) {
  auto stream = open(4, std::nullopt, clock.at + millis{1'000'000});
  next(*stream);
  CAF_CHECK_EQUAL(tokens_asked, 1); // At the beginning,
  wait(queue_stream::token_every);
  next(*stream);
  CAF_CHECK_EQUAL(tokens_asked, 2); // every minute,
  desk->streams.look_again(user);
  desk->streams.look_again(user_id{9, 9});
  next(*stream);
  next(*stream);
  CAF_CHECK_EQUAL(tokens_asked, 3); // and when its user signs out somewhere.
  box->revoked = true;
  CAF_CHECK_EQUAL(last(*stream).name, "");
}

CAF_TEST(who has not signed in has no token to be looked at) {
  auto stream = open(4);
  wait(queue_stream::token_every);
  next(*stream);
  CAF_CHECK_EQUAL(tokens_asked, 0);
}

CAF_TEST_FIXTURE_SCOPE_END()
