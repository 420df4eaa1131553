#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "actors/base/errors.hpp"

namespace tk::http {

/// What feeding bytes led to.
enum class framing_step : uint8_t {
  more,  // All bytes used, the request is not complete.
  head,  // The head is complete; set the body limit, then go on feeding (also with no bytes).
  done,  // The request is complete; the bytes not used belong to the next one.
  failed // Malformed or too large: answer `error()` and close.
};

/// Finds where each request of a byte stream begins and ends, and refuses what two readers could
/// understand differently (S23): both length headers, repeated or odd lengths, bad chunks, bare
/// line feeds, folded or malformed header lines. No I/O, no clock; one per connection.
class framer {
public:
  explicit framer(size_t head_bytes_max) : head_max_(head_bytes_max) {
    // nop
  }

  /// Takes bytes until the next event; `used` says how many.
  framing_step feed(std::string_view bytes, size_t& used);

  /// Call after `head`. Also refuses a declared length beyond it.
  void body_limit(size_t bytes) { body_max_ = bytes; }

  /// True before the first byte of a request.
  [[nodiscard]] bool clean() const { return at_ == at::head && head_.empty(); }
  /// True when `feed` has something to report even without new bytes.
  [[nodiscard]] bool pending() const { return at_ == at::body_start; }
  [[nodiscard]] ec error() const { return error_; }
  /// True when a body follows and the client waits for `100 Continue`.
  [[nodiscard]] bool expects_continue() const {
    return expects_continue_ && (chunked_ || length_ > 0);
  }
  /// The declared length is over the limit.
  [[nodiscard]] bool exceeds_limit() const { return !chunked_ && length_ > body_max_; }
  /// Whether the client wants to go on with this connection (version and Connection header).
  [[nodiscard]] bool keep_alive() const { return keep_alive_; }
  /// Request line and header lines so far, each ended by CRLF once complete.
  [[nodiscard]] const std::string& head() const { return head_; }

  /// Hands out the complete request and starts over.
  void take(std::string& head, std::string& body);

private:
  enum class at : uint8_t {
    head,
    body_start,
    body,
    chunk_size,
    chunk_data,
    chunk_end,
    trailer,
    failed
  };

  framing_step feed_head(std::string_view bytes, size_t& used);
  framing_step start_body();
  framing_step feed_sized(std::string_view bytes, size_t& used);
  framing_step feed_chunks(std::string_view bytes, size_t& used);
  bool chunk_line(std::string_view line);
  bool check_head();
  bool check_request_line(std::string_view line);
  bool check_field(std::string_view line);
  bool check_known_field(std::string_view name, std::string_view value);
  bool fail(ec x);
  framing_step failed(ec x) {
    fail(x);
    return framing_step::failed;
  }

  size_t head_max_;
  size_t body_max_ = 1 << 20;
  at at_ = at::head;
  ec error_ = ec::ok;
  bool chunked_ = false, expects_continue_ = false, keep_alive_ = true;
  bool has_length_ = false, http10_ = false;
  int hosts_ = 0;
  size_t fields_ = 0;
  size_t length_ = 0; // Of the body, or of the rest of the chunk.
  size_t trailer_bytes_ = 0;
  std::string head_, body_, line_;
};

/// True for characters of an HTTP token (RFC 9110, 5.6.2).
bool is_token_char(char c);

} // namespace tk::http
