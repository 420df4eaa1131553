#include <caf/all.hpp>

#include "actors/checkout/port.hpp"
#include "http/api/brakes.hpp"
#include "http/api/callbacks.hpp"
#include "http/api/payment_schemas.hpp"
#include "http/api/request_keys.hpp"
#include "http/api/route_group.hpp"
#include "http/api/shop.hpp"
#include "http/api/views.hpp"
#include "http/json.hpp"
#include "logging/log.hpp"
#include "supervisors/reply_once.hpp"
#include "supervisors/router.hpp"

/// Payments of reservations, listings and memberships (contract 2.7).
namespace tk::http {

namespace {

/// G02: after this long without a definite answer the buyer hears that nobody knows yet.
constexpr millis patience_max{10'000};
/// How long a checkout gets to start on what it was asked.
constexpr millis checkout_budget{6000};

millis patience_for(const exchange& x) {
  constexpr millis way_back{300};
  return std::clamp(x.time_left() - way_back, millis{0}, patience_max);
}

// -- views --------------------------------------------------------------------------------------

json or_null(const std::optional<std::string>& x) { return x ? json(*x) : json(); }

/// What both views of a payment show.
json payment_columns(const payment_view& x) {
  json out = {{"id", to_string(x.id)},
              {"order_id", x.order_id},
              {"payment_key", or_null(x.payment_key)},
              {"amount", x.amount.amount},
              {"method", or_null(x.method)},
              {"status", x.status}};
  out["toss_approved_at"] = x.approved_at == instant{} ? json() : json(to_iso(x.approved_at));
  out["created_at"] = to_iso(x.created_at);
  out["reservation_id"] = x.reservation.nil() ? json() : json(to_string(x.reservation));
  out["payment_type"] = x.type;
  out["reference_id"] = or_null(x.reference);
  return out;
}

json payment_detail(const payment_view& x) {
  auto out = payment_columns(x);
  out["toss_status"] = or_null(x.provider_status);
  out["updated_at"] = to_iso(x.updated_at);
  out["user_id"] = to_string(x.user);
  return out;
}

// -- what is asked ------------------------------------------------------------------------------

constexpr int64_t amount_max = 1'000'000'000'000;

/// A request as checked, and its key.
template <class Command> struct asked {
  Command what;
  request_key key;
};

using parts = std::vector<std::string>;

/// What `read` makes of the body's fields. Nothing when something about them is refused, which has
/// been answered then. `payload_of` tells what makes two such requests the same.
template <class Read, class Payload>
auto read_form(const exchange_ptr& x, const char* operation, Read read, Payload payload_of)
  -> std::optional<asked<std::invoke_result_t<Read, fields&>>> {
  auto refused = [&](const problem& why) {
    x->fail(why);
    return std::nullopt;
  };
  auto body = read_object(x->req());
  if (!body) return refused(body.error());
  fields form{*body};
  auto out = read(form);
  if (form.failed()) return refused(*form.failed());
  auto key = read_key(x->req(), *body, operation, payload_of(out));
  if (!key) return refused(key.error());
  return asked<decltype(out)>{std::move(out), std::move(*key)};
}

/// What is to be paid.
struct subject {
  payment_subject is = payment_subject::reservation;
  reservation_id id; ///< Of the reservation, the listing or the membership.
  std::string text;  ///< As it counts for keys.
  /// Of a reservation: whose event may be stopped.
  [[nodiscard]] reservation_id reservation() const {
    return is == payment_subject::reservation ? id : reservation_id{};
  }
};

subject read_subject(fields& form, bool at_once = false) {
  auto type = form.optional_text("paymentType", 20).value_or("");
  if (type == "transfer" || type == "membership") {
    if (form.missing("referenceId"))
      form.refuse(at_once ? "referenceId required" : "referenceId required for " + type);
    auto id = form.uuid<reservation_id>("referenceId");
    auto is = type == "transfer" ? payment_subject::transfer : payment_subject::membership;
    return {is, id, type + " " + to_string(id)};
  }
  if (!type.empty() && type != "reservation")
    form.refuse("paymentType must be reservation, transfer or membership");
  if (form.missing("reservationId")) form.refuse("reservationId required");
  auto id = form.uuid<reservation_id>("reservationId");
  return {payment_subject::reservation, id, to_string(id)};
}

/// What the ledger found is no longer to be had, in the words for what it is.
ec why_not_had(const subject& of, ec why) {
  if (why != ec::not_payable) return why;
  switch (of.is) {
  case payment_subject::transfer: return ec::transfer_gone;
  case payment_subject::membership: return ec::membership_not_pending;
  case payment_subject::reservation: break;
  }
  return why;
}

// -- whom it is asked ---------------------------------------------------------------------------

using paid_step = std::function<void(const payment_reply&)>;

template <class Message>
void send_to_checkout(shop& s, caf::event_based_actor* self, const entity_key& id, Message what,
                      const trace_context& trace, const paid_step& on_paid,
                      const std::function<void(ec)>& on_refused) {
  ask<checkout_actor>(self, s.node, id, checkout_budget, std::move(what), trace)
    .then(
      [on_paid, on_refused](const payment_reply& r) {
        if (r.is == ec::ok) on_paid(r);
        else on_refused(r.is);
      },
      [on_refused](const caf::error& e) { on_refused(to_ec(e)); });
}

/// Asks a checkout; `on_paid` answers what succeeded, `on_refused` the rest.
template <class Message>
void ask_checkout(shop& s, caf::event_based_actor* self, const exchange_ptr& x,
                  const entity_key& id, asked<Message> cmd, const paid_step& on_paid,
                  std::function<void(ec)> on_refused = nullptr) {
  if (!on_refused) on_refused = [x](ec why) { x->fail(why); };
  if constexpr (requires { cmd.what.patience; }) cmd.what.patience = patience_for(*x);
  if (cmd.key.key.empty())
    return send_to_checkout(s, self, id, std::move(cmd.what), x->req().trace, on_paid, on_refused);
  auto again = [&s, x, id, what = cmd.what, on_paid, on_refused](caf::event_based_actor* then,
                                                                 const request_key& known) {
    ask_checkout(s, then, x, id, asked<Message>{what, known}, on_paid, on_refused);
  };
  auto refused = [&s, self, x, key = cmd.key, again, on_refused](ec why) {
    look_again(s, self, x, key, why, again, [on_refused, why] { on_refused(why); });
  };
  send_to_checkout(s, self, id, once<Message>{std::move(cmd.what), std::move(cmd.key)},
                   x->req().trace, on_paid, refused);
}

/// Finds a payment of the caller.
void find_own(shop& s, caf::event_based_actor* self, const exchange_ptr& x,
              const find_payment& which, const std::function<void(const payment_view&)>& found) {
  self->request(s.store, store_budget, which)
    .then(
      [x, found](const found_payment& p) {
        if (refuse_revoked(x, p.tokens)) return;
        if (!p.found) x->fail(ec::payment_unknown);
        else if (p.row.user != x->user()) x->fail(ec::access_denied);
        else found(p.row);
      },
      [x](caf::error& e) { x->fail(to_ec(e)); });
}

/// Goes on unless the caller's token was issued before their last revocation (C1).
void with_good_token(shop& s, caf::event_based_actor* self, const exchange_ptr& x,
                     std::function<void()> then) {
  self->request(s.store, store_budget, find_payment{x->user(), "", ""})
    .then(
      [x, then = std::move(then)](const found_payment& p) {
        if (!refuse_revoked(x, p.tokens)) then();
      },
      [x](caf::error& e) { x->fail(to_ec(e)); });
}

/// Asks the checkout of what the caller names.
template <class Message>
void pay_for(shop& s, const exchange_ptr& x, const subject& of, const asked<Message>& cmd,
             const paid_step& on_paid) {
  with_key(s, x, cmd.key, [=, &s](caf::event_based_actor* self, const request_key& key) {
    auto go_on = [=, &s] {
      ask_checkout(s, self, x, key_of(of.is, of.id), asked<Message>{cmd.what, key}, on_paid,
                   [x, of](ec why) { x->fail(why_not_had(of, why)); });
    };
    if (key.key.empty()) with_good_token(s, self, x, go_on);
    else go_on(); // The look at the key was one at the token.
  });
}

/// A failed payment can be found by key, amount and code (G30).
void log_failed(const exchange_ptr& x, const confirm_payment& cmd, ec why) {
  log_line(log_level::warn, "http", "payment_failed")
    .text("request_id", x->req().request_id)
    .text("user_id", to_string(cmd.user))
    .text("order_id", cmd.order_id)
    .text("payment_key", cmd.payment_key)
    .number("amount", cmd.amount.amount)
    .text("code", answer_to(why).code);
}

void on_prepare(shop& s, const exchange_ptr& x) {
  subject of;
  std::string method;
  auto cmd = read_form(
    x, "payments.prepare",
    [&](fields& form) {
      method = form.optional_text("paymentMethod", 50).value_or("");
      auto amount = form.optional_integer("amount", 1, amount_max);
      of = read_subject(form);
      return prepare_payment{x->user(), won{amount.value_or(0)}, request_of(*x)};
    },
    [&](const prepare_payment& y) {
      return parts{of.text, std::to_string(y.amount.amount)};
    });
  if (!cmd) return;
  unless_payment_stopped(s, x, of.reservation(), method, [&s, x, of, what = *cmd] {
    pay_for(s, x, of, what, [&s, x](const payment_reply& r) {
      json out = {
        {"orderId", r.order_id}, {"amount", r.amount.amount}, {"clientKey", s.payment_client_key}};
      if (!s.payment_store_id.empty()) out["storeId"] = s.payment_store_id;
      x->respond(json_text(out.dump()));
    });
  });
}

/// Whoever comes back from the provider's page too late hears it with one status (C28).
ec why_not_confirmed(ec x) {
  return x == ec::hold_over || x == ec::not_payable ? ec::paid_too_late : x;
}

void confirmed(const exchange_ptr& x, const payment_reply& r) {
  json out = {{"success", true},
              {"payment",
               {{"orderId", r.order_id},
                {"paymentKey", r.payment_key},
                {"amount", r.amount.amount},
                {"method", r.method},
                {"approvedAt", to_iso(r.approved_at)}}}};
  x->respond(json_text(out.dump()));
}

void on_confirm(shop& s, const exchange_ptr& x) {
  auto cmd = read_form(
    x, "payments.confirm",
    [&](fields& form) {
      confirm_payment out;
      out.user = x->user();
      out.payment_key = form.text("paymentKey", 200);
      out.order_id = form.text("orderId", 64);
      out.amount = won{form.integer("amount", 1, amount_max)};
      out.request = request_of(*x);
      return out;
    },
    [](const confirm_payment& y) {
      return parts{y.order_id, y.payment_key, std::to_string(y.amount.amount)};
    });
  if (!cmd) return;
  with_key(s, x, cmd->key,
           [&s, x, what = cmd->what](caf::event_based_actor* self, const request_key& key) {
             find_own(s, self, x, {x->user(), what.order_id, ""},
                      [&s, self, x, what, key](const payment_view& p) {
                        ask_checkout(
                          s, self, x, checkout_of(p), asked<confirm_payment>{what, key},
                          [x](const payment_reply& r) { confirmed(x, r); },
                          [x, what](ec why) {
                            log_failed(x, what, why_not_confirmed(why));
                            x->fail(why_not_confirmed(why));
                          });
                      });
           });
}

/// What `process` answers, the first time and again.
void paid(const exchange_ptr& x, const payment_reply& r) {
  json out = {{"success", true},
              {"message", r.repeated ? "Payment already completed" : "Payment completed"},
              {"payment",
               {{"id", to_string(r.payment)},
                {"orderId", r.order_id},
                {"amount", r.amount.amount},
                {"method", r.method}}}};
  x->respond(json_text(out.dump()));
}

void on_process(shop& s, const exchange_ptr& x) {
  subject of;
  auto cmd = read_form(
    x, "payments.process",
    [&](fields& form) {
      process_payment out;
      out.user = x->user();
      out.method = form.text("paymentMethod", 50);
      out.request = request_of(*x);
      of = read_subject(form, true);
      return out;
    },
    [&](const process_payment& y) {
      return parts{of.text, y.method};
    });
  if (!cmd) return;
  unless_payment_stopped(s, x, of.reservation(), cmd->what.method, [&s, x, of, what = *cmd] {
    pay_for(s, x, of, what, [x](const payment_reply& r) { paid(x, r); });
  });
}

void on_order(shop& s, const exchange_ptr& x) {
  s.pool.run([&s, x](caf::event_based_actor* self) {
    find_own(s, self, x, {x->user(), std::string{x->param("orderId")}, ""},
             [x](const payment_view& p) {
               x->respond(json_text(json{{"payment", payment_detail(p)}}.dump()));
             });
  });
}

void on_mine(shop& s, const exchange_ptr& x) {
  constexpr int64_t limit_max = 100, offset_max = 1'000'000;
  auto limit = read_integer_query(x->req(), "limit", 10, 1, limit_max);
  auto offset = read_integer_query(x->req(), "offset", 0, 0, offset_max);
  if (!limit || !offset) {
    x->fail(limit ? offset.error() : limit.error());
    return;
  }
  list_payments what{x->user(), static_cast<int32_t>(*limit), static_cast<int32_t>(*offset)};
  s.pool.run([&s, x, what](caf::event_based_actor* self) {
    self->request(s.store, store_budget, what)
      .then(
        [x, what](const payment_page& found) {
          if (refuse_revoked(x, found.tokens)) return;
          json out = {{"payments", json::array()},
                      {"pagination",
                       {{"total", found.total}, {"limit", what.limit}, {"offset", what.offset}}}};
          for (auto& row : found.rows) out["payments"].push_back(payment_columns(row));
          x->respond(json_text(out.dump()));
        },
        [x](caf::error& e) { x->fail(to_ec(e)); });
  });
}

void cancelled(const exchange_ptr& x, const payment_reply& r) {
  if (r.repeated) { // Two at once: one of them cancelled it.
    x->fail(ec::not_refundable);
    return;
  }
  json out = {{"success", true},
              {"message", "Payment cancelled successfully"},
              {"refundAmount", r.amount.amount}};
  x->respond(json_text(out.dump()));
}

void on_cancel(shop& s, const exchange_ptr& x) {
  std::string payment_key{x->param("paymentKey")};
  auto cmd = read_form(
    x, "payments.cancel",
    [&](fields& form) {
      constexpr size_t reason_max = 200;
      auto reason = form.optional_text("cancelReason", reason_max).value_or("");
      return cancel_payment{x->user(), reason.empty() ? "user-request" : reason, request_of(*x)};
    },
    [&](const cancel_payment& y) {
      return parts{payment_key, y.reason};
    });
  if (!cmd) return;
  with_key(
    s, x, cmd->key,
    [&s, x, payment_key, what = cmd->what](caf::event_based_actor* self, const request_key& key) {
      find_own(s, self, x, {x->user(), "", payment_key},
               [&s, self, x, what, key](const payment_view& p) {
                 if (p.type != "reservation") {
                   x->fail(ec::not_cancellable);
                   return;
                 }
                 ask_checkout(s, self, x, checkout_of(p), asked<cancel_payment>{what, key},
                              [x](const payment_reply& r) { cancelled(x, r); });
               });
    });
}

const std::vector<ec> paying_errors = {ec::idempotency_conflict,
                                       ec::payment_unknown,
                                       ec::reservation_unknown,
                                       ec::transfer_unknown,
                                       ec::membership_unknown,
                                       ec::transfer_gone,
                                       ec::own_transfer,
                                       ec::buyer_no_member,
                                       ec::membership_foreign,
                                       ec::membership_not_pending,
                                       ec::access_denied,
                                       ec::amount_mismatch,
                                       ec::already_paid,
                                       ec::not_payable,
                                       ec::hold_over,
                                       ec::paid_too_late,
                                       ec::payment_declined,
                                       ec::payment_attempts,
                                       ec::payment_pending,
                                       ec::payment_method_unavailable,
                                       ec::provider_away,
                                       ec::busy,
                                       ec::unavailable,
                                       ec::late,
                                       ec::fenced,
                                       ec::unknown};

} // namespace

void add_payment_routes(shop& s, std::vector<route>& out) {
  route_group group{s, out, "payments"};
  group
    .post("/api/payments/prepare", "preparePayment",
          "Opens an order for a held reservation, a listing or a membership, or tells the open "
          "one.")
    .user()
    .takes(schemas::prepare_request)
    .gives(schemas::prepare_response)
    .fails(paying_errors)
    .fails_as(503, "SALES_STOPPED")
    .runs(on_prepare);
  group
    .post("/api/payments/confirm", "confirmPayment",
          "Takes the money of an order with the provider's key, and sells.")
    .user()
    .takes(schemas::confirm_request)
    .gives(schemas::confirm_response)
    .fails(paying_errors)
    .patient()
    .runs(on_confirm);
  group
    .post("/api/payments/process", "processPayment",
          "Pays a held reservation, a listing or a membership at once, over the open order when "
          "there is one.")
    .user()
    .takes(schemas::process_request)
    .gives(schemas::process_response)
    .fails(paying_errors)
    .fails_as(503, "SALES_STOPPED")
    .patient()
    .runs(on_process);
  group.get("/api/payments/order/{orderId:str}", "getPayment", "One of the caller's payments.")
    .user()
    .gives(schemas::payment)
    .fails({ec::payment_unknown, ec::access_denied, ec::unavailable})
    .runs(on_order);
  group.get("/api/payments/user/me", "listMyPayments", "The caller's payments, newest first.")
    .user()
    .gives(schemas::payment_list)
    .query("limit", R"({"type":"integer","default":10})", "At most so many, up to 100.")
    .query("offset", R"({"type":"integer","default":0})", "Leaves out so many.")
    .fails({ec::bad_request, ec::unavailable})
    .runs(on_mine);
  group
    .post("/api/payments/{paymentKey:str}/cancel", "cancelPayment",
          "Cancels a paid reservation; its money goes back, less the fee that the event's policy "
          "keeps.")
    .user()
    .takes(schemas::cancel_payment_request)
    .gives(schemas::cancel_payment_response)
    .fails({ec::payment_unknown, ec::access_denied, ec::not_refundable, ec::not_cancellable,
            ec::idempotency_conflict, ec::reservation_pinned, ec::ticket_used,
            ec::cancellation_closed, ec::busy, ec::unavailable, ec::late, ec::unknown})
    .runs(on_cancel);
}

} // namespace tk::http
