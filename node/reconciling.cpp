#include "node/reconciling.hpp"

#include <algorithm>

#include <caf/all.hpp>

#include "actors/base/entropy.hpp"
#include "logging/log.hpp"
#include "node/app.hpp"
#include "persistence/reconciliation/actor.hpp"

namespace tk {

namespace {

void log_failure(const std::string& text) {
  log_line(log_level::warn, "reconciliation", "database_job_failed").text("what", text);
}

/// Whoever owns this shard reconciles of its own accord: it moves like any other.
const entity_key home = key_of(reservation_id{});

template <class T> std::function<double()> reader(const std::atomic<T>& x) {
  return [&x] { return static_cast<double>(x.load(std::memory_order_relaxed)); };
}

} // namespace

void reconciling_parts::spawn(const node_config& config, const node_context& node,
                              const node_id& id, std::vector<caf::actor>& to_stop) {
  auto& system = *node.system;
  auto keep = [&](auto x) {
    to_stop.push_back(caf::actor_cast<caf::actor>(x));
    return x;
  };
  auto rows =
    keep(spawn_reconciliation(system, {conninfo_for(config, "tiketi_books"), log_failure}));
  reconciler_config wanted;
  wanted.node = id;
  wanted.every = millis{config.number("RESERVATION_RECONCILIATION_INTERVAL_MS")};
  wanted.open_for = std::chrono::seconds{config.number("PAYMENT_CASE_AFTER_SECONDS")};
  wanted.alert_after = std::chrono::seconds{config.number("CASE_ALERT_SECONDS")};
  wanted.look_every = std::min(wanted.look_every, wanted.every);
  wanted.owns = [&node] { return !node.suspended && node.epochs.of(home).epoch != 0; };
  wanted.fresh_id = [&node] { return make_id<reconciliation_id>(*node.random); };
  wanted.payments = node.payments;
  actor = keep(spawn_reconciler(system, std::move(wanted), rows, *node.clock, probe));
}

void reconciling_parts::add_metrics(http::metrics& meters) const {
  auto add = [&](const char* name, const char* help, const auto& x) {
    meters.add_gauge(name, help, reader(x));
  };
  add("reconciliation_runs_total", "Reconciliations that this node has carried out.", probe.runs);
  add("reconciliation_failures_total", "Reconciliations that came to nothing; they begin again.",
      probe.failures);
  add("reconciliation_asked_total", "Payments that providers were asked about.", probe.asked);
  add("reconciliation_silent_total", "Of these, those of which they said nothing.", probe.silent);
  add("reconciliation_found_total", "What providers or rows say otherwise, each time it is found.",
      probe.found);
  add("reconciliation_repairs_total", "Checkouts that were told to ask a provider again.",
      probe.repairs);
  for (size_t i = 0; i < case_kinds; ++i) {
    std::string kind{to_string(static_cast<case_kind>(i + 1))};
    meters.add_gauge("operator_cases_open", "Cases that wait for a person, or for their repair.",
                     reader(probe.open.at(i)), {{"kind", kind}});
    meters.add_gauge("operator_cases_overdue", "Those that are open for too long; must be 0.",
                     reader(probe.overdue.at(i)), {{"kind", kind}});
  }
}

} // namespace tk
