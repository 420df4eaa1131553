#pragma once

#include "gateways/identity/google.hpp"
#include "gateways/payment/gateway.hpp"
#include "gateways/traces/export_worker.hpp"
#include "http/metrics.hpp"
#include "persistence/ledger/lane_figures.hpp"
#include "persistence/pool/probe.hpp"
#include "persistence/store/keeper.hpp"
#include "supervisors/node_clock.hpp"
#include "supervisors/node_context.hpp"
#include "supervisors/shard_figures.hpp"

namespace tk {

/// The probe of one pool of `size` connections, with its metrics: how many are in use, how long
/// each statement takes; slow ones go to the log by name.
void watch_pool(http::metrics& meters, pg_probe& probe, const char* name, int64_t size);

/// Puts what the parts of a node count onto its metrics page (contract 2.18, G41).
void add_node_metrics(http::metrics& meters, const node_context& node, const ledger_probe& ledger,
                      const node_clock& clock);

/// The same by lane of the ledger, and by shard of those that the node owns.
void add_lane_metrics(http::metrics& meters, const ledger_probe& ledger, const lane_table& lanes);
void add_shard_metrics(http::metrics& meters, const node_context& node, const shard_table& shards);

/// Calls to what is outside, and the breakers around it (G37).
void add_gateway_metrics(http::metrics& meters, const identity_probe& google,
                         const std::map<std::string, payment_probe>& payments);

/// What became of spans, where they are sent to a collector.
void add_trace_metrics(http::metrics& meters, const export_probe& traces);

/// What the upkeep of accounts counts.
void add_account_metrics(http::metrics& meters, const upkeep_probe& upkeep);

} // namespace tk
