#include "http/operators/memory.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "actors/base/mutants.hpp"
#include "actors/seat_block/core.hpp"

namespace tk::http {

namespace {

constexpr std::array lane_names = {"sales0", "sales1", "queue", "accounts"};
static_assert(lane_names.size() == lane_count);

/// To one decimal.
double ratio(uint64_t a, uint64_t b) {
  constexpr double tenths = 10;
  return b == 0 ? 0 : std::round(static_cast<double>(a) / static_cast<double>(b) * tenths) / tenths;
}

int owned_shards(const node_context& node) {
  return static_cast<int>(
    std::ranges::count_if(node.epochs.epochs, [](auto& x) { return x.load() != 0; }));
}

bool lives_here(const node_context& node, uint16_t shard) {
  return node.epochs.epochs.at(shard).load() != 0;
}

/// The owner's name; none when this node knows of none.
ordered owner_name(const node_context& node, const std::string& own, uint16_t shard) {
  if (lives_here(node, shard)) return own;
  auto link = node.peers.owners.at(shard).load();
  if (mutant("tells_of_another_owner")) link = 0; // Planted: it is always the first one.
  auto peer = node.names.of(link);
  return peer.nil() ? ordered() : ordered(to_string(peer));
}

const char* state_word(const node_context& node) {
  if (node.suspended) return "suspended: no heartbeat, decisions answer 503";
  return node.draining ? "deciding, drained: it gives its shards away and takes none" : "deciding";
}

ordered block_json(const seat_board& x) {
  std::array<int64_t, 4> counts{};
  for (uint32_t i = 0; i < x.seat_count; ++i) ++counts.at((x.bits[i / 4] >> (2 * (i % 4))) & 3u);
  return {{"block", x.block_no},
          {"seats", x.seat_count},
          {"free", counts.at(static_cast<size_t>(seat_state::available))},
          {"held", counts.at(static_cast<size_t>(seat_state::locked))},
          {"sold", counts.at(static_cast<size_t>(seat_state::reserved))},
          {"version", x.version},
          {"made_at", to_iso_z(x.made_at)}};
}

/// Messages in it, or in words why nobody knows: no answer is not an empty mailbox.
ordered mailbox_json(const mailbox_look& x) {
  switch (x.is) {
  case mailbox_look::state::counted: return x.messages;
  case mailbox_look::state::silent:
    return "did not answer within " + std::to_string(mailbox_patience.count()) + " ms";
  case mailbox_look::state::none: break;
  }
  return {};
}

} // namespace

told_part node_memory(const node_context& node, int64_t uptime_ms) {
  auto& p = node.probe;
  return {"memory",
          node.clock->now(),
          {{"state", state_word(node)},
           {"uptime_ms", uptime_ms},
           {"shards", owned_shards(node)},
           {"peers", std::ranges::count_if(node.peers.up, [](auto& x) { return x.load(); })},
           {"sessions", p.sessions_active.load()},
           {"blocks", p.blocks_active.load()},
           {"events", p.events_active.load()},
           {"checkouts", p.checkouts_active.load()},
           {"rooms", p.rooms_active.load()},
           {"gates", p.gates_active.load()},
           {"entity_restarts", p.entity_restarts.load()},
           {"reservations_overdue", p.reservations_overdue.load()}}};
}

told_part shards_memory(const node_context& node, const std::string& own) {
  auto rows = ordered::array();
  for (uint16_t shard = 0; shard < shard_count; ++shard) {
    auto epoch = node.epochs.epochs.at(shard).load();
    if (epoch == 0) epoch = node.peers.epochs.at(shard).load();
    rows.push_back({{"shard", shard},
                    {"owner", owner_name(node, own, shard)},
                    {"here", lives_here(node, shard)},
                    {"epoch", epoch}});
  }
  return {"memory", node.clock->now(), {{"shards", std::move(rows)}}};
}

told_part where_memory(const node_context& node, const std::string& own, const entity_key& key) {
  auto shard = shard_of(key);
  return {"memory",
          node.clock->now(),
          {{"key", to_string(key)},
           {"shard", shard},
           {"owner", owner_name(node, own, shard)},
           {"here", lives_here(node, shard)},
           {"epoch", node.participant_of(key).epoch}}};
}

told_part actor_memory(const node_context& node, const std::string& own, const entity_key& key,
                       const entity_look& look, const mailbox_look& mailbox) {
  using state = entity_look::state;
  auto out = where_memory(node, own, key);
  auto& data = out.data;
  auto since = [&](instant x) {
    return x == instant{} ? ordered() : ordered((out.as_of - x).count());
  };
  data["state"] =
    look.suspended ? "suspended: this node decides nothing now" : std::string{to_string(look.is)};
  if (look.is == state::elsewhere) return out;
  data["shard_is_moving"] = look.closing;
  data["messages_waiting"] = look.waiting;
  data["mailbox"] = mailbox_json(mailbox);
  data["unexpected_ends"] = look.failures;
  data["started_in_epoch"] = look.epoch == 0 ? ordered() : ordered(look.epoch);
  data["age_ms"] = since(look.started_at);
  data["asked_ago_ms"] = since(look.last_asked);
  return out;
}

std::optional<told_part> board_of(const board_store& boards, const entity_key& key) {
  const event_id event{key.hi, key.lo};
  if (key.kind == entity_kind::waiting_room) return room_board_of(boards, event);
  if (key.kind != entity_kind::seat_block) return std::nullopt;
  auto board = boards.find_seats(event, key.block_no);
  if (!board) return std::nullopt;
  return told_part{"board", board->made_at, block_json(*board)};
}

told_part ledger_memory(const node_context& node, const ledger_probe& ledger,
                        const upkeep_probe& upkeep) {
  auto lanes = ordered::array();
  for (size_t i = 0; i < lane_count; ++i) {
    auto& lane = ledger.lanes.at(i);
    auto batches = lane.batches.load(), ops = lane.ops.load();
    lanes.push_back({{"lane", lane_names.at(i)},
                     {"waiting", lane.depth.load()},
                     {"batches", batches},
                     {"ops", ops},
                     {"ops_per_batch", ratio(ops, batches)},
                     {"state", lane.down ? "down" : "up"}});
  }
  auto sizes = ordered::array();
  for (size_t i = 0; i < ledger.batch_sizes.size(); ++i) {
    auto last = i + 1 == ledger.batch_sizes.size();
    sizes.push_back(
      {{"ops", (last ? "over " : "up to ") + std::to_string(1u << (last ? i - 1 : i))},
       {"batches", ledger.batch_sizes.at(i).load()}});
  }
  auto verdicts = ordered::array();
  for (size_t i = 1; i < ledger.verdicts.size(); ++i)
    if (auto n = ledger.verdicts.at(i).load(); n > 0)
      verdicts.push_back({{"verdict", to_string(static_cast<outcome>(i))}, {"ops", n}});
  return {"memory",
          node.clock->now(),
          {{"aborts", ledger.batch_aborts.load()},
           {"outcomes_unknown", node.probe.outcomes_unknown.load()},
           {"outbox_pending", upkeep.outbox_pending.load()},
           {"outbox_oldest_ms", upkeep.outbox_oldest_ms.load()},
           {"lanes", std::move(lanes)},
           {"batch_sizes", std::move(sizes)},
           {"verdicts", std::move(verdicts)}}};
}

told_part relay_memory(const node_context& node, const relay_probe& relay) {
  auto told_at = relay.told_at_ms.load();
  return {"memory",
          node.clock->now(),
          {{"shards", relay.shards.load()},
           {"shards_stuck", relay.shards_stuck.load()},
           {"delivered", relay.delivered.load()},
           {"refused", relay.refused.load()},
           {"unknown", relay.unknown.load()},
           {"dead_letters", relay.dead_letters.load()},
           {"failures", relay.failures.load()},
           {"moves_refused", relay.moves_refused.load()},
           {"last_told", told_at == 0 ? ordered() : ordered(to_iso_z(from_ms(told_at)))}}};
}

told_part brakes_memory(const brake_list& brakes) {
  auto rows = brakes.rows();
  auto list = ordered::array();
  for (auto& x : *rows)
    list.push_back(
      {{"what", x.event.nil() || x.what != brake_on::all ? to_string(x.what) : "event"},
       {"event", x.event.nil() ? ordered() : ordered(to_string(x.event))},
       {"method", x.method.empty() ? ordered() : ordered(x.method)},
       {"reason", x.reason},
       {"by", x.by},
       {"since", to_iso_z(x.since)}});
  return {"memory",
          brakes.as_of(),
          {{"sales", rows->empty() ? "running" : "stopped"}, {"brakes", std::move(list)}}};
}

told_part notices_memory(const notice_board& notices, instant now) {
  auto rows = notices.rows();
  auto list = ordered::array();
  for (auto& x : *rows)
    list.push_back({{"notice", to_string(x.id)},
                    {"level", to_string(x.level)},
                    {"shown", x.shown_at(now)},
                    {"event", x.event.nil() ? ordered() : ordered(to_string(x.event))},
                    {"starts", to_iso_z(x.starts_at)},
                    {"ends", x.ends_at ? ordered(to_iso_z(*x.ends_at)) : ordered()},
                    {"by", x.by},
                    {"ko", x.ko},
                    {"en", x.en}});
  return {"memory", notices.as_of(), {{"notices", std::move(list)}}};
}

std::optional<told_part> event_boards(const board_store& boards, event_id event) {
  auto about = boards.find_event(event);
  if (!about) return std::nullopt;
  told_part out{"board", {}, {{"cancelled", about->sale.cancelled}, {"stale", boards.stale()}}};
  auto blocks = ordered::array();
  for (auto block_no : about->blocks) {
    auto board = boards.find_seats(event, block_no);
    if (!board) continue;
    blocks.push_back(block_json(*board));
    out.as_of = std::max(out.as_of, board->made_at);
  }
  if (blocks.empty()) return std::nullopt;
  out.data["blocks"] = std::move(blocks);
  return out;
}

std::optional<told_part> room_board_of(const board_store& boards, event_id event) {
  auto x = boards.find_room(event);
  if (!x) return std::nullopt;
  constexpr double second_ms = 1000, hundredth = 100;
  auto over = std::max(static_cast<double>(x->pace.over.count()), second_ms);
  auto rate = std::round(x->pace.admitted * second_ms / over * hundredth) / hundredth;
  return told_part{"board",
                   x->made_at,
                   {{"waiting", x->waiting()},
                    {"inside", x->active},
                    {"threshold", x->threshold},
                    {"admitted_per_second", rate},
                    {"paused", x->paused},
                    {"generation", x->generation},
                    {"epoch", x->epoch},
                    {"version", x->version},
                    {"stale", boards.stale()}}};
}

std::optional<entity_key> parse_key(std::string_view text) {
  auto colon = text.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  auto kind = text.substr(0, colon), rest = text.substr(colon + 1);
  auto slash = rest.find('/');
  auto bits = parse_id<event_id>(rest.substr(0, slash));
  if (!bits) return std::nullopt;
  bool block = kind == "seat_block" || kind == "block";
  if (block != (slash != std::string_view::npos)) return std::nullopt;
  if (block) {
    auto digits = rest.substr(slash + 1);
    int32_t number = 0;
    auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    bool whole = error == std::errc{} && end == digits.data() + digits.size() && number >= 0;
    return whole ? std::optional{key_of(*bits, number)} : std::nullopt;
  }
  if (kind == "session" || kind == "user") return key_of(user_id{bits->hi, bits->lo});
  if (kind == "event") return key_of(*bits);
  if (kind == "checkout") return key_of(reservation_id{bits->hi, bits->lo});
  if (kind == "waiting_room" || kind == "room") return room_key(*bits);
  if (kind == "gate") return gate_key(*bits);
  return std::nullopt;
}

} // namespace tk::http
