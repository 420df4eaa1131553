#include <algorithm>
#include <limits>

#include <caf/all.hpp>

#include "actors/waiting_room/port.hpp"
#include "http/api/queue_schemas.hpp"
#include "http/api/route_group.hpp"
#include "http/api/shop.hpp"
#include "http/api/views.hpp"
#include "http/json.hpp"
#include "supervisors/reply_once.hpp"
#include "supervisors/router.hpp"

/// The waiting room of an event, as people see it (contract 2.8, 4.1).
namespace tk::http {

namespace {

constexpr millis room_budget{5000};
constexpr int poll_when_inside_s = 3;
constexpr char visitor_cookie[] = "tiketi-visitor";
constexpr char entry_cookie[] = "urr-entry-token";

/// Who asks about which event.
struct question {
  event_id event;
  user_id user;
  queue_ticket ticket;      ///< As the browser shows it; none without one.
  bool new_visitor = false; ///< Is to be told who they are (D12).
};

question question_of(shop& s, const exchange_ptr& x) {
  question out;
  out.event = x->id_param<event_id>("eventId");
  if (x->who()) {
    out.user = x->user();
  } else { // D12: the route lets in whoever has not signed in.
    auto shown = x->req().cookie(visitor_cookie).value_or(std::string_view{});
    auto known = parse_id<user_id>(shown);
    out.new_visitor = !known;
    out.user = known ? *known : make_id<user_id>(*s.node.random);
  }
  if (auto text = x->req().cookie(queue_tickets::cookie_name(out.event)))
    if (auto ticket = s.queue.tickets.open(*text, out.event, out.user)) out.ticket = *ticket;
  return out;
}

// -- telling --------------------------------------------------------------------------------------

json info_json(const event_title& x) {
  return {{"title", x.title}, {"artist", x.artist ? json(*x.artist) : json()}};
}

json waiting_json(const event_title& title, uint32_t ahead, const queue_reply& x) {
  return {{"queued", true},
          {"status", "queued"},
          {"position", ahead + 1},
          {"peopleAhead", ahead},
          {"peopleBehind", x.behind},
          {"estimatedWait", x.wait_s},
          {"nextPoll", next_poll_s(ahead + 1)},
          {"threshold", x.threshold},
          {"currentUsers", x.active},
          {"queueSize", x.waiting},
          {"eventInfo", info_json(title)}};
}

/// What the room would say, as far as its board tells.
queue_reply told_by(const seen_place& x) {
  queue_reply out;
  out.state = queue_state::queued;
  out.ahead = x.ahead;
  out.waiting = x.board->waiting();
  out.behind = out.waiting > out.ahead ? out.waiting - out.ahead - 1 : 0;
  out.active = x.board->active;
  out.threshold = x.board->threshold;
  out.wait_s = estimated_wait_s(x.board->pace, out.ahead + 1);
  return out;
}

void add_cookie(const shop& s, answer& out, std::string_view name, std::string_view value,
                std::string_view path, long life_s, bool http_only) {
  out.cookies.push_back(
    to_string(cookie{name, value, path, life_s, http_only, s.cookie_secure, "Strict"}));
}

void add_visitor(const shop& s, answer& out, const question& q) {
  constexpr long day_s = 86'400;
  if (q.new_visitor) add_cookie(s, out, visitor_cookie, to_string(q.user), "/", day_s, true);
}

/// A pass for a slot (1.8), which never outlives it.
std::string pass_for(const shop& s, const question& q, const queue_reply& x, instant now) {
  auto until = std::min(now + s.queue.pass_life, x.slot_end);
  return issue_entry({q.event, q.user, x.ticket.generation, x.admission}, s.queue.pass_key, now,
                     until);
}

answer inside_answer(const shop& s, const question& q, const queue_reply& x,
                     const event_title& title) {
  auto pass = pass_for(s, q, x, s.node.clock->now());
  json body = {{"queued", false},
               {"status", "active"},
               {"currentUsers", x.active},
               {"threshold", x.threshold},
               {"nextPoll", poll_when_inside_s},
               {"message", "Entry allowed"},
               {"eventInfo", info_json(title)},
               {"entryToken", pass}};
  auto out = json_text(body.dump());
  constexpr long pass_cookie_s = 600;
  add_cookie(s, out, entry_cookie, pass, "/", pass_cookie_s, false); // D2.
  add_cookie(s, out, queue_tickets::cookie_name(q.event), "", "/api", 0, true);
  return out;
}

answer waiting_answer(const shop& s, const question& q, const queue_reply& x,
                      const event_title& title) {
  auto out = json_text(waiting_json(title, x.ahead, x).dump());
  constexpr long ticket_life_s = 86'400;
  if (x.ticket != q.ticket)
    add_cookie(s, out, queue_tickets::cookie_name(q.event),
               s.queue.tickets.sign(q.event, q.user, x.ticket), "/api", ticket_life_s, true);
  return out;
}

answer absent_answer(const queue_reply& x, const event_title& title) {
  json body = {{"queued", false},
               {"status", "not_in_queue"},
               {"currentUsers", x.active},
               {"threshold", x.threshold},
               {"nextPoll", poll_when_inside_s},
               {"message", "Not in queue"},
               {"eventInfo", info_json(title)}};
  return json_text(body.dump());
}

void tell(const shop& s, const exchange_ptr& x, const question& q, const queue_reply& r,
          const event_title& title) {
  auto out = r.state == queue_state::active   ? inside_answer(s, q, r, title)
             : r.state == queue_state::queued ? waiting_answer(s, q, r, title)
                                              : absent_answer(r, title);
  add_visitor(s, out, q);
  x->respond(std::move(out));
}

// -- asking ---------------------------------------------------------------------------------------

/// Asks the room; `then` hears its answer when it is none of its refusals.
void ask_room(shop& s, caf::event_based_actor* self, const exchange_ptr& x, const question& q,
              const check_queue& what, std::function<void(const queue_reply&)> then) {
  ask<waiting_room_actor>(self, s.node, room_key(q.event), std::min(room_budget, time_for(*x)),
                          what)
    .then(
      [&s, x, q, then](const queue_reply& r) {
        if (r.is != ec::ok) {
          x->fail(r.is);
          return;
        }
        s.queue.front.note(q.event, r.ticket.epoch, r.version);
        then(r);
      },
      [x](const caf::error& e) { x->fail(to_ec(e)); });
}

/// What to do with whoever has to be asked of the room, once the event is known.
using asking = void (*)(shop&, caf::event_based_actor*, const exchange_ptr&, const question&,
                        const event_title&);

/// Where the caller stands, from the board when it tells, else by `ask_them`.
void answer_standing(shop& s, const exchange_ptr& x, asking ask_them) {
  auto q = question_of(s, x);
  if (auto title = s.queue.titles.find(q.event)) {
    if (auto seen = s.queue.front.look(q.event, q.ticket)) {
      x->respond(json_text(waiting_json(*title, seen->ahead, told_by(*seen)).dump()));
      return;
    }
  }
  s.pool.run([&s, x, q, ask_them](caf::event_based_actor* self) {
    s.queue.titles.with(self, s.store, q.event,
                        [&s, self, x, q, ask_them](ec is, const event_title& title) {
                          if (is == ec::ok) ask_them(s, self, x, q, title);
                          else x->fail(is);
                        });
  });
}

answer gate_refusal(event_id event) {
  auto where = R"(,"redirectTo":"/vwr/)" + to_string(event) + '"';
  return error_answer(ec::gate_token_required, {}, where);
}

/// The caller's number of the gate, over all its activations, by the tier-1 token of this event
/// (D33). The header wins over the cookie, as with entry tokens.
std::optional<uint32_t> gate_number_of(const shop& s, const exchange& x, event_id event) {
  auto text = x.req().header("x-vwr-token");
  if (text.empty()) text = x.req().cookie("urr-vwr-token").value_or(std::string_view{});
  if (text.empty()) return std::nullopt;
  auto claims = verify_gate(text, s.gate.token_key, s.node.clock->now());
  if (!claims || claims->event != event) return std::nullopt;
  constexpr int64_t most = std::numeric_limits<uint32_t>::max();
  return static_cast<uint32_t>(std::min(claims->order, most));
}

/// Joins, unless the event has a gate that the caller has not come through (D33). Whoever waits or
/// is inside already is not asked again.
void join_or_look(shop& s, caf::event_based_actor* self, const exchange_ptr& x, const question& q,
                  const event_title& title) {
  s.gate.front.with(self, q.event, [&s, self, x, q, title](ec is, const gate_board_ptr& board) {
    if (!board) {
      x->fail(is);
      return;
    }
    auto number = gate_number_of(s, *x, q.event);
    bool join = number || !board->state.active;
    const check_queue what{q.user, number.value_or(0), q.ticket, join};
    ask_room(s, self, x, q, what, [&s, x, q, title, join](const queue_reply& r) {
      if (!join && r.state == queue_state::absent) x->respond(gate_refusal(q.event));
      else tell(s, x, q, r, title);
    });
  });
}

void only_look(shop& s, caf::event_based_actor* self, const exchange_ptr& x, const question& q,
               const event_title& title) {
  ask_room(s, self, x, q, {q.user, 0, q.ticket, false},
           [&s, x, q, title](const queue_reply& r) { tell(s, x, q, r, title); });
}

void on_check(shop& s, const exchange_ptr& x) { answer_standing(s, x, join_or_look); }

void on_status(shop& s, const exchange_ptr& x) { answer_standing(s, x, only_look); }

void tell_alive(const exchange_ptr& x, queue_state state) {
  auto text = state == queue_state::queued   ? R"({"status":"queued","queued":true})"
              : state == queue_state::active ? R"({"status":"active","queued":false})"
                                             : R"({"status":"not_in_queue","queued":false})";
  x->respond(json_text(text));
}

void on_heartbeat(shop& s, const exchange_ptr& x) {
  auto q = question_of(s, x);
  if (s.queue.front.look(q.event, q.ticket)) return tell_alive(x, queue_state::queued);
  s.pool.run([&s, x, q](caf::event_based_actor* self) {
    ask_room(s, self, x, q, {q.user, 0, q.ticket, false},
             [x](const queue_reply& r) { tell_alive(x, r.state); });
  });
}

void tell_left(const shop& s, const exchange_ptr& x, const question& q) {
  auto out = json_text(R"({"message":"Left queue"})");
  add_cookie(s, out, queue_tickets::cookie_name(q.event), "", "/api", 0, true);
  x->respond(std::move(out));
}

void on_leave(shop& s, const exchange_ptr& x) {
  auto q = question_of(s, x);
  s.pool.run([&s, x, q](caf::event_based_actor* self) {
    ask<waiting_room_actor>(self, s.node, room_key(q.event), std::min(room_budget, time_for(*x)),
                            leave_queue{q.user})
      .then(
        [&s, x, q](const queue_left& r) {
          if (r.is == ec::ok) tell_left(s, x, q);
          else x->fail(r.is);
        },
        [&s, x, q](const caf::error& e) {
          if (to_ec(e) == ec::event_unknown) tell_left(s, x, q); // Always (2.8).
          else x->fail(to_ec(e));
        });
  });
}

const std::vector<ec> room_errors = {ec::event_unknown, ec::busy,    ec::unavailable,
                                     ec::late,          ec::unknown, ec::internal};

} // namespace

void add_queue_routes(shop& s, std::vector<route>& out) {
  route_group group{s, out, "queue"};
  auto level = s.queue.anonymous ? access::public_ : access::user;
  auto joining = room_errors;
  joining.push_back(ec::queue_full);
  joining.push_back(ec::gate_token_required);
  group
    .post("/api/queue/check/{eventId}", "joinQueue",
          "Joins the waiting room of an event, or tells where one stands.")
    .level(level)
    .personal()
    .gives(schemas::queue_standing)
    .query("vwrPosition", R"({"type":"integer"})",
           "Ignored: only the position in a tier-1 token counts.")
    .fails(joining)
    .runs(on_check);
  group.get("/api/queue/status/{eventId}", "queueStatus", "Where one stands; a sign of life.")
    .level(level)
    .personal()
    .gives(schemas::queue_standing)
    .fails(room_errors)
    .runs(on_status);
  group.post("/api/queue/heartbeat/{eventId}", "queueHeartbeat", "A sign of life.")
    .level(level)
    .personal()
    .gives(schemas::queue_alive)
    .fails(room_errors)
    .runs(on_heartbeat);
  group.post("/api/queue/leave/{eventId}", "leaveQueue", "Gives up place and slot.")
    .level(level)
    .personal()
    .gives(schemas::queue_message)
    .fails({ec::busy, ec::unavailable, ec::late, ec::unknown, ec::internal})
    .runs(on_leave);
}

} // namespace tk::http
