#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "actors/base/errors.hpp"
#include "actors/base/ids.hpp"
#include "actors/base/items.hpp"
#include "actors/base/money.hpp"
#include "actors/base/placement.hpp"
#include "actors/base/time.hpp"

/// What can be said to a block (of seats, or of one ticket type's quantity), and its answers.
namespace tk {

/// Holds all items, durably, or none. Sent to the lead block: the lowest block among the items.
struct hold_items {
  reservation_id id;
  user_id user;
  std::string number;
  std::vector<wanted_item> items;
  std::string operation;   ///< Scope of the idempotency key.
  std::string key, digest; ///< Idempotency; `key` empty = none.
  participant session;
  participant event_owner;
  instant deadline; ///< Ledger time after which nothing may be committed any more.
  request_id request;
  /// Set by a session that has not read its user's rows: the ledger judges token and limit.
  instant token_issued_at;
  bool operator==(const hold_items&) const = default;
};

/// `is` = ok: the reservation, made now or (`replayed`) before. Otherwise which items stood in the
/// way, and how long waiting helps at most (0 = it does not, or nobody knows); with `seat_held`,
/// `id` is the caller's own reservation when that is what holds one of them.
struct hold_reply {
  ec is = ec::ok;
  reservation_id id;
  std::string number;
  won total;
  uint8_t status = 1; ///< A `reservation_status`.
  instant expires_at;
  std::vector<held_item> items;
  bool replayed = false;
  std::vector<wanted_item> refused;
  int64_t retry_after_ms = 0;
  bool operator==(const hold_reply&) const = default;
};

/// From a lead block to another: takes items tentatively, in memory, until `until`. With `reread`
/// it replaces a claim whose op found other versions: the rows are read before it is answered.
struct claim_items {
  reservation_id id;
  user_id user;
  std::vector<wanted_item> items;
  instant until;
  bool reread = false;
  bool operator==(const claim_items&) const = default;
};
struct claim_reply {
  ec is = ec::ok;
  std::vector<held_item> items; ///< Versions before, fences after the change.
  participant block;
  std::vector<wanted_item> refused;
  int64_t retry_after_ms = 0;
  bool operator==(const claim_reply&) const = default;
};

/// From a lead block: the claim will not be submitted.
struct abandon_claim {
  reservation_id id;
  bool operator==(const abandon_claim&) const = default;
};

/// From a lead block: the whole truth about the items of a reservation that changed. Seats are
/// applied by version, quantities by the reservation's id; whether or not the claim is known.
struct settle_items {
  reservation_id id;
  user_id user;
  bool held = false; ///< Taken by the reservation, else given back.
  instant expires_at;
  std::vector<held_item> items; ///< As they are now.
  bool operator==(const settle_items&) const = default;
};

/// Ends a pending reservation of `user` (cancel); nil = of whoever, by the house. Sent to its lead
/// block.
struct release_hold {
  reservation_id id;
  user_id user;
  request_id request;
  bool operator==(const release_hold&) const = default;
};
struct release_reply {
  ec is = ec::ok;
  bool operator==(const release_reply&) const = default;
};

/// From checkout to the lead block: pins the reservation and records the attempt, before the
/// provider is called. A pinned hold does not end by time.
struct pin_hold {
  reservation_id id;
  attempt_id attempt;
  payment_id payment;
  won amount;
  std::string provider, payment_key, method;
  participant checkout;
  bool operator==(const pin_hold&) const = default;
};
/// The attempt has the money: sells what it pins.
struct sell_hold {
  reservation_id id;
  attempt_id attempt;
  payment_id payment;
  won amount;
  instant approved_at;
  participant checkout;
  request_id request;
  bool operator==(const sell_hold&) const = default;
};
/// The attempt has ended without money: an overdue hold is freed at once.
struct unpin_hold {
  reservation_id id;
  attempt_id attempt;
  payment_id payment;
  uint8_t how = 0; ///< An `attempt_end`.
  std::string error;
  participant checkout;
  bool operator==(const unpin_hold&) const = default;
};
/// Ends a sold reservation and puts its refund on record.
struct cancel_sold {
  reservation_id id;
  refund_id refund;
  user_id actor;
  std::string reason;
  participant checkout;
  request_id request;
  bool operator==(const cancel_sold&) const = default;
};
/// The same, when what is kept depends on the event's policy: see `cancel_paid`.
struct return_sold {
  reservation_id id;
  refund_id refund;
  user_id actor;
  std::string reason;
  participant checkout;
  request_id request;
  won fee;
  int64_t terms = -1;
  instant until;
  bool operator==(const return_sold&) const = default;
};
/// The answer to these five.
struct hold_changed {
  ec is = ec::ok;
  bool operator==(const hold_changed&) const = default;
};

/// From checkout: the pin of this reservation ended otherwise; from a lead block: it was taken
/// back, nobody knows when. The rows know.
struct look_again {
  reservation_id id;
  bool operator==(const look_again&) const = default;
};

/// From a lead block: items were sold, or given back after they had been sold.
struct settle_sale {
  reservation_id id;
  bool sold = false;
  std::vector<held_item> items; ///< As they are now.
  bool operator==(const settle_sale&) const = default;
};

/// Wakes the block; it looks after what is overdue. Sent by the sweep and after a takeover.
struct wake_block {
  std::vector<reservation_id> overdue;
  bool operator==(const wake_block&) const = default;
};
struct block_awake {
  int32_t seats = 0; ///< 0 for a quota.
  bool operator==(const block_awake&) const = default;
};

template <class F> wire<F> inspect(F& f, hold_items& x) {
  return f(x.id, x.user, x.number, x.items, x.operation, x.key, x.digest, x.session, x.event_owner,
           x.deadline, x.request, x.token_issued_at);
}
template <class F> wire<F> inspect(F& f, hold_reply& x) {
  return f(x.is, x.id, x.number, x.total, x.status, x.expires_at, x.items, x.replayed, x.refused,
           x.retry_after_ms);
}
template <class F> wire<F> inspect(F& f, claim_items& x) {
  return f(x.id, x.user, x.items, x.until, x.reread);
}
template <class F> wire<F> inspect(F& f, claim_reply& x) {
  return f(x.is, x.items, x.block, x.refused, x.retry_after_ms);
}
template <class F> wire<F> inspect(F& f, abandon_claim& x) { return f(x.id); }
template <class F> wire<F> inspect(F& f, settle_items& x) {
  return f(x.id, x.user, x.held, x.expires_at, x.items);
}
template <class F> wire<F> inspect(F& f, release_hold& x) { return f(x.id, x.user, x.request); }
template <class F> wire<F> inspect(F& f, release_reply& x) { return f(x.is); }
template <class F> wire<F> inspect(F& f, wake_block& x) { return f(x.overdue); }
template <class F> wire<F> inspect(F& f, block_awake& x) { return f(x.seats); }

template <class F> wire<F> inspect(F& f, pin_hold& x) {
  return f(x.id, x.attempt, x.payment, x.amount, x.provider, x.payment_key, x.method, x.checkout);
}
template <class F> wire<F> inspect(F& f, sell_hold& x) {
  return f(x.id, x.attempt, x.payment, x.amount, x.approved_at, x.checkout, x.request);
}
template <class F> wire<F> inspect(F& f, unpin_hold& x) {
  return f(x.id, x.attempt, x.payment, x.how, x.error, x.checkout);
}
template <class F> wire<F> inspect(F& f, cancel_sold& x) {
  return f(x.id, x.refund, x.actor, x.reason, x.checkout, x.request);
}
template <class F> wire<F> inspect(F& f, return_sold& x) {
  return f(x.id, x.refund, x.actor, x.reason, x.checkout, x.request, x.fee, x.terms, x.until);
}
template <class F> wire<F> inspect(F& f, hold_changed& x) { return f(x.is); }
template <class F> wire<F> inspect(F& f, look_again& x) { return f(x.id); }
template <class F> wire<F> inspect(F& f, settle_sale& x) { return f(x.id, x.sold, x.items); }

} // namespace tk
