#include "http/api/callbacks.hpp"

#include <memory>
#include <utility>

#include <caf/all.hpp>

#include "actors/base/mutants.hpp"
#include "actors/checkout/port.hpp"
#include "logging/log.hpp"
#include "supervisors/reply_once.hpp"
#include "supervisors/router.hpp"

namespace tk::http {

namespace {

constexpr millis checkout_budget{6000};
constexpr millis patience{4000}; ///< Providers give up after ten seconds.

/// One callback on its way, for as long as somebody is asked about it.
struct errand {
  caf::event_based_actor* self;
  node_context& node;
  called_payment x;
  std::function<void(callback_end)> done;
  void taken() const { done(callback_end::taken); }
  void later() const { done(callback_end::later); }
};
using errand_ptr = std::shared_ptr<const errand>;

void log_callback(const errand& e, const char* event, ec why) {
  log_line(log_level::warn, "http", event)
    .text("request_id", to_string(e.x.request))
    .text("order_id", e.x.row.order_id)
    .text("code", answer_to(why).code);
}

/// Whether the payment's own checkout will see to the rest, so that nobody needs to call again. Not
/// while one is under way: should it end without the provider having been asked, nobody would ask
/// what was paid on its page.
bool on_record(ec x) {
  // Mutant: what the buyer's browser has completed meanwhile is none of the callback's.
  if (x == ec::already_paid && mutant("completes_twice")) return false;
  return x == ec::ok || x == ec::already_paid;
}

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
  default: return x == ec::already_paid && mutant("completes_twice");
  }
}

/// Refused without an attempt that could have taken the money, so that nobody else gives it back.
bool unsold(ec x) {
  return x == ec::hold_over || x == ec::not_payable || x == ec::amount_mismatch ||
         (x == ec::already_paid && mutant("completes_twice"));
}

/// Paid on the provider's page after the hold was over, or not the price, so that there is not even
/// an attempt: it goes back at once, and the provider calls again until it has.
void give_back(const errand_ptr& e, const payment_report& report) {
  auto& p = e->x.row;
  refund_payment what{report.payment_key,     report.amount,
                      "unsold-" + p.order_id, e->node.clock->now() + patience,
                      e->x.provider,          p.order_id};
  e->self->request(e->node.payments, checkout_budget, std::move(what))
    .then(
      [e](const payment_refund& r) {
        if (r.is == refund_outcome::done) e->taken();
        else e->later();
      },
      [e](caf::error&) { e->later(); });
}

/// The provider has the money: as if the buyer had come back, and at most once whoever is first.
void complete(const errand_ptr& e, const payment_report& report) {
  auto& p = e->x.row;
  confirm_payment what;
  what.user = p.user;
  what.order_id = p.order_id;
  what.payment_key = report.payment_key;
  what.amount = report.amount;
  what.patience = patience;
  what.request = e->x.request;
  auto done = [e, report](ec is) {
    if (on_record(is)) return e->taken();
    if (!refused(is)) return e->later();
    log_callback(*e, "callback_not_completed", is);
    if (unsold(is)) return give_back(e, report);
    e->taken(); // Its attempt is asked about again, and gives back what was taken.
  };
  ask<checkout_actor>(e->self, e->node, checkout_of(p), checkout_budget, std::move(what),
                      e->x.trace)
    .then([done](const payment_reply& r) { done(r.is); },
          [done](const caf::error& why) { done(to_ec(why)); });
}

void on_report(const errand_ptr& e, const payment_report& report) {
  switch (report.is) {
  case payment_state::unknown:
  case payment_state::not_asked: return e->later();
  case payment_state::pending:
  case payment_state::not_found: return e->taken(); // Forged, or too early: nothing is due.
  case payment_state::captured: break;
  }
  if (report.refunded >= report.amount) return e->taken();
  // Begun before another one took over: its own timers see to it.
  if (e->x.provider != e->node.payment_provider) {
    log_callback(*e, "callback_of_former_provider", ec::payment_method_unavailable);
    return e->later();
  }
  complete(e, report);
}

} // namespace

entity_key checkout_of(const payment_view& x) {
  if (x.type == "reservation") return key_of(x.reservation);
  auto of = x.type == "transfer" ? payment_subject::transfer : payment_subject::membership;
  return key_of(of, parse_id<reservation_id>(x.reference.value_or("")).value_or(reservation_id{}));
}

void follow_callback(caf::event_based_actor* self, node_context& node, called_payment x,
                     std::function<void(callback_end)> done) {
  auto e = std::make_shared<const errand>(errand{self, node, std::move(x), std::move(done)});
  auto& p = e->x.row;
  bool open = p.status == "pending" || p.status == "failed";
  if (!open) return e->taken(); // It is complete.
  if (!node.payments) return e->later();
  query_payment what{p.order_id, "", node.clock->now() + patience, e->x.provider, {}};
  self->request(node.payments, checkout_budget, std::move(what))
    .then([e](const payment_report& r) { on_report(e, r); }, [e](caf::error&) { e->later(); });
}

} // namespace tk::http
