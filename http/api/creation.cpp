#include "http/api/creation.hpp"

#include <caf/all.hpp>
#include <prometheus/histogram.h>

#include "actors/session/port.hpp"
#include "http/api/brakes.hpp"
#include "http/api/entry.hpp"
#include "supervisors/reply_once.hpp"
#include "supervisors/router.hpp"

namespace tk::http {

namespace {

reserve_items command_of(const exchange& x, const creation& what) {
  reserve_items cmd;
  cmd.event = what.event;
  cmd.items = what.items;
  cmd.key = what.key;
  cmd.digest = what.digest;
  cmd.token_issued_at = from_ms(x.who()->issued_at_ms);
  cmd.request = request_of(x);
  return cmd;
}

bool is_over(const hold_reply& x) {
  auto status = static_cast<reservation_status>(x.status);
  return x.is == ec::ok &&
         (status == reservation_status::cancelled || status == reservation_status::expired);
}

/// The key told of a reservation that has ended. Its seats go their own ways now, and money may be
/// on its way back: the rows say how all of that is (C27).
void tell_ended(shop& s, caf::event_based_actor* self, const exchange_ptr& x, const hold_reply& r,
                const seat_plan_ptr& plan, const creation_kind& kind) {
  self->request(s.store, store_budget, read_reservation{x->user(), r.id})
    .then(
      [x, r, plan, kind](const found_reservation_view& found) {
        if (found.found) x->respond(kind.view(r, *plan, &found.row));
        else x->fail(ec::reservation_unknown);
      },
      [x](caf::error& e) { x->fail(to_ec(e)); });
}

void send(shop& s, caf::event_based_actor* self, const exchange_ptr& x, const creation& what,
          const seat_plan_ptr& plan, const creation_kind& kind) {
  auto budget = time_for(*x);
  if (budget == millis{0}) return;
  ask<session_actor>(self, s.node, key_of(x->user()), budget, command_of(*x, what), x->req().trace)
    .then(
      [&s, self, x, plan, kind](const hold_reply& r) {
        using seconds = std::chrono::duration<double>;
        if (r.is == ec::ok && !r.replayed)
          s.creations.Observe(seconds(exchange::steady::now() - x->started_).count());
        if (is_over(r)) tell_ended(s, self, x, r, plan, kind);
        else x->respond(kind.view(r, *plan, nullptr));
      },
      [x](const caf::error& e) { x->fail(to_ec(e)); });
}

/// Something of it does not exist. A key that was used for something else is said first (1.10).
void refuse(shop& s, caf::event_based_actor* self, const exchange_ptr& x, const creation& what,
            problem why) {
  auto budget = what.key.empty() ? millis{0} : time_for(*x);
  if (budget == millis{0}) {
    x->fail(why);
    return;
  }
  ask<session_actor>(self, s.node, key_of(x->user()), budget, command_of(*x, what), x->req().trace)
    .then(
      [x, why = std::move(why)](const hold_reply& r) {
        if (r.is == ec::idempotency_conflict) x->fail(r.is);
        else x->fail(why);
      },
      [x](const caf::error& e) { x->fail(to_ec(e)); });
}

/// Sends it when the plan has all of it, else refuses. A plan that may be old is read again once:
/// a ticket type may have been added since.
void hold_by_plan(shop& s, caf::event_based_actor* self, const exchange_ptr& x,
                  const creation& what, const creation_kind& kind, ec is, const seat_plan_ptr& plan,
                  bool recent) {
  if (is == ec::event_unknown) {
    refuse(s, self, x, what, {is, std::string{answer_to(is).text}});
    return;
  }
  if (is != ec::ok) {
    x->fail(is);
    return;
  }
  auto placed = what;
  auto why = kind.place(placed.items, *plan);
  if (!why) {
    send(s, self, x, placed, plan, kind);
  } else if (why->code == ec::ticket_type_unknown && !recent) {
    s.with_recent_plan(what.event, [&s, x, what, kind](caf::event_based_actor* then, ec now_is,
                                                       const seat_plan_ptr& now) {
      hold_by_plan(s, then, x, what, kind, now_is, now, true);
    });
  } else {
    refuse(s, self, x, what, std::move(*why));
  }
}

} // namespace

void hold_for_caller(shop& s, const exchange_ptr& x, creation what, const creation_kind& kind) {
  if (refuse_stopped_hold(s, x, what.event)) return;
  with_open_slot(s, x, [&s, x, what = std::move(what), kind] {
    s.with_plan(what.event, [&s, x, what, kind](caf::event_based_actor* self, ec is,
                                                const seat_plan_ptr& plan) {
      hold_by_plan(s, self, x, what, kind, is, plan, false);
    });
  });
}

} // namespace tk::http
