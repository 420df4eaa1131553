#pragma once

#include <cstdint>
#include <string>

#include <nlohmann/json.hpp>

/// What operators say of who owns which shards, and how far it has come. Pure.
namespace tk::inspector {

enum class placement_verb : uint8_t { drain = 1, undrain, rebalance, move };

struct placement_order {
  placement_verb verb = placement_verb::drain;
  std::string key;       ///< Of `move`: an entity of the shard.
  std::string node;      ///< Of `move` also `any`: the shard is kept nowhere any more.
  std::string reason;    ///< For the record; may be empty.
  std::string operation; ///< A uuid.
  std::string seen{};    ///< What was said after it stays; empty: nothing does.
};

/// The path at an operators' listener, and the body.
std::string placement_path(const placement_order& x);
std::string placement_request(const placement_order& x);

/// Whether it ends something that was said before.
bool takes_back(const placement_order& x);

/// Whether there is something to wait for after it has been said.
bool takes_time(const placement_order& x);

struct placement_progress {
  enum class state : uint8_t {
    not_told = 1, ///< Nobody could be asked, or the rows were missing.
    under_way,
    reached,
    gone ///< Somebody has taken it back, or wished something else.
  } is = state::not_told;
  int64_t left = 0; ///< Shards that are still to be given, while it is under way.
};

/// From the answer of `GET /operator/placement`; `shard` is that of a `move`.
placement_progress progress_of(const nlohmann::ordered_json& told, const placement_order& x,
                               int64_t shard);

} // namespace tk::inspector
