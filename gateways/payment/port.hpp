#pragma once

#include <chrono>
#include <string>

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/replies_to.hpp>
#include <caf/typed_actor.hpp>

#include "actors/base/errors.hpp"
#include "actors/base/money.hpp"
#include "actors/base/time.hpp"

namespace tk {

/// What an adapter may spend on a connection and on a whole call.
inline constexpr auto payment_connect_max = std::chrono::seconds(2);
inline constexpr auto payment_call_max = std::chrono::seconds(10);

// -- approve ------------------------------------------------------------------------------------

/// Takes the money of an order. The same idempotency key never takes it twice.
struct approve_payment {
  std::string order_id, payment_key;
  won amount;
  std::string idempotency_key;
  instant deadline;       ///< Not begun after it, and not waited for beyond it.
  std::string provider{}; ///< Whose money it is; a provider itself does not look at it.
  bool operator==(const approve_payment&) const = default;
};

enum class approval_outcome : uint8_t {
  unknown,   ///< The money may have been taken, now or later: ask.
  not_asked, ///< The provider was not reached: certainly nothing happened.
  approved,
  declined ///< By the provider, definitely.
};

struct payment_approval {
  approval_outcome is = approval_outcome::unknown;
  ec error = ec::ok; ///< Of `not_asked`: `busy`, `late`, `provider_away`.
  // Of an approval:
  std::string payment_key, method;
  instant approved_at;
  // Of a refusal, in the provider's words:
  std::string code, text;
  bool operator==(const payment_approval&) const = default;
};

// -- query and void -----------------------------------------------------------------------------

/// What became of an order. By its id, or by the idempotency key of the attempt when the id is
/// empty.
struct query_payment {
  std::string order_id, idempotency_key;
  instant deadline;
  std::string provider{};
  instant begun_at{}; ///< When the attempt began: a provider may know how long it can succeed.
  bool operator==(const query_payment&) const = default;
};

/// Ends an order at the provider, so that it can be paid no more.
struct void_payment {
  std::string order_id;
  instant deadline;
  std::string provider{};
  instant begun_at{}; ///< As in `query_payment`.
  bool operator==(const void_payment&) const = default;
};

enum class payment_state : uint8_t {
  unknown,
  not_asked, ///< As in `approval_outcome`.
  captured,  ///< The money was taken. A void came too late: refund.
  pending,   ///< Not taken, but it still may be.
  not_found  ///< Not taken, and never will be: the order was voided or has lapsed (H-06).
};

struct payment_report {
  payment_state is = payment_state::unknown;
  ec error = ec::ok; ///< Of `not_asked`.
  // Of a capture:
  std::string order_id, payment_key, method;
  won amount, refunded;
  instant approved_at;
  bool operator==(const payment_report&) const = default;
};

// -- refund -------------------------------------------------------------------------------------

/// Gives money of a captured payment back. The same idempotency key never gives it back twice.
struct refund_payment {
  std::string payment_key;
  won amount;
  std::string idempotency_key;
  instant deadline;
  std::string provider{};
  std::string order_id{}; ///< Some know payments by their order only.
  won captured{}; ///< All that was taken; what is less of it is a part. Zero: nobody knows, all of
                  ///< it.
  [[nodiscard]] bool is_part() const { return amount < captured; }
  bool operator==(const refund_payment&) const = default;
};

enum class refund_outcome : uint8_t {
  unknown,   ///< Ask for the same again.
  not_asked, ///< As in `approval_outcome`.
  done,
  refused ///< By the provider; may be asked for again later.
};

struct payment_refund {
  refund_outcome is = refund_outcome::unknown;
  ec error = ec::ok; ///< Of `not_asked`.
  instant refunded_at;
  std::string code, text; ///< Of a refusal, in the provider's words.
  bool operator==(const payment_refund&) const = default;
};

} // namespace tk

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::approve_payment)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::payment_approval)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::query_payment)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::void_payment)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::payment_report)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::refund_payment)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::payment_refund)

namespace tk {

/// PAYMENTS: one provider of payments, the gateway in front of it, or all of them behind one door;
/// gateways always answer in bounded time. These messages never leave the node.
using payment_actor = caf::typed_actor<
  /// Takes the money of an order, once.
  caf::replies_to<approve_payment>::with<payment_approval>,
  /// What became of an order.
  caf::replies_to<query_payment>::with<payment_report>,
  /// Ends an order: answers `not_found`, or `captured` when it was paid before.
  caf::replies_to<void_payment>::with<payment_report>,
  /// Gives money back, once.
  caf::replies_to<refund_payment>::with<payment_refund>>;

} // namespace tk
