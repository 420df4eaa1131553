#include <caf/all.hpp>

#include "actors/checkout/port.hpp"
#include "http/api/callback_signature.hpp"
#include "http/api/payment_schemas.hpp"
#include "http/api/route_group.hpp"
#include "http/api/shop.hpp"
#include "http/json.hpp"
#include "logging/log.hpp"
#include "supervisors/reply_once.hpp"
#include "supervisors/router.hpp"

/// Callbacks of payment providers (G04). What they say is not believed: they are a reason to ask
/// the provider, and what it has taken is completed as if the buyer had come back with it.
namespace tk::http {

namespace {

using json = nlohmann::json;

constexpr millis checkout_budget{6000};
constexpr millis patience{4000}; ///< Providers give up after ten seconds.

void answer_taken(shop& s, const exchange_ptr& x) {
  ++s.callbacks_taken;
  x->respond(json_text(R"({"received":true})"));
}

/// Nothing is decided: the provider calls again later.
void answer_later(const exchange_ptr& x) { x->fail(ec::unavailable); }

void log_callback(const exchange_ptr& x, const payment_view& p, const char* event, ec why) {
  log_line(log_level::warn, "http", event)
    .text("request_id", x->req().request_id)
    .text("order_id", p.order_id)
    .text("code", answer_to(why).code);
}

/// Whether the payment's own checkout will see to the rest, so that nobody needs to call again.
bool on_record(ec x) { return x == ec::ok || x == ec::already_paid || x == ec::payment_pending; }

/// The certain refusals of a checkout; after anything else it may be asked again.
bool refused(ec x) {
  switch (x) {
  case ec::amount_mismatch:
  case ec::hold_over:
  case ec::not_payable:
  case ec::paid_too_late:
  case ec::payment_declined:
  case ec::payment_attempts:
  case ec::idempotency_conflict: return true;
  default: return false;
  }
}

/// Paid on the provider's page after the hold was over, or not the price, so that there is not even
/// an attempt: it goes back at once, and the provider calls again until it has.
void give_back(shop& s, caf::event_based_actor* self, const exchange_ptr& x, const payment_view& p,
               const payment_report& report, const std::string& provider) {
  refund_payment what{
    report.payment_key, report.amount, "unsold-" + p.order_id, s.node.clock->now() + patience,
    provider,           p.order_id};
  self->request(s.node.payments, checkout_budget, std::move(what))
    .then(
      [&s, x](const payment_refund& r) {
        if (r.is == refund_outcome::done) answer_taken(s, x);
        else answer_later(x);
      },
      [x](caf::error&) { answer_later(x); });
}

/// The provider has the money: as if the buyer had come back, and at most once whoever is first.
void complete(shop& s, caf::event_based_actor* self, const exchange_ptr& x, const payment_view& p,
              const payment_report& report, const std::string& provider) {
  confirm_payment what;
  what.user = p.user;
  what.order_id = p.order_id;
  what.payment_key = report.payment_key;
  what.amount = report.amount;
  what.patience = patience;
  what.request = request_of(*x);
  auto done = [&s, self, x, p, report, provider](ec is) {
    if (on_record(is)) return answer_taken(s, x);
    if (!refused(is)) return answer_later(x);
    log_callback(x, p, "callback_not_completed", is);
    bool unsold = is == ec::hold_over || is == ec::not_payable || is == ec::amount_mismatch;
    if (unsold) return give_back(s, self, x, p, report, provider);
    answer_taken(s, x); // Its attempt is asked about again, and gives back what was taken.
  };
  ask<checkout_actor>(self, s.node, key_of(p.reservation), checkout_budget, std::move(what),
                      x->req().trace)
    .then([done](const payment_reply& r) { done(r.is); },
          [done](const caf::error& e) { done(to_ec(e)); });
}

void on_report(shop& s, caf::event_based_actor* self, const exchange_ptr& x, const payment_view& p,
               const payment_report& report, const std::string& provider) {
  switch (report.is) {
  case payment_state::unknown:
  case payment_state::not_asked: return answer_later(x);
  case payment_state::pending:
  case payment_state::not_found: return answer_taken(s, x); // Forged, or too early: nothing is due.
  case payment_state::captured: break;
  }
  if (report.refunded >= report.amount) return answer_taken(s, x);
  // Begun before another one took over: its own timers see to it.
  if (provider != s.node.payment_provider) {
    log_callback(x, p, "callback_of_former_provider", ec::payment_method_unavailable);
    return answer_later(x);
  }
  complete(s, self, x, p, report, provider);
}

void ask_provider(shop& s, caf::event_based_actor* self, const exchange_ptr& x,
                  const payment_view& p, const std::string& provider) {
  bool open = p.status == "pending" || p.status == "failed";
  if (!open || p.type != "reservation") return answer_taken(s, x); // It is complete.
  if (!s.node.payments) return answer_later(x);
  query_payment what{p.order_id, "", s.node.clock->now() + patience, provider, {}};
  self->request(s.node.payments, checkout_budget, std::move(what))
    .then([=, &s](const payment_report& r) { on_report(s, self, x, p, r, provider); },
          [x](caf::error&) { answer_later(x); });
}

/// Finds the order and does what is due.
void look_at(shop& s, const exchange_ptr& x, const std::string& order_id, const char* provider) {
  s.pool.run([&s, x, order_id, provider](caf::event_based_actor* self) {
    self->request(s.store, store_budget, find_payment{{}, order_id, ""})
      .then(
        [&s, self, x, provider](const found_payment& p) {
          if (p.found) ask_provider(s, self, x, p.row, provider);
          else answer_taken(s, x); // Of another shop with the same account.
        },
        [x](caf::error&) { answer_later(x); });
  });
}

std::string text_in(const json& x, const char* name) {
  auto i = x.find(name);
  return i != x.end() && i->is_string() ? i->get<std::string>() : "";
}

/// Where Toss names the order: in `data`, of deposits at the top.
std::string order_of_toss(const json& body) {
  auto data = body.find("data");
  return text_in(data != body.end() && data->is_object() ? *data : body, "orderId");
}

/// PortOne knows payments by our orders.
std::string order_of_portone(const json& body) {
  auto data = body.find("data");
  return data != body.end() && data->is_object() ? text_in(*data, "paymentId") : "";
}

/// Goes on when the callback is signed by the provider and names an order.
void on_callback(shop& s, const exchange_ptr& x, bool signature_good,
                 std::string (*order_of)(const json&), const char* provider) {
  if (!signature_good) {
    ++s.callbacks_refused;
    x->fail(problem{ec::not_authenticated, "Signature refused"});
    return;
  }
  auto body = read_object(x->req());
  if (!body) {
    x->fail(body.error());
    return;
  }
  constexpr size_t order_id_max = 64;
  auto order_id = order_of(*body);
  if (order_id.empty() || order_id.size() > order_id_max) return answer_taken(s, x);
  look_at(s, x, order_id, provider);
}

void on_toss(shop& s, const exchange_ptr& x) {
  auto& req = x->req();
  toss_callback what{req.body, req.header("tosspayments-webhook-signature"),
                     req.header("tosspayments-webhook-transmission-time")};
  bool good = is_signed(what, s.toss_webhook_key, s.node.clock->now());
  on_callback(s, x, good, order_of_toss, "toss");
}

void on_portone(shop& s, const exchange_ptr& x) {
  auto& req = x->req();
  standard_callback what{req.body, req.header("webhook-id"), req.header("webhook-timestamp"),
                         req.header("webhook-signature")};
  bool good = is_signed(what, s.portone_webhook_key, s.node.clock->now());
  on_callback(s, x, good, order_of_portone, "portone");
}

} // namespace

void add_webhook_routes(shop& s, std::vector<route>& out) {
  constexpr size_t body_max = 64 * 1024;
  route_group group{s, out, "webhooks"};
  group
    .post("/api/webhooks/toss", "tossWebhook",
          "Toss Payments says that a payment has changed; it is asked what has become of it.")
    .takes(schemas::webhook_request)
    .gives(schemas::webhook_response)
    .fails({ec::not_authenticated, ec::unavailable})
    .body_max(body_max)
    .patient()
    .runs(on_toss);
  group
    .post("/api/webhooks/portone", "portOneWebhook",
          "PortOne says that a payment has changed; it is asked what has become of it.")
    .takes(schemas::webhook_request)
    .gives(schemas::webhook_response)
    .fails({ec::not_authenticated, ec::unavailable})
    .body_max(body_max)
    .patient()
    .runs(on_portone);
}

} // namespace tk::http
