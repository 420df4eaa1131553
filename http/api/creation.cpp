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

struct order_of_items {
  creation what;
  items_of_plan items;
  reply_view view;
};

void hold_items(shop& s, caf::event_based_actor* self, const exchange_ptr& x,
                const order_of_items& order, std::vector<wanted_item> items,
                const seat_plan_ptr& plan) {
  reserve_items cmd;
  cmd.event = order.what.event;
  cmd.items = std::move(items);
  cmd.key = order.what.key;
  cmd.digest = order.what.digest;
  cmd.token_issued_at = from_ms(x->who()->issued_at_ms);
  cmd.request = request_of(*x);
  send(s, self, x, std::move(cmd), plan, order.view);
}

/// A ticket type may have been added since the plan was read.
void hold_after_a_look(shop& s, const exchange_ptr& x, const order_of_items& order) {
  s.with_recent_plan(order.what.event, [&s, x, order](caf::event_based_actor* self, ec is,
                                                      const seat_plan_ptr& plan) {
    if (is != ec::ok) {
      x->fail(is);
      return;
    }
    auto items = order.items(*plan);
    if (items) hold_items(s, self, x, order, std::move(*items), plan);
    else x->fail(items.error());
  });
}

} // namespace

void hold_for_caller(shop& s, const exchange_ptr& x, creation what, items_of_plan items,
                     reply_view view) {
  auto event = what.event;
  order_of_items order{std::move(what), std::move(items), view};
  s.with_plan(event, [&s, x, order = std::move(order)](caf::event_based_actor* self, ec is,
                                                       const seat_plan_ptr& plan) {
    if (is != ec::ok) {
      x->fail(is);
      return;
    }
    auto found = order.items(*plan);
    if (found) hold_items(s, self, x, order, std::move(*found), plan);
    else if (found.error().code == ec::ticket_type_unknown) hold_after_a_look(s, x, order);
    else x->fail(found.error());
  });
}

} // namespace tk::http
