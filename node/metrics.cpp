#include "node/metrics.hpp"

#include <algorithm>
#include <array>
#include <ctime>
#include <mutex>
#include <thread>

#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include "logging/log.hpp"

namespace tk {

namespace {

template <class T> std::function<double()> reader(const std::atomic<T>& x) {
  return [&x] { return static_cast<double>(x.load(std::memory_order_relaxed)); };
}

void add_sales(http::metrics& meters, const node_context& node) {
  auto& probe = node.probe;
  auto add = [&](const char* name, const char* help, const auto& x) {
    meters.add_gauge(name, help, reader(x));
  };
  add("business_reservation_created_total", "Reservations made.", probe.reservations_created);
  meters.add_gauge("business_reservation_confirmed_total", "Reservations sold.", [&probe] {
    uint64_t sold = 0;
    for (auto* counts : {&probe.payments, &probe.free_payments})
      for (auto& x : counts->sold) sold += x.load(std::memory_order_relaxed);
    return static_cast<double>(sold);
  });
  add("business_reservation_cancelled_total", "Reservations cancelled.",
      probe.reservations_cancelled);
  add("business_reservation_expired_total", "Reservations that ran out.",
      probe.reservations_expired);
  add("seat_conflicts_total", "Wishes refused because a seat was not to be had.",
      probe.seat_conflicts);
  add("reservation_outcomes_unknown_total", "Creations whose outcome was not known in time.",
      probe.outcomes_unknown);
  add("seat_rereads_total", "Locking re-reads of seats.", probe.claims_reread);
  add("reservations_overdue", "Pending reservations past their end that no timer ended; must be 0.",
      probe.reservations_overdue);
  add("entity_restarts_total", "Entities that ended unexpectedly.", probe.entity_restarts);
  add("entity_activations_total", "Entities started.", probe.activations);
  add("entity_passivations_total", "Entities put to sleep.", probe.passivations);
  add("sessions_active", "User sessions in memory.", probe.sessions_active);
  add("seat_blocks_active", "Seat blocks in memory.", probe.blocks_active);
  add("events_active", "Events in memory.", probe.events_active);
  add("waiting_rooms_active", "Waiting rooms in memory.", probe.rooms_active);
  add("gates_active", "Gates in memory.", probe.gates_active);
  add("business_gate_positions_total", "Positions that gates have told.", probe.gate_positions);
  add("business_queue_joined_total", "People who came to a waiting room.", probe.queue_joined);
  add("business_queue_admitted_total", "People who were let in.", probe.queue_admitted);
  add("business_queue_left_total", "People who gave up place or slot, or lost the place.",
      probe.queue_left);
}

void add_payments(http::metrics& meters, const node_context& node) {
  auto& probe = node.probe;
  auto add = [&](const char* name, const char* help, const auto& x) {
    meters.add_gauge(name, help, reader(x));
  };
  auto of_provider = [&](const payment_counts& counts, const std::string& provider) {
    for (size_t i = 0; i < payment_counts::methods.size(); ++i)
      meters.add_gauge(
        "business_payment_processed_total", "Payments that sold.", reader(counts.sold[i]),
        {{"provider", provider}, {"method", payment_counts::methods[i]}, {"type", "reservation"}});
    auto failed = [&](const char* code, const std::atomic<uint64_t>& x) {
      meters.add_gauge("business_payment_failed_total", "Payments that ended without a sale.",
                       reader(x), {{"provider", provider}, {"error_code", code}});
    };
    failed("PAYMENT_DECLINED", counts.declined);
    failed("PAYMENT_VOIDED", counts.voided);
    failed("PAYMENT_PROVIDER_UNAVAILABLE", counts.untried);
    failed("PAYMENT_TOO_LATE", counts.late);
  };
  of_provider(probe.payments, node.payment_provider);
  of_provider(probe.free_payments, "none");
  add("business_payment_unknown_total", "Askers who heard that nobody knows yet.",
      probe.payments_unknown);
  add("business_refund_total", "Refunds carried out.", probe.refunds_done);
  add("business_refund_put_off_total", "Refunds to be tried again.", probe.refunds_put_off);
  add("checkouts_active", "Checkouts in memory.", probe.checkouts_active);
  add("reconciliation_mismatch_total",
      "Payments that the provider took for what was not sold; they are given back.",
      probe.payments.late);
}

constexpr std::array lane_names{"sales0", "sales1", "queue", "accounts"};
static_assert(lane_names.size() == lane_count);

template <class Counts> std::vector<uint64_t> read_all(const Counts& x) {
  std::vector<uint64_t> out;
  out.reserve(x.size());
  for (auto& count : x) out.push_back(count.load(std::memory_order_relaxed));
  return out;
}

/// A row for each lane: `read(lane)`, with its name.
template <class Read> auto by_lane(Read read) {
  return [read] {
    std::vector<decltype(read(size_t{0}))> out;
    for (size_t i = 0; i < lane_count; ++i) {
      out.push_back(read(i));
      out.back().labels = {{"lane", lane_names.at(i)}};
    }
    return out;
  };
}

http::histogram_row sizes_of(const lane_counts& x, const ledger_probe::lane_figures& ops) {
  http::histogram_row out;
  out.counts = read_all(x.batch_sizes);
  for (size_t i = 0; i + 1 < out.counts.size(); ++i)
    out.bounds.push_back(static_cast<double>(uint64_t{1} << i));
  out.sum = static_cast<double>(ops.ops.load(std::memory_order_relaxed));
  return out;
}

http::histogram_row times_of(const lane_counts& x) {
  constexpr double second_ms = 1000;
  http::histogram_row out;
  out.counts = read_all(x.times);
  for (auto ms : lane_counts::times_ms) out.bounds.push_back(static_cast<double>(ms) / second_ms);
  out.sum = static_cast<double>(x.time_ms.load(std::memory_order_relaxed)) / second_ms;
  return out;
}

/// Those that were there, so that the page does not fill with zeros.
std::vector<http::metric_row> verdict_rows(const lane_table& lanes) {
  std::vector<http::metric_row> out;
  for (size_t i = 0; i < lane_count; ++i) {
    auto counts = read_all(lanes.at(i).verdicts);
    for (size_t is = 1; is < counts.size(); ++is)
      if (counts[is] > 0)
        out.push_back({{{"lane", lane_names.at(i)},
                        {"outcome", std::string{to_string(static_cast<outcome>(is))}}},
                       static_cast<double>(counts[is])});
  }
  return out;
}

/// Share of all processors used since the last time it was asked, 0 to 1.
std::function<double()> cpu_usage() {
  struct mark {
    std::clock_t cpu = std::clock();
    instant at = node_clock::machine_now();
    double last = 0;
    std::mutex mutex;
  };
  auto x = std::make_shared<mark>();
  return [x] {
    std::unique_lock guard{x->mutex};
    auto cpu = std::clock();
    auto at = node_clock::machine_now();
    auto seconds = static_cast<double>((at - x->at).count()) / 1000;
    if (seconds >= 0.1) {
      auto cores = std::max(1u, std::thread::hardware_concurrency());
      x->last = static_cast<double>(cpu - x->cpu) / CLOCKS_PER_SEC / seconds / cores;
      x->cpu = cpu;
      x->at = at;
    }
    return x->last;
  };
}

} // namespace

void watch_pool(http::metrics& meters, pg_probe& probe, const char* name, int64_t size) {
  meters.add_gauge("db_pool_in_use", "Connections with a job in hand.", reader(probe.in_use),
                   {{"pool", name}});
  meters.add_gauge("db_pool_size", "Connections.", [size] { return static_cast<double>(size); },
                   {{"pool", name}});
  // The same family for all pools; statements have one name each.
  auto& family = prometheus::BuildHistogram()
                   .Name("db_statement_seconds")
                   .Help("Time of a prepared statement, way included.")
                   .Register(meters.registry());
  probe.timed = [&family](const char* statement, double seconds) {
    constexpr double slow = 0.5;
    family
      .Add({{"name", statement}},
           prometheus::Histogram::BucketBoundaries{0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                                   0.1, 0.25, 0.5, 1, 3})
      .Observe(seconds);
    if (seconds < slow) return;
    log_line(log_level::warn, "persistence", "slow_statement")
      .text("statement", statement)
      .decimal("duration_ms", seconds * 1000);
  };
}

void add_node_metrics(http::metrics& meters, const node_context& node, const ledger_probe& ledger,
                      const node_clock& clock) {
  add_sales(meters, node);
  add_payments(meters, node);
  meters.add_gauge("ledger_batch_aborts_total", "Batches torn by a tripwire; any is a bug.",
                   reader(ledger.batch_aborts));
  auto started = node_clock::machine_now();
  meters.add_gauge("process_uptime_seconds", "Since the start of the node.", [started] {
    return static_cast<double>((node_clock::machine_now() - started).count()) / 1000;
  });
  meters.add_gauge("log_lines_dropped_total", "Lines lost because stdout was read too slowly.",
                   [] { return static_cast<double>(log_lines_dropped()); });
  meters.add_gauge("process_cpu_usage", "Share of all processors in use.", cpu_usage());
  meters.add_gauge("process_cpu_seconds_total", "Processor time of the node.",
                   [] { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; });
  meters.add_gauge("node_clock_offset_seconds", "Ledger time minus the machine's.",
                   [&clock] { return static_cast<double>(clock.offset_ms()) / 1000; });
  meters.add_gauge("node_suspended", "1: no heartbeat, decisions answer 503.",
                   reader(node.suspended));
}

void add_lane_metrics(http::metrics& meters, const ledger_probe& ledger, const lane_table& lanes) {
  auto add = [&](const char* name, const char* help, auto read) {
    meters.add_rows(name, help, by_lane([read](size_t i) {
                      return http::metric_row{{}, static_cast<double>(read(i))};
                    }));
  };
  add("ledger_lane_depth", "Ops without outcome.",
      [&ledger](size_t i) { return ledger.lanes.at(i).depth.load(); });
  add("ledger_lane_down", "1: the database cannot write.",
      [&ledger](size_t i) { return ledger.lanes.at(i).down.load(); });
  add("ledger_lane_aborts_total", "Batches torn by a tripwire.",
      [&lanes](size_t i) { return lanes.at(i).aborts.load(); });
  meters.add_histograms(
    "ledger_batch_ops", "Ops of a batch, repeats and probes included.",
    by_lane([&](size_t i) { return sizes_of(lanes.at(i), ledger.lanes.at(i)); }));
  meters.add_histograms("ledger_batch_seconds", "From sending a batch to its result.",
                        by_lane([&lanes](size_t i) { return times_of(lanes.at(i)); }));
  meters.add_rows("ledger_verdicts_total", "Ops by what came of them, refused ones included.",
                  [&lanes] { return verdict_rows(lanes); });
}

void add_shard_metrics(http::metrics& meters, const node_context& node, const shard_table& shards) {
  auto add = [&](const char* name, const char* help, auto read) {
    meters.add_rows(name, help, [&node, read] {
      std::vector<http::metric_row> out;
      for (size_t i = 0; i < shard_count; ++i)
        if (node.epochs.epochs.at(i).load(std::memory_order_relaxed) != 0)
          out.push_back({{{"shard", std::to_string(i)}}, static_cast<double>(read(i))});
      return out;
    });
  };
  add("shard_epoch", "Of the shards that this node owns.",
      [&node](size_t i) { return node.epochs.epochs.at(i).load(); });
  add("shard_entities_awake", "Entities of a shard in memory.",
      [&shards](size_t i) { return shards.at(i).awake.load(); });
  add("shard_messages_total", "Messages for entities of a shard, from this node and others.",
      [&shards](size_t i) { return shards.at(i).asked.load(); });
}

void add_gateway_metrics(http::metrics& meters, const identity_probe& google,
                         const std::map<std::string, payment_probe>& payments) {
  using labels = std::map<std::string, std::string>;
  auto add_state = [&](const auto& state, const labels& of) {
    meters.add_gauge("circuit_breaker_state", "0 closed, 1 half open, 2 open.", reader(state), of);
  };
  auto add_calls = [&](const char* outcome, const auto& count, labels of) {
    of["outcome"] = outcome;
    meters.add_gauge("circuit_breaker_calls_total", "Calls by what came of them.", reader(count),
                     of);
  };
  const labels sign_in{{"name", "google"}};
  add_state(google.breaker_state, sign_in);
  add_calls("succeeded", google.calls_succeeded, sign_in);
  add_calls("failed", google.calls_failed, sign_in);
  add_calls("not_permitted", google.calls_not_permitted, sign_in);
  for (auto& [provider, x] : payments) {
    const labels paying{{"name", "payment"}, {"provider", provider}};
    add_state(x.breaker_state, paying);
    add_calls("succeeded", x.calls_succeeded, paying);
    add_calls("failed", x.calls_failed, paying);
    add_calls("not_counted", x.calls_not_counted, paying); // Refused on their merits.
    add_calls("not_permitted", x.calls_not_permitted, paying);
    add_calls("busy", x.calls_busy, paying);
    meters.add_gauge("payment_calls_open", "Calls to the provider under way.", reader(x.calls_open),
                     {{"provider", provider}});
  }
}

void add_trace_metrics(http::metrics& meters, const export_probe& traces) {
  meters.add_gauge("traces_spans_exported_total", "Spans that the collector took.",
                   reader(traces.exported));
  constexpr char dropped[] = "traces_spans_dropped_total";
  constexpr char help[] = "Spans that are lost: too many waited, or the collector took them not.";
  meters.add_gauge(dropped, help, reader(traces.dropped_full), {{"why", "full"}});
  meters.add_gauge(dropped, help, reader(traces.dropped_lost), {{"why", "lost"}});
  meters.add_gauge("traces_batches_failed_total", "Requests to the collector without success.",
                   reader(traces.batches_failed));
  meters.add_gauge("traces_spans_waiting", "Spans on their way to the collector.",
                   reader(traces.waiting));
}

void add_account_metrics(http::metrics& meters, const upkeep_probe& upkeep) {
  meters.add_gauge("accounts_erased_total", "Closed accounts whose personal data was erased.",
                   reader(upkeep.accounts_erased));
  meters.add_gauge("sessions_cleared_total", "Sessions cleared away after their end.",
                   reader(upkeep.sessions_cleared));
  meters.add_gauge("outbox_pending", "Domain events not relayed yet; 10,000 are counted at most.",
                   reader(upkeep.outbox_pending));
  meters.add_gauge("outbox_oldest_seconds", "Age of the oldest of them.", [&upkeep] {
    return static_cast<double>(upkeep.outbox_oldest_ms.load()) / 1000;
  });
  meters.add_gauge("account_upkeep_failures_total", "Looks of the upkeep that came to nothing.",
                   reader(upkeep.failures));
}

} // namespace tk
