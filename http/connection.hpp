#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "http/framing.hpp"

namespace tk::http {

/// Bytes on their way to a client: a head and a body, which is owned or shared with a cache.
struct outgoing {
  std::string head;
  std::string body;
  std::shared_ptr<const std::string> shared;
  size_t sent = 0;

  [[nodiscard]] std::string_view content() const {
    return shared ? std::string_view(*shared) : std::string_view(body);
  }
  [[nodiscard]] size_t size() const { return head.size() + content().size(); }
  /// What only this answer keeps in memory.
  [[nodiscard]] size_t own_bytes() const { return head.size() + body.size(); }
};

/// Where a connection is in the cycle request, answer, request.
enum class phase : uint8_t {
  reading,   // Waiting for a request, or in the middle of one.
  busy,      // One request is unanswered, or its answer is not written out yet.
  streaming, // The answer has no end yet: `stream_hub` adds to it.
  closing,   // Our side is shut; input is thrown away until the client closes, too.
  dead       // Nothing may be sent any more.
};

enum class flush_result : uint8_t { all, partly, broken };

/// One client's socket. It keeps a descriptor of its own (dup), so an answer that is late can reach
/// this very socket and no other, whatever number the operating system has given away meanwhile.
/// Nothing here blocks. All members below `mutex` are guarded by it.
class connection : public std::enable_shared_from_this<connection> {
public:
  using steady = std::chrono::steady_clock;

  /// Duplicates `socket`, which stays the caller's. `valid` tells whether that worked.
  connection(int socket, std::string address, size_t head_bytes_max);
  ~connection();
  connection(const connection&) = delete;
  connection& operator=(const connection&) = delete;

  [[nodiscard]] bool valid() const { return fd_ >= 0; }
  [[nodiscard]] int fd() const { return fd_; }
  const std::string address;

  std::mutex mutex;

  /// Writes as much of `out` as the socket takes, and at most 256 KiB, so that no thread copies for
  /// one client for long.
  flush_result flush();
  /// After the last byte of an answer. True when stashed input waits and nobody works on it.
  bool finish(steady::time_point now);
  /// Ends both directions at once; the owner of the socket then sees its end.
  void abort();
  /// Ends our direction, so that the client can still read what was written.
  void close_gently(steady::time_point now);
  /// Keeps input that came too early. Beyond a bound the rest is lost, and so the connection is
  /// closed after the present answer.
  void stash(std::string_view bytes);
  /// Has little wait in the socket, and tells within half a minute that its client is unreachable.
  void tune_for_stream() const;
  /// Writes a short interim response; false when the socket does not take it at once.
  bool send_now(std::string_view bytes);

  uint64_t no = 0; // In the order in which they came; set before anybody else sees it.
  phase at = phase::reading;
  bool looping = false;     // Some thread is taking requests out of the input.
  bool input_ended = false; // The client has closed its side.
  bool close_after = false; // Close when the present answer is out.
  bool cut_off = false;     // Ended because the client did not read.
  uint64_t sent_total = 0;  // Bytes of all answers.
  framer input;
  std::string early; // Input behind the present request.
  outgoing out;
  steady::time_point since;    // Of the present phase, or of the first byte of a request.
  steady::time_point progress; // When `out` last shrank.

private:
  int fd_ = -1;
};

using connection_ptr = std::shared_ptr<connection>;

} // namespace tk::http
