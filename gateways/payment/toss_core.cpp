#include "gateways/payment/toss_core.hpp"

#include <algorithm>
#include <array>
#include <cctype>

#include <sodium.h>

#include "gateways/payment/wire_json.hpp"

namespace tk::toss {

namespace {

using namespace wire_json;

constexpr int http_ok = 200, http_unauthorized = 401, http_not_found = 404, http_too_many = 429;

// -- what their codes mean ------------------------------------------------------------------------

/// This confirmation took nothing and never will: the card, the account or the order itself was
/// refused. What is not in this list may be temporary, or the money may have been taken.
constexpr std::array declines = {
  "BELOW_MINIMUM_AMOUNT",
  "CARD_PROCESSING_ERROR",
  "EXCEED_MAX_AMOUNT",
  "EXCEED_MAX_AUTH_COUNT",
  "EXCEED_MAX_CARD_INSTALLMENT_PLAN",
  "EXCEED_MAX_DAILY_PAYMENT_COUNT",
  "EXCEED_MAX_ONE_DAY_AMOUNT",
  "EXCEED_MAX_ONE_DAY_WITHDRAW_AMOUNT",
  "EXCEED_MAX_ONE_TIME_WITHDRAW_AMOUNT",
  "EXCEED_MAX_PAYMENT_AMOUNT",
  "FDS_ERROR",
  "INVALID_ACCOUNT_INFO_RE_REGISTER",
  "INVALID_AUTHORIZE_AUTH",
  "INVALID_CARD_EXPIRATION",
  "INVALID_CARD_INSTALLMENT_PLAN",
  "INVALID_CARD_LOST_OR_STOLEN",
  "INVALID_CARD_NUMBER",
  "INVALID_PASSWORD",
  "INVALID_REJECT_CARD",
  "INVALID_REQUEST",
  "INVALID_STOPPED_CARD",
  "NOT_ALLOWED_POINT_USE",
  "NOT_AVAILABLE_BANK",
  "NOT_AVAILABLE_PAYMENT",
  "NOT_FOUND_PAYMENT",
  "NOT_FOUND_PAYMENT_SESSION",
  "NOT_SUPPORTED_INSTALLMENT_PLAN_CARD_OR_MERCHANT",
  "NOT_SUPPORTED_MONTHLY_INSTALLMENT_PLAN",
  "REJECT_ACCOUNT_PAYMENT",
  "REJECT_CARD_COMPANY",
  "REJECT_CARD_PAYMENT",
  "REJECT_TOSSPAY_INVALID_ACCOUNT",
  "RESTRICTED_TRANSFER_ACCOUNT",
  "UNAPPROVED_ORDER_ID",
};

/// Nothing was given back by this request.
constexpr std::array refusals = {
  "EXCEED_CANCEL_AMOUNT_DISCOUNT_AMOUNT",
  "EXCEED_MAX_REFUND_DUE",
  "FORBIDDEN_BANK_REFUND_REQUEST",
  "FORBIDDEN_CONSECUTIVE_REQUEST",
  "INVALID_BANK",
  "INVALID_REFUND_ACCOUNT_INFO",
  "INVALID_REFUND_ACCOUNT_NUMBER",
  "INVALID_REQUEST",
  "NOT_ALLOWED_PARTIAL_REFUND",
  "NOT_ALLOWED_PARTIAL_REFUND_WAITING_DEPOSIT",
  "NOT_AVAILABLE_BANK",
  "NOT_CANCELABLE_AMOUNT",
  "NOT_CANCELABLE_PAYMENT",
  "NOT_CANCELABLE_PAYMENT_FOR_DORMANT_USER",
  "NOT_FOUND_PAYMENT",
  "NOT_MATCHES_REFUNDABLE_AMOUNT",
  "REFUND_REJECTED",
};

/// Our key is wrong, or not allowed to do this.
constexpr std::array of_our_key = {
  "FORBIDDEN_REQUEST", "INCORRECT_BASIC_AUTH_FORMAT", "INVALID_API_KEY", "NOT_REGISTERED_BUSINESS",
  "UNAUTHORIZED_KEY",
};

template <class List> bool contains(const List& list, const std::string& code) {
  return std::ranges::find(list, std::string_view{code}) != list.end();
}

bool refused_by_table(const web_response& x) {
  constexpr int first = 400, end = 500;
  return x.status >= first && x.status < end;
}

// -- JSON -----------------------------------------------------------------------------------------

/// `{"code", "message"}`, in newer versions within "error".
json error_of(const web_response& x) {
  auto body = parsed(x);
  auto inner = body.find("error");
  return inner != body.end() && inner->is_object() ? *inner : body;
}

standing standing_of(const std::string& status, bool approved) {
  if (status == "DONE") return approved ? standing::captured : standing::unheard;
  // Before a deposit a cancelled payment has moved nothing.
  if (status == "CANCELED") return approved ? standing::captured : standing::over;
  if (status == "PARTIAL_CANCELED") return standing::captured;
  if (status == "READY" || status == "IN_PROGRESS") return standing::open;
  if (status == "WAITING_FOR_DEPOSIT") return standing::deposit;
  if (status == "ABORTED" || status == "EXPIRED") return standing::over;
  return standing::unheard;
}

payment read_payment(const json& x) {
  payment out;
  if (text_of(x, "currency") != "KRW") return out;
  out.order_id = text_of(x, "orderId");
  out.payment_key = text_of(x, "paymentKey");
  out.total = won_of(x, "totalAmount");
  out.approved_at = instant_of(x, "approvedAt");
  out.is = standing_of(text_of(x, "status"), out.approved_at != instant{});
  auto cancels = x.find("cancels");
  if (cancels == x.end() || !cancels->is_array()) return out;
  for (auto& y : *cancels) {
    if (!y.is_object() || text_of(y, "cancelStatus") != "DONE") continue;
    out.given_back += won_of(y, "cancelAmount");
    out.given_back_at = std::max(out.given_back_at, instant_of(y, "canceledAt"));
  }
  return out;
}

// -- requests -------------------------------------------------------------------------------------

std::string authorization(const settings& x) {
  auto plain = x.secret_key + ":";
  std::string coded(sodium_base64_encoded_len(plain.size(), sodium_base64_VARIANT_ORIGINAL), '\0');
  sodium_bin2base64(coded.data(), coded.size(),
                    reinterpret_cast<const unsigned char*>(plain.data()), plain.size(),
                    sodium_base64_VARIANT_ORIGINAL);
  coded.resize(coded.find('\0'));
  return "Authorization: Basic " + coded;
}

web_request get(const settings& x, const std::string& path) {
  web_request out;
  out.url = x.base_url + path;
  out.headers = {authorization(x), "Accept: application/json"};
  return out;
}

web_request post(const settings& x, const std::string& path, const json& body,
                 const std::string& idempotency_key) {
  auto out = get(x, path);
  out.method = "POST";
  out.headers.emplace_back("Content-Type: application/json");
  out.headers.push_back("Idempotency-Key: " + idempotency_key);
  // A payment key is the buyer's text: what is no UTF-8 in it was not made by the provider.
  out.body = body.dump(-1, ' ', false, json::error_handler_t::replace);
  return out;
}

/// Certain that nothing happened: it was not reached, refused to listen, or does not know us.
ec why_not_asked(const web_response& x) {
  if (x.status == 0) return x.sent ? ec::ok : ec::provider_away;
  if (x.status == http_too_many) return ec::busy;
  return refuses_us(x) ? ec::provider_away : ec::ok;
}

} // namespace

web_request confirm(const settings& x, const approve_payment& what) {
  json body = {
    {"paymentKey", what.payment_key}, {"orderId", what.order_id}, {"amount", what.amount.amount}};
  return post(x, "/v1/payments/confirm", body, what.idempotency_key);
}

web_request find_order(const settings& x, std::string_view order_id) {
  return get(x, "/v1/payments/orders/" + std::string{order_id});
}

web_request find_payment(const settings& x, std::string_view payment_key) {
  return get(x, "/v1/payments/" + std::string{payment_key});
}

web_request cancel(const settings& x, const refund_payment& what) {
  json body = {{"cancelReason", "refund"}, {"cancelAmount", what.amount.amount}};
  return post(x, "/v1/payments/" + what.payment_key + "/cancel", body, what.idempotency_key);
}

web_request close(const settings& x, std::string_view payment_key) {
  std::string key{payment_key};
  return post(x, "/v1/payments/" + key + "/cancel", {{"cancelReason", "not paid in time"}},
              "close-" + key);
}

bool is_name(std::string_view text) {
  constexpr size_t bytes_max = 200;
  auto fits = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_' || c == '=';
  };
  return !text.empty() && text.size() <= bytes_max && std::ranges::all_of(text, fits);
}

std::string code_of(const web_response& x) { return shortened(text_of(error_of(x), "code")); }

bool refuses_us(const web_response& x) {
  return x.status == http_unauthorized || (refused_by_table(x) && contains(of_our_key, code_of(x)));
}

payment payment_of(const web_response& x) {
  if (x.status == http_ok) return read_payment(parsed(x));
  payment out;
  if (x.status == http_not_found && code_of(x) == "NOT_FOUND_PAYMENT") out.is = standing::missing;
  return out;
}

payment_approval approval_of(const approve_payment& asked, const payment& found) {
  payment_approval out;
  bool the_same = found.order_id == asked.order_id && found.payment_key == asked.payment_key &&
                  found.total == asked.amount;
  if (found.is != standing::captured || !the_same || found.given_back != won{}) return out;
  out.is = approval_outcome::approved;
  out.payment_key = found.payment_key;
  out.method = "toss";
  out.approved_at = found.approved_at;
  return out;
}

answer<payment_approval> approval_of(const approve_payment& asked, const web_response& x) {
  if (auto why = why_not_asked(x); why != ec::ok) return {not_asked<payment_approval>(why), false};
  if (x.status == http_ok) return {approval_of(asked, read_payment(parsed(x))), false};
  payment_approval out;
  auto code = code_of(x);
  if (!refused_by_table(x)) return {out, false};
  // Perhaps by this very attempt, whose answer was lost.
  if (code == "ALREADY_PROCESSED_PAYMENT") return {out, true};
  if (!contains(declines, code)) return {out, false};
  out.is = approval_outcome::declined;
  out.code = code;
  out.text = shortened(text_of(error_of(x), "message"));
  return {out, false};
}

payment_refund refund_of(const refund_payment& asked, const payment& found) {
  payment_refund out;
  bool whole = found.is == standing::captured && found.payment_key == asked.payment_key;
  // All of it is back with the buyer, by whomever; of a part, as much as that.
  auto due = asked.is_part() ? asked.amount : found.total;
  if (!whole || found.given_back < due || found.total < asked.amount) return out;
  out.is = refund_outcome::done;
  out.refunded_at = found.given_back_at;
  return out;
}

answer<payment_refund> refund_of(const refund_payment& asked, const web_response& x) {
  if (auto why = why_not_asked(x); why != ec::ok) return {not_asked<payment_refund>(why), false};
  payment_refund out;
  if (x.status == http_ok) {
    auto found = read_payment(parsed(x));
    bool ours = found.is == standing::captured && found.payment_key == asked.payment_key &&
                found.given_back >= asked.amount;
    if (!ours) return {out, false};
    out.is = refund_outcome::done;
    out.refunded_at = found.given_back_at;
    return {out, false};
  }
  auto code = code_of(x);
  if (!refused_by_table(x)) return {out, false};
  if (code == "ALREADY_CANCELED_PAYMENT" || code == "ALREADY_REFUND_PAYMENT") return {out, true};
  if (!contains(refusals, code)) return {out, false};
  out.is = refund_outcome::refused;
  out.code = code;
  out.text = shortened(text_of(error_of(x), "message"));
  return {out, false};
}

payment_report report_of(const web_response& x, const payment& found, bool lapsed) {
  if (auto why = why_not_asked(x); why != ec::ok) return not_asked<payment_report>(why);
  payment_report out;
  switch (found.is) {
  case standing::unheard: return out;
  case standing::missing:
  case standing::open:
    out.is = lapsed ? payment_state::not_found : payment_state::pending;
    return out;
  case standing::deposit: out.is = payment_state::pending; return out;
  case standing::over: out.is = payment_state::not_found; return out;
  case standing::captured: break;
  }
  out.is = payment_state::captured;
  out.order_id = found.order_id;
  out.payment_key = found.payment_key;
  out.method = "toss";
  out.amount = found.total;
  out.refunded = found.given_back;
  out.approved_at = found.approved_at;
  return out;
}

} // namespace tk::toss
