#pragma once

#include <string>
#include <string_view>

#include "gateways/payment/port.hpp"
#include "gateways/web/port.hpp"

/// PortOne's API (V2) as text: requests from what the port is asked, and what its answers mean for
/// the port. Its payments are known by our order ids. Pure; time is an argument.
namespace tk::portone {

struct settings {
  std::string base_url = "https://api.portone.io";
  std::string api_secret, store_id;
  bool live_only = false; ///< A payment over a channel for tests is none: it moves no money.
  /// So long after its begin no attempt can succeed any more.
  millis attempt_life{900'000};
};

// -- requests -----------------------------------------------------------------------------------

/// The payment key is the token that the browser got for the order.
web_request confirm(const settings& x, const approve_payment& what);
web_request find(const settings& x, std::string_view order_id);
/// Only of a payment of which nothing was given back yet: the provider checks it.
web_request cancel(const settings& x, const refund_payment& what);
/// Ends a payment that waits for a deposit.
web_request close(const settings& x, std::string_view order_id);

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
  std::string order_id, transaction_id;
  won total, given_back;
  instant paid_at, given_back_at;
};

/// Of `find`, and only of a payment of our store in won.
payment payment_of(const settings& own, const web_response& x);

/// Decided already, or to be decided by a look at the payment.
template <class Reply> struct answer {
  Reply what;
  bool look = false;
};

/// A confirmation tells neither order nor amount, and a refused one may have been taken before: the
/// payment itself decides, but where certainly nothing happened.
answer<payment_approval> approval_of(const web_response& x);
/// After a look; `confirmed` is the answer to the confirmation.
payment_approval approval_of(const approve_payment& asked, const web_response& confirmed,
                             const payment& found);
answer<payment_refund> refund_of(const refund_payment& asked, const web_response& x);
payment_refund refund_of(const refund_payment& asked, const payment& found);

/// @param lapsed nobody can confirm this order any more: what is not taken never will be.
payment_report report_of(const web_response& x, const payment& found, bool lapsed);

/// The provider does not know us, or may not serve us: an operator has to hear of it.
bool refuses_us(const web_response& x);
/// In the provider's words; empty when there is none.
std::string code_of(const web_response& x);
/// Whether `text` can be a part of a path: our order ids can.
bool is_name(std::string_view text);

} // namespace tk::portone
