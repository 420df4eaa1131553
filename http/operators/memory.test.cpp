#define CAF_SUITE operator_memory
#include "http/operators/memory.hpp"

#include "caf/test/dsl.hpp"

using namespace tk;
using namespace tk::http;

namespace {

struct fixed_clock : wall_clock {
  instant at = from_ms(1'800'000'000'000);
  [[nodiscard]] instant now() const override { return at; }
};

constexpr const char* some_id = "00000000-0000-4000-8000-00000000000a";

struct fixture {
  fixed_clock clock;
  board_store boards;
  node_context node;
  event_id event = *parse_id<event_id>(some_id);
  fixture() {
    node.clock = &clock;
    node.boards = &boards;
  }
};

std::string key_text(const std::string& text) {
  auto key = parse_key(text);
  return key ? to_string(*key) : "";
}

} // namespace

CAF_TEST_FIXTURE_SCOPE(operator_memory_tests, fixture)

CAF_TEST(keys are read as they are written) {
  const std::string id = some_id;
  for (auto& key :
       {key_of(event), room_key(event), gate_key(event), key_of(event, 3),
        key_of(user_id{event.hi, event.lo}), key_of(reservation_id{event.hi, event.lo})})
    CAF_CHECK_EQUAL(key_text(to_string(key)), to_string(key));
  CAF_CHECK_EQUAL(key_text("block:" + id + "/12"), "seat_block:" + id + "/12");
  CAF_CHECK_EQUAL(key_text("room:" + id), "waiting_room:" + id);
  CAF_CHECK_EQUAL(key_text("user:" + id), "session:" + id);
  for (auto& wrong :
       {id, "block:" + id, "block:" + id + "/", "block:" + id + "/-1", "block:" + id + "/1x",
        "event:" + id + "/1", "seat:" + id, std::string{"event:"}, "event:" + id + "0"})
    CAF_CHECK_EQUAL(key_text(wrong), "");
}

CAF_TEST(a shard is ours or a peers by name or unknown) {
  auto key = key_of(event);
  auto shard = shard_of(key);
  CAF_CHECK(where_memory(node, "n0", key).data["owner"].is_null());
  const node_id there{0, 0xb};
  node.peers.owners[shard] = 1;
  node.peers.epochs[shard] = 7;
  CAF_CHECK(where_memory(node, "n0", key).data["owner"].is_null()); // Its name is not known yet.
  node.names.set({{}, there});
  auto theirs = where_memory(node, "n0", key).data;
  CAF_CHECK_EQUAL(theirs["owner"].get<std::string>(), to_string(there));
  CAF_CHECK(!theirs["here"].get<bool>());
  CAF_CHECK_EQUAL(theirs["epoch"].get<int>(), 7);
  node.epochs.epochs[shard] = 9;
  auto ours = where_memory(node, "n0", key).data;
  CAF_CHECK_EQUAL(ours["owner"].get<std::string>(), "n0");
  CAF_CHECK(ours["here"].get<bool>());
  CAF_CHECK_EQUAL(ours["epoch"].get<int>(), 9);
  CAF_CHECK_EQUAL(ours["shard"].get<int>(), shard);
  CAF_CHECK_EQUAL(node_memory(node, 5).data["shards"].get<int>(), 1);
  CAF_CHECK_EQUAL(node_memory(node, 5).data["peers"].get<int>(), 0);
  node.peers.up[1] = true; // There are links for nodes that may come.
  CAF_CHECK_EQUAL(node_memory(node, 5).data["peers"].get<int>(), 1);
  CAF_CHECK_EQUAL(shards_memory(node, "n0").data["shards"].size(), 128u);
}

CAF_TEST(an actor tells what its region knows and nothing of what it cannot) {
  auto key = key_of(event, 3);
  entity_look look;
  auto elsewhere = actor_memory(node, "n0", key, look, {}).data;
  CAF_CHECK_EQUAL(elsewhere["state"].get<std::string>(), "elsewhere");
  CAF_CHECK(!elsewhere.contains("messages_waiting"));
  node.epochs.epochs[shard_of(key)] = 9;
  look.is = entity_look::state::asleep;
  auto asleep = actor_memory(node, "n0", key, look, {}).data;
  CAF_CHECK(asleep["mailbox"].is_null());
  CAF_CHECK(asleep["age_ms"].is_null() && asleep["started_in_epoch"].is_null());
  look.is = entity_look::state::running;
  look.waiting = 2;
  look.epoch = 9;
  look.started_at = clock.at - millis{5000};
  look.last_asked = clock.at - millis{20};
  mailbox_look mailbox{mailbox_look::state::counted, 7};
  auto running = actor_memory(node, "n0", key, look, mailbox).data;
  CAF_CHECK_EQUAL(running["mailbox"].get<int>(), 7);
  mailbox.is = mailbox_look::state::silent;
  auto stuck = actor_memory(node, "n0", key, look, mailbox).data;
  CAF_CHECK_EQUAL(stuck["mailbox"].get<std::string>(), "did not answer within 400 ms");
  CAF_CHECK_EQUAL(running["state"].get<std::string>(), "running");
  CAF_CHECK_EQUAL(running["messages_waiting"].get<int>(), 2);
  CAF_CHECK_EQUAL(running["age_ms"].get<int>(), 5000);
  CAF_CHECK_EQUAL(running["asked_ago_ms"].get<int>(), 20);
  look.suspended = true;
  CAF_CHECK_EQUAL(
    actor_memory(node, "n0", key, look, {}).data["state"].get<std::string>().find("suspended"), 0u);
}

CAF_TEST(a node that is being drained says so) {
  auto state = [&] { return node_memory(node, 5).data["state"].get<std::string>(); };
  CAF_CHECK_EQUAL(state(), "deciding");
  node.draining = true;
  CAF_CHECK_EQUAL(state().find("deciding, drained"), 0u);
  node.suspended = true;
  CAF_CHECK_EQUAL(state().find("suspended"), 0u);
}

CAF_TEST(seats are counted from the boards of all blocks) {
  CAF_CHECK(!event_boards(boards, event).has_value());
  auto about = std::make_shared<event_board>();
  about->event = event;
  about->owner = {shard_of(key_of(event)), 1};
  about->version = 1;
  about->blocks = {0, 1, 2};
  boards.publish(event_board_ptr{about});
  CAF_CHECK(!event_boards(boards, event).has_value()); // Nothing of its blocks yet.
  for (int32_t block : {0, 1}) {
    auto seats = std::make_shared<seat_board>();
    seats->event = event;
    seats->block_no = block;
    seats->epoch = 1;
    seats->version = 5;
    seats->made_at = clock.at - millis{300 * (block + 1)};
    seats->seat_count = 5;
    seats->bits = {0b10'01'00'00, 0b11'11'11'10}; // What follows the fifth seat is no seat.
    boards.publish(seat_board_ptr{seats});
  }
  auto told = event_boards(boards, event);
  CAF_REQUIRE(told.has_value());
  CAF_CHECK(told->as_of == clock.at - millis{300});
  auto blocks = told->data["blocks"];
  CAF_REQUIRE_EQUAL(blocks.size(), 2u);
  CAF_CHECK_EQUAL(blocks[1]["free"].get<int>(), 2);
  CAF_CHECK_EQUAL(blocks[1]["held"].get<int>(), 1);
  CAF_CHECK_EQUAL(blocks[1]["sold"].get<int>(), 2);
}

CAF_TEST(the ledger tells batches verdicts and what is down) {
  ledger_probe ledger;
  upkeep_probe upkeep;
  ledger.lanes[0].batches = 4;
  ledger.lanes[0].ops = 10;
  ledger.lanes[2].down = true;
  ledger.batch_sizes[8] = 2;
  ledger.verdicts[static_cast<size_t>(outcome::fenced)] = 3;
  auto data = ledger_memory(node, ledger, upkeep).data;
  CAF_CHECK_EQUAL(data["lanes"][0]["ops_per_batch"].get<double>(), 2.5);
  CAF_CHECK_EQUAL(data["lanes"][1]["ops_per_batch"].get<double>(), 0);
  CAF_CHECK_EQUAL(data["lanes"][2]["state"].get<std::string>(), "down");
  CAF_CHECK_EQUAL(data["batch_sizes"][0]["ops"].get<std::string>(), "up to 1");
  CAF_CHECK_EQUAL(data["batch_sizes"][8]["ops"].get<std::string>(), "over 128");
  CAF_CHECK_EQUAL(data["batch_sizes"][8]["batches"].get<int>(), 2);
  CAF_REQUIRE_EQUAL(data["verdicts"].size(), 1u);
  CAF_CHECK_EQUAL(data["verdicts"][0]["verdict"].get<std::string>(), "fenced");
}

CAF_TEST(an answer names the age of every part and what is missing) {
  told x;
  x.parts.push_back({"board", clock.at - millis{300}, {{"waiting", 2}}});
  x.parts.push_back({"rows", clock.at + millis{5}, {{"event", "e"}}});
  x.missing.push_back({"rows", "PostgreSQL cannot be asked"});
  auto text = told_json(x, "n1", clock.at);
  auto read = ordered::parse(text);
  CAF_CHECK_EQUAL(read["node"].get<std::string>(), "n1");
  CAF_CHECK_EQUAL(read["parts"][0]["age_ms"].get<int>(), 300);
  CAF_CHECK_EQUAL(read["parts"][1]["age_ms"].get<int>(), 0); // Clocks differ.
  CAF_CHECK_EQUAL(read["missing"][0]["what"].get<std::string>(), "rows");
  CAF_CHECK(read["notes"].empty());
}

CAF_TEST_FIXTURE_SCOPE_END()
