#define CAF_SUITE seat_stream

#include "http/api/seat_stream.hpp"

#include <nlohmann/json.hpp>

#include "caf/test/dsl.hpp"

using namespace tk;
using namespace tk::http;

namespace {

struct counting final : entropy {
  uint64_t n = 0;
  uint64_t next() override { return ++n * 0x9e3779b97f4a7c15ull; }
};

struct hand_clock final : wall_clock {
  instant at = from_ms(1'800'000'000'000);
  [[nodiscard]] instant now() const override { return at; }
};

/// An event as text/event-stream has it.
struct event {
  std::string name;
  uint64_t id = 0;
  nlohmann::json data;
};

event read(const stream_frame_ptr& frame) {
  event out;
  std::string text{frame->events()};
  CAF_REQUIRE(text.ends_with("\n\n"));
  auto value = [&](const std::string& field) {
    auto at = text.find(field + ": ");
    CAF_REQUIRE(at != std::string::npos);
    at += field.size() + 2;
    return text.substr(at, text.find('\n', at) - at);
  };
  out.name = value("event");
  out.id = std::stoull(value("id"));
  out.data = nlohmann::json::parse(value("data"));
  CAF_CHECK_EQUAL(out.data["version"].get<uint64_t>(), out.id);
  return out;
}

using statuses = std::vector<std::string>;

struct fixture {
  board_store boards;
  seat_maps maps{boards};
  hand_clock clock;
  counting random;
  event_id hall{7, 7};
  uint64_t board_version = 0;
  seat_feeds feeds;
  std::shared_ptr<seat_feed> feed = feeds.of(hall, {maps, boards, clock, random});

  fixture() {
    put(4);
    show(0);
  }

  void put(uint64_t seats) {
    plan_rows rows;
    rows.event_known = true;
    rows.event = hall;
    rows.layout_json = "{}";
    rows.sections = {"A"};
    for (uint64_t i = 0; i < seats; ++i)
      rows.seats.push_back(
        {seat_id{0, i}, 1, 1, static_cast<int32_t>(i), 0, {100}, "A-" + std::to_string(i)});
    maps.put(hall, std::make_shared<const seat_plan>(rows), clock.at);
  }

  /// Two bits a seat.
  void show(uint8_t bits) {
    auto board = std::make_shared<seat_board>();
    board->event = hall;
    board->block_no = 1;
    board->epoch = 1;
    board->version = ++board_version;
    board->seat_count = 4;
    board->bits = {bits};
    boards.publish(std::move(board));
  }
  void wait() { clock.at += seat_feed::pace; }

  seat_stream open(std::optional<uint64_t> told = std::nullopt) { return {feed, told}; }
  static stream_frame_ptr next(seat_stream& x) {
    auto step = x.next({});
    CAF_CHECK(!step.over);
    return step.frame;
  }
  [[nodiscard]] statuses shown() {
    statuses out;
    auto body = nlohmann::json::parse(*maps.render(hall, clock.at).plain);
    for (auto& x : body["seats"]) out.push_back(x["status"]);
    return out;
  }
};

statuses statuses_of(const nlohmann::json& seats) {
  statuses out;
  for (auto& x : seats) out.push_back(x["status"]);
  return out;
}

} // namespace

CAF_TEST_FIXTURE_SCOPE(seat_stream_tests, fixture)

CAF_TEST(a stream begins with all seats as the map shows them) {
  show(0b1001'0100);
  auto stream = open();
  auto first = read(next(stream));
  CAF_CHECK_EQUAL(first.name, "snapshot");
  auto map = nlohmann::json::parse(*maps.render(hall, clock.at).plain);
  CAF_CHECK(first.data["seats"] == map["seats"]);
  CAF_CHECK(next(stream) == nullptr);
}

CAF_TEST(what changes is told once and alone) {
  auto stream = open();
  auto first = read(next(stream));
  show(0b0000'0100);
  wait();
  auto second = read(next(stream));
  CAF_CHECK_EQUAL(second.name, "delta");
  CAF_CHECK(second.id > first.id);
  const nlohmann::json wanted = {{{"id", to_string(seat_id{0, 1})}, {"status", "locked"}}};
  CAF_CHECK(second.data["changes"] == wanted);
  wait();
  CAF_CHECK(next(stream) == nullptr);
}

CAF_TEST(deltas lead from the snapshot to every map after it) {
  auto stream = open();
  auto seats = read(next(stream)).data["seats"];
  for (int i = 0; i < 60; ++i) {
    show(static_cast<uint8_t>(i * 37 % 256));
    wait();
    auto frame = next(stream);
    if (frame) {
      auto change = read(frame);
      CAF_REQUIRE_EQUAL(change.name, "delta");
      for (auto& x : change.data["changes"])
        for (auto& seat : seats)
          if (seat["id"] == x["id"]) seat["status"] = x["status"];
    }
    auto mine = statuses_of(seats), fresh = shown();
    CAF_REQUIRE_EQUAL(mine, fresh);
    clock.at += seat_maps::oldest; // The map is rendered anew.
  }
}

CAF_TEST(at most four versions a second however often boards come) {
  auto stream = open();
  next(stream);
  int told = 0;
  for (int ms = 0; ms < 1000; ms += 10) {
    show(static_cast<uint8_t>(ms / 10 + 1));
    clock.at += millis{10};
    if (next(stream)) ++told;
  }
  CAF_CHECK_EQUAL(told, 4);
}

CAF_TEST(all who are as far get the same bytes) {
  auto one = open(), two = open();
  CAF_CHECK(next(one) == next(two));
  show(1);
  wait();
  auto delta = next(one);
  CAF_CHECK(delta != nullptr);
  CAF_CHECK(delta == next(two));
}

CAF_TEST(who was away is told what changed meanwhile in one delta) {
  auto stream = open();
  auto known = read(next(stream)).id;
  auto other = open();
  next(other);
  for (int bits : {0b01, 0b0101, 0b0100}) {
    show(static_cast<uint8_t>(bits));
    wait();
    next(other);
  }
  auto back = open(known);
  auto told = read(next(back));
  CAF_CHECK_EQUAL(told.name, "delta");
  const nlohmann::json wanted = {{{"id", to_string(seat_id{0, 0})}, {"status", "available"}},
                                 {{"id", to_string(seat_id{0, 1})}, {"status", "locked"}}};
  CAF_CHECK(told.data["changes"] == wanted);
  auto current = open(told.id);
  CAF_CHECK(next(current) == nullptr); // Nothing was missed.
}

CAF_TEST(a version that is not known is answered with a snapshot) {
  auto stream = open();
  auto known = read(next(stream)).id;
  for (uint64_t wrong : {uint64_t{0}, uint64_t{1}, known - 1, known + 1, ~uint64_t{0}}) {
    auto back = open(wrong);
    CAF_CHECK_EQUAL(read(next(back)).name, "snapshot");
  }
}

CAF_TEST(a version that is too old is answered with a snapshot) {
  auto stream = open();
  auto known = read(next(stream)).id;
  for (size_t i = 0; i <= 4; ++i) { // As many changes as there are seats, and one.
    show(i % 2 == 0 ? 1 : 0);
    wait();
    CAF_CHECK_EQUAL(read(next(stream)).name, "delta");
  }
  auto back = open(known);
  CAF_CHECK_EQUAL(read(next(back)).name, "snapshot");
}

CAF_TEST(a version of another node is none of ours) {
  auto stream = open();
  auto ours = read(next(stream)).id;
  seat_feed other{hall, {maps, boards, clock, random}};
  other.refresh();
  CAF_CHECK(other.version() != ours);
  CAF_CHECK(other.version() < (uint64_t{1} << 53)); // JSON numbers are exact so far.
}

CAF_TEST(versions rise over the shortest restart) {
  struct fixed : entropy {
    explicit fixed(uint64_t x) : value(x) {}
    uint64_t next() override { return value; }
    uint64_t value;
  } most{~uint64_t{0}}, least{0};
  seat_feed first{hall, {maps, boards, clock, most}};
  first.refresh();
  clock.at += millis{1};
  seat_feed second{hall, {maps, boards, clock, least}};
  second.refresh();
  CAF_CHECK(second.version() > first.version());
  CAF_CHECK(first.version() != 0);
}

CAF_TEST(versions rise although the clock goes back) {
  auto stream = open();
  auto before = read(next(stream)).id;
  clock.at -= millis{3'600'000};
  show(1);
  auto after = read(next(stream)).id;
  CAF_CHECK(after > before);
}

CAF_TEST(another list of seats is told as a snapshot and the same one read again is not) {
  auto stream = open();
  next(stream);
  put(4);
  wait();
  CAF_CHECK(next(stream) == nullptr);
  put(5);
  wait();
  auto told = read(next(stream));
  CAF_CHECK_EQUAL(told.name, "snapshot");
  CAF_CHECK_EQUAL(told.data["seats"].size(), 5u);
}

CAF_TEST(a feed lives as long as somebody listens) {
  std::weak_ptr<seat_feed> old = feed;
  CAF_CHECK(feeds.of(hall, {maps, boards, clock, random}) == feed);
  feed = nullptr;
  CAF_CHECK(old.expired());
  CAF_CHECK(feeds.of(hall, {maps, boards, clock, random}) != nullptr);
}

CAF_TEST_FIXTURE_SCOPE_END()
