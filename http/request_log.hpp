#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string_view>

#include "http/exchange.hpp"

namespace tk::http {

class metrics;
struct ended_stream;

/// What the log says of requests (G30): a line for every answer, or a share of them, and one for
/// what matters to security. Called on answering threads; never blocks.
class request_log {
public:
  /// `share_percent`: how many of the answers below 500 get a line; the others always do.
  request_log(int share_percent, metrics& meters);
  ~request_log();

  /// `route` is the template, or UNKNOWN: paths may hold anything.
  void answered(const exchange& x, const answer& a, std::string_view route, double seconds);
  /// A stream is logged at its end instead.
  void stream_ended(const ended_stream& x, std::string_view route);

private:
  void told(const exchange& x, const answer& a, std::string_view route, double seconds);
  [[nodiscard]] bool chosen(const exchange& x) const;
  void secure(const exchange& x, const answer& a, std::string_view route);
  bool within_budget(int64_t second);

  const int share_percent_;
  struct counters;
  std::unique_ptr<counters> counters_;
  std::atomic<int64_t> second_{0}, lines_{0};
};

/// The event of the security log that a refusal stands for; empty for all others.
std::string_view security_event(ec why);

} // namespace tk::http
