#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <vector>

#include "http/connection.hpp"

namespace tk::http {

struct slow_writer_options {
  size_t bytes_max = 64u << 20; // Own bytes of all pending answers (shared bodies are free).
  std::chrono::milliseconds stall{20000};  // Without progress for so long: cut off.
  std::chrono::milliseconds total{300000}; // However slow: cut off.
  std::chrono::milliseconds tick{100};
};

/// One thread that writes what sockets did not take at once, so that nobody else ever waits for a
/// client. It also beats the clock of the server and takes up pipelined input.
class slow_writer {
public:
  using steady = std::chrono::steady_clock;

  /// `on_tick` runs every `tick`; `on_resume` is given connections that have input to work on.
  slow_writer(slow_writer_options options, std::function<void(steady::time_point)> on_tick,
              std::function<void(const connection_ptr&)> on_resume);
  ~slow_writer();

  void start();
  void stop();

  /// Takes over writing `x.out`; the caller holds `x->mutex`. False when the bound is reached or
  /// the kernel refuses: the connection must be aborted then.
  bool add(const connection_ptr& x);
  /// Has `on_resume` called for it, on the writer's thread.
  void resume(const connection_ptr& x);

  /// Answers being written here.
  [[nodiscard]] size_t pending() const;
  /// Own bytes of those.
  [[nodiscard]] size_t pending_bytes() const { return bytes_.load(); }

private:
  struct entry {
    connection_ptr to;
    size_t bytes = 0;
    steady::time_point added;
  };

  void run();
  void write(uint64_t id);
  void remove(uint64_t id);
  void cut_stalled(steady::time_point now);
  void run_resumed();
  void wake();

  slow_writer_options options_;
  std::function<void(steady::time_point)> on_tick_;
  std::function<void(const connection_ptr&)> on_resume_;
  int epoll_ = -1, event_ = -1;
  std::atomic<bool> stopping_{false};
  std::atomic<size_t> bytes_{0};
  mutable std::mutex mutex_; // Taken after a connection's mutex, never before one.
  uint64_t next_id_ = 1;
  std::unordered_map<uint64_t, entry> entries_;
  std::vector<connection_ptr> resumed_;
  std::thread thread_;
};

} // namespace tk::http
