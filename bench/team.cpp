#include "bench/team.hpp"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <sstream>
#include <stdexcept>
#include <thread>
#include <utility>

namespace tk::bench {

namespace {

constexpr auto spread_within = std::chrono::seconds{120};
constexpr size_t nobody = SIZE_MAX;

/// Of the n-th node: the same every time, so that a restart is a new life of the same node.
std::string id_of(size_t n) { return "00000000-0000-4000-8009-00000000000" + std::to_string(n); }

} // namespace

team::team(shop& x, size_t count) : shop_(x) {
  for (size_t n = 0; n < count; ++n) nodes_.push_back({id_of(n), {0, nullptr}});
  for (auto& one : nodes_) start(one);
  wait_until_spread();
}

void team::start(node& x) {
  x.server = shop_.start_beside({{"TIKETI_NODE_ID", x.id},
                                 {"CLUSTER_LISTEN", "127.0.0.1:" + std::to_string(free_port())},
                                 {"CLUSTER_REBALANCE_AFTER_SECONDS", "2"}});
}

double team::cpu() const {
  double sum = 0;
  for (size_t n = 0; n < size(); ++n) sum += cpu_seconds(pid(n), false);
  return sum;
}

void team::look() {
  owners_.assign(static_cast<size_t>(shard_count), nobody);
  std::istringstream rows{shop_.sql().value(
    "SELECT string_agg(shard || ' ' || coalesce(node::text, '-'), ' ') FROM shard_owners")};
  size_t shard = 0;
  for (std::string id; rows >> shard >> id;) {
    auto owner = std::ranges::find(nodes_, id, &node::id);
    if (owner != nodes_.end()) owners_.at(shard) = static_cast<size_t>(owner - nodes_.begin());
  }
}

void team::wait_until_spread() {
  auto fair = static_cast<std::ptrdiff_t>(static_cast<size_t>(shard_count) / size());
  auto end = std::chrono::steady_clock::now() + spread_within;
  for (;;) {
    look();
    bool spread = std::ranges::none_of(owners_, [](auto x) { return x == nobody; });
    for (size_t n = 0; n < size(); ++n) spread = spread && std::ranges::count(owners_, n) >= fair;
    if (spread) return;
    if (std::chrono::steady_clock::now() > end)
      throw std::runtime_error("the shards were not spread over the nodes");
    std::this_thread::sleep_for(std::chrono::milliseconds{100});
  }
}

void team::kill(size_t n) { ::kill(pid(n), SIGKILL); }

void team::restart(size_t n) {
  start(nodes_[n]);
  wait_until_spread();
}

} // namespace tk::bench
