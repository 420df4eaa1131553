#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "actors/base/ids.hpp"
#include "actors/base/placement.hpp"

namespace tk::cluster {

/// The version of what nodes say to each other. Neighbouring releases speak the same one; messages
/// are append only within it.
constexpr int protocol_version = 1;

/// What each side says of itself before anything else. JSON, so that a later release can add to it.
struct hello {
  node_id node;
  int64_t incarnation = 0;
  std::string database; ///< Identifier of the PostgreSQL system: two shops never mix.
  int shards = shard_count;
  int protocol = protocol_version;
  bool traces = true; ///< It reads what is behind a request's body (link.hpp).
};

std::vector<char> to_bytes(const hello& x);

/// Nullopt for what is not a hello.
std::optional<hello> read_hello(std::span<const char> bytes);

/// Why `other` may not speak with `own`, in words for the log; empty when it may.
std::string refuse(const hello& own, const hello& other);

} // namespace tk::cluster
