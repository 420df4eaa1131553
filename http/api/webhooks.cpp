#include <caf/all.hpp>

#include "http/api/callback_signature.hpp"
#include "http/api/callbacks.hpp"
#include "http/api/payment_schemas.hpp"
#include "http/api/route_group.hpp"
#include "http/api/shop.hpp"
#include "http/json.hpp"

/// Callbacks of payment providers (G04). What they say is not believed: they are a reason to ask
/// the provider, and what it has taken is completed as if the buyer had come back with it.
namespace tk::http {

namespace {

using json = nlohmann::json;

void answer_taken(shop& s, const exchange_ptr& x) {
  ++s.callbacks_taken;
  x->respond(json_text(R"({"received":true})"));
}

/// Nothing is decided: the provider calls again later.
void answer_later(const exchange_ptr& x) { x->fail(ec::unavailable); }

/// Finds the order and does what is due.
void look_at(shop& s, const exchange_ptr& x, const std::string& order_id, const char* provider) {
  s.pool.run([&s, x, order_id, provider](caf::event_based_actor* self) {
    self->request(s.store, store_budget, find_payment{{}, order_id, ""})
      .then(
        [&s, self, x, provider](const found_payment& p) {
          if (!p.found) return answer_taken(s, x); // Of another shop with the same account.
          follow_callback(self, s.node, {p.row, provider, request_of(*x), x->req().trace},
                          [&s, x](callback_end is) {
                            if (is == callback_end::taken) answer_taken(s, x);
                            else answer_later(x);
                          });
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
