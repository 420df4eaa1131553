#define CAF_SUITE top_view
#include "inspector/top_view.hpp"

#include <algorithm>

#include "caf/test/dsl.hpp"

using namespace tk::inspector;

namespace {

using json = nlohmann::ordered_json;

node_answer answered(const std::string& url, const std::vector<json>& parts,
                     const std::string& name = "n") {
  return {url, 200, json{{"node", name}, {"parts", parts}}.dump(), ""};
}

json part(const char* from, const json& data, int64_t age_ms = 100) {
  return {{"from", from}, {"age_ms", age_ms}, {"data", data}};
}

/// PostgreSQL is away: what is missing, and from whom.
node_answer without_rows(const std::vector<json>& parts, const std::string& name = "n") {
  auto gaps = json::array({{{"what", "rows"}, {"why", "PostgreSQL cannot be asked"}}});
  return {"http://" + name, 200, json{{"node", name}, {"parts", parts}, {"missing", gaps}}.dump(),
          ""};
}

const std::string one = "11111111-aaaa", two = "22222222-bbbb";

/// Two nodes: one answers, the other is dead on the roster and at its URL.
top_look sale(int64_t ops, int64_t at_ms) {
  top_look x;
  x.at_ms = at_ms;
  json roster = {{{"node", one}, {"state", "alive"}, {"shards", 85}, {"heartbeat_age_ms", 300}},
                 {{"node", two}, {"state", "dead"}, {"shards", 43}, {"heartbeat_age_ms", 9000}}};
  x.nodes.push_back(
    {answered("http://a",
              {part("memory", {{"state", "deciding"}, {"sessions", 7}}),
               part("rows", {{"nodes", roster}})},
              one),
     answered("http://a", {part("memory", {{"outbox_pending", 5},
                                           {"outbox_oldest_ms", 1500},
                                           {"lanes", json::array({{{"lane", "sales0"},
                                                                   {"waiting", 3},
                                                                   {"ops", ops},
                                                                   {"state", "up"}}})}})})});
  x.nodes.push_back({{"http://b:1", 0, "", "refused"}, {"http://b:1", 0, "", "refused"}});
  x.brakes =
    answered("http://a", {part("memory", {{"sales", "running"}, {"brakes", json::array()}})});
  json blocks = json::array();
  for (int i = 0; i < 20; ++i)
    blocks.push_back({{"event", "e"},
                      {"title", "한글 공연"},
                      {"block", i},
                      {"steps", 9},
                      {"held", 6},
                      {"sold", 3}});
  x.hot = answered("http://a", {part("rows", {{"blocks", blocks}})});
  x.events.push_back(answered(
    "e",
    {part("board", {{"queue", {{"waiting", 120}, {"inside", 30}, {"admitted_per_second", 2.5}}}}),
     part("rows",
          {{"event", "e"},
           {"title", "한글 공연"},
           {"last_minute", {{"held", 6}, {"sold", 3}}},
           {"blocks", json::array({{{"block", 0}, {"free", 40}, {"held", 7}, {"sold", 3}}})}})}));
  return x;
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

const text_style plain{}, coloured{true};

} // namespace

CAF_TEST(the whole sale fits a small terminal) {
  auto before = sale(100, 0), now = sale(125, 2000);
  auto text = top_text(now, &before, {24, 80}, plain);
  CAF_CHECK_EQUAL(std::ranges::count(text, '\n'), 23);
  CAF_CHECK(
    contains(text, "sales   running, as of 0.1 s ago\nledger  3 waiting, outbox 5 (oldest 1.5 s)"));
  CAF_CHECK(contains(text, "node           state     shards sessions blocks  ops/s waiting    age "
                           "heartbeat\n"));
  CAF_CHECK(contains(text, "11111111-aaaa  deciding      85        7      -   12.5       3  0.1 s "
                           "    0.3 s\n"));
  CAF_CHECK(contains(text, "b:1            no answer      -        -      -      -       -      - "
                           "        -\n"));
  CAF_CHECK(contains(text, "22222222-bbbb  dead          43        -      -      -       -  0.1 s "
                           "    9.0 s\n"));
  CAF_CHECK(contains(text, "as of   +held   +sold    free    held    sold\n"));
  CAF_CHECK(contains(
    text, "한글 공연                         0.1 s       6       3      40       7       3\n"
          "  its room  waiting 120  inside 30  let in 2.5/s  as of 0.1 s\n"
          "hot last min, 0.1 s ago   block"));
  CAF_CHECK(contains(
    text, "한글 공연                     0       9       6       3      40       7       3\n"));
  CAF_CHECK(contains(
    text, "한글 공연                     1       9       6       3       -       -       -\n"));
}

CAF_TEST(nothing is wider or longer than the terminal) {
  auto now = sale(1, 1);
  for (size_t lines : {1u, 2u, 5u, 24u, 60u})
    for (size_t columns : {1u, 10u, 80u, 200u}) {
      auto text = top_text(now, nullptr, {lines, columns}, plain);
      CAF_CHECK(static_cast<size_t>(std::ranges::count(text, '\n')) < lines);
      for (size_t from = 0; from < text.size();) {
        auto end = std::min(text.find('\n', from), text.size());
        size_t wide = 0;
        for (auto i = from; i < end; ++i) {
          auto c = static_cast<unsigned char>(text[i]);
          wide += (c & 0xC0u) == 0x80u ? 0 : c >= 0xE1u ? 2 : 1;
        }
        CAF_CHECK(wide <= columns);
        from = end + 1;
      }
    }
  CAF_CHECK(contains(top_text(now, nullptr, {24, 80}, coloured), "\x1b[1mnode"));
}

CAF_TEST(many nodes leave room and those in trouble are seen) {
  auto now = sale(1, 1);
  for (int i = 0; i < 40; ++i)
    now.nodes.insert(now.nodes.begin(),
                     {answered("u", {part("memory", {{"state", "deciding"}})}, std::to_string(i)),
                      {"u", 0, "", ""}});
  auto text = top_text(now, nullptr, {24, 80}, plain);
  CAF_CHECK(contains(text, "no answer") && contains(text, "dead"));
  CAF_CHECK(contains(text, "more nodes\n") && contains(text, "hot last min"));
}

CAF_TEST(a name that is long takes nothing from the heartbeat) {
  auto now = sale(1, 1);
  now.nodes[1].nodes.node = now.nodes[1].ledger.node = "http://seats-2.shop.example:3012";
  for (size_t columns : {80u, 100u, 120u}) {
    auto text = top_text(now, nullptr, {24, columns}, plain);
    CAF_CHECK(contains(text, " heartbeat\n") && contains(text, "0.3 s\n"));
    CAF_CHECK(contains(text, "9.0 s\n") && contains(text, "ple:3012 "));
  }
  CAF_CHECK(contains(top_text(now, nullptr, {24, 80}, plain), "..example:3012 no answer"));
}

CAF_TEST(a sale without PostgreSQL says what it cannot know and how old the rest is) {
  top_look now;
  for (auto& name : {one, two})
    now.nodes.push_back(
      {without_rows({part("memory", {{"state", "suspended: no heartbeat"}, {"shards", 64}}, 0)},
                    name),
       answered("http://" + name, {})});
  now.brakes =
    answered("u", {part("memory", {{"sales", "running"}, {"brakes", json::array()}}, 51'900)});
  now.hot = without_rows({});
  json board = {{"stale", true},
                {"blocks", json::array({{{"block", 0}, {"free", 2999}, {"held", 1}}})}};
  json room = {{"queue", {{"waiting", 12}, {"inside", 3}, {"stale", true}, {"paused", true}}}};
  now.events.push_back(without_rows({part("board", board, 51'900), part("board", room, 125'000)}));
  now.events.push_back(without_rows({}));
  now.events[0].node = "e-1";
  now.events[1].node = "e-2";
  auto text = top_text(now, nullptr, {24, 80}, plain);
  CAF_CHECK(contains(text, "sales   stand still at all nodes asked (2); brakes as of 51.9 s ago: "
                           "none\nmissing PostgreSQL cannot be asked (says every node that "
                           "answers)\nledger  not told\n"));
  CAF_CHECK(contains(text, "11111111 suspended     64        -      -      -       -  0.0 s"
                           "         -\n"));
  CAF_CHECK(contains(text, "e-1                        stale 51.9 s       -       -    2999       "
                           "1       0\n"));
  CAF_CHECK(contains(text, "waiting 12  inside 3  let in -/s  paused  as of stale 2 min\n"));
  CAF_CHECK(contains(text, "e-2                                   -       -       -       -       "
                           "-       -\n"));
  CAF_CHECK(contains(text, "hottest in the last min") && text.ends_with("\nnot told"));
  now.nodes[1].nodes = {"http://b:1", 0, "", "refused"};
  text = top_text(now, nullptr, {24, 80}, plain);
  CAF_CHECK(contains(text, "stand still at all nodes that answer (1 of 2); brakes"));
}

CAF_TEST(who alone cannot ask PostgreSQL is named) {
  auto now = sale(1, 1);
  now.nodes[1] = {without_rows({part("memory", {{"state", "suspended: no heartbeat"}})}, two),
                  {"u", 0, "", ""}};
  auto text = top_text(now, nullptr, {24, 80}, plain);
  CAF_CHECK(contains(text, "sales   running, as of 0.1 s ago\n"
                           "missing PostgreSQL cannot be asked (says 22222222)\nledger  3"));
}

CAF_TEST(a brake is told in the first line) {
  auto now = sale(1, 1);
  now.brakes = answered("u", {part("memory", {{"sales", "stopped"},
                                              {"brakes", json::array({{{"what", "payments"},
                                                                       {"event", nullptr},
                                                                       {"method", "toss"},
                                                                       {"reason", "Until 10"},
                                                                       {"by", "bob"}}})}})});
  CAF_CHECK(contains(top_text(now, nullptr, {24, 80}, plain),
                     "sales   stopped, as of 0.1 s ago; payments toss: Until 10 (bob)\n"));
}

CAF_TEST(whatever is answered is drawn) {
  for (auto* body :
       {"", "[]", "3", "{}", R"({"parts":3})", R"({"parts":[1,{"from":2}]})",
        R"({"parts":[{"from":"rows","data":{"nodes":[1],"blocks":[1,{"event":2}]}}]})",
        R"({"parts":[{"from":"memory","data":{"state":{},"lanes":[3],"brakes":[4]}}]})"}) {
    const node_answer odd{"u", 200, body, ""};
    top_look x;
    x.nodes.push_back({odd, odd});
    x.brakes = x.hot = odd;
    x.events.push_back(odd);
    CAF_CHECK(!top_text(x, &x, {24, 80}, plain).empty());
  }
  CAF_CHECK_EQUAL(hottest_events(sale(1, 1).hot, 2).size(), 1u);
}
