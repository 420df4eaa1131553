#pragma once

#include <string>
#include <string_view>

#include "gateways/payment/port.hpp"
#include "gateways/web/port.hpp"

/// Toss Payments' API (v1) as text: requests from what the port is asked, and what its answers mean
/// for the port. Pure; time is an argument.
namespace tk::toss {

struct settings {
  std::string base_url = "https://api.tosspayments.com";
  std::string secret_key;
  /// So long after its begin no attempt can succeed any more: who has shown who they are has ten
  /// minutes there; the rest is for clocks.
  millis attempt_life{900'000};
};

// -- requests -----------------------------------------------------------------------------------

web_request confirm(const settings& x, const approve_payment& what);
web_request find_order(const settings& x, std::string_view order_id);
web_request find_payment(const settings& x, std::string_view payment_key);
web_request cancel(const settings& x, const refund_payment& what);
/// Ends a payment that waits for a deposit: there is nothing to give back.
web_request close(const settings& x, std::string_view payment_key);
/// Whether `text` can be a part of a path at the provider: anything else was not made by it.
bool is_name(std::string_view text);

// -- answers ------------------------------------------------------------------------------------

/// Where a payment stands at the provider.
enum class standing : uint8_t {
  unheard,  ///< The answer is not a whole one, or says nothing about the payment.
  missing,  ///< There is no such payment, or none yet.
  open,     ///< Not taken, but it still may be.
  deposit,  ///< Not taken before somebody makes a deposit.
  captured, ///< Taken; some or all of it may have been given back.
  over      ///< Not taken, and never will be.
};

struct payment {
  standing is = standing::unheard;
  std::string order_id, payment_key;
  won total, given_back;
  instant approved_at, given_back_at;
};

/// Of `find_order` and `find_payment`.
payment payment_of(const web_response& x);

/// An answer to `confirm` or `cancel`, or that it cannot be had without a look at the payment.
template <class Reply> struct answer {
  Reply what;
  bool look = false;
};

/// The payment has to be the one that was asked for, in won: anything else is unknown.
answer<payment_approval> approval_of(const approve_payment& asked, const web_response& x);
/// After a look.
payment_approval approval_of(const approve_payment& asked, const payment& found);
answer<payment_refund> refund_of(const refund_payment& asked, const web_response& x);
payment_refund refund_of(const refund_payment& asked, const payment& found);

/// @param lapsed nobody can confirm this order any more: what is not taken never will be.
payment_report report_of(const web_response& x, const payment& found, bool lapsed);

/// The provider does not know us, or may not serve us: an operator has to hear of it.
bool refuses_us(const web_response& x);
/// In the provider's words; empty when there is none.
std::string code_of(const web_response& x);

} // namespace tk::toss
