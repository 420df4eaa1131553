#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "http/operators/told.hpp"
#include "http/route.hpp"
#include "persistence/ledger/losses.hpp"
#include "persistence/losses/port.hpp"

namespace tk::http {

struct operator_desk;

/// What the routes about losses work with.
struct loss_desk {
  std::shared_ptr<const loss_book> book;
  losses_actor record;
  node_id node;
  /// Ends the node, to be started anew: its memory is of what is gone. Called on any thread.
  std::function<void()> start_anew;
};

/// What this node has answered and the database does not have, as far as it has been looked for.
told_part losses_memory(const loss_book& book, instant now);

/// `POST /operator/losses/accept`: goes on without what `GET /operator/losses` has told, and
/// without nothing else: the key names exactly that. Every attempt is in the audit log, refused
/// ones too, before its answer is given; what is missing stays on record.
void add_loss_routes(operator_desk& desk, std::vector<route>& out);

} // namespace tk::http
