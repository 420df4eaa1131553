#include "node/relay.hpp"

#include <algorithm>

#include "logging/log.hpp"
#include "node/app.hpp"

namespace tk {

namespace {

void log_failure(const std::string& text) {
  log_line(log_level::warn, "relay", "database_job_failed").text("what", text);
}

/// What this node owns now; nothing while it decides nothing, for others may own it then.
std::vector<owned_shard> owned_by(const node_context& node) {
  std::vector<owned_shard> out;
  if (node.suspended.load(std::memory_order_relaxed)) return out;
  for (uint16_t i = 0; i < shard_count; ++i)
    if (auto epoch = node.epochs.epochs.at(i).load(std::memory_order_relaxed); epoch != 0)
      out.push_back({i, epoch});
  return out;
}

/// As long as anything can be told again, and a day.
int64_t marks_days_min(const node_config& config) {
  return config.number("OUTBOX_RETENTION_DAYS") + 1;
}

template <class T> std::function<double()> reader(const std::atomic<T>& x) {
  return [&x] { return static_cast<double>(x.load(std::memory_order_relaxed)); };
}

} // namespace

std::string check_relay(const node_config& config) {
  auto wanted = marks_days_min(config);
  if (config.number("PROCESSED_EVENTS_RETENTION_DAYS") >= wanted) return "";
  return "PROCESSED_EVENTS_RETENTION_DAYS: must be at least " + std::to_string(wanted) +
         ", a day longer than a domain event can be told again; else it would count twice";
}

void relay_parts::spawn(const node_config& config, const node_context& node,
                        std::vector<caf::actor>& to_stop) {
  auto& system = *node.system;
  projections_config sums;
  sums.conninfo = conninfo_for(config, "tiketi_relay");
  sums.log = log_failure;
  auto sink = spawn_projections(system, sums, counts);
  to_stop.push_back(caf::actor_cast<caf::actor>(sink));
  relay_config relay;
  relay.conninfo = sums.conninfo;
  relay.sink = statistics_group;
  relay.keep.outbox_days = static_cast<int32_t>(config.number("OUTBOX_RETENTION_DAYS"));
  relay.keep.marks_days = static_cast<int32_t>(config.number("PROCESSED_EVENTS_RETENTION_DAYS"));
  relay.owned = [&node] { return owned_by(node); };
  relay.log = log_failure;
  to_stop.push_back(spawn_relay(system, std::move(relay), sink, *node.clock, probe));
}

void relay_parts::add_metrics(http::metrics& meters) const {
  auto add = [&](const char* name, const char* help, const auto& x) {
    meters.add_gauge(name, help, reader(x));
  };
  add("relay_delivered_total", "Domain events handed over, repeats included.", probe.delivered);
  add("relay_refused_total", "Domain events that were refused, each try counted.", probe.refused);
  add("relay_unknown_total", "Domain events handed over without outcome; they go again.",
      probe.unknown);
  add("relay_dead_letters_total", "Domain events given up; any wants a look.", probe.dead_letters);
  add("relay_failures_total", "Rounds of the relay that came to nothing.", probe.failures);
  add("relay_moves_refused_total", "Cursors that had another owner by then.", probe.moves_refused);
  add("relay_shards", "Shards relayed by this node.", probe.shards);
  add("relay_shards_stuck", "Those whose next domain event is refused.", probe.shards_stuck);
  meters.add_rows(
    "stats_events_applied_total", "Domain events by what statistics did with them.", [this] {
      std::vector<http::metric_row> out;
      for (auto& [type, x] : counts.read()) {
        auto row = [&](const char* result, uint64_t n) {
          out.push_back({{{"type", type}, {"result", result}}, static_cast<double>(n)});
        };
        row("applied", x.applied);
        row("duplicate", x.duplicate);
        row("failed", x.failed);
      }
      return out;
    });
}

} // namespace tk
