#pragma once

#include <algorithm>
#include <map>
#include <set>
#include <unordered_map>
#include <vector>

#include <caf/actor.hpp>
#include <caf/response_promise.hpp>
#include <caf/typed_response_promise.hpp>

#include "supervisors/mailbox.hpp"
#include "supervisors/reply_once.hpp"
#include "supervisors/shard_figures.hpp"

/// What a region remembers, for the files that it is made of; nobody else's.
namespace tk::of_region {

/// A message that waits until its entity has started, or has stopped.
struct parked {
  caf::response_promise reply;
  bool wants_reply = false;
  envelope what;
};

struct entity {
  enum class phase : uint8_t { starting, running, stopping } is = phase::starting;
  caf::actor handle;
  std::vector<parked> waiting; // A deque would take half a kilobyte per sleeping entity.
  instant last_asked, started_at;
  uint64_t start_no = 0; ///< Of its start: rows that were asked for by an earlier one do not count.
  int64_t epoch = 0;     ///< In which it was started.
};

/// Unexpected ends of an entity, kept beyond its life.
struct failures {
  int32_t count = 0;
  instant window_end;
};

/// A shard on its way to another node.
struct closing {
  caf::typed_response_promise<shard_closed> told;
  bool closed = false;          ///< `told` has heard so; until then it may give up.
  uint64_t no = 0;              ///< Of this closing: what an earlier one waited for does not count.
  instant until;                ///< Then it gives up.
  std::set<entity_key> staying; ///< Entities that have not left; perhaps some that have.
  bool at_barrier = false;      ///< All have left, and ops are waited for.
  std::vector<parked> waiting;  ///< What came meanwhile.
};

struct region_state {
  static inline const char* name = "tk.region";
  node_context* node = nullptr;
  region_settings settings;
  shard_table* shards = nullptr; ///< Null: nobody looks at them.
  bool suspended = false;
  int32_t parked_count = 0;
  uint64_t starts = 0;
  std::unordered_map<entity_key, entity, entity_key_hash> entities;
  std::unordered_map<entity_key, failures, entity_key_hash> failed;
  std::unordered_map<caf::actor_id, entity_key> keys; ///< Of running handles, for DOWN.
  std::set<entity_key> to_revive; ///< Ended unexpectedly, and their boards would stay.
  std::map<uint16_t, closing> closings;
  uint64_t closings_begun = 0;
  std::map<uint64_t, reply_ptr<mailbox_look>> looks; ///< Who waits for which count.
  uint64_t looks_begun = 0;
  void count_asked(const entity_key& key) const {
    if (shards) ++(*shards)[shard_of(key)].asked;
  }
  void count_awake(const entity_key& key, int64_t more) const {
    if (shards) (*shards)[shard_of(key)].awake += more;
  }
  [[nodiscard]] closing* closing_of(const entity_key& key) {
    if (closings.empty()) return nullptr;
    auto i = closings.find(shard_of(key));
    return i == closings.end() ? nullptr : &i->second;
  }
};

/// How an entity is, as far as its region knows.
entity_look look_at(region_state& st, const entity_key& key);

} // namespace tk::of_region
