#pragma once

#include <array>
#include <atomic>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "http/connection.hpp"
#include "http/request_log.hpp"
#include "http/server.hpp"
#include "http/slow_writer.hpp"
#include "http/stream_hub.hpp"

namespace tk::http {

class live_exchange;

/// Everything of the ingress but the socket loop: takes bytes of connections, makes requests of
/// them, checks them in the order of 1.7, dispatches, and writes the answers. Knows no Pistache.
class service : public std::enable_shared_from_this<service> {
public:
  using steady = std::chrono::steady_clock;

  service(server_options options, std::vector<route> routes, server_context context);
  ~service();

  // -- for the socket loop ----------------------------------------------------------------------

  /// A new client; null when there are too many or no descriptor is left (close the socket then).
  connection_ptr opened(int socket, std::string address);
  /// Bytes from it.
  void received(const connection_ptr& c, std::string_view bytes);
  /// Its end of input, or of everything. An unanswered request is still answered, in case the
  /// client has closed only its own direction.
  void closed(const connection_ptr& c);

  void start();
  /// From now on no connection is kept after its next answer.
  void retire();
  /// Refuses from now on, and waits for open requests up to the drain timeout.
  void drain();
  /// Ends all connections and threads; later answers go nowhere.
  void stop();

  [[nodiscard]] const route_table& table() const { return table_; }
  [[nodiscard]] const server_options& options() const { return options_; }

  // -- for exchanges ----------------------------------------------------------------------------

  void deliver(live_exchange& x, answer&& a);

private:
  struct deadline_shard {
    std::mutex mutex;
    std::list<live_exchange*> open; // In order of arrival: of deadlines, but for patient ones.
  };
  struct connection_shard {
    std::mutex mutex;
    std::unordered_map<const connection*, connection_ptr> open;
  };
  static constexpr size_t shard_count = 8;
  friend class live_exchange;

  void take_requests(const connection_ptr& c, std::string_view bytes,
                     std::unique_lock<std::mutex>& lock);
  void step(const connection_ptr& c, std::string_view& bytes, std::unique_lock<std::mutex>& lock);
  void on_head(connection& c);
  connection_shard& shard_of(const connection& c);
  bool make_room();
  std::shared_ptr<live_exchange> make_exchange(const connection_ptr& c);
  void on_complete(const connection_ptr& c, std::unique_lock<std::mutex>& lock);
  void on_broken(const connection_ptr& c, ec why, std::unique_lock<std::mutex>& lock);
  void resume(const connection_ptr& c);

  void serve(const std::shared_ptr<live_exchange>& x, bool head_ok);
  bool check_origin(live_exchange& x);
  void identify(live_exchange& x);
  bool check_rate(live_exchange& x);
  bool check_access(live_exchange& x, const route_match& m);
  static bool lacks_role(const live_exchange& x);
  void run(const std::shared_ptr<live_exchange>& x);
  bool take_slot(live_exchange& x);
  void end_span(live_exchange& x, const answer& a) const;
  void open_stream(live_exchange& x, answer& a);
  void stream_ended(const ended_stream& x);
  void wait_for(live_exchange& x);
  void forget(live_exchange& x);

  [[nodiscard]] bool allowed_origin(std::string_view origin) const;
  [[nodiscard]] std::string make_request_id(const request& x) const;
  [[nodiscard]] std::string client_of(const request& x) const;
  void compose(const live_exchange& x, answer& a, bool keep_alive, outgoing& out) const;
  void tick(steady::time_point now);
  void expire(steady::time_point now);
  void sweep(steady::time_point now);
  void sweep_one(const connection_ptr& c, steady::time_point now);

  server_options options_;
  server_context context_;
  route_table table_;
  rate_limiter limiter_;
  request_log log_;
  size_t body_limit_max_ = 0; // Over all routes.
  bool one_body_limit_ = true;
  std::atomic<size_t> in_flight_{0}, connections_{0}, next_shard_{0};
  std::atomic<uint64_t> last_no_{0};
  std::atomic<size_t> delivering_{0}; // Answered, but not yet in the hands of who writes.
  std::atomic<bool> retiring_{false}, draining_{false}, stopped_{false};
  std::array<deadline_shard, shard_count> deadlines_;
  std::array<connection_shard, shard_count> clients_;
  steady::time_point last_sweep_;
  slow_writer writer_;
  std::shared_ptr<stream_probe> stream_probe_ = std::make_shared<stream_probe>();
  stream_slots slots_;
  stream_hub streams_;
};

/// The exchange of a real connection.
class live_exchange final : public exchange {
public:
  live_exchange(std::shared_ptr<service> owner, connection_ptr to);
  ~live_exchange() override;

  const connection_ptr to;
  bool keep_alive = true; // What the client wants.
  size_t shard = 0;
  std::atomic<bool> listed{false}; // May be in a deadline list.
  bool linked = false;             // Is in one; guarded by its mutex.
  std::list<live_exchange*>::iterator place;
  stream_slots::slot slot; // Of a stream, open or about to be.

protected:
  void deliver(answer&& a) override;

private:
  std::shared_ptr<service> owner_;
};

} // namespace tk::http
