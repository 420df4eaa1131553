#include "http/api/creation.hpp"

#include <caf/all.hpp>
#include <prometheus/histogram.h>

#include "actors/session/port.hpp"
#include "supervisors/reply_once.hpp"
#include "supervisors/router.hpp"

namespace tk::http {

namespace {

void send(shop& s, caf::event_based_actor* self, const exchange_ptr& x, reserve_items cmd,
          const seat_plan_ptr& plan, reply_view view) {
  auto budget = time_for(*x);
  if (budget == millis{0}) return;
  ask<session_actor>(self, s.node, key_of(x->user()), budget, std::move(cmd))
    .then(
      [&s, x, plan, view](const hold_reply& r) {
        using seconds = std::chrono::duration<double>;
        if (r.is == ec::ok && !r.replayed)
          s.creations.Observe(seconds(exchange::steady::now() - x->started_).count());
        x->respond(view(r, *plan));
      },
      [x](const caf::error& e) { x->fail(to_ec(e)); });
}

} // namespace

void hold_for_caller(shop& s, const exchange_ptr& x, creation what, items_of_plan items,
                     reply_view view) {
  auto event = what.event;
  s.with_plan(event, [&s, x, what = std::move(what), items = std::move(items),
                      view](caf::event_based_actor* self, ec is, const seat_plan_ptr& plan) {
    if (is != ec::ok) {
      x->fail(is);
      return;
    }
    auto wanted = items(*plan);
    if (!wanted) {
      x->fail(wanted.error());
      return;
    }
    reserve_items cmd;
    cmd.event = what.event;
    cmd.items = std::move(*wanted);
    cmd.key = what.key;
    cmd.digest = what.digest;
    cmd.token_issued_at = from_ms(x->who()->issued_at_ms);
    cmd.request = request_of(*x);
    send(s, self, x, std::move(cmd), plan, view);
  });
}

} // namespace tk::http
