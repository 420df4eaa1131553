#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <utility>
#include <vector>

#include <caf/actor.hpp>
#include <caf/actor_system.hpp>

#include "actors/base/entropy.hpp"
#include "actors/base/placement.hpp"
#include "actors/base/time.hpp"
#include "actors/base/trace.hpp"
#include "actors/gate/settings.hpp"
#include "actors/waiting_room/settings.hpp"
#include "gateways/payment/port.hpp"
#include "persistence/ledger/port.hpp"
#include "persistence/ledger/roster_port.hpp"
#include "persistence/reads/port.hpp"
#include "supervisors/revocations.hpp"

namespace tk {

class attempt_log;
class board_store;
class brake_list;

/// The rules' numbers (contract 1.13, decisions G01, D18).
struct sale_settings {
  int32_t reservation_ttl_s = 300;
  int32_t seats_per_reservation_max = 4;
  int32_t holds_per_user_event_max = 4; ///< In seats and lines of standing tickets; 0 = no limit.
  bool presale_enforce = true;          ///< A sale opens by the tier of one's membership (2.9).
  millis payment_resolve_max{900'000};  ///< A payment without outcome is voided after this.
};

/// Epochs of the shards this node owns; 0 = not ours. Written by the node's supervisor only.
struct epoch_table {
  std::array<std::atomic<int64_t>, shard_count> epochs{};
  [[nodiscard]] participant of(const entity_key& key) const {
    auto shard = shard_of(key);
    return {shard, epochs[shard].load(std::memory_order_relaxed)};
  }
};

/// How payments ended, as the metrics tell them apart (G41). Buyers may name any method: those that
/// are not known are counted together.
struct payment_counts {
  static constexpr std::array<const char*, 5> methods = {"toss", "naver_pay", "kakao_pay",
                                                         "bank_transfer", "other"};
  std::array<std::atomic<uint64_t>, methods.size()> sold{};
  std::atomic<uint64_t> declined{0}, voided{0}, untried{0}, late{0};
  void count_sale(const std::string& method) {
    size_t i = 0;
    while (i + 1 < methods.size() && method != methods[i]) ++i;
    sold[i].fetch_add(1, std::memory_order_relaxed);
  }
};

/// Where the shards of other nodes live, as last heard. Written by the node's supervisor only, but
/// for the links, which are fixed before the node's first actor starts. A node that is alone has
/// none.
struct peer_table {
  static constexpr size_t links_max = 64;
  std::array<std::atomic<int32_t>, shard_count> owners; ///< Index of a link, or `nobody`.
  std::array<std::atomic<int64_t>, shard_count> epochs{};
  std::vector<caf::actor> links; ///< Each takes envelopes for one other node and always answers.
  std::array<std::atomic<bool>, links_max> up{}; ///< Of each link: its connection stands.
  peer_table() {
    for (auto& x : owners) x = membership::nobody;
  }
};

/// Which nodes live, as the roster last said. Written by the node's supervisor only; read by
/// whoever waits for word from all of them.
class living_nodes {
public:
  using list = std::shared_ptr<const std::vector<int64_t>>;
  void set(int64_t own, std::vector<int64_t> all) {
    auto next = std::make_shared<const std::vector<int64_t>>(std::move(all));
    own_.store(own, std::memory_order_relaxed);
    std::unique_lock guard{mutex_};
    all_ = std::move(next);
  }
  /// Of this node; 0 before its first heartbeat.
  [[nodiscard]] int64_t own() const { return own_.load(std::memory_order_relaxed); }
  /// Never null; empty before the first heartbeat.
  [[nodiscard]] list all() const {
    std::shared_lock guard{mutex_};
    return all_;
  }

private:
  std::atomic<int64_t> own_{0};
  mutable std::shared_mutex mutex_;
  list all_ = std::make_shared<const std::vector<int64_t>>();
};

/// Whom each link leads to, as this node last heard. Written by the node's supervisor only; read
/// for people.
class peer_names {
public:
  void set(std::vector<node_id> by_link) {
    std::unique_lock guard{mutex_};
    by_link_ = std::move(by_link);
  }
  /// Nil when nobody is known there.
  [[nodiscard]] node_id of(int32_t link) const {
    std::shared_lock guard{mutex_};
    const auto i = static_cast<size_t>(link);
    return link < 0 || i >= by_link_.size() ? node_id{} : by_link_[i];
  }

private:
  mutable std::shared_mutex mutex_;
  std::vector<node_id> by_link_;
};

/// What the shells count. Plain atomics: read by the metrics page, written from any actor.
struct sales_probe {
  std::atomic<uint64_t> reservations_created{0}, reservations_cancelled{0}, reservations_expired{0};
  std::atomic<uint64_t> seat_conflicts{0}, outcomes_unknown{0}, claims_reread{0};
  std::atomic<int64_t> reservations_overdue{0};
  std::atomic<int64_t> sessions_active{0}, blocks_active{0}, events_active{0};
  std::atomic<int64_t> checkouts_active{0}, rooms_active{0}, gates_active{0};
  payment_counts payments, free_payments;    ///< With the provider, and of what costs nothing.
  std::atomic<uint64_t> payments_unknown{0}; ///< Askers whose patience ended before an outcome.
  std::atomic<uint64_t> refunds_done{0}, refunds_put_off{0};
  std::atomic<uint64_t> queue_joined{0}, queue_admitted{0}, queue_left{0}; ///< On record.
  std::atomic<uint64_t> gate_positions{0};                                 ///< Told.
  std::atomic<uint64_t> entity_restarts{0}, activations{0}, passivations{0};
};

/// A node's services. Every actor gets them at its start and takes nothing from anywhere else (R9),
/// so a whole cluster of nodes can live in one test process.
struct node_context {
  caf::actor_system* system = nullptr;
  const wall_clock* clock = nullptr;
  entropy* random = nullptr;
  ledger_actor ledger;
  reads_actor reads;
  std::string payment_provider; ///< Of confirmed payments; its name is kept with every attempt.
  std::string instant_provider; ///< Of payments at once; empty: nobody takes any (G04).
  payment_actor payments;       ///< Empty when no provider is configured.
  caf::actor region;            ///< Entities are asked through `ask` (router.hpp), by key.
  caf::actor router;   ///< Takes what has no way now (router.hpp); empty in a node that is alone.
  caf::actor spreader; ///< Tells other nodes of boards (spreader.hpp); empty in one that is alone.
  board_store* boards = nullptr;
  revocation_list revoked; ///< Asked at the door for every access token.
  epoch_table epochs;
  peer_table peers;
  peer_names names;
  living_nodes living;
  std::atomic<bool> suspended{false}; ///< No heartbeat: decisions answer 503 (H-12).
  std::atomic<bool> draining{false};  ///< It gives its shards away and takes none.
  sale_settings sale;
  queue_settings queue;
  gate_settings gate;
  sales_probe probe;
  tracer* traces = nullptr;           ///< Null: nothing is traced.
  const brake_list* brakes = nullptr; ///< What of the sale is stopped (brakes.hpp); null: nothing.
  attempt_log* attempts = nullptr;    ///< What was refused (attempt_log.hpp); null: not kept.

  /// The owner of another entity as an op names it: ours, or the last one we heard of. When it is
  /// an old one the ledger refuses the op.
  [[nodiscard]] participant participant_of(const entity_key& key) const {
    auto out = epochs.of(key);
    if (out.epoch == 0) out.epoch = peers.epochs[out.shard].load(std::memory_order_relaxed);
    return out;
  }

  /// The link to the owner of a shard that is not ours, when its connection stands; else null.
  [[nodiscard]] const caf::actor* link_to(uint16_t shard) const {
    const auto owner = peers.owners[shard].load(std::memory_order_relaxed);
    if (owner < 0 || static_cast<size_t>(owner) >= peers.links.size()) return nullptr;
    const auto i = static_cast<size_t>(owner);
    return peers.up.at(i).load(std::memory_order_relaxed) ? &peers.links[i] : nullptr;
  }

  /// Who takes envelopes for `key`: the own region, the link to its owner, or the router, which
  /// waits for one of both. A node that is alone has no router: its region refuses.
  [[nodiscard]] const caf::actor& way_to(const entity_key& key) const {
    const auto shard = shard_of(key);
    if (epochs.epochs[shard].load(std::memory_order_relaxed) != 0) return region;
    if (auto link = link_to(shard)) return *link;
    return router ? router : region;
  }
};

} // namespace tk
