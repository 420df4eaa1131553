#pragma once

#include <cstdint>
#include <string_view>

#include "actors/base/ids.hpp"
#include "actors/base/wire.hpp"

namespace tk {

/// Number of shards; a node with another count is refused. Rows carry shard numbers, so this never
/// changes.
constexpr int shard_count = 128;

/// The kinds of addressable entities. Values are part of the placement hash: append only.
enum class entity_kind : uint8_t {
  session = 1,
  seat_block = 2,
  event = 3,
  checkout = 4,
  waiting_room = 5,
  gate = 6
};

/// What is paid for. A checkout has it for its `block_no`: append only. The id of a listing or a
/// membership travels where that of a reservation does.
enum class payment_subject : uint8_t { reservation = 0, transfer = 1, membership = 2 };

/// The address of an entity. `block_no` is 0 for kinds that have none.
struct entity_key {
  entity_kind kind = entity_kind::session;
  uint64_t hi = 0, lo = 0;
  int32_t block_no = 0;
  auto operator<=>(const entity_key&) const = default;
  template <class F> friend wire<F> inspect(F& f, entity_key& x) {
    return f(x.kind, x.hi, x.lo, x.block_no);
  }
};

struct entity_key_hash {
  size_t operator()(const entity_key& x) const {
    return static_cast<size_t>(x.hi ^ (x.lo * 0x9e3779b97f4a7c15ull) ^
                               (static_cast<uint64_t>(x.block_no) << 8) ^
                               static_cast<uint64_t>(x.kind));
  }
};

entity_key key_of(const user_id& x);
entity_key key_of(const event_id& x);
/// Of the checkout of a reservation, and of any subject of payments.
entity_key key_of(const reservation_id& x);
entity_key key_of(payment_subject of, const reservation_id& x);
/// Of the waiting room before an event (tier 2), and of the gate before that (tier 1).
entity_key room_key(const event_id& x);
entity_key gate_key(const event_id& x);
/// A block's home: event and block number.
entity_key key_of(const event_id& x, int32_t block_no);

/// FNV-1a (64 bit) over (kind, hi, lo, block_no), each big-endian, modulo `shard_count`: the same
/// on every machine and compiler, because rows and peers rely on it.
uint16_t shard_of(const entity_key& key);

/// Part of an operation: the entity's shard and the epoch in which its owner decided.
struct participant {
  uint16_t shard = 0;
  int64_t epoch = 0;
  auto operator<=>(const participant&) const = default;
  template <class F> friend wire<F> inspect(F& f, participant& x) { return f(x.shard, x.epoch); }
};

/// "seat_block:<uuid>/3", for logs and the inspector.
std::string to_string(const entity_key& key);

} // namespace tk
