#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "bench/load.hpp"

namespace tk::bench {

/// What one open stream has heard.
struct heard {
  uint64_t events = 0;
  uint64_t last_id = 0;
  std::string last_data; ///< Of events up to 4 KiB.
  std::string cookie;    ///< The first that its head set, as `name=value`.
  bool broken = false;   ///< It was refused, or ended.
};

/// Open streams of server-sent events, read by a thread of their own.
class listeners {
public:
  /// Sends each of `requests` on a connection of its own. Throws when it cannot connect.
  listeners(uint16_t port, const std::vector<std::string>& requests);
  ~listeners();
  listeners(const listeners&) = delete;

  /// Latencies of before are forgotten.
  void clear();
  /// What changes now: events are late by the time since the last mark.
  void mark();
  /// Waits until every stream has heard `events`, or is broken; false after `patience`.
  bool wait_for(uint64_t events, std::chrono::milliseconds patience);
  /// As of now.
  std::vector<heard> all();
  histogram latency();
  [[nodiscard]] uint64_t bytes() const { return bytes_; }
  /// Processor seconds of the reading thread.
  [[nodiscard]] double cpu_s() const { return cpu_s_; }

private:
  struct stream {
    int fd = -1;
    std::string unread;
    bool head_read = false;
    heard so_far;
  };
  void run();
  void read(stream& x);
  void take_head(stream& x);
  void take_events(stream& x);

  std::mutex mutex_;
  std::vector<stream> streams_;
  std::string buffer_;
  histogram latency_;
  std::chrono::steady_clock::time_point marked_;
  int epoll_ = -1;
  std::atomic<bool> stopping_{false};
  std::atomic<uint64_t> bytes_{0};
  std::atomic<double> cpu_s_{0};
  std::thread thread_;
};

} // namespace tk::bench
