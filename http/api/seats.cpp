#include <algorithm>
#include <charconv>
#include <optional>

#include <caf/all.hpp>

#include "http/api/creation.hpp"
#include "http/api/entry.hpp"
#include "http/api/route_group.hpp"
#include "http/api/schemas.hpp"
#include "http/api/seat_stream.hpp"
#include "http/api/shop.hpp"
#include "http/api/stream_schemas.hpp"
#include "http/api/views.hpp"
#include "http/json.hpp"

/// Seat maps and the reservation of seats (contract 2.4).
namespace tk::http {

namespace {

// -- the map ------------------------------------------------------------------------------------

answer map_answer(const shop& s, const seat_maps::rendered& x) {
  auto out = json_shared(x.plain, x.gzip);
  if (s.node.boards->stale()) out.headers.emplace_back("Warning", "110 - \"Response is Stale\"");
  return out;
}

/// Everybody gets a list of their own (D31), so nothing is shared: for load generators only.
void on_rotated_map(shop& s, const exchange_ptr& x, event_id event) {
  s.with_plan_to_show(event, [&s, x](caf::event_based_actor*, ec is, const seat_plan_ptr& plan) {
    if (is == ec::ok) x->respond(json_text(plan->rotated(*s.node.boards, s.node.random->next())));
    else x->fail(is);
  });
}

void on_map(shop& s, const exchange_ptr& x) {
  auto event = x->id_param<event_id>("eventId");
  if (s.seat_list_rotation) return on_rotated_map(s, x, event);
  if (auto ready = s.maps.current(event, s.node.clock->now()); ready.plain) {
    x->respond(map_answer(s, ready));
    return;
  }
  s.with_plan_to_show(event, [&s, x, event](caf::event_based_actor*, ec is, const seat_plan_ptr&) {
    if (is != ec::ok) {
      x->fail(is);
      return;
    }
    x->respond(map_answer(s, s.maps.render(event, s.node.clock->now())));
  });
}

// -- streams ------------------------------------------------------------------------------------

/// What the client knows already: the version of a stream that broke off.
std::optional<uint64_t> last_event_id(const request& x) {
  auto text = x.header("last-event-id");
  uint64_t out = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  bool whole = error == std::errc{} && end == text.data() + text.size();
  return whole ? std::optional(out) : std::nullopt;
}

void on_stream(shop& s, const exchange_ptr& x) {
  auto event = x->id_param<event_id>("eventId");
  s.with_plan_to_show(event, [&s, x, event](caf::event_based_actor*, ec is, const seat_plan_ptr&) {
    if (is != ec::ok) {
      x->fail(is);
      return;
    }
    auto feed = s.feeds.of(event, {s.maps, *s.node.boards, *s.node.clock, *s.node.random});
    x->respond(stream_answer(std::make_shared<seat_stream>(feed, last_event_id(x->req()))));
  });
}

// -- reserving ----------------------------------------------------------------------------------

/// A request to reserve, as checked.
struct wish {
  event_id event;
  std::vector<seat_id> seats;
  std::string key;
};

/// What makes two requests the same for idempotency: the event and the set of seats.
std::string digest_of(const wish& x) {
  auto sorted = x.seats;
  std::ranges::sort(sorted);
  std::string text = to_string(x.event);
  for (auto& seat : sorted) text += to_string(seat);
  return token_hash(text);
}

checked<wish> read_wish(const shop& s, const exchange& x) {
  auto body = read_object(x.req());
  if (!body) return tl::unexpected(body.error());
  auto seats_max = static_cast<size_t>(s.node.sale.seats_per_reservation_max);
  fields form{*body};
  wish out;
  out.event = entered_event(form, x);
  out.seats = form.uuids<seat_id>("seatIds", seats_max, "Please select at least one seat",
                                  "At most " + std::to_string(seats_max) + " seats can be selected",
                                  "Seats must be distinct");
  if (form.failed()) return tl::unexpected(*form.failed());
  auto key = idempotency_key(x.req(), *body);
  if (!key) return tl::unexpected(key.error());
  out.key = std::move(*key);
  return out;
}

std::string refusal_text(const hold_reply& x, const std::string& labels) {
  if (x.is == ec::seat_sold) return "Seat already reserved: " + labels;
  return std::string{answer_to(x.is).text};
}

/// A refusal tells in `code` whether waiting helps, names the seats, and says until when (G01).
answer refusal_answer(const hold_reply& x, const seat_plan& plan) {
  std::string labels;
  auto list = nlohmann::json::array();
  for (auto& refused : x.refused) {
    auto label = plan.label(refused.seat);
    labels += (labels.empty() ? "" : ", ") + label;
    list.push_back(std::move(label));
  }
  std::string more;
  if (!x.refused.empty()) more += ",\"seats\":" + list.dump();
  if (x.is == ec::seat_held && !x.id.nil()) { // Their own hold: not all of what they ask for now.
    more += ",\"reservationId\":\"" + to_string(x.id) + "\"";
    return error_answer(409, "SEAT_YOURS", answer_to(ec::seat_contested).text, more);
  }
  if (x.is == ec::seat_held || x.is == ec::seat_contested)
    more += ",\"retryAfterMs\":" + std::to_string(x.retry_after_ms);
  return error_answer(x.is, refusal_text(x, labels), more);
}

answer reserve_answer(const hold_reply& x, const seat_plan& plan, const reservation_view* ended) {
  if (x.is == ec::ok) return json_text(reserved_answer(x, plan, ended).dump());
  return refusal_answer(x, plan);
}

std::optional<problem> place_seats(std::vector<wanted_item>& items, const seat_plan& plan) {
  for (auto& x : items) {
    auto place = plan.find(x.seat);
    if (!place) return problem{ec::seat_unknown, std::string{answer_to(ec::seat_unknown).text}};
    x.block_no = place->block_no;
  }
  return std::nullopt;
}

void on_reserve(shop& s, const exchange_ptr& x) {
  auto wanted = read_wish(s, *x);
  if (!wanted) {
    x->fail(wanted.error());
    return;
  }
  creation what{wanted->event, {}, wanted->key, digest_of(*wanted)};
  for (auto& seat : wanted->seats) what.items.push_back({seat, unplaced});
  hold_for_caller(s, x, std::move(what), {place_seats, reserve_answer});
}

void on_one(shop& s, const exchange_ptr& x) {
  answer_reservation(s, x, x->id_param<reservation_id>("reservationId"), seat_reservation);
}

} // namespace

void add_seat_routes(shop& s, std::vector<route>& out) {
  route_group group{s, out, "seats"};
  group
    .get("/api/seats/events/{eventId}", "getSeatMap",
         "All seats of an event with their status, at most a second old.")
    .gives(schemas::seat_map)
    .fails({ec::event_unknown, ec::unavailable})
    .runs(on_map);
  group
    .get("/api/seats/stream/{eventId}", "streamSeats",
         "All seats of an event, then what changes, as it changes.")
    .streams()
    .gives(schemas::seat_stream)
    .fails({ec::event_unknown, ec::unavailable})
    .runs(on_stream);
  group.post("/api/seats/reserve", "reserveSeats", "Holds one to four seats, all or none.")
    .user()
    .gated()
    .takes(schemas::reserve_request)
    .gives(schemas::reserve_response)
    .fails({ec::event_unknown, ec::seat_unknown, ec::sale_closed, ec::hold_limit, ec::seat_held,
            ec::seat_sold, ec::seat_contested, ec::idempotency_conflict, ec::busy, ec::unavailable,
            ec::unknown})
    .fails_as(409, "SEAT_YOURS")
    .fails_as(503, "SALES_STOPPED")
    .runs(on_reserve);
  group
    .get("/api/seats/reservation/{reservationId}", "getSeatReservation",
         "One of the caller's reservations, by seats.")
    .user()
    .gives(schemas::seat_reservation)
    .fails({ec::reservation_unknown, ec::unavailable})
    .runs(on_one);
}

} // namespace tk::http
