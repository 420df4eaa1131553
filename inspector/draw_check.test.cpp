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

CAF_TEST(pages are put in order whichever is read first) {
  constexpr size_t a_page = 3;
  shop x;
  std::vector<json> pages;
  for (size_t i = 0; i < x.list["lines"].size(); i += a_page) {
    json page = {{"lines", json::array()}, {"next", nullptr}};
    for (auto n = i; n < std::min(i + a_page, x.list["lines"].size()); ++n)
      page["lines"].push_back(x.list["lines"][n]);
    if (i + a_page < x.list["lines"].size()) page["next"] = 9 + i; // 9, 12: not as text.
    pages.push_back(page);
  }
  auto want = served_order(x.files());
  auto read = [&](const std::vector<size_t>& which) {
    published_draw out;
    CAF_REQUIRE(read_published(x.draw.dump(), out));
    for (auto i : which) CAF_REQUIRE(read_published(pages.at(i).dump(), out));
    return out;
  };
  std::vector<size_t> order{0, 1, 2};
  do {
    auto out = read(order);
    CAF_CHECK(contradictions(out).empty());
    CAF_CHECK_EQUAL(served_order(out), want);
  } while (std::ranges::next_permutation(order).found);
  CAF_CHECK(!contradictions(read({0, 2})).empty());
  auto unfinished = contradictions(read({1, 0}));
  CAF_REQUIRE(!unfinished.empty());
  CAF_CHECK_EQUAL(unfinished.front(), "the list goes on: the page `?after=12` is missing");
  CAF_CHECK(!contradictions(read({0, 1, 1, 2})).empty());
}

CAF_TEST(who left and came again stands where they came last) {
  shop x;
  auto name = pseudonym_of(sha256("some seed"), user(11));
  x.list["lines"].push_back({{"number", 30}, {"pseudonym", name}});
  auto digest = parse_digest(x.draw["listDigest"].get<std::string>());
  x.draw["listDigest"] = to_hex(chained(digest, 30, name));
  auto out = x.files();
  CAF_REQUIRE(contradictions(out).empty());
  CAF_CHECK(position_of(out, {{}, user(11)}) == position_of(out, {30, {}}));
}

CAF_TEST(what others would read otherwise is not read) {
  auto refused = [](auto change) {
    shop x;
    change(x.draw, x.list);
    published_draw out;
    auto draw = read_published(x.draw.dump(), out);
    auto list = read_published(x.list.dump(), out);
    return !draw || !list;
  };
  CAF_CHECK(!refused([](json&, json&) {}));
  auto upper = [](json& x) {
    auto text = x.get<std::string>();
    for (auto& c : text) c = static_cast<char>(c >= 'a' && c <= 'f' ? c - 'a' + 'A' : c);
    x = text;
  };
  // A digest that is none must not pass for that of zeros.
  for (auto name : {"seed", "commitment", "listDigest", "eventId"}) {
    CAF_CHECK(refused([=](json& x, json&) { x[name] = "nonsense"; }));
    CAF_CHECK(refused([=](json& x, json&) { x[name] = x[name].get<std::string>() + "00"; }));
    CAF_CHECK(refused([=](json& x, json&) { x[name] = 7; }));
  }
  for (auto name : {"seed", "commitment", "listDigest"})
    CAF_CHECK(refused([=](json& x, json&) { upper(x[name]); }));
  CAF_CHECK(refused([](json& x, json&) { x["eventId"] = "0000000E-0000-0000-0000-000000000001"; }));
  CAF_CHECK(refused([](json& x, json&) { x["algorithm"] = "tiketi-draw-2"; }));
  // Not 11 in other words.
  for (const auto& n : {json(-11), json(11.5), json(4294967296 + 11), json("11"), json(true)}) {
    CAF_CHECK(refused([=](json& x, json&) { x["firstNumber"] = n; }));
    CAF_CHECK(refused([=](json& x, json&) { x["cutoff"] = n; }));
    CAF_CHECK(refused([=](json&, json& x) { x["lines"][0]["number"] = n; }));
  }
  shop x;
  published_draw out;
  CAF_REQUIRE(read_published(x.draw.dump(), out));
  CAF_CHECK(!read_published(x.draw.dump(), out)); // Which of the two?
}

CAF_TEST(a range that no room has is none) {
  shop x;
  x.draw["cutoff"] = 0x7fffffff;
  CAF_CHECK(!contradictions(x.files()).empty());
}

CAF_TEST(a list with a line under no pseudonym is none) {
  shop x;
  x.list["lines"] = json::array({{{"number", 11}, {"pseudonym", "nobody"}}});
  x.draw["listDigest"] = to_hex(chained({}, 11, "nobody"));
  CAF_CHECK(!contradictions(x.files()).empty());
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
