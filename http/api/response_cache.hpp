#pragma once

#include <cstddef>
#include <functional>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include <caf/fwd.hpp>
#include <tl/expected.hpp>

#include "actors/base/time.hpp"
#include "http/api/ingress.hpp"
#include "http/api/seat_map.hpp"
#include "http/exchange.hpp"

namespace tk::http {

/// Answers of public reads, at most a second old, each rendered by one caller for all. While the
/// database is away the last answers go on, marked stale (architecture 10).
class response_cache {
public:
  /// What a loader brings: a body, or why there is none.
  using outcome = tl::expected<std::string, ec>;
  using done = std::function<void(outcome)>;
  /// Starts a load on an ingress actor; must call `done` once, from that actor.
  using loader = std::function<void(caf::event_based_actor*, done)>;

  response_cache(ingress_pool& pool, const wall_clock& clock) : pool_(pool), clock_(clock) {
    // nop
  }

  /// Answers `x` with the body of `key`: at once when it is fresh, else after `load`.
  void serve(const exchange_ptr& x, const std::string& key, loader load);

  static constexpr millis fresh_for{1000};
  /// Older answers are not shown even when nothing newer can be had.
  static constexpr millis oldest{600'000};
  static constexpr size_t entries_max = 4096;

private:
  struct entry {
    body_ptr plain, gzip;
    instant made_at;
    bool loading = false;
    std::vector<exchange_ptr> waiting;
  };
  void loaded(const std::string& key, outcome result);
  void make_room(instant now);

  ingress_pool& pool_;
  const wall_clock& clock_;
  std::mutex mutex_;
  std::unordered_map<std::string, entry> entries_;
};

} // namespace tk::http
