#include "actors/base/placement.hpp"

namespace tk {

namespace {

constexpr uint64_t fnv_offset = 14695981039346656037ull;
constexpr uint64_t fnv_prime = 1099511628211ull;

uint64_t mix(uint64_t hash, uint64_t value, int bytes) {
  for (int i = bytes - 1; i >= 0; --i) {
    hash ^= (value >> (8 * i)) & 0xff;
    hash *= fnv_prime;
  }
  return hash;
}

const char* name_of(entity_kind x) {
  switch (x) {
  case entity_kind::session: return "session";
  case entity_kind::seat_block: return "seat_block";
  case entity_kind::event: return "event";
  case entity_kind::checkout: return "checkout";
  case entity_kind::waiting_room: return "waiting_room";
  case entity_kind::gate: return "gate";
  }
  return "?";
}

} // namespace

entity_key key_of(const user_id& x) { return {entity_kind::session, x.hi, x.lo, 0}; }

entity_key key_of(const event_id& x) { return {entity_kind::event, x.hi, x.lo, 0}; }

entity_key key_of(const reservation_id& x) { return {entity_kind::checkout, x.hi, x.lo, 0}; }

entity_key key_of(payment_subject of, const reservation_id& x) {
  return {entity_kind::checkout, x.hi, x.lo, static_cast<int32_t>(of)};
}

entity_key room_key(const event_id& x) { return {entity_kind::waiting_room, x.hi, x.lo, 0}; }

entity_key gate_key(const event_id& x) { return {entity_kind::gate, x.hi, x.lo, 0}; }

entity_key key_of(const event_id& x, int32_t block_no) {
  return {entity_kind::seat_block, x.hi, x.lo, block_no};
}

uint16_t shard_of(const entity_key& key) {
  auto hash = mix(fnv_offset, static_cast<uint64_t>(key.kind), 1);
  hash = mix(hash, key.hi, 8);
  hash = mix(hash, key.lo, 8);
  hash = mix(hash, static_cast<uint32_t>(key.block_no), 4);
  return static_cast<uint16_t>(hash % shard_count);
}

std::string to_string(const entity_key& key) {
  auto text = detail::uuid_text(key.hi, key.lo);
  std::string out = name_of(key.kind);
  out += ':';
  out.append(text.data(), text.size());
  if (key.kind == entity_kind::seat_block) {
    out += '/';
    out += std::to_string(key.block_no);
  }
  return out;
}

} // namespace tk
