#define CAF_SUITE rehearsal

#include <filesystem>
#include <fstream>
#include <sstream>

#include <caf/test/dsl.hpp>

#include "tests/simulation/rehearsal.hpp"
#include "tests/simulation/wording.hpp"

using namespace tk;
using namespace tk::sim;

namespace {

evening load(const std::string& name) {
  std::ifstream in(std::filesystem::path{TIKETI_EVENINGS_DIR} / (name + ".json"));
  std::stringstream text;
  text << in.rdbuf();
  auto out = parse_evening(text.str());
  if (!out) CAF_FAIL(name + ": " + out.error());
  return *out;
}

std::string problem(const std::string& text) {
  auto out = parse_evening(text);
  return out ? std::string{} : out.error();
}

constexpr char tiny[] =
  R"({"hall": {"sections": [{"name": "Hall", "quota": 10, "price": 1000}]}%MORE%})";
std::string tiny_with(const std::string& more) {
  std::string out = tiny;
  return out.replace(out.find("%MORE%"), 6, more);
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

int64_t sum(const std::map<ending, int64_t>& of) {
  int64_t out = 0;
  for (auto& [how, n] : of) out += n;
  return out;
}

} // namespace

CAF_TEST(every example can be read) {
  int count = 0;
  for (auto& file : std::filesystem::directory_iterator(TIKETI_EVENINGS_DIR)) {
    CAF_CHECK(!load(file.path().stem().string()).about.empty());
    ++count;
  }
  CAF_CHECK_GREATER_OR_EQUAL(count, 2);
}

CAF_TEST(what is wrong in a file is said in a line) {
  CAF_CHECK(problem(tiny_with("")).empty());
  CAF_CHECK(problem("{") == "not JSON");
  CAF_CHECK(has(problem("{}"), "hall.sections is missing"));
  CAF_CHECK(has(problem(tiny_with(R"(, "vistors": 5)")), "no field 'vistors'"));
  CAF_CHECK(has(problem(tiny_with(R"(, "nodes": 9)")), "nodes must be a whole number"));
  CAF_CHECK(has(problem(tiny_with(R"(, "people": {"parties": [0, 0, 0, 0]})")), "four shares"));
  CAF_CHECK(has(problem(tiny_with(R"(, "people": {"clicks_ms": [9, 2]})")), "smaller one first"));
  CAF_CHECK(
    has(problem(tiny_with(R"(, "people": {"arrivals": [{"until_s": 5000}]})")), "length_s"));
  CAF_CHECK(has(problem(tiny_with(R"(, "faults": [{"what": "fire"}])")), "faults[0]"));
  CAF_CHECK(has(problem(R"({"hall": {"sections": [{"name": "X", "price": 5000}]}})"), "quota"));
}

CAF_TEST(the figures of a quiet evening add up) {
  auto x = rehearse(load("village-hall"));
  CAF_CHECK(x.wrong.empty());
  CAF_CHECK_EQUAL(x.capacity, 160);
  auto& t = x.at_end;
  CAF_CHECK(t.sold + t.held + t.free == x.capacity);
  CAF_CHECK_EQUAL(t.held, 0);
  CAF_CHECK_GREATER(t.sold, 0);
  CAF_CHECK(sum(x.endings) == x.visitors);
  CAF_CHECK_EQUAL(x.visitors, x.what.visitors);
  // Nothing went wrong, so who knows of tickets has them, and nobody else.
  CAF_CHECK_EQUAL(x.tickets_of_buyers, t.sold);
  CAF_CHECK_EQUAL(x.unanswered, 0u);
  int64_t sold = 0, income = 0;
  for (auto& s : x.sections) {
    sold += s.sold;
    income += s.revenue.amount;
    CAF_CHECK_LESS_OR_EQUAL(s.sold, s.capacity);
  }
  CAF_CHECK_EQUAL(sold, t.sold);
  CAF_CHECK_EQUAL(income, x.revenue.amount);
  for (auto& s : x.line) CAF_CHECK(s.tickets.sold + s.tickets.held + s.tickets.free == x.capacity);
  uint64_t refused = 0, in_line = 0;
  for (auto& [reason, n] : x.refusals) refused += n;
  for (auto& s : x.line) in_line += s.taken + s.failed;
  CAF_CHECK_EQUAL(refused, in_line);
}

CAF_TEST(the same seed gives the same evening and another one another) {
  auto what = load("village-hall");
  auto one = to_json(rehearse(what)).dump(), again = to_json(rehearse(what)).dump();
  CAF_CHECK(one == again);
  what.seed += 1;
  CAF_CHECK(one != to_json(rehearse(what)).dump());
}

CAF_TEST(every fault is felt and shown) {
  auto what = load("village-hall");
  what.nodes = 2;
  what.visitors = 150;
  what.length = millis{120'000};
  what.arrivals = {{millis{100'000}, 1}};
  for (auto kind :
       {mishap::kind::node_dies, mishap::kind::node_stops, mishap::kind::node_cut_off,
        mishap::kind::database_away, mishap::kind::provider_away, mishap::kind::provider_slow}) {
    what.faults = {{kind, millis{30'000}, millis{20'000}, 1}};
    auto calm = what;
    calm.faults.clear();
    auto x = rehearse(what);
    CAF_CHECK(x.wrong.empty());
    CAF_CHECK(sum(x.endings) == x.visitors);
    auto felt = to_json(x), usual = to_json(rehearse(calm));
    CAF_CHECK(felt["endings"] != usual["endings"] || felt["waiting"] != usual["waiting"]);
    auto picture = to_svg(x);
    CAF_CHECK(has(picture, describe(what.faults.front())));
    CAF_CHECK(has(to_text(x), describe(what.faults.front())));
  }
}

CAF_TEST(the picture escapes what a file says) {
  auto what = load("village-hall");
  what.name = "<b> & \"co\"";
  what.visitors = 1;
  what.sections = {{"Hall", 0, 0, 10, {1000}, 1}};
  auto picture = to_svg(rehearse(what));
  CAF_CHECK(has(picture, "&lt;b&gt; &amp; &quot;co&quot;"));
  CAF_CHECK(!has(picture, "<b>"));
  CAF_CHECK(has(picture, "prefers-color-scheme: dark"));
}

CAF_TEST(words for times and numbers) {
  CAF_CHECK(words(millis{340}) == "340 ms");
  CAF_CHECK(words(millis{5'200}) == "5.2 s");
  CAF_CHECK(words(millis{372'000}) == "6 min 12 s");
  CAF_CHECK(grouped(0) == "0");
  CAF_CHECK(grouped(1'234'567) == "1,234,567");
  CAF_CHECK(grouped(-1'234) == "-1,234");
}
