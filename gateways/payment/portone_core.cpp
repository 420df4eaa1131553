#include "gateways/payment/portone_core.hpp"

#include <algorithm>
#include <array>
#include <cctype>

#include "gateways/payment/wire_json.hpp"

namespace tk::portone {

namespace {

using namespace wire_json;

constexpr int http_ok = 200, http_unauthorized = 401, http_not_found = 404, http_too_many = 429;

/// This confirmation did nothing. A payment that nobody has taken stays so, unless another token
/// pays it.
constexpr std::array declines = {
  "INFORMATION_MISMATCH",
  "INVALID_PAYMENT_TOKEN",
  "INVALID_REQUEST",
  "PAYMENT_NOT_FOUND",
};

/// Nothing was given back by this request, and nothing was before.
constexpr std::array refusals = {
  "INVALID_REQUEST",
  "PAYMENT_NOT_FOUND",
  "PAYMENT_NOT_PAID",
};

/// What is left of the payment is not what it was: perhaps it was given back by this very wish.
constexpr std::array given_back_before = {
  "CANCELLABLE_AMOUNT_CONSISTENCY_BROKEN",
  "CANCEL_AMOUNT_EXCEEDS_CANCELLABLE_AMOUNT",
  "PAYMENT_ALREADY_CANCELLED",
};

template <class List> bool contains(const List& list, const std::string& code) {
  return std::ranges::find(list, std::string_view{code}) != list.end();
}

bool refused_by_table(const web_response& x) {
  constexpr int first = 400, end = 500;
  return x.status >= first && x.status < end;
}

standing standing_of(const std::string& status, bool paid) {
  if (status == "PAID" || status == "PARTIAL_CANCELLED")
    return paid ? standing::captured : standing::unheard;
  if (status == "CANCELLED") return paid ? standing::captured : standing::over;
  if (status == "READY" || status == "PAY_PENDING") return standing::open;
  if (status == "VIRTUAL_ACCOUNT_ISSUED") return standing::deposit;
  return status == "FAILED" ? standing::over : standing::unheard;
}

/// What has really gone back: a cancellation may be under way, or have failed.
void read_cancellations(const json& x, payment& out) {
  auto all = x.find("cancellations");
  if (all == x.end() || !all->is_array()) return;
  for (auto& y : *all) {
    if (!y.is_object() || text_of(y, "status") != "SUCCEEDED") continue;
    out.given_back += won_of(y, "totalAmount");
    out.given_back_at = std::max(out.given_back_at, instant_of(y, "cancelledAt"));
  }
}

web_request get(const settings& x, const std::string& path) {
  web_request out;
  out.url = x.base_url + path;
  out.headers = {"Authorization: PortOne " + x.api_secret, "Accept: application/json"};
  return out;
}

web_request post(const settings& x, const std::string& path, const json& body,
                 const std::string& idempotency_key) {
  auto out = get(x, path);
  out.method = "POST";
  out.headers.emplace_back("Content-Type: application/json");
  out.headers.push_back("Idempotency-Key: \"" + idempotency_key + "\"");
  out.body = body.dump(-1, ' ', false, json::error_handler_t::replace);
  return out;
}

std::string path_of(std::string_view order_id) { return "/payments/" + std::string{order_id}; }

/// Certain that nothing happened: it was not reached, refused to listen, or does not know us.
ec why_not_asked(const web_response& x) {
  if (x.status == 0) return x.sent ? ec::ok : ec::provider_away;
  if (x.status == http_too_many) return ec::busy;
  return refuses_us(x) ? ec::provider_away : ec::ok;
}

} // namespace

web_request confirm(const settings& x, const approve_payment& what) {
  json body = {{"storeId", x.store_id},
               {"paymentToken", what.payment_key},
               {"currency", "KRW"},
               {"totalAmount", what.amount.amount}};
  if (x.live_only) body["isTest"] = false; // Over a channel for tests it is refused then.
  return post(x, path_of(what.order_id) + "/confirm", body, what.idempotency_key);
}

web_request find(const settings& x, std::string_view order_id) {
  return get(x, path_of(order_id) + "?storeId=" + x.store_id);
}

web_request cancel(const settings& x, const refund_payment& what) {
  json body = {{"storeId", x.store_id},
               {"amount", what.amount.amount},
               {"currentCancellableAmount", std::max(what.amount, what.captured).amount},
               {"reason", "refund"}};
  return post(x, path_of(what.order_id) + "/cancel", body, what.idempotency_key);
}

web_request close(const settings& x, std::string_view order_id) {
  return post(x, path_of(order_id) + "/virtual-account/close", {{"storeId", x.store_id}},
              "close-" + std::string{order_id});
}

bool is_name(std::string_view text) {
  constexpr size_t bytes_max = 64;
  auto fits = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_';
  };
  return !text.empty() && text.size() <= bytes_max && std::ranges::all_of(text, fits);
}

std::string code_of(const web_response& x) { return shortened(text_of(parsed(x), "type")); }

bool refuses_us(const web_response& x) {
  auto code = code_of(x);
  return x.status == http_unauthorized ||
         (refused_by_table(x) && (code == "FORBIDDEN" || code == "UNAUTHORIZED"));
}

payment payment_of(const settings& own, const web_response& x) {
  payment out;
  if (x.status == http_not_found && code_of(x) == "PAYMENT_NOT_FOUND") out.is = standing::missing;
  if (x.status != http_ok) return out;
  auto body = parsed(x);
  if (text_of(body, "storeId") != own.store_id || text_of(body, "currency") != "KRW") return out;
  if (own.live_only && text_of(object_of(body, "channel"), "type") != "LIVE") return out;
  out.order_id = text_of(body, "id");
  out.transaction_id = text_of(body, "transactionId");
  out.total = won_of(object_of(body, "amount"), "total");
  out.paid_at = instant_of(body, "paidAt");
  out.is = standing_of(text_of(body, "status"), out.paid_at != instant{});
  read_cancellations(body, out);
  return out;
}

answer<payment_approval> approval_of(const web_response& x) {
  if (auto why = why_not_asked(x); why != ec::ok) return {not_asked<payment_approval>(why), false};
  // Without a whole answer there is nothing to look for yet: it may be under way.
  return {{}, x.status != 0};
}

payment_approval approval_of(const approve_payment& asked, const web_response& confirmed,
                             const payment& found) {
  payment_approval out;
  bool ours = found.order_id == asked.order_id;
  if (ours && found.is == standing::captured) {
    // Another amount, or given back already: nothing is sold for it.
    if (found.total != asked.amount || found.given_back != won{}) return out;
    out.is = approval_outcome::approved;
    out.payment_key = asked.payment_key;
    out.method = "portone";
    out.approved_at = found.paid_at;
    return out;
  }
  auto code = code_of(confirmed);
  bool untaken = found.is == standing::missing || (ours && found.is == standing::open);
  bool refused = refused_by_table(confirmed) && contains(declines, code) && untaken;
  if (!refused && !(ours && found.is == standing::over)) return out;
  out.is = approval_outcome::declined;
  out.code = code.empty() ? "FAILED" : code;
  out.text = shortened(text_of(parsed(confirmed), "message"));
  return out;
}

payment_refund refund_of(const refund_payment& asked, const payment& found) {
  payment_refund out;
  bool whole = found.is == standing::captured && found.order_id == asked.order_id;
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
    auto made = object_of(parsed(x), "cancellation");
    auto status = text_of(made, "status");
    if (status == "SUCCEEDED" && won_of(made, "totalAmount") == asked.amount) {
      out.is = refund_outcome::done;
      out.refunded_at = instant_of(made, "cancelledAt");
    } else if (status == "FAILED") {
      out.is = refund_outcome::refused;
      out.code = "FAILED";
    }
    return {out, false};
  }
  auto code = code_of(x);
  if (!refused_by_table(x)) return {out, false};
  if (contains(given_back_before, code)) return {out, true};
  if (!contains(refusals, code)) return {out, false};
  out.is = refund_outcome::refused;
  out.code = code;
  out.text = shortened(text_of(parsed(x), "message"));
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
  out.payment_key = found.transaction_id;
  out.method = "portone";
  out.amount = found.total;
  out.refunded = found.given_back;
  out.approved_at = found.paid_at;
  return out;
}

} // namespace tk::portone
