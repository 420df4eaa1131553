#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "http/connection.hpp"
#include "http/exchange.hpp"
#include "http/slow_writer.hpp"
#include "http/stream.hpp"

namespace tk::http {

/// A connection that becomes a stream, in phase `streaming`; its head is out, or on its way.
struct opened_stream {
  connection_ptr to;
  exchange_ptr of;
  std::shared_ptr<event_stream> what;
  bool chunked = true;      // As its head says.
  uint64_t sent_before = 0; // By the connection, before this stream.
};

struct ended_stream {
  const exchange& of;
  stream_end why;
  uint64_t bytes = 0;
  double seconds = 0;
};

/// All open streams, and the one thread that writes to them. A stream has at most one frame that is
/// not written out, and frames are shared: that bounds what slow readers cost.
class stream_hub {
public:
  using steady = std::chrono::steady_clock;

  /// `writer` takes what sockets do not. `on_end` hears of every end, on the streams' thread.
  stream_hub(stream_options options, slow_writer& writer, std::shared_ptr<stream_probe> probe,
             std::function<void(const ended_stream&)> on_end);
  ~stream_hub();
  stream_hub(const stream_hub&) = delete;
  stream_hub& operator=(const stream_hub&) = delete;

  void start();
  /// Ends all streams in good order, and whichever come from now on.
  void end_all();
  /// Ends the thread. What is still open is forgotten: its connection has to be aborted.
  void stop();
  /// False when there is no thread (any more).
  bool add(opened_stream x);

  [[nodiscard]] size_t open() const { return probe_->open.load(); }

private:
  struct entry : opened_stream {
    steady::time_point opened, framed_at, comment_at;
    stream_frame_ptr frame;        // That is being written; null when all is out.
    std::optional<stream_end> end; // Nothing but the end is to be written.
    bool gone = false;
  };
  using entries = std::vector<entry>;

  void run();
  void beat(entries& all, size_t first, steady::time_point now);
  void ask(entry& x, steady::time_point now);
  [[nodiscard]] bool ready(entry& x) const;
  void write(entry& x, const stream_frame_ptr& frame, steady::time_point now);
  void finish(entry& x, steady::time_point now);
  static void lost(entry& x);
  void bound_held(entries& all);
  void take_leave(entry& x, steady::time_point now);

  stream_options options_;
  slow_writer& writer_;
  std::shared_ptr<stream_probe> probe_;
  std::function<void(const ended_stream&)> on_end_;
  stream_frame_ptr comment_;
  std::mutex mutex_; // Of what follows.
  std::condition_variable wake_;
  entries arrived_;
  bool running_ = false, ending_ = false;
  std::thread thread_;
};

} // namespace tk::http
