#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace tk::bench {

/// Latencies in logarithmic buckets, about 3 % wide, from 1 µs to 100 s. No allocation per sample.
class histogram {
public:
  void add(std::chrono::nanoseconds latency);
  /// The latency in milliseconds that a share `p` (0..1) of the samples does not exceed; 0 when
  /// there is none.
  [[nodiscard]] double percentile_ms(double p) const;
  [[nodiscard]] uint64_t count() const { return count_; }

private:
  static constexpr size_t buckets = 640;
  std::array<uint64_t, buckets> counts_{};
  uint64_t count_ = 0;
};

/// What the connections are to send. `next` writes the complete bytes of the next request of
/// connection `connection` into `out` and returns false when that connection has nothing more.
using request_source = std::function<bool(size_t connection, std::string& out)>;

struct load_options {
  uint16_t port = 0;
  size_t connections = 1;
  /// The run ends at this time or when every connection has nothing more to send.
  std::chrono::milliseconds duration{3000};
  /// Hears every answer whole, before the connection asks for its next request.
  std::function<void(size_t connection, int status, std::string_view answer)> heard = {};
};

/// What came of a run.
struct load_result {
  double seconds = 0;
  histogram latency;
  std::map<int, uint64_t> by_status;
  /// Connections that ended or broke although an answer was due, and could not be parsed.
  uint64_t broken = 0;
  uint64_t reconnects = 0;
  uint64_t bytes = 0;
  /// Processor seconds of the calling thread.
  double cpu_s = 0;

  [[nodiscard]] uint64_t answers(int status) const;
  [[nodiscard]] uint64_t answers() const;
  [[nodiscard]] double per_second(int status) const;
};

/// A connection to the local host. Throws std::system_error when there is none to be had.
int connect_local(uint16_t port);

/// Sends one request on a connection of its own; the status of the answer, or 0 when none came
/// within `patience`.
int status_of(uint16_t port, std::string_view request, std::chrono::milliseconds patience);

/// Keeps one request in flight on each of `options.connections` keep-alive connections to the local
/// host, all on the calling thread. Throws std::system_error when it cannot connect at all.
load_result run_load(const load_options& options, const request_source& next);

} // namespace tk::bench
