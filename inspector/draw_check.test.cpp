#define CAF_SUITE inspector_draw

#include "inspector/draw_check.hpp"

#include <algorithm>
#include <string>

#include <caf/test/dsl.hpp>

#include <nlohmann/json.hpp>

#include "actors/waiting_room/draw.hpp"

using namespace tk;
using namespace tk::inspector;
using json = nlohmann::json;

namespace {

const event_id event{0xe, 1};
user_id user(uint64_t n) { return {0xa, n}; }

/// What a shop would publish: of the numbers 11 to 30 every third has joined.
struct shop {
  json draw, list;
  shop() {
    board_draw x;
    x.seed = sha256("some seed");
    x.from = 11;
    x.cutoff = 31;
    list = {{"lines", json::array()}, {"next", nullptr}};
    for (uint32_t n = 11; n < 31; n += 3) {
      auto name = pseudonym_of(x.seed, user(n));
      list["lines"].push_back({{"number", n}, {"pseudonym", name}});
      x.list = chained(x.list, n, name);
    }
    draw = {{"eventId", to_string(event)},
            {"preQueue", true},
            {"drawn", true},
            {"commitment", to_hex(commitment_of(x.seed))},
            {"seed", to_hex(x.seed)},
            {"firstNumber", x.from},
            {"cutoff", x.cutoff},
            {"listDigest", to_hex(x.list)}};
  }
  [[nodiscard]] published_draw files() const {
    published_draw out;
    CAF_REQUIRE(read_published(draw.dump(), out));
    CAF_REQUIRE(read_published(list.dump(), out));
    return out;
  }
};

} // namespace

CAF_TEST(files that fit each other tell who is served when) {
  auto x = shop{}.files();
  CAF_CHECK(contradictions(x).empty());
  auto order = served_order(x);
  CAF_REQUIRE_EQUAL(order.size(), 7u);
  drawn_order expected{event, x.draw};
  CAF_CHECK(std::ranges::is_sorted(order, {}, [&](auto n) { return expected.place_of(n); }));
  for (uint32_t i = 0; i < order.size(); ++i) {
    CAF_CHECK(position_of(x, {order[i], {}}) == i + 1);
    CAF_CHECK(position_of(x, {{}, user(order[i])}) == i + 1);
  }
  CAF_CHECK(!position_of(x, {12, {}})); // Nobody joined with it.
  CAF_CHECK(!position_of(x, {{}, user(999)}));
}

CAF_TEST(a page of the list after another counts in order) {
  shop x;
  auto second = x.list;
  for (int i = 0; i < 4; ++i) second["lines"].erase(0);
  while (x.list["lines"].size() > 4) x.list["lines"].erase(4);
  auto out = x.files();
  CAF_CHECK(!contradictions(out).empty());
  CAF_REQUIRE(read_published(second.dump(), out));
  CAF_CHECK(contradictions(out).empty());
}

CAF_TEST(whatever was changed afterwards is found) {
  auto broken = [](auto change) {
    shop x;
    change(x);
    return !contradictions(x.files()).empty();
  };
  CAF_CHECK(!broken([](shop&) {}));
  CAF_CHECK(broken([](shop& x) { x.draw["seed"] = to_hex(sha256("another")); }));
  CAF_CHECK(broken([](shop& x) { x.draw["commitment"] = to_hex(sha256("another")); }));
  CAF_CHECK(broken([](shop& x) { x.draw["listDigest"] = to_hex(sha256("another")); }));
  CAF_CHECK(broken([](shop& x) { x.draw["cutoff"] = 25; }));
  CAF_CHECK(broken([](shop& x) { x.draw["cutoff"] = 5; }));
  CAF_CHECK(broken([](shop& x) { x.list["lines"].erase(2); }));
  CAF_CHECK(broken([](shop& x) { std::swap(x.list["lines"][1], x.list["lines"][2]); }));
  CAF_CHECK(broken([](shop& x) { x.list["lines"][3]["pseudonym"] = std::string(32, '0'); }));
  CAF_CHECK(broken([](shop& x) { x.list["lines"].push_back(x.list["lines"][0]); }));
}

CAF_TEST(what is no file of a draw is refused) {
  published_draw out;
  CAF_CHECK(!read_published("", out));
  CAF_CHECK(!read_published("{}", out));
  CAF_CHECK(!read_published(R"({"lines":[{"number":"x"}]})", out));
  CAF_CHECK(!read_published(R"({"eventId":"x","preQueue":true,"drawn":false})", out));
  CAF_CHECK(!contradictions(out).empty());
}
