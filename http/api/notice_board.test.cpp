#define CAF_SUITE notice_board
#include "http/api/notice_board.hpp"

#include <nlohmann/json.hpp>

#include "caf/test/dsl.hpp"

using namespace tk;
using namespace tk::http;

namespace {

using json = nlohmann::json;

constexpr auto noon = from_ms(1'800'000'000'000);
constexpr millis minute{60'000};

notice one(uint64_t number, instant starts, std::optional<instant> ends = {}) {
  notice out;
  out.id = {1, number};
  out.level = notice_level::warning;
  out.ko = "점검 " + std::to_string(number);
  out.en = "Check " + std::to_string(number);
  out.starts_at = starts;
  out.ends_at = ends;
  out.by = "ann";
  return out;
}

std::vector<std::string> texts_at(const notice_board& board, instant now) {
  std::vector<std::string> out;
  const auto told = json::parse(board.told(now));
  for (auto& x : told.at("notices")) out.push_back(x.at("text").at("en"));
  return out;
}

using texts = std::vector<std::string>;

} // namespace

CAF_TEST(before anything was heard nobody says that there is nothing) {
  const notice_board board;
  CAF_CHECK_EQUAL(board.told(noon), "");
  CAF_CHECK(board.rows()->empty());
  CAF_CHECK(board.as_of() == instant{});
}

CAF_TEST(none is an answer with a time of its own) {
  notice_board board;
  board.take({}, noon);
  auto told = json::parse(board.told(noon + millis{250}));
  CAF_CHECK(told.at("notices") == json::array());
  CAF_CHECK_EQUAL(told.at("as_of").get<std::string>(), to_iso_z(noon));
  CAF_CHECK_EQUAL(told.at("age_ms").get<int>(), 250);
}

CAF_TEST(a notice is told in the form of the contract) {
  notice_board board;
  auto x = one(1, noon, noon + minute);
  x.event = {2, 2};
  x.level = notice_level::incident;
  board.take({x}, noon);
  auto told = json::parse(board.told(noon)).at("notices").at(0);
  CAF_CHECK(told == (json{{"id", to_string(x.id)},
                          {"level", "incident"},
                          {"text", {{"ko", x.ko}, {"en", x.en}}},
                          {"event_id", to_string(x.event)},
                          {"starts_at", to_iso(noon)},
                          {"ends_at", to_iso(noon + minute)}}));
  x.event = {};
  x.ends_at.reset();
  board.take({x}, noon + millis{1});
  told = json::parse(board.told(noon)).at("notices").at(0);
  CAF_CHECK(told.at("event_id").is_null());
  CAF_CHECK(told.at("ends_at").is_null());
}

CAF_TEST(it begins and ends by the clock of who answers and needs no look for that) {
  notice_board board;
  board.take({one(1, noon), one(2, noon + minute), one(3, noon, noon + minute)}, noon - minute);
  CAF_CHECK(texts_at(board, noon - millis{1}).empty());
  CAF_CHECK((texts_at(board, noon) == texts{"Check 1", "Check 3"}));
  CAF_CHECK((texts_at(board, noon + minute - millis{1}) == texts{"Check 1", "Check 3"}));
  CAF_CHECK((texts_at(board, noon + minute) == texts{"Check 1", "Check 2"}));
  CAF_CHECK_EQUAL(board.rows()->size(), 3u); // Operators see those to come.
}

CAF_TEST(what nobody renews grows old and stays) {
  notice_board board;
  board.take({one(1, noon)}, noon);
  auto told = json::parse(board.told(noon + 60 * minute));
  CAF_CHECK_EQUAL(told.at("notices").size(), 1u);
  CAF_CHECK_EQUAL(told.at("age_ms").get<int64_t>(), (60 * minute).count());
  told = json::parse(board.told(noon - millis{5})); // A clock that is behind.
  CAF_CHECK_EQUAL(told.at("age_ms").get<int64_t>(), 0);
}

CAF_TEST(an older look changes nothing) {
  notice_board board;
  board.take({one(1, noon)}, noon);
  board.take({}, noon - millis{1});
  CAF_CHECK_EQUAL(texts_at(board, noon).size(), 1u);
  board.take({}, noon);
  CAF_CHECK(texts_at(board, noon).empty());
}

CAF_TEST(whatever somebody wrote stays one text) {
  notice_board board;
  auto x = one(1, noon);
  x.en = "\"},{\"</script><b>\n\\ \xff";
  board.take({x}, noon);
  auto told = json::parse(board.told(noon)).at("notices");
  CAF_CHECK_EQUAL(told.size(), 1u);
  CAF_CHECK(told.at(0).at("text").at("en").get<std::string>().starts_with("\"},{\"</script><b>\n"));
}

CAF_TEST(levels are read as they are written) {
  for (auto x : {notice_level::info, notice_level::warning, notice_level::incident})
    CAF_CHECK(parse_notice_level(to_string(x)) == x);
  CAF_CHECK(!parse_notice_level("panic").has_value());
}
