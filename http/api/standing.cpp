#include <algorithm>

#include <caf/all.hpp>

#include "http/api/creation.hpp"
#include "http/api/entry.hpp"
#include "http/api/route_group.hpp"
#include "http/api/schemas.hpp"
#include "http/api/shop.hpp"
#include "http/api/views.hpp"
#include "http/json.hpp"
#include "supervisors/reply_once.hpp"
#include "supervisors/router.hpp"

/// Standing tickets: what is left of them, and ordering some (contract 2.5, 2.6).
namespace tk::http {

namespace {

constexpr size_t lines_max = 50;
constexpr int64_t units_max = 10;

// -- what is left -------------------------------------------------------------------------------

/// The quota's board if its block's owner of today published it.
quota_board_ptr current_board(const shop& s, ticket_type_id type) {
  auto board = s.node.boards->find_quota(type);
  bool current =
    board && board->epoch == s.node.epochs.of(key_of(board->event, board->block_no)).epoch;
  return current ? board : nullptr;
}

answer left_answer(const shop& s, const quota_board& board) {
  json body = {{"available_quantity", board.available}, {"total_quantity", board.total}};
  auto out = json_text(body.dump());
  if (s.node.boards->stale()) out.headers.emplace_back("Warning", "110 - \"Response is Stale\"");
  return out;
}

/// A type whose block has not been heard of: its event's blocks are woken, once for all who ask. It
/// may be younger than the plan.
void wake_and_answer(shop& s, const exchange_ptr& x, ticket_type_id type, event_id event) {
  s.with_recent_plan(event, [&s, x, type](caf::event_based_actor*, ec is, const seat_plan_ptr&) {
    auto board = is == ec::ok ? s.node.boards->find_quota(type) : nullptr;
    if (board) x->respond(left_answer(s, *board));
    else x->fail(is == ec::ok ? ec::ticket_type_unknown : is);
  });
}

void on_availability(shop& s, const exchange_ptr& x) {
  auto type = x->id_param<ticket_type_id>("ticketTypeId");
  if (auto board = current_board(s, type)) {
    x->respond(left_answer(s, *board));
    return;
  }
  s.pool.run([&s, x, type](caf::event_based_actor* self) {
    self->request(s.store, store_budget, find_ticket_type{type})
      .then(
        [&s, x, type](const found_ticket_type& found) {
          if (found.found) wake_and_answer(s, x, type, found.event);
          else x->fail(ec::ticket_type_unknown);
        },
        [&s, x, type](caf::error& e) {
          // What is shown does not end with the database.
          auto known = s.node.boards->find_quota(type);
          if (known) x->respond(left_answer(s, *known));
          else x->fail(to_ec(e));
        });
  });
}

void on_types(shop& s, const exchange_ptr& x) {
  auto event = x->id_param<event_id>("eventId");
  s.with_plan_to_show(
    event, [&s, x, event](caf::event_based_actor*, ec is, const seat_plan_ptr& plan) {
      if (is != ec::ok && is != ec::event_unknown) {
        x->fail(is);
        return;
      }
      // The next one who asks is told of types that were added.
      if (plan && plan->size() == 0) s.renew_plan(event);
      json out = {{"ticketTypes", json::array()}};
      if (plan)
        for (auto& type : plan->types())
          out["ticketTypes"].push_back(plan_type_json(type, s.node.boards->find_quota(type.id)));
      x->respond(json_text(out.dump()));
    });
}

// -- ordering -----------------------------------------------------------------------------------

struct line {
  ticket_type_id type;
  int32_t quantity = 0;
};
/// A request to order, as checked. Lines of one type are one line.
struct order {
  event_id event;
  std::vector<line> lines; ///< By type.
  std::string key;
};

/// What makes two requests the same for idempotency: the event, and how many of what.
std::string digest_of(const order& x) {
  std::string text = to_string(x.event);
  for (auto& y : x.lines)
    text.append(to_string(y.type)).append("x").append(std::to_string(y.quantity)).append(";");
  return token_hash(text);
}

void add_line(std::vector<line>& to, const line& x) {
  auto same = std::ranges::find(to, x.type, &line::type);
  if (same == to.end()) to.push_back(x);
  else same->quantity += x.quantity;
}

std::optional<problem> read_lines(const nlohmann::json& body, std::vector<line>& to) {
  auto items = body.find("items");
  if (items == body.end() || items->is_null() || (items->is_array() && items->empty()))
    return problem{ec::bad_request, "Reservation items are required"};
  if (!items->is_array()) return problem{ec::bad_request, "items must be an array"};
  if (items->size() > lines_max)
    return problem{ec::bad_request,
                   "At most " + std::to_string(lines_max) + " items can be ordered"};
  for (auto& item : *items) {
    if (!item.is_object()) return problem{ec::bad_request, "items must hold objects"};
    fields form{item};
    line one;
    one.type = form.uuid<ticket_type_id>("ticketTypeId");
    one.quantity = static_cast<int32_t>(form.integer("quantity", 1, units_max));
    if (form.failed()) return form.failed();
    add_line(to, one);
  }
  for (auto& x : to)
    if (x.quantity > units_max)
      return problem{ec::bad_request, "must be less than or equal to " + std::to_string(units_max)};
  std::ranges::sort(to, {}, &line::type);
  return std::nullopt;
}

checked<order> read_order(const exchange& x) {
  auto body = read_object(x.req());
  if (!body) return tl::unexpected(body.error());
  fields form{*body};
  order out;
  out.event = entered_event(form, x);
  if (form.failed()) return tl::unexpected(*form.failed());
  if (auto wrong = read_lines(*body, out.lines)) return tl::unexpected(*wrong);
  auto key = idempotency_key(x.req(), *body);
  if (!key) return tl::unexpected(key.error());
  out.key = std::move(*key);
  return out;
}

/// The contract's texts name the type.
answer refusal_answer(const hold_reply& x, const seat_plan& plan) {
  if (x.is != ec::quantity_short || x.refused.empty()) return error_answer(x.is);
  auto type = plan.find_type(x.refused.front().type);
  auto text = (type ? type->name + " " : std::string{}) + std::string{answer_to(x.is).text};
  return error_answer(x.is, text, ",\"retryAfterMs\":" + std::to_string(x.retry_after_ms));
}

answer order_answer(const hold_reply& x, const seat_plan& plan, const reservation_view* ended) {
  if (x.is == ec::ok) return json_text(ordered_answer(x, plan, ended).dump());
  return refusal_answer(x, plan);
}

std::optional<problem> place_lines(std::vector<wanted_item>& items, const seat_plan& plan) {
  for (auto& x : items) {
    auto type = plan.find_type(x.type);
    if (!type) {
      auto text = std::string{answer_to(ec::ticket_type_unknown).text} + ": " + to_string(x.type);
      return problem{ec::ticket_type_unknown, text};
    }
    x.block_no = type->block_no;
  }
  return std::nullopt;
}

void on_order(shop& s, const exchange_ptr& x) {
  auto wanted = read_order(*x);
  if (!wanted) {
    x->fail(wanted.error());
    return;
  }
  creation what{wanted->event, {}, wanted->key, digest_of(*wanted)};
  for (auto& line : wanted->lines) what.items.push_back({{}, unplaced, line.type, line.quantity});
  hold_for_caller(s, x, std::move(what), {place_lines, order_answer});
}

} // namespace

void add_standing_routes(shop& s, std::vector<route>& out) {
  route_group tickets{s, out, "tickets"};
  tickets
    .get("/api/tickets/event/{eventId}", "listTicketTypes",
         "An event's ticket types with what is left of them.")
    .gives(schemas::ticket_types)
    .fails({ec::unavailable})
    .runs(on_types);
  tickets
    .get("/api/tickets/availability/{ticketTypeId}", "getAvailability",
         "What is left of a ticket type.")
    .gives(schemas::availability)
    .fails({ec::ticket_type_unknown, ec::unavailable})
    .runs(on_availability);
  route_group reservations{s, out, "reservations"};
  reservations
    .post("/api/reservations", "orderTickets", "Holds standing tickets, all lines or none.")
    .user()
    .gated()
    .takes(schemas::order_request)
    .gives(schemas::order_response)
    .fails({ec::event_unknown, ec::ticket_type_unknown, ec::sale_closed, ec::hold_limit,
            ec::quantity_short, ec::idempotency_conflict, ec::busy, ec::unavailable, ec::unknown})
    .fails_as(503, "SALES_STOPPED")
    .runs(on_order);
}

} // namespace tk::http
