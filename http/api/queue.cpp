#include <algorithm>
#include <limits>

#include <caf/all.hpp>

#include "actors/session/port.hpp"
#include "actors/waiting_room/port.hpp"
#include "http/api/queue_schemas.hpp"
#include "http/api/queue_stream.hpp"
#include "http/api/queue_views.hpp"
#include "http/api/route_group.hpp"
#include "http/api/shop.hpp"
#include "http/api/stream_schemas.hpp"
#include "supervisors/reply_once.hpp"
#include "supervisors/router.hpp"

/// The waiting room of an event, as people see it (contract 2.8, 4.1).
namespace tk::http {

namespace {

constexpr millis room_budget{5000};
constexpr char visitor_cookie[] = "tiketi-visitor";
constexpr char entry_cookie[] = "urr-entry-token";

/// Who asks about which event.
struct question {
  event_id event;
  user_id user;
  queue_ticket ticket;      ///< As the browser shows it; none without one.
  bool new_visitor = false; ///< Is to be told who they are (D12).
};

/// A visitor's id is of uuid version 8, users' are of version 4: nobody passes for a user by
/// writing the cookie.
constexpr uint64_t version_bits = 0xf000, visitor_version = 0x8000;

std::optional<user_id> visitor_of(const exchange& x) {
  auto id = parse_id<user_id>(x.req().cookie(visitor_cookie).value_or(std::string_view{}));
  return id && (id->hi & version_bits) == visitor_version ? id : std::nullopt;
}

user_id new_visitor(entropy& random) {
  auto out = make_id<user_id>(random);
  out.hi = (out.hi & ~version_bits) | visitor_version;
  return out;
}

question question_of(shop& s, const exchange_ptr& x) {
  question out;
  out.event = x->id_param<event_id>("eventId");
  if (x->who()) {
    out.user = x->user();
  } else { // D12: the route lets in whoever has not signed in.
    auto known = visitor_of(*x);
    out.new_visitor = !known;
    out.user = known ? *known : new_visitor(*s.node.random);
  }
  if (auto text = x->req().cookie(queue_tickets::cookie_name(out.event)))
    if (auto ticket = s.queue.tickets.open(*text, out.event, out.user)) out.ticket = *ticket;
  return out;
}

// -- telling --------------------------------------------------------------------------------------

void add_cookie(const shop& s, answer& out, std::string_view name, std::string_view value,
                std::string_view path, long life_s, bool http_only) {
  out.cookies.push_back(
    to_string(cookie{name, value, path, life_s, http_only, s.cookie_secure, "Strict"}));
}

void add_visitor(const shop& s, answer& out, const question& q) {
  constexpr long day_s = 86'400;
  if (q.new_visitor) add_cookie(s, out, visitor_cookie, to_string(q.user), "/", day_s, true);
}

answer inside_answer(const shop& s, const question& q, const queue_reply& x,
                     const event_title& title) {
  auto pass = pass_for(s.queue, q.event, q.user, x, s.node.clock->now());
  auto out = json_text(inside_json(title, x, pass).dump());
  constexpr long pass_cookie_s = 600;
  add_cookie(s, out, entry_cookie, pass, "/", pass_cookie_s, false); // D2.
  add_cookie(s, out, queue_tickets::cookie_name(q.event), "", "/api", 0, true);
  return out;
}

/// Whoever waits is given a ticket that they do not have yet.
void add_ticket(const shop& s, answer& out, const question& q, const queue_ticket& given) {
  constexpr long ticket_life_s = 86'400;
  if (given != q.ticket)
    add_cookie(s, out, queue_tickets::cookie_name(q.event),
               s.queue.tickets.sign(q.event, q.user, given), "/api", ticket_life_s, true);
}

answer waiting_answer(const shop& s, const question& q, const queue_reply& x,
                      const event_title& title) {
  auto out = json_text(waiting_text(x, room_text(title, x), s.node.clock->now()));
  add_ticket(s, out, q, x.ticket);
  return out;
}

void tell(const shop& s, const exchange_ptr& x, const question& q, const queue_reply& r,
          const event_title& title) {
  auto out = r.state == queue_state::active   ? inside_answer(s, q, r, title)
             : r.state == queue_state::absent ? json_text(absent_json(title, r).dump())
                                              : waiting_answer(s, q, r, title);
  add_visitor(s, out, q);
  x->respond(std::move(out));
}

/// A room that cannot be had now has a text of its own (1.5).
void refuse(const exchange_ptr& x, ec why) {
  const bool only_looked = !changes_state(x->req().verb);
  if (why == ec::unavailable || (why == ec::unknown && only_looked))
    x->fail({ec::unavailable, "Queue service temporarily unavailable. Please retry."});
  else x->fail(why);
}

// -- asking ---------------------------------------------------------------------------------------

/// Asks the room; what may give a place, by way of the session where one person waits for one event
/// at a time (C8).
template <class OnReply, class OnError>
void ask_where(shop& s, caf::event_based_actor* self, event_id event, bool signed_in, millis budget,
               const check_queue& what, OnReply on_reply, OnError on_error) {
  bool may_get_place = what.join || !what.ticket.place.none();
  if (!s.queue.one_per_user || !signed_in || !may_get_place)
    return ask<waiting_room_actor>(self, s.node, room_key(event), budget, what)
      .then(on_reply, on_error);
  ask<session_actor>(self, s.node, key_of(what.user), budget,
                     join_queue{event, what.gate_number, what.ticket, what.join})
    .then(on_reply, on_error);
}

/// Asks the room; `then` hears its answer when it is none of its refusals.
void ask_room(shop& s, caf::event_based_actor* self, const exchange_ptr& x, const question& q,
              const check_queue& what, std::function<void(const queue_reply&)> then) {
  ask_where(
    s, self, q.event, x->who().has_value(), std::min(room_budget, time_for(*x)), what,
    [&s, x, q, then](const queue_reply& r) {
      if (r.is != ec::ok) {
        refuse(x, r.is);
        return;
      }
      s.queue.front.note(q.event, r.ticket.epoch, r.version);
      then(r);
    },
    [x](const caf::error& e) { refuse(x, to_ec(e)); });
}

/// What to do with whoever waits as far as the board tells.
using telling = void (*)(shop&, const exchange_ptr&, const question&, const event_title&,
                         const queue_reply&);
/// What to do with whoever has to be asked of the room, once the event is known.
using asking = void (*)(shop&, caf::event_based_actor*, const exchange_ptr&, const question&,
                        const event_title&);

/// Where the caller stands, from the board when it tells, else by `ask_them`.
void find_standing(shop& s, const exchange_ptr& x, telling tell_them, asking ask_them) {
  auto q = question_of(s, x);
  if (auto title = s.queue.titles.find(q.event))
    if (auto seen = s.queue.front.look(q.event, q.ticket))
      return tell_them(s, x, q, *title, told_by(*seen->board, seen->ahead, q.ticket));
  s.pool.run([&s, x, q, ask_them](caf::event_based_actor* self) {
    s.queue.titles.with(self, s.store, q.event,
                        [&s, self, x, q, ask_them](ec is, const event_title& title) {
                          if (is == ec::ok) ask_them(s, self, x, q, title);
                          else refuse(x, is);
                        });
  });
}

void still_waiting(shop& s, const exchange_ptr& x, const question&, const event_title& title,
                   const queue_reply& r) {
  x->respond(json_text(waiting_text(r, room_text(title, r), s.node.clock->now())));
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
      refuse(x, is);
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

void on_check(shop& s, const exchange_ptr& x) { find_standing(s, x, still_waiting, join_or_look); }

void on_status(shop& s, const exchange_ptr& x) { find_standing(s, x, still_waiting, only_look); }

// -- streams --------------------------------------------------------------------------------------

/// What a stream asks the room after its request was answered.
void ask_for_stream(shop& s, event_id event, user_id user, bool signed_in,
                    const queue_ticket& ticket, const queue_stream::letter_box_ptr& box) {
  s.pool.run([&s, event, user, signed_in, ticket, box](caf::event_based_actor* self) {
    auto put = [box](const queue_reply& r) {
      std::lock_guard guard{box->mutex};
      box->reply = r;
    };
    ask_where(
      s, self, event, signed_in, room_budget, check_queue{user, 0, ticket, false},
      [&s, event, put](const queue_reply& r) {
        if (r.is == ec::ok) s.queue.front.note(event, r.ticket.epoch, r.version);
        put(r);
      },
      [put](const caf::error& e) {
        queue_reply failed;
        failed.is = to_ec(e);
        put(failed);
      });
  });
}

/// Whether a token that was issued at `issued_at` is still good: a key that nobody has used comes
/// with the standing of its owner's tokens.
void look_at_token(shop& s, user_id user, instant issued_at,
                   const queue_stream::letter_box_ptr& box) {
  s.pool.run([&s, user, issued_at, box](caf::event_based_actor* self) {
    self->request(s.store, store_budget, find_key{user, "queue_stream", ""})
      .then(
        [issued_at, box](const found_key& found) {
          std::lock_guard guard{box->mutex};
          box->revoked = !found.tokens.user_known || issued_at <= found.tokens.revoked_before;
        },
        [](caf::error&) {
          // The next look will tell.
        });
  });
}

void open_stream(shop& s, const exchange_ptr& x, const question& q, const event_title& title,
                 const std::optional<queue_reply>& first) {
  queue_stream::listener who{q.event, q.user, q.ticket, std::nullopt};
  constexpr int signs = 3; // Before silence is noticed.
  who.alive_every = std::min(who.alive_every, s.node.queue.stale_after / signs);
  queue_stream::questions ask;
  ask.room = [&s, event = q.event, user = q.user, in = x->who().has_value()](
               auto& ticket, auto& box) { ask_for_stream(s, event, user, in, ticket, box); };
  if (x->who()) {
    who.token_end = from_ms(x->who()->expires_at_ms);
    ask.token = [&s, user = q.user, at = from_ms(x->who()->issued_at_ms)](auto& box) {
      look_at_token(s, user, at, box);
    };
    ask.refused = [&s, user = q.user, at = from_ms(x->who()->issued_at_ms)] {
      return s.node.revoked.refuses(user, at);
    };
  }
  auto feed =
    s.queue.streams.feed_of(q.event, *s.node.boards, *s.node.clock, s.queue.titles, title);
  auto stream = std::make_shared<queue_stream>(s.queue, *s.node.clock, std::move(feed), who,
                                               std::move(ask), first);
  s.queue.streams.add(q.user, stream->box());
  auto out = stream_answer(std::move(stream));
  if (first && !first->ticket.place.none()) add_ticket(s, out, q, first->ticket);
  add_visitor(s, out, q);
  x->respond(std::move(out));
}

void stream_from_board(shop& s, const exchange_ptr& x, const question& q, const event_title& title,
                       const queue_reply&) {
  open_stream(s, x, q, title, std::nullopt);
}

void stream_from_room(shop& s, caf::event_based_actor* self, const exchange_ptr& x,
                      const question& q, const event_title& title) {
  ask_room(s, self, x, q, {q.user, 0, q.ticket, false},
           [&s, x, q, title](const queue_reply& r) { open_stream(s, x, q, title, r); });
}

void on_stream(shop& s, const exchange_ptr& x) {
  find_standing(s, x, stream_from_board, stream_from_room);
}

// -- signs of life, leaving -----------------------------------------------------------------------

void tell_alive(const exchange_ptr& x, queue_state state) {
  auto text = state == queue_state::queued      ? R"({"status":"queued","queued":true})"
              : state == queue_state::pre_queue ? R"({"status":"pre_queue","queued":true})"
              : state == queue_state::active    ? R"({"status":"active","queued":false})"
                                                : R"({"status":"not_in_queue","queued":false})";
  x->respond(json_text(text));
}

void on_heartbeat(shop& s, const exchange_ptr& x) {
  auto q = question_of(s, x);
  if (auto seen = s.queue.front.look(q.event, q.ticket))
    return tell_alive(x, told_by(*seen->board, seen->ahead).state);
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
          else refuse(x, r.is);
        },
        [&s, x, q](const caf::error& e) {
          if (to_ec(e) == ec::event_unknown) tell_left(s, x, q); // Always (2.8).
          else refuse(x, to_ec(e));
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
  joining.push_back(ec::queue_elsewhere);
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
  group
    .get("/api/queue/stream/{eventId}", "streamQueue",
         "Where one stands, as it changes; a sign of life while it is open.")
    .level(level)
    .personal()
    .streams()
    .gives(schemas::queue_stream)
    .fails(room_errors)
    .runs(on_stream);
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
