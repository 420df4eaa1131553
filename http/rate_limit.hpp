#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace tk::http {

/// Which bucket of the rate limiter a request counts in (1.9).
enum class rate_category : uint8_t { exempt, auth, queue, booking, general };
constexpr size_t rate_category_count = 5;

/// The category of a path without `/v1`, whether a route knows it or not: probing is limited, too.
rate_category category_of(std::string_view path);

/// Requests per minute and category (1.9); 0 switches a category off (D8).
struct rate_limits {
  uint32_t auth = 60;
  uint32_t queue = 120;
  uint32_t booking = 30;
  uint32_t general = 3000;
  /// Clients remembered at most; the longest unused ones are forgotten first.
  size_t clients_max = 200000;

  [[nodiscard]] uint32_t of(rate_category x) const;
};

/// What the limiter says; limit 0 = not limited.
struct rate_verdict {
  bool allowed = true;
  uint32_t limit = 0;
  uint32_t remaining = 0;
  uint32_t reset_s = 0; // Until one more request will be allowed; at most the window.
};

/// Sliding windows of 60 s in memory, per client and category, that move by slots of 5 s: a request
/// counts for 55 to 60 s. Refused requests do not count.
class rate_limiter {
public:
  explicit rate_limiter(rate_limits limits);
  ~rate_limiter();

  /// Counts and judges. `client` is `user:<id>` or `ip:<address>`; `now_ms` is any clock that does
  /// not go back. Thread-safe.
  rate_verdict ask(std::string_view client, rate_category category, int64_t now_ms);

  /// Clients remembered now.
  [[nodiscard]] size_t size() const;

private:
  struct shard;
  static constexpr size_t shard_count = 16;
  rate_limits limits_;
  std::array<std::unique_ptr<shard>, shard_count> shards_;
};

} // namespace tk::http
