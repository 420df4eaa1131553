#include "supervisors/traced.hpp"

#include <utility>

#include <caf/all.hpp>

#include "actors/registry.hpp"

namespace tk {

namespace {

/// True when it is of this type and has got its trace.
template <class Message> bool add_trace(caf::message& body, const trace_context& trace) {
  if (!body.match_elements<Message>()) return false;
  body = caf::make_message(std::move(body.get_mutable_as<Message>(0)), trace);
  return true;
}

template <class... Messages> void add_trace_to(caf::message& body, const trace_context& trace) {
  static_cast<void>((add_trace<Messages>(body, trace) || ...));
}

} // namespace

caf::message traced(envelope& x) {
  auto body = std::move(x.body);
  if (!x.trace.none())
    add_trace_to<reserve_items, hold_items, claim_items, pin_hold, sell_hold, confirm_payment,
                 process_payment, once<confirm_payment>, once<process_payment>>(body, x.trace);
  return body;
}

} // namespace tk
