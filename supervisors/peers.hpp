#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <caf/allowed_unsafe_message_type.hpp>

#include "actors/base/ids.hpp"
#include "actors/base/placement.hpp"
#include "persistence/ledger/roster_port.hpp"

/// Who the other nodes are, for those who keep ways to them. Plain rules, without actors.
namespace tk {

/// Another node that can be spoken with.
struct known_node {
  node_id node;
  int64_t incarnation = 0;
  std::string address; ///< "host:port".
  auto operator<=>(const known_node&) const = default;
};

/// Who is there, by slot: the n-th is whom the n-th link leads to. Replaces what was said before.
struct nodes_known {
  std::vector<std::optional<known_node>> slots;
};

/// Nobody listens where that life of a node did: whoever keeps the connections was refused there by
/// its machine. The process has ended, or something stands in the way.
struct nobody_there {
  node_id node;
  int64_t incarnation = 0;
};

/// Which link leads to whom. There are as many links as slots from the node's start on, because
/// whoever asks reads their list without a lock; who comes later gets a free one. A node keeps its
/// slot as long as the roster has it.
class peer_slots {
public:
  explicit peer_slots(size_t count) : slots_(count) {
    // nop
  }

  /// Takes over what the roster says; true when `known` is not what it was.
  bool update(const std::vector<roster_peer>& peers);
  [[nodiscard]] const std::vector<std::optional<known_node>>& known() const { return slots_; }
  /// `membership::nobody` for who has no slot: all were taken, or it has no address.
  [[nodiscard]] int32_t slot_of(const node_id& node) const;
  /// Peers that got none.
  [[nodiscard]] size_t left_out() const { return left_out_; }

private:
  std::vector<std::optional<known_node>> slots_;
  size_t left_out_ = 0;
};

/// How many shards a node has when all that live have the same number, rounded up. Who is being
/// drained does not count.
int32_t fair_share(const membership& of);

/// How many of the free shards this node takes: up to its fair share.
int32_t shards_to_take(const membership& of);

} // namespace tk

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::nodes_known)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::nobody_there)
