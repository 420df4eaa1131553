#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "http/api/notice_board.hpp"
#include "http/operators/told.hpp"
#include "persistence/ledger/actor.hpp"
#include "persistence/pool/probe.hpp"
#include "persistence/relay/actor.hpp"
#include "persistence/store/keeper.hpp"
#include "supervisors/boards.hpp"
#include "supervisors/brakes.hpp"
#include "supervisors/mailbox.hpp"
#include "supervisors/node_context.hpp"
#include "supervisors/region.hpp"

/// What a node knows without asking anybody. Every function reads atomics and boards alone, so it
/// answers while PostgreSQL is away.
namespace tk::http {

/// This node: whether it decides, what it owns, what lives on it.
told_part node_memory(const node_context& node, int64_t uptime_ms);

/// Which shards it owns, in which epochs, and whom it takes for the owner of the others. `own` is
/// this node's name.
told_part shards_memory(const node_context& node, const std::string& own);

/// Where an entity lives, as far as this node knows.
told_part where_memory(const node_context& node, const std::string& own, const entity_key& key);

/// How an entity is, as its region says and, of its mailbox, itself.
told_part actor_memory(const node_context& node, const std::string& own, const entity_key& key,
                       const entity_look& look, const mailbox_look& mailbox);
std::optional<told_part> board_of(const board_store& boards, const entity_key& key);

/// Batches, verdicts, what waits, what is not relayed.
told_part ledger_memory(const node_context& node, const ledger_probe& ledger,
                        const upkeep_probe& upkeep);

/// What this node's relay has told and is doing.
told_part relay_memory(const node_context& node, const relay_probe& relay);

/// What is stopped, as this node knows it.
told_part brakes_memory(const brake_list& brakes);

/// What buyers are told, as this node knows it; `shown` says whether it has begun.
told_part notices_memory(const notice_board& notices, instant now);

/// What boards say of an event: sale, blocks, queue. Nothing when this node has heard of none.
std::optional<told_part> event_boards(const board_store& boards, event_id event);
std::optional<told_part> room_board_of(const board_store& boards, event_id event);

/// "session:UUID", "seat_block:UUID/3" and the like, as `to_string(entity_key)` writes them, and
/// `block`, `room`, `user` as shorter words for their kinds.
std::optional<entity_key> parse_key(std::string_view text);

} // namespace tk::http
