#include "supervisors/gift_plan.hpp"

#include <algorithm>

#include "actors/base/mutants.hpp"
#include "supervisors/peers.hpp"

namespace tk {

namespace {

constexpr millis again_after{300};
constexpr millis pace{200};

bool takes(const roster_peer& x) {
  if (mutant("gives_to_the_drained")) return x.lives; // Planted: they give it to each other.
  return x.lives && !x.draining;
}

struct taker {
  node_id node;
  int64_t shards = 0;
};

/// Who takes shards and has the fewest; the first of several.
std::optional<taker> poorest(const membership& of) {
  std::optional<taker> out;
  for (size_t i = 0; i < of.peers.size(); ++i) {
    if (!takes(of.peers[i])) continue;
    auto shards = std::ranges::count(of.owners, static_cast<int32_t>(i));
    if (!out || shards < out->shards) out = taker{of.peers[i].node, shards};
  }
  return out;
}

bool is_taker(const membership& of, const node_id& node) {
  return std::ranges::any_of(of.peers, [&](auto& x) { return x.node == node && takes(x); });
}

/// An operator has moved it to this node.
bool kept_here(const membership& of, uint16_t shard) {
  return std::ranges::any_of(
    of.wanted, [&](auto& x) { return x.shard == shard && !x.to.nil() && x.to == of.self; });
}

/// What a node has, and how much of it operators have moved there; `peer` -1 is this node.
struct possession {
  int64_t shards = 0, kept = 0;
};

possession possession_of(const membership& of, int32_t peer) {
  auto node = peer < 0 ? of.self : of.peers.at(static_cast<size_t>(peer)).node;
  auto has = [&](uint16_t shard) {
    return peer < 0 ? of.epochs.at(shard) != 0 : of.owners.at(shard) == peer;
  };
  possession out;
  for (uint16_t shard = 0; shard < shard_count; ++shard) out.shards += has(shard) ? 1 : 0;
  out.kept = std::ranges::count_if(of.wanted, [&](auto& x) {
    return x.shard < shard_count && !x.to.nil() && x.to == node && has(x.shard);
  });
  return out;
}

} // namespace

bool gift_plan::drained(const membership& of) { return of.owned() == 0 || !poorest(of); }

bool gift_plan::even(const membership& of) {
  if (of.free > 0) return false;
  auto share = fair_share(of);
  auto content = [&](int32_t peer, bool gives_all) {
    auto x = possession_of(of, peer);
    return gives_all ? x.shards == 0 : x.shards <= share || x.shards == x.kept;
  };
  if (!content(membership::nobody, of.draining)) return false;
  for (size_t i = 0; i < of.peers.size(); ++i)
    if (of.peers[i].lives && !content(static_cast<int32_t>(i), of.peers[i].draining)) return false;
  return true;
}

bool gift_plan::waits(uint16_t shard, instant now) const {
  auto i = put_off_.find(shard);
  return i != put_off_.end() && now < i->second;
}

std::optional<wanted_move> gift_plan::first_to(const membership& of, node_id to,
                                               instant now) const {
  for (uint16_t shard = 0; shard < shard_count; ++shard)
    if (of.epochs.at(shard) != 0 && !waits(shard, now) && (of.draining || !kept_here(of, shard)))
      return wanted_move{shard, to};
  return std::nullopt;
}

void gift_plan::note_roster(const membership& of, instant now) {
  signature is{{node_id{}, of.incarnation, true, of.draining}};
  for (auto& x : of.peers) is.emplace_back(x.node, x.incarnation, x.lives, x.draining);
  if (is == roster_) return;
  roster_ = std::move(is);
  changed_at_ = now;
  balanced_ = false;
}

bool gift_plan::may_balance(const membership& of, instant now) const {
  if (!of.even_wish.nil()) return of.free == 0; // What is free is taken first.
  return settle_ > millis{0} && !balanced_ && of.free == 0 && now - changed_at_ >= settle_ &&
         now >= paced_until_;
}

std::optional<wanted_move> gift_plan::next(const membership& of, instant now) {
  note_roster(of, now);
  for (auto& x : of.wanted)
    if (x.shard < shard_count && of.epochs.at(x.shard) != 0 && is_taker(of, x.to) &&
        !waits(x.shard, now))
      return x;
  auto to = poorest(of);
  if (!to) return std::nullopt;
  if (of.draining) return first_to(of, to->node, now);
  if (!may_balance(of, now)) return std::nullopt;
  auto share = fair_share(of);
  // Who has its share gives no more, until the roster changes again: an operator may want it so.
  balanced_ = of.owned() <= share || to->shards >= share;
  return balanced_ ? std::nullopt : first_to(of, to->node, now);
}

void gift_plan::ended(uint16_t shard, bool moved, instant now) {
  std::erase_if(put_off_, [now](auto& x) { return x.second <= now; });
  if (!moved) put_off_[shard] = now + again_after;
  paced_until_ = now + pace;
}

} // namespace tk
