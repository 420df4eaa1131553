#include "supervisors/peers.hpp"

#include <algorithm>

namespace tk {

bool peer_slots::update(const std::vector<roster_peer>& peers) {
  auto before = slots_;
  for (auto& slot : slots_)
    if (slot && std::ranges::find(peers, slot->node, &roster_peer::node) == peers.end())
      slot.reset();
  left_out_ = 0;
  for (auto& x : peers) {
    if (x.facts.address.empty()) continue;
    known_node now{x.node, x.incarnation, x.facts.address};
    auto slot = std::ranges::find_if(slots_, [&](auto& y) { return y && y->node == x.node; });
    if (slot == slots_.end()) slot = std::ranges::find_if(slots_, [](auto& y) { return !y; });
    if (slot == slots_.end()) ++left_out_;
    else *slot = std::move(now);
  }
  return slots_ != before;
}

int32_t peer_slots::slot_of(const node_id& node) const {
  for (size_t i = 0; i < slots_.size(); ++i)
    if (slots_[i] && slots_[i]->node == node) return static_cast<int32_t>(i);
  return membership::nobody;
}

int32_t fair_share(const membership& of) {
  auto takes = [](const roster_peer& x) { return x.lives && !x.draining; };
  auto nodes = static_cast<int32_t>(std::ranges::count_if(of.peers, takes)) + (of.draining ? 0 : 1);
  return nodes == 0 ? shard_count : (shard_count + nodes - 1) / nodes;
}

int32_t shards_to_take(const membership& of) {
  if (of.draining) return 0;
  return std::clamp(fair_share(of) - of.owned(), 0, static_cast<int32_t>(of.free));
}

} // namespace tk
