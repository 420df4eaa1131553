#include "node/draining.hpp"

#include <algorithm>
#include <future>
#include <memory>
#include <thread>

#include <caf/send.hpp>

#include "http/answer.hpp"
#include "logging/log.hpp"
#include "supervisors/node.hpp"

namespace tk {

namespace {

/// Balancers look every second or two.
constexpr millis linger{1500};

} // namespace

void tell_of_leaving(std::vector<http::route>& routes, const std::atomic<bool>& leaving) {
  for (auto& x : routes) {
    if (x.path != "/actuator/health" && x.path != "/actuator/health/readiness") continue;
    x.run = [&leaving, run = x.run](const http::exchange_ptr& e) {
      if (!leaving) return run(e);
      e->respond(http::json_text(R"({"status":"DOWN"})", 503)); // Nothing was looked at.
    };
  }
}

void give_shards_away(const caf::actor& supervisor, millis budget) {
  if (budget <= millis{0}) return;
  auto done = std::make_shared<std::promise<void>>(); // The supervisor may outlast who waits.
  auto drained = done->get_future();
  caf::anon_send(supervisor, drain_node{[done] { done->set_value(); }});
  auto noticed = std::min(linger, budget);
  std::this_thread::sleep_for(noticed);
  bool all = drained.wait_for(budget - noticed) == std::future_status::ready;
  log_line(all ? log_level::info : log_level::warn, "node", all ? "drained" : "drained_in_part");
}

} // namespace tk
