#include <caf/all.hpp>

#include "http/api/route_group.hpp"
#include "http/api/schemas.hpp"
#include "http/api/shop.hpp"
#include "http/api/views.hpp"
#include "http/json.hpp"
#include "supervisors/node.hpp"
#include "supervisors/reply_once.hpp"
#include "supervisors/reservation_forms.hpp"

/// Issued tickets: one's own, the door, and the keys that verify them offline (G03).
namespace tk::http {

namespace {

constexpr millis admission_budget{3000}; ///< Of the ledger, which answers sooner.
constexpr millis submit_budget{1500};

void on_my_tickets(shop& s, const exchange_ptr& x) {
  auto page = read_page(x->req(), 20);
  if (!page) {
    x->fail(page.error());
    return;
  }
  s.pool.run([&s, x, page = *page](caf::event_based_actor* self) {
    self->request(s.store, store_budget, list_tickets{x->user(), page.limit, page.offset()})
      .then(
        [&s, x, page](const ticket_page& found) {
          if (refuse_revoked(x, found.tokens)) return;
          json out = {{"tickets", json::array()}};
          for (auto& row : found.rows) {
            std::optional<std::string> code;
            if (row.status == "valid" || row.status == "used")
              code = s.codes.sign({row.id, row.event, row.number});
            out["tickets"].push_back(ticket_row(row, code));
          }
          out["pagination"] = pagination(page, found.total);
          x->respond(json_text(out.dump()));
        },
        [x](caf::error& e) { x->fail(to_ec(e)); });
  });
}

void on_keys(shop& s, const exchange_ptr& x) { x->respond(json_text(s.codes.key_set())); }

/// A scan at a door.
struct scan {
  ticket_facts says;
  std::optional<event_id> event; ///< Of the door, when it named one.
  std::string key;
};

void tell_door(const exchange_ptr& x, bool valid, std::string_view reason,
               const ticket_view* ticket) {
  json out = {{"valid", valid}, {"reason", reason}, {"ticket", nullptr}};
  if (ticket) out["ticket"] = door_ticket(*ticket);
  x->respond(json_text(out.dump()));
}

void tell_verdict(const exchange_ptr& x, ticket_view ticket, const verdict& v) {
  if (v.used_at != instant{}) {
    ticket.status = "used";
    ticket.used_at = v.used_at;
  }
  switch (v.is) {
  case outcome::ok:
  case outcome::done: return tell_door(x, true, "admitted", &ticket);
  case outcome::used: return tell_door(x, false, "already_used", &ticket);
  case outcome::voided:
    if (ticket.status != "transferred") ticket.status = "cancelled"; // Since it was read.
    return tell_door(x, false, ticket.status, &ticket);
  case outcome::no_ticket: return tell_door(x, false, "unknown_ticket", nullptr);
  default: x->fail(to_ec(v.is));
  }
}

void admit(shop& s, caf::event_based_actor* self, const exchange_ptr& x, const scan& what,
           const ticket_view& ticket) {
  if (suspended(s.node)) {
    x->fail(ec::unavailable);
    return;
  }
  admit_ticket op_of{what.says.id, ticket.reservation, what.key, x->user()};
  self
    ->request(s.node.ledger, admission_budget,
              submit{std::make_shared<const op>(op_of), s.node.clock->now() + submit_budget})
    .then([x, ticket](const verdict& v) { tell_verdict(x, ticket, v); },
          [x](caf::error&) { x->fail(ec::unknown); });
}

void look_up(shop& s, const exchange_ptr& x, const scan& what) {
  s.pool.run([&s, x, what](caf::event_based_actor* self) {
    self->request(s.store, store_budget, find_ticket{what.says.id, x->user()})
      .then(
        [&s, self, x, what](const found_ticket& found) {
          if (refuse_revoked(x, found.tokens)) return;
          if (!found.found) return tell_door(x, false, "unknown_ticket", nullptr);
          if (what.event && *what.event != found.row.event)
            return tell_door(x, false, "other_event", &found.row);
          admit(s, self, x, what, found.row);
        },
        [x](caf::error& e) { x->fail(to_ec(e)); });
  });
}

/// The key of a scan is the scanner's, within its user: others may use the same.
std::string scan_key(shop& s, const exchange_ptr& x, const std::string& named) {
  auto own = named.empty() ? to_string(make_id<request_id>(*s.node.random)) : named;
  return token_hash(to_string(x->user()) + own);
}

void on_verify(shop& s, const exchange_ptr& x) {
  constexpr size_t code_max = 512;
  auto body = read_object(x->req());
  if (!body) {
    x->fail(body.error());
    return;
  }
  fields form{*body};
  auto code = form.text("qr", code_max);
  auto event = form.optional_uuid<event_id>("eventId");
  if (auto& failed = form.failed()) {
    x->fail(*failed);
    return;
  }
  auto key = idempotency_key(x->req(), *body);
  if (!key) {
    x->fail(key.error());
    return;
  }
  auto says = s.codes.open(code);
  if (!says) return tell_door(x, false, "invalid_code", nullptr);
  look_up(s, x, {*says, event, scan_key(s, x, *key)});
}

} // namespace

void add_ticket_routes(shop& s, std::vector<route>& out) {
  route_group group{s, out, "tickets"};
  group.get("/api/tickets/my", "listMyTickets", "The caller's tickets, newest first.")
    .user()
    .query("page", R"({"type":"integer","default":1})", "From 1; clamped.")
    .query("limit", R"({"type":"integer","default":20})", "1 to 100; clamped.")
    .gives(schemas::ticket_page)
    .fails({ec::unavailable})
    .runs(on_my_tickets);
  group.get("/api/tickets/keys", "listTicketKeys", "Public keys that verify ticket codes offline.")
    .gives(schemas::ticket_keys)
    .runs(on_keys);
  group
    .post("/api/admin/tickets/verify", "verifyTicket",
          "Checks a ticket's code at the door and lets it in, once.")
    .admin()
    .takes(schemas::verify_ticket_request)
    .gives(schemas::verify_ticket_response)
    .fails({ec::busy, ec::unavailable, ec::unknown})
    .runs(on_verify);
}

} // namespace tk::http
