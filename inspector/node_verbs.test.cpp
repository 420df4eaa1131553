#define CAF_SUITE node_verbs
#include "inspector/node_verbs.hpp"

#include <algorithm>

#include <CLI/CLI.hpp>

#include "caf/test/dsl.hpp"

#include "inspector/change.hpp"
#include "inspector/completion.hpp"
#include "inspector/node_command.hpp"
#include "inspector/words.hpp"

using namespace tk::inspector;

namespace {

node_answer answered(const std::string& node, int status, const std::string& body) {
  return {node, status, body, status == 0 ? "Connection refused" : ""};
}

constexpr const char* rows_and_memory =
  R"({"node":"n1","at":"t","parts":[{"from":"memory","as_of":"t","age_ms":1,"data":{}},
     {"from":"rows","as_of":"t","age_ms":2,"data":{"a":1}}],"missing":[],"notes":["x"]})";
constexpr const char* memory_only =
  R"({"node":"n2","at":"t","parts":[{"from":"memory","as_of":"t","age_ms":1,"data":{}}],
     "missing":[{"what":"rows","why":"PostgreSQL cannot be asked"}],"notes":["x"]})";
constexpr const char* refusal = R"({"error":"no","message":"no","code":"NO"})";

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

} // namespace

CAF_TEST(rows are told once and memory for every node) {
  auto x = merged({answered("u1", 200, rows_and_memory), answered("u2", 200, rows_and_memory)});
  CAF_CHECK_EQUAL(x.code, 0);
  CAF_CHECK_EQUAL(x.told["parts"].size(), 3u);
  CAF_CHECK_EQUAL(x.told["notes"].size(), 1u);
  CAF_CHECK_EQUAL(x.told["parts"][0]["node"].get<std::string>(), "n1");
}

CAF_TEST(what is missing is told with its node and makes the answer partial) {
  auto x = merged({answered("u1", 200, rows_and_memory), answered("u2", 200, memory_only),
                   answered("u3", 0, "")});
  CAF_CHECK_EQUAL(x.code, 1);
  CAF_REQUIRE_EQUAL(x.told["missing"].size(), 2u);
  CAF_CHECK_EQUAL(x.told["missing"][0]["node"].get<std::string>(), "n2");
  CAF_CHECK_EQUAL(x.told["missing"][1]["what"].get<std::string>(), "node u3");
}

CAF_TEST(nothing told is another exit than nothing found) {
  CAF_CHECK_EQUAL(merged({answered("u1", 0, "")}).code, 2);
  CAF_CHECK_EQUAL(merged({answered("u1", 404, refusal)}).code, 1);
  auto denied = merged({answered("u1", 401, refusal)});
  CAF_CHECK_EQUAL(denied.code, 2);
  CAF_REQUIRE_EQUAL(denied.refusals.size(), 1u);
  CAF_CHECK(contains(denied.refusals[0], "does not know this token"));
  CAF_CHECK(contains(merged({answered("u1", 403, refusal)}).refusals[0], "role operator"));
  CAF_CHECK(contains(merged({answered("u1", 502, "<html>")}).refusals[0], "status 502"));
  CAF_CHECK_EQUAL(merged({answered("u1", 200, "<html>")}).told["parts"].size(), 0u);
}

CAF_TEST(who knows of nothing is passed over when another node knows of something) {
  constexpr const char* none = R"({"error":"x","message":"no seat","code":"SEAT_NOT_FOUND"})";
  constexpr const char* old = R"({"error":"x","message":"no route","code":"NOT_FOUND"})";
  auto x = merged({answered("u1", 404, none), answered("u2", 200, rows_and_memory)});
  CAF_CHECK_EQUAL(x.code, 0);
  CAF_CHECK(x.refusals.empty());
  CAF_CHECK_EQUAL(merged({answered("u1", 404, none), answered("u2", 404, none)}).code, 1);
  auto older = merged({answered("u1", 404, old), answered("u2", 200, rows_and_memory)});
  CAF_CHECK_EQUAL(older.code, 1); // It may know something that nobody hears.
  CAF_CHECK_EQUAL(older.refusals.size(), 1u);
}

CAF_TEST(where says when nothing of a key is on record) {
  CAF_CHECK_EQUAL(event_of_key("event:e"), "e");
  CAF_CHECK_EQUAL(event_of_key("block:e/3"), "e");
  CAF_CHECK_EQUAL(event_of_key("room:e"), "e");
  CAF_CHECK_EQUAL(event_of_key("session:u"), "");
  CAF_CHECK_EQUAL(event_of_key("seat:s"), "");
  CAF_CHECK_EQUAL(event_of_key("event"), "");
  auto none = answered("u", 404, R"({"code":"EVENT_NOT_FOUND"})");
  CAF_CHECK_EQUAL(not_on_record("event:e", none),
                  "no such event is on record: this is where it would live");
  auto some = answered("u", 200, R"({"parts":[{"from":"board","data":{"blocks":[{"block":9}]}},
    {"from":"rows","data":{"blocks":[{"block":0},{"block":1}],
                           "ticket_types":[{"block":1000000}]}}]})");
  for (auto* there : {"event:e", "room:e", "block:e/1", "block:e/01", "block:e/1000000"})
    CAF_CHECK_EQUAL(not_on_record(there, some), "");
  CAF_CHECK_EQUAL(not_on_record("block:e/9", some),
                  "no such block of the event is on record: this is where it would live");
  for (auto& unknown : {answered("u", 0, ""), answered("u", 503, "{}"),
                        answered("u", 404, R"({"code":"NOT_FOUND"})"), answered("u", 200, "{}"),
                        answered("u", 200, R"({"parts":[{"from":"board"}]})")})
    CAF_CHECK_EQUAL(not_on_record("block:e/9", unknown), "");
}

CAF_TEST(what is the same everywhere is asked until somebody has told all of it) {
  CAF_CHECK(settles(answered("u1", 200, rows_and_memory)));
  CAF_CHECK(settles(answered("u1", 404, refusal)));
  CAF_CHECK(settles(answered("u1", 401, refusal)));
  CAF_CHECK(!settles(answered("u1", 200, memory_only)));
  CAF_CHECK(!settles(answered("u1", 503, refusal)));
  CAF_CHECK(!settles(answered("u1", 0, "")));
  for (auto* body : {"", "<html>", "[]", "{}", R"({"parts":3})"})
    CAF_CHECK(!settles(answered("u1", 200, body)));
}

CAF_TEST(what others could not tell is a note when somebody told all) {
  auto x = settled({answered("u1", 0, ""), answered("u2", 200, memory_only),
                    answered("u3", 503, refusal), answered("u4", 200, rows_and_memory)});
  CAF_CHECK_EQUAL(x.code, 0);
  CAF_CHECK_EQUAL(x.told["parts"].size(), 2u);
  CAF_CHECK(x.told["missing"].empty());
  CAF_CHECK_EQUAL(x.told["notes"].dump(),
                  R"(["x","u1: Connection refused","u2 could not tell rows: PostgreSQL cannot be )"
                  R"(asked","u3: no"])");
  auto none = settled({answered("u1", 200, memory_only), answered("u2", 0, "")});
  CAF_CHECK_EQUAL(none.code, 1);
  CAF_CHECK_EQUAL(none.told["missing"].size(), 2u);
  CAF_CHECK_EQUAL(settled({}).code, 2);
}

CAF_TEST(a repetition is offered when somebody may have done it) {
  asked_in_turn x;
  x.last = answered("u2", 400, refusal);
  CAF_CHECK_EQUAL(failure_of(x, "op"), "u2: no");
  x.before.push_back(answered("u1", 0, ""));
  CAF_CHECK_EQUAL(failure_of(x, "op"), "u2: no; to try again safely say --operation op");
  x.before.clear();
  x.last = answered("u2", 503, refusal);
  CAF_CHECK_EQUAL(failure_of(x, ""), "u2: no; to say it again does no harm");
}

CAF_TEST(what may be taken back is what the rows had when they were told) {
  auto of = [](const char* text) { return time_of(nlohmann::ordered_json::parse(text)); };
  CAF_CHECK_EQUAL(of(R"({"asOf":"A","brakes":[]})"), "A");
  CAF_CHECK_EQUAL(of(R"({"parts":[{"from":"memory","as_of":"M"},{"from":"rows","as_of":"R"}]})"),
                  "R");
  for (auto nothing : {"[]", "{}", R"({"asOf":1})", R"({"parts":[1,{"from":"rows"}]})"})
    CAF_CHECK_EQUAL(of(nothing), "");
}

CAF_TEST(a method is of payments alone) {
  brake_options x;
  x.scope = "payments";
  CAF_CHECK_EQUAL(brake_mistake(x), "");
  x.method = "toss";
  CAF_CHECK_EQUAL(brake_mistake(x), "");
  for (auto* scope : {"all", "event", "queue", "holds"}) {
    x.scope = scope;
    CAF_CHECK(contains(brake_mistake(x), "payments --method toss"));
  }
}

CAF_TEST(an argument cannot leave its place in the path) {
  auto where = std::ranges::find(node_verbs(), std::string{"where"}, &node_verb::name);
  CAF_REQUIRE(where != node_verbs().end());
  CAF_CHECK_EQUAL(path_of(*where, "block:a/3"), "/operator/where/block:a%2F3");
  CAF_CHECK_EQUAL(path_of(*where, "a?b#c d"), "/operator/where/a%3Fb%23c%20d");
  for (auto& x : node_verbs()) CAF_CHECK_EQUAL(contains(x.path, "{}"), *x.argument != '\0');
}

CAF_TEST(a brake is asked for in the words of the contract) {
  brake_options x;
  x.scope = "event";
  x.event = "e";
  x.reason = "why \"so\"";
  x.operation = "o";
  CAF_CHECK_EQUAL(brake_request(x, true),
                  R"({"scope":"event","eventId":"e","reason":"why \"so\"","operationId":"o"})");
  CAF_CHECK_EQUAL(brake_request(x, false), R"({"scope":"event","eventId":"e"})");
  CAF_CHECK_EQUAL(brake_request(x, false, "T"), R"({"scope":"event","eventId":"e","asOf":"T"})");
  brake_options by_method;
  by_method.scope = "payments";
  by_method.method = "toss";
  CAF_CHECK_EQUAL(brake_request(by_method, false), R"({"scope":"payment_method","method":"toss"})");
}

CAF_TEST(a word that is no command is named with the one that was meant) {
  CLI::App app{"x"};
  app.add_subcommand("queue", "");
  auto* why = app.add_subcommand("why", "");
  why->add_subcommand("seat", "");
  why->add_subcommand("reservation", "");
  CAF_CHECK_EQUAL(unknown_word(app, {"queeu"}),
                  "there is no command 'queeu'; did you mean 'queue'?");
  CAF_CHECK_EQUAL(unknown_word(app, {"why", "res"}),
                  "there is no command 'why res'; did you mean 'why reservation'?");
  CAF_CHECK_EQUAL(unknown_word(app, {"elsewhere"}), "there is no command 'elsewhere'");
  CAF_CHECK_EQUAL(unknown_word(app, {""}), "there is no command ''");
  CAF_CHECK_EQUAL(unknown_word(app, {"why", "seat", "anything"}), "");
  CAF_CHECK_EQUAL(unknown_word(app, {"why"}), "");
  CAF_CHECK_EQUAL(unknown_word(app, {"--help"}), "");
  CAF_CHECK_EQUAL(unknown_word(app, {}), "");
}

CAF_TEST(only names that nodes can read get a token) {
  for (auto* good : {"ann", "a.b-c_d9", "0"}) CAF_CHECK(good_token_name(good));
  for (auto* bad : {"", "Bad Name!", "Ann", "a:b", "a,b", "a#b", "a b", "\xed\x95\x9c"})
    CAF_CHECK(!good_token_name(bad));
  CAF_CHECK(good_token_name(std::string(40, 'x')));
  CAF_CHECK(!good_token_name(std::string(41, 'x')));
}

CAF_TEST(completion knows the few values that something may have) {
  CLI::App app{"x"};
  auto* stop = app.add_subcommand("stop", "Stops");
  std::string what, level;
  stop->add_option("what", what, "What")->check(CLI::IsMember({"all", "some"}));
  stop->add_option("--level", level, "How")->check(CLI::IsMember({"low", "high"}));
  auto bash = completion_script(app, "bash");
  CAF_CHECK(contains(bash, "' stop') words='all some --help --level'"));
  CAF_CHECK(contains(bash, "' stop all') words='--help --level'"));
  CAF_CHECK(contains(bash, "' stop --level') words='low high'"));
  CAF_CHECK(contains(bash, "' stop some --level') words='low high'"));
  CAF_CHECK(contains(completion_script(app, "zsh"), "' stop --level') known=(low high)"));
  CAF_CHECK(contains(completion_script(app, "fish"), "-l level -x -a 'low high' -d 'How'"));
}

CAF_TEST(completion knows every command and option of the tree) {
  CLI::App app{"x"};
  auto* outer = app.add_subcommand("why", "It's why: told");
  auto* inner = outer->add_subcommand("seat", "A seat");
  int number = 0;
  inner->add_option("--watch", number, "Again");
  for (auto* shell : {"bash", "zsh", "fish"}) {
    auto script = completion_script(app, shell);
    for (auto* word : {"why", "seat", "watch", "help"}) CAF_CHECK(contains(script, word));
  }
  CAF_CHECK(contains(completion_script(app, "bash"), "' why seat') words='--help --watch'"));
  CAF_CHECK(contains(completion_script(app, "zsh"), R"('why:It'\''s why\: told')"));
  CAF_CHECK(contains(completion_script(app, "fish"), "-l watch -r -d 'Again'"));
}
