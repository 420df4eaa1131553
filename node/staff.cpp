#include "node/staff.hpp"

#include <atomic>

#include "logging/log.hpp"
#include "node/app.hpp"
#include "persistence/money/actor.hpp"
#include "persistence/staff/actor.hpp"

namespace tk {

namespace {

void log_failure(const std::string& text) {
  log_line(log_level::warn, "persistence", "database_job_failed").text("what", text);
}

} // namespace

void staff_parts::spawn_calls(caf::actor_system& system, const node_config& config, entropy& random,
                              std::vector<caf::actor>& to_stop) {
  payment_calls_config wanted;
  wanted.conninfo = conninfo_for(config, "tiketi_store");
  wanted.log = log_failure;
  calls = spawn_payment_calls(system, std::move(wanted), random, probe);
  to_stop.push_back(caf::actor_cast<caf::actor>(calls));
}

void staff_parts::add_routes(caf::actor_system& system, const node_config& config,
                             std::shared_ptr<const pii_vault> vault, const store_actor& store,
                             http::ingress_pool& pool, const wall_clock& clock,
                             std::vector<caf::actor>& to_stop, std::vector<http::route>& out) {
  auto keep = [&](auto x) {
    to_stop.push_back(caf::actor_cast<caf::actor>(x));
    return x;
  };
  auto rows = keep(
    spawn_staff(system, {conninfo_for(config, "tiketi_store"), std::move(vault), log_failure}));
  auto settlements =
    keep(spawn_settlements(system, {conninfo_for(config, "tiketi_books"), log_failure}));
  desk.reset(new http::staff_desk{rows, settlements, store, pool, clock});
  http::add_staff_routes(*desk, out);
  http::add_settlement_routes(*desk, out);
}

void staff_parts::add_metrics(http::metrics& meters) const {
  auto add = [&](const char* name, const char* help, const auto& x) {
    auto read = [&x] { return static_cast<double>(x.load(std::memory_order_relaxed)); };
    meters.add_gauge(name, help, read);
  };
  add("payment_call_rows_total", "Calls to providers that are on record.", probe.written);
  add("payment_call_rows_dropped_total", "Calls that left no row; must be 0.", probe.dropped);
  add("payment_call_rows_failures_total", "Portions of rows without outcome; they go again.",
      probe.failures);
  add("payment_call_rows_waiting", "Calls that are on record in a moment.", probe.waiting);
}

} // namespace tk
