#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "actors/base/entropy.hpp"
#include "actors/base/time.hpp"
#include "actors/base/trace.hpp"
#include "http/answer.hpp"
#include "http/client_address.hpp"
#include "http/identity.hpp"
#include "http/metrics.hpp"
#include "http/rate_limit.hpp"
#include "http/route.hpp"
#include "http/stream.hpp"

namespace tk::http {

/// Decides whether a request to a gated route may pass (1.8), and notes in `entered_` for which
/// event. Called on reactor threads.
using entry_gate = std::function<bool(exchange&)>;

struct server_options {
  std::string bind_address = "0.0.0.0";
  uint16_t port = 3001; // 0: any free one, see `server::port`.
  int threads = 1;      // Reactor threads.
  std::vector<std::string> allowed_origins{"http://localhost:3000"}; // Exact (1.4).
  std::vector<network> trusted_proxies; // Whose X-Forwarded-For counts (S26).
  rate_limits limits;
  stream_limits streams;
  stream_options stream;
  size_t head_bytes_max = 16 * 1024;
  size_t in_flight_max = 4096;
  size_t connections_max = 20000;
  /// When there are so many, one without a whole request makes room for the next, of the address
  /// that holds most places. It is looked for among all, so for listeners with few.
  bool make_room = false;
  bool cookies = true;                  // They may bear the access token.
  size_t pending_bytes_max = 64u << 20; // Unsent, uncached bytes of all slow readers together.
  bool https = false; // Browsers reach it by https: then they shall use nothing else (G35).
  int log_share_percent = 100; // Of answers below 500 that get a line in the log.
  std::chrono::milliseconds deadline{8000};
  std::chrono::milliseconds patient_deadline{12'000}; // Of routes that wait for somebody outside.
  std::chrono::milliseconds idle_timeout{75000};      // Keep-alive without a request.
  std::chrono::milliseconds request_timeout{12000};   // From first to last byte of a request.
  std::chrono::milliseconds stall_timeout{20000};     // A reader without progress.
  std::chrono::milliseconds drain_timeout{3000};      // `stop` waits so long for open requests.
};

/// What the server is given to work with; all outlive it.
struct server_context {
  const authenticator& identity;
  const wall_clock& clock;
  entropy& random; // For request ids.
  metrics& meters;
  entry_gate gate;          // Empty: off.
  tracer* traces = nullptr; // Null: nothing is traced.
  /// Answers who is signed in and tries what only admins may, in place of the route. Empty: such a
  /// try is refused at once.
  handler denied = {};
};

/// The ingress: sockets, checks in the order of 1.7, dispatch, answers.
class server {
public:
  server(server_options options, std::vector<route> routes, server_context context);
  ~server();
  server(const server&) = delete;
  server& operator=(const server&) = delete;

  /// Binds and serves. Throws std::runtime_error with a text for operators, e.g. when the port is
  /// taken.
  void start();
  /// Goes on as before, but no connection is kept after its next answer: who balances is to choose
  /// others.
  void retire();
  /// Refuses new requests with 503, waits for open ones up to `drain_timeout`, closes everything.
  void stop();
  /// The port that is listened on.
  [[nodiscard]] uint16_t port() const;
  /// The table, `/openapi.json` of which the server serves itself.
  [[nodiscard]] const route_table& routes() const;

private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

} // namespace tk::http
