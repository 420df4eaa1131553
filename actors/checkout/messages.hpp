#pragma once

#include <cstdint>
#include <string>

#include "actors/base/errors.hpp"
#include "actors/base/ids.hpp"
#include "actors/base/money.hpp"
#include "actors/base/request_key.hpp"
#include "actors/base/time.hpp"
#include "actors/base/wire.hpp"

/// What can be said to the checkout of a reservation, and its answers. The reservation is its key.
namespace tk {

/// Opens an order, or tells the open one.
struct prepare_payment {
  user_id user;
  won amount; ///< As the client thinks; zero = it did not say (D19).
  request_id request;
  bool operator==(const prepare_payment&) const = default;
};

/// The buyer came back from the provider with a key for the order.
struct confirm_payment {
  user_id user;
  std::string order_id, payment_key;
  won amount;
  millis patience{0}; ///< After this long without outcome the answer is `payment_pending`.
  request_id request;
  bool operator==(const confirm_payment&) const = default;
};

/// Pays at once by `method`, over the open order when there is one (C25).
struct process_payment {
  user_id user;
  std::string method;
  millis patience{0};
  request_id request;
  bool operator==(const process_payment&) const = default;
};

/// Cancels what was paid: the reservation ends, its money goes back.
struct cancel_payment {
  user_id user;
  std::string reason;
  request_id request;
  bool operator==(const cancel_payment&) const = default;
};

/// Ends a paid reservation on behalf of the house: all of its money goes back, whatever the event's
/// policy says.
struct recall_sale {
  user_id actor; ///< Who asked for it; nil = the system.
  std::string reason;
  request_id request;
  bool operator==(const recall_sale&) const = default;
};

/// The answer to all of them: the order as it stands, or why not.
struct payment_reply {
  ec is = ec::ok;
  payment_id payment;
  std::string order_id, payment_key, method;
  won amount; ///< Of the order; of a cancellation what goes back.
  instant approved_at;
  bool repeated = false; ///< It was so before.
  bool operator==(const payment_reply&) const = default;
};

/// Starts when it sleeps, and does what is due.
struct wake_checkout {
  bool operator==(const wake_checkout&) const = default;
};
struct checkout_awake {
  bool waiting = false; ///< For an outcome.
  bool operator==(const checkout_awake&) const = default;
};

template <class F> wire<F> inspect(F& f, prepare_payment& x) {
  return f(x.user, x.amount, x.request);
}
template <class F> wire<F> inspect(F& f, confirm_payment& x) {
  return f(x.user, x.order_id, x.payment_key, x.amount, x.patience, x.request);
}
template <class F> wire<F> inspect(F& f, process_payment& x) {
  return f(x.user, x.method, x.patience, x.request);
}
template <class F> wire<F> inspect(F& f, cancel_payment& x) {
  return f(x.user, x.reason, x.request);
}
template <class F> wire<F> inspect(F& f, recall_sale& x) { return f(x.actor, x.reason, x.request); }
template <class F> wire<F> inspect(F& f, payment_reply& x) {
  return f(x.is, x.payment, x.order_id, x.payment_key, x.method, x.amount, x.approved_at,
           x.repeated);
}
template <class F> wire<F> inspect(F& f, wake_checkout&) { return f(); }
template <class F> wire<F> inspect(F& f, checkout_awake& x) { return f(x.waiting); }

} // namespace tk
