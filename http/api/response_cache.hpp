#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include <caf/fwd.hpp>
#include <tl/expected.hpp>

#include "actors/base/time.hpp"
#include "http/api/cache_probe.hpp"
#include "http/api/ingress.hpp"
#include "http/exchange.hpp"

namespace tk::http {

/// Answers of public reads, at most a second old, each rendered by one caller for all. While the
/// database is away the last answers go on, marked stale (architecture 10).
class response_cache {
public:
  /// What a loader brings: a body, or why there is none.
  using outcome = tl::expected<std::string, ec>;
  using done = std::function<void(outcome)>;
  /// Starts a load on an ingress actor; calls `done` once, from that actor. Forgetting `done`, or
  /// an exception, is an outcome too: `ec::internal`.
  using loader = std::function<void(caf::event_based_actor*, done)>;

  response_cache(ingress_pool& pool, const wall_clock& clock);

  /// Answers `x` with the body of `key`: at once when it is fresh, else after `load`. Answers
  /// `busy` when as many loads are under way as there is room for.
  void serve(const exchange_ptr& x, const std::string& key, loader load);

  [[nodiscard]] const cache_probe& probe() const;

  static constexpr millis fresh_for{1000};
  /// Older answers are not shown even when nothing newer can be had.
  static constexpr millis oldest{600'000};
  static constexpr size_t entries_max = 4096;
  /// Of all bodies together; old ones that are being loaded again may come on top.
  static constexpr size_t bytes_max = 64 << 20;

private:
  /// Shared with the loads under way: one may end when the cache has gone.
  struct table;
  struct ticket;

  ingress_pool& pool_;
  std::shared_ptr<table> table_;
};

} // namespace tk::http
