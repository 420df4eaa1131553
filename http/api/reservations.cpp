#include <caf/all.hpp>

#include "actors/session/port.hpp"
#include "http/api/request_keys.hpp"
#include "http/api/route_group.hpp"
#include "http/api/schemas.hpp"
#include "http/api/shop.hpp"
#include "http/api/views.hpp"
#include "http/json.hpp"
#include "supervisors/reply_once.hpp"
#include "supervisors/router.hpp"

/// A user's reservations (contract 2.5).
namespace tk::http {

namespace {

void on_mine(shop& s, const exchange_ptr& x) {
  ++s.reservation_searches;
  s.pool.run([&s, x](caf::event_based_actor* self) {
    self->request(s.store, store_budget, list_reservations{x->user()})
      .then(
        [x](const reservation_list& found) {
          if (refuse_revoked(x, found.tokens)) return;
          json out = {{"reservations", json::array()}};
          for (auto& row : found.rows) out["reservations"].push_back(reservation_list_row(row));
          x->respond(json_text(out.dump()));
        },
        [x](caf::error& e) { x->fail(to_ec(e)); });
  });
}

void on_one(shop& s, const exchange_ptr& x) {
  auto view = [&s](const reservation_view& row) {
    auto out = reservation_detail(row);
    out["cancellation"] = cancellation_json(row, s.node.clock->now());
    return out;
  };
  answer_reservation(s, x, x->id_param<reservation_id>("id"), view);
}

void cancelled(const exchange_ptr& x, reservation_id id) {
  json out = {{"message", "Reservation cancelled"},
              {"reservation", {{"id", to_string(id)}, {"status", "cancelled"}}}};
  x->respond(json_text(out.dump()));
}

/// Asks the caller's session, with the key when there is one.
void cancel(shop& s, caf::event_based_actor* self, const exchange_ptr& x, const request_key& key) {
  auto budget = time_for(*x);
  if (budget == millis{0}) return;
  auto id = x->id_param<reservation_id>("id");
  cancel_reservation cmd{id, from_ms(x->who()->issued_at_ms), request_of(*x)};
  auto done = [&s, self, x, id, key](const release_reply& r) {
    if (r.is == ec::ok) {
      cancelled(x, id);
      return;
    }
    auto again = [&s, x](caf::event_based_actor* then, const request_key& known) {
      cancel(s, then, x, known);
    };
    look_again(s, self, x, key, r.is, again, [x, why = r.is] { x->fail(why); });
  };
  auto lost = [x](const caf::error& e) { x->fail(to_ec(e)); };
  auto session = key_of(x->user());
  if (key.key.empty()) ask<session_actor>(self, s.node, session, budget, cmd).then(done, lost);
  else
    ask<session_actor>(self, s.node, session, budget, once<cancel_reservation>{cmd, key})
      .then(done, lost);
}

void on_cancel(shop& s, const exchange_ptr& x) {
  auto body = read_object(x->req());
  if (!body) {
    x->fail(body.error());
    return;
  }
  auto id = x->id_param<reservation_id>("id");
  auto key = read_key(x->req(), *body, "reservations.cancel", {to_string(id)});
  if (!key) {
    x->fail(key.error());
    return;
  }
  with_key(s, x, *key, [&s, x](caf::event_based_actor* self, const request_key& known) {
    cancel(s, self, x, known);
  });
}

} // namespace

void answer_reservation(shop& s, const exchange_ptr& x, reservation_id id,
                        std::function<json(const reservation_view&)> view) {
  s.pool.run([&s, x, id, view = std::move(view)](caf::event_based_actor* self) {
    self->request(s.store, store_budget, read_reservation{x->user(), id})
      .then(
        [x, view](const found_reservation_view& found) {
          if (refuse_revoked(x, found.tokens)) return;
          if (found.found) x->respond(json_text(json{{"reservation", view(found.row)}}.dump()));
          else x->fail(ec::reservation_unknown);
        },
        [x](caf::error& e) { x->fail(to_ec(e)); });
  });
}

void add_reservation_routes(shop& s, std::vector<route>& out) {
  route_group group{s, out, "reservations"};
  group
    .get("/api/reservations/my", "listMyReservations", "The caller's reservations, newest first.")
    .user()
    .gives(schemas::reservation_list)
    .fails({ec::unavailable})
    .runs(on_mine);
  group.get("/api/reservations/{id}", "getReservation", "One of the caller's reservations.")
    .user()
    .gives(schemas::reservation_detail)
    .fails({ec::reservation_unknown, ec::unavailable})
    .runs(on_one);
  group
    .post("/api/reservations/{id}/cancel", "cancelReservation",
          "Cancels a reservation and gives its seats back; what was paid is refunded, less the fee "
          "that the event's policy keeps.")
    .user()
    .takes(schemas::cancel_request)
    .gives(schemas::cancel_response)
    .fails({ec::reservation_unknown, ec::already_cancelled, ec::reservation_expired,
            ec::reservation_pinned, ec::ticket_used, ec::cancellation_closed, ec::not_cancellable,
            ec::idempotency_conflict, ec::busy, ec::unavailable, ec::late, ec::unknown})
    .runs(on_cancel);
}

} // namespace tk::http
