#pragma once

#include <functional>
#include <string>

#include <caf/fwd.hpp>

#include "actors/base/ids.hpp"
#include "actors/base/trace.hpp"
#include "persistence/store/messages.hpp"
#include "supervisors/node_context.hpp"

/// What follows from a callback whose signature is good, whatever protocol it came by.
namespace tk::http {

/// A payment that a provider has called about.
struct called_payment {
  payment_view row;
  std::string provider;
  request_id request;
  trace_context trace;
};

enum class callback_end : uint8_t {
  taken, ///< All is done, or nothing is due: it need not come again.
  later  ///< Nothing is decided: the provider calls again.
};

/// The checkout of what a payment is for.
entity_key checkout_of(const payment_view& x);

/// Asks the provider what has become of the payment, and completes what it has taken as if the
/// buyer had come back with it. What it has taken for what cannot be had goes back.
/// @param self waits for the answers.
/// @param done hears the end once, on the thread of `self`.
void follow_callback(caf::event_based_actor* self, node_context& node, called_payment x,
                     std::function<void(callback_end)> done);

} // namespace tk::http
