#pragma once

#include <string>
#include <vector>

#include "actors/base/placement.hpp"
#include "bench/shop.hpp"

namespace tk::bench {

/// Several nodes of one cluster on the shop's database, each with its share of the shards.
class team {
public:
  /// Starts them and waits until the shards are spread.
  team(shop& x, size_t count);

  [[nodiscard]] size_t size() const { return nodes_.size(); }
  [[nodiscard]] uint16_t port(size_t n) const { return nodes_[n].server.port; }
  [[nodiscard]] pid_t pid(size_t n) const { return nodes_[n].server.process->pid(); }
  /// Processor seconds of all of them.
  [[nodiscard]] double cpu() const;
  /// Which of them owns what this names, by the table as of the last `look`.
  [[nodiscard]] size_t owner_of(const entity_key& key) const { return owners_[shard_of(key)]; }
  /// Reads the table of owners again.
  void look();
  /// Ends one as a power cut does; nobody waits for it.
  void kill(size_t n);
  /// Ends one in order: it gives its shards to the others first.
  void end(size_t n) { nodes_[n].server.process.reset(); }
  /// Starts the one that was killed, or ended, again and waits until the shards are spread.
  void restart(size_t n);

private:
  struct node {
    std::string id;
    shop::server server;
  };
  void start(node& x);
  void wait_until_spread();

  shop& shop_;
  std::vector<node> nodes_;
  std::vector<size_t> owners_;
};

} // namespace tk::bench
