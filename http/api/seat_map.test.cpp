#define CAF_SUITE seat_map

#include "http/api/seat_map.hpp"

#include <nlohmann/json.hpp>

#include "caf/test/dsl.hpp"

using namespace tk;
using namespace tk::http;

namespace {

struct fixture {
  board_store boards;
  seat_maps maps{boards};
  event_id event{7, 7};
  instant now = from_ms(1'000'000);

  plan_rows rows() {
    plan_rows out;
    out.event_known = true;
    out.event = event;
    out.title = "A \"quoted\" night";
    out.layout_json = R"({"sections":[]})";
    out.sections = {"VIP"};
    // Ids in another order than the places: boards go by id, the list by place.
    out.seats = {{seat_id{0, 3}, 1, 1, 1, 0, {100}, "VIP-1-1"},
                 {seat_id{0, 1}, 1, 1, 2, 0, {100}, "VIP-1-2"},
                 {seat_id{0, 2}, 2, 2, 1, 0, {90}, "VIP-2-1"}};
    return out;
  }

  void publish(int32_t block_no, uint32_t seats, uint8_t bits, uint64_t version) {
    auto board = std::make_shared<seat_board>();
    board->event = event;
    board->block_no = block_no;
    board->epoch = 1;
    board->version = version;
    board->seat_count = seats;
    board->bits = {bits};
    boards.publish(std::move(board));
  }

  nlohmann::json shown(instant at) {
    return nlohmann::json::parse(*maps.render(event, at).plain)["seats"];
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(seat_map_tests, fixture)

CAF_TEST(a map shows each seat with the status of its board) {
  maps.put(event, std::make_shared<const seat_plan>(rows()), now);
  publish(1, 2, 0b0100, 1); // By id: seat 1 available, seat 3 locked.
  publish(2, 1, 0b0010, 1); // Seat 2 reserved.
  auto seats = shown(now);
  CAF_CHECK_EQUAL(seats[0]["seat_label"].get<std::string>(), "VIP-1-1");
  CAF_CHECK_EQUAL(seats[0]["status"].get<std::string>(), "locked");
  CAF_CHECK_EQUAL(seats[1]["status"].get<std::string>(), "available");
  CAF_CHECK_EQUAL(seats[2]["status"].get<std::string>(), "reserved");
}

CAF_TEST(a block without a board offers nothing) {
  maps.put(event, std::make_shared<const seat_plan>(rows()), now);
  for (auto& seat : shown(now)) CAF_CHECK_EQUAL(seat["status"].get<std::string>(), "locked");
}

CAF_TEST(a map is kept while nothing changes and for a moment when something does) {
  maps.put(event, std::make_shared<const seat_plan>(rows()), now);
  publish(1, 2, 0, 1);
  CAF_CHECK(!maps.current(event, now).plain);
  auto first = maps.render(event, now);
  CAF_CHECK(maps.current(event, now + millis{60'000}).plain == first.plain);
  publish(1, 2, 1, 2);
  CAF_CHECK(maps.current(event, now + seat_maps::fresh_for - millis{1}).plain == first.plain);
  CAF_CHECK(!maps.current(event, now + seat_maps::fresh_for).plain);
  CAF_CHECK(maps.render(event, now + seat_maps::fresh_for).plain != first.plain);
}

CAF_TEST(a rotated list has the same seats and begins each section elsewhere) {
  auto hall = rows();
  hall.sections = {"VIP", "R"};
  for (uint64_t i = 0; i < 5; ++i)
    hall.seats.push_back({seat_id{1, i}, 3, 1, 1, 1, {50}, "R-" + std::to_string(i)});
  seat_plan plan{hall};
  auto labels = [&](uint64_t turn) {
    std::vector<std::string> out;
    auto body = nlohmann::json::parse(plan.rotated(boards, turn));
    for (auto& seat : body["seats"]) out.push_back(seat["seat_label"]);
    return out;
  };
  auto plain = labels(0);
  std::vector<std::string> wanted{"VIP-1-2", "VIP-2-1", "VIP-1-1", "R-4",
                                  "R-0",     "R-1",     "R-2",     "R-3"};
  CAF_CHECK_EQUAL(labels(4), wanted);
  CAF_CHECK_EQUAL(plain.front(), "VIP-1-1");
  CAF_CHECK_EQUAL(labels(15), plain);
  CAF_CHECK(plan.render(boards) == plan.rotated(boards, 0));
}

CAF_TEST(H22a an older board changes nothing) {
  maps.put(event, std::make_shared<const seat_plan>(rows()), now);
  publish(1, 2, 0b0101, 5);
  auto version = boards.seats_version(event);
  publish(1, 2, 0, 4);
  CAF_CHECK_EQUAL(boards.seats_version(event), version);
}

CAF_TEST(seats are found by id with their block) {
  seat_plan plan{rows()};
  CAF_REQUIRE(plan.find(seat_id{0, 2}) != nullptr);
  CAF_CHECK_EQUAL(plan.find(seat_id{0, 2})->block_no, 2);
  CAF_CHECK_EQUAL(plan.label(seat_id{0, 2}), "VIP-2-1");
  CAF_CHECK(plan.find(seat_id{0, 9}) == nullptr);
}

CAF_TEST_FIXTURE_SCOPE_END()
