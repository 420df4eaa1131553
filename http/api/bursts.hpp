#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

namespace tk::http {

/// So many at once, and so many a second in the long run.
struct burst_limits {
  uint32_t burst = 10, per_second = 5; ///< Of one address.
  uint32_t burst_all = 10'000, per_second_all = 5000;
  /// Addresses remembered at most. When more come within the two seconds that an address is
  /// remembered, all are forgotten: the limit of all together still holds.
  size_t addresses_max = 200'000;
};

/// A bucket for each address and one for all (contract 2.10). Thread-safe.
class burst_limiter {
public:
  explicit burst_limiter(burst_limits limits = {}) : limits_(limits) {
    // nop
  }

  /// Takes one for `address` when there is one. Otherwise tells after how many milliseconds there
  /// will be; 0 = taken. `now_ms` is any clock that does not go back.
  int64_t take(std::string_view address, int64_t now_ms);
  /// Addresses remembered now.
  [[nodiscard]] size_t size() const;

private:
  burst_limits limits_;
  mutable std::mutex mutex_;
  std::unordered_map<std::string, int64_t> addresses_; ///< When the bucket is full, in us.
  int64_t all_ = 0;
};

} // namespace tk::http
