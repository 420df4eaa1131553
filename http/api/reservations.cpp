#include <caf/all.hpp>

#include "actors/session/port.hpp"
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
  s.pool.run([&s, x](caf::event_based_actor* self) {
    self->request(s.store, store_budget, list_reservations{x->user()})
      .then(
        [x](const reservation_list& found) {
          json out = {{"reservations", json::array()}};
          for (auto& row : found.rows) out["reservations"].push_back(reservation_list_row(row));
          x->respond(json_text(out.dump()));
        },
        [x](caf::error& e) { x->fail(to_ec(e)); });
  });
}

void on_cancel(shop& s, const exchange_ptr& x) {
  s.pool.run([&s, x](caf::event_based_actor* self) {
    auto budget = time_for(*x);
    if (budget == millis{0}) return;
    auto id = x->id_param<reservation_id>("id");
    cancel_reservation cmd{id, from_ms(x->who()->issued_at_ms), request_of(*x)};
    ask<session_actor>(self, s.node, key_of(x->user()), budget, cmd)
      .then(
        [x, id](const release_reply& r) {
          if (r.is != ec::ok) {
            x->fail(r.is);
            return;
          }
          json out = {{"message", "Reservation cancelled"},
                      {"reservation", {{"id", to_string(id)}, {"status", "cancelled"}}}};
          x->respond(json_text(out.dump()));
        },
        [x](const caf::error& e) { x->fail(to_ec(e)); });
  });
}

} // namespace

void answer_reservation(shop& s, const exchange_ptr& x, reservation_id id,
                        json (*view)(const reservation_view&)) {
  s.pool.run([&s, x, id, view](caf::event_based_actor* self) {
    self->request(s.store, store_budget, read_reservation{x->user(), id})
      .then(
        [x, view](const found_reservation_view& found) {
          if (found.found) x->respond(json_text(json{{"reservation", view(found.row)}}.dump()));
          else x->fail(ec::reservation_unknown);
        },
        [x](caf::error& e) { x->fail(to_ec(e)); });
  });
}

void add_reservation_routes(shop& s, std::vector<route>& out) {
  route mine;
  mine.path = "/api/reservations/my";
  mine.level = access::user;
  mine.run = [&s](const exchange_ptr& x) { on_mine(s, x); };
  mine.name = "listMyReservations";
  mine.summary = "The caller's reservations, newest first.";
  mine.tag = "reservations";
  mine.response_schema = schemas::reservation_list;
  mine.errors = {ec::unavailable};
  out.push_back(std::move(mine));

  route one;
  one.path = "/api/reservations/{id}";
  one.level = access::user;
  one.run = [&s](const exchange_ptr& x) {
    answer_reservation(s, x, x->id_param<reservation_id>("id"), reservation_detail);
  };
  one.name = "getReservation";
  one.summary = "One of the caller's reservations.";
  one.tag = "reservations";
  one.response_schema = schemas::reservation_detail;
  one.errors = {ec::reservation_unknown, ec::unavailable};
  out.push_back(std::move(one));

  route cancel;
  cancel.verb = method::post;
  cancel.path = "/api/reservations/{id}/cancel";
  cancel.level = access::user;
  cancel.rate = rate_category::booking;
  cancel.run = [&s](const exchange_ptr& x) { on_cancel(s, x); };
  cancel.name = "cancelReservation";
  cancel.summary = "Cancels a pending reservation and gives its seats back.";
  cancel.tag = "reservations";
  cancel.response_schema = schemas::cancel_response;
  cancel.errors = {ec::reservation_unknown,   ec::already_cancelled,
                   ec::reservation_expired,   ec::reservation_pinned,
                   ec::reservation_confirmed, ec::busy,
                   ec::unavailable,           ec::unknown};
  out.push_back(std::move(cancel));
}

} // namespace tk::http
