#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "http/answer.hpp"

namespace tk::http {

/// Server-sent events as bytes, framed once as a chunk of HTTP/1.1, for all streams they go to.
class stream_frame {
public:
  /// `events` is complete: each ends with an empty line.
  explicit stream_frame(std::string_view events);
  stream_frame(const stream_frame&) = delete;
  stream_frame& operator=(const stream_frame&) = delete;

  [[nodiscard]] const std::string& chunk() const { return chunk_; }
  /// Without the framing, for HTTP/1.0.
  [[nodiscard]] std::string_view events() const { return {chunk_.data() + at_, size_}; }

private:
  std::string chunk_;
  size_t at_ = 0, size_ = 0;
};
using stream_frame_ptr = std::shared_ptr<const stream_frame>;

/// A frame of one event; `data` is one line.
stream_frame_ptr event_frame(std::string_view name, uint64_t id, std::string_view data);

/// What one open stream tells. It is asked a few times a second, while nothing waits to be written:
/// so whoever reads slowly is told less often, and never anything old. Asked on the streams' thread
/// alone; must not block.
class event_stream {
public:
  using steady = std::chrono::steady_clock;
  struct step {
    stream_frame_ptr frame; ///< Null: nothing new.
    bool over = false;      ///< Nothing comes after it.
  };

  event_stream() = default;
  event_stream(const event_stream&) = delete;
  event_stream& operator=(const event_stream&) = delete;
  virtual ~event_stream() = default;
  virtual step next(steady::time_point now) = 0;
};

/// The answer that opens a stream; a HEAD request gets its head alone.
answer stream_answer(std::shared_ptr<event_stream> what);

/// What streams count; the metrics page shows it.
struct stream_probe {
  std::atomic<size_t> open{0};
  std::atomic<uint64_t> frames{0}, cut_off{0}, refused_by_node{0}, refused_by_address{0};
};

struct stream_options {
  std::chrono::milliseconds beat{100};      // Between two questions to a stream.
  std::chrono::milliseconds comment{15000}; // Between two signs of life.
  size_t held_bytes_max = 64u << 20;        // Of frames that readers are behind with, each once.
};

/// How many streams may be open; 0 = no limit.
struct stream_limits {
  size_t per_node = 5000;
  size_t per_address = 200;
};

/// Counts open streams against their limits. Safe from any thread.
class stream_slots {
public:
  struct counts;
  /// A stream's place; given back at its end.
  class slot {
  public:
    slot() = default;
    slot(const slot&) = delete;
    slot& operator=(const slot&) = delete;
    ~slot();

  private:
    friend class stream_slots;
    std::shared_ptr<counts> counts_;
    std::string address_;
  };

  stream_slots(stream_limits limits, std::shared_ptr<stream_probe> probe);
  /// Fills an empty slot. False when there is no place left for this address, or for anybody.
  bool take(const std::string& address, slot& out);

private:
  stream_limits limits_;
  std::shared_ptr<counts> counts_;
  std::shared_ptr<stream_probe> probe_;
};

/// Why a stream ended.
enum class stream_end : uint8_t {
  told,     ///< That was all.
  left,     ///< Its client has gone.
  cut_off,  ///< Its client did not read.
  shut_down ///< The server ends.
};
std::string_view to_string(stream_end x);

} // namespace tk::http
