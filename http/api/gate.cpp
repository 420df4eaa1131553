#include <caf/all.hpp>

#include "actors/gate/port.hpp"
#include "http/api/gate_schemas.hpp"
#include "http/api/route_group.hpp"
#include "http/api/shop.hpp"
#include "http/api/views.hpp"
#include "http/json.hpp"
#include "http/waiting_page.hpp"
#include "supervisors/reply_once.hpp"
#include "supervisors/router.hpp"

/// The gate of an event, as people see it (contract 2.10, 4.2). Whoever waits is answered from the
/// gate's board and the request id they show; the gate hears of nobody but those who come.
namespace tk::http {

namespace {

constexpr millis gate_budget{5000};
constexpr size_t user_max = 200;
constexpr char nobody[] = "anonymous";

// -- assign ---------------------------------------------------------------------------------------

/// What a browser is told of its position, with the proof that it is this browser's (G48).
answer assigned_answer(const shop& s, event_id event, request_id id, const std::string& user,
                       int64_t position, int64_t ahead, int64_t serving) {
  json body = {{"requestId", to_string(id)},
               {"position", position},
               {"estimatedWait", gate_wait_s(ahead)},
               {"servingCounter", serving}};
  auto out = json_text(body.dump());
  constexpr long day_s = 86'400;
  auto name = gate_ids::cookie_name(event);
  auto proof = s.gate.ids.proof(event, id, user);
  out.cookies.push_back(
    to_string(cookie{name, proof, "/vwr-api", day_s, true, s.cookie_secure, "Strict"}));
  return out;
}

void assign_new(shop& s, caf::event_based_actor* self, const exchange_ptr& x, event_id event,
                const std::string& user) {
  ask<gate_actor>(self, s.node, gate_key(event), std::min(gate_budget, time_for(*x)),
                  assign_position{})
    .then(
      [&s, x, event, user](const assigned_position& r) {
        if (r.is != ec::ok) {
          x->fail(r.is);
          return;
        }
        s.gate.front.note(event, r.activation);
        auto id = s.gate.ids.make(event, r.activation, r.position, s.node.clock->now());
        x->respond(assigned_answer(s, event, id, user, r.position, r.ahead, r.serving));
      },
      [x](const caf::error& e) {
        auto why = to_ec(e);
        x->fail(why == ec::event_unknown ? ec::gate_closed : why);
      });
}

/// The same browser under the same name has a place already: it is told that one again. Whoever
/// gives no name gets a new one each time.
void assign(shop& s, const exchange_ptr& x, const std::string& user) {
  auto event = x->id_param<event_id>("eventId");
  std::optional<request_id> known;
  if (auto proof = x->req().cookie(gate_ids::cookie_name(event)); proof && user != nobody)
    known = s.gate.ids.proven(*proof, event, user);
  s.pool.run([&s, x, event, user, known](caf::event_based_actor* self) {
    if (!known) return assign_new(s, self, x, event, user);
    s.gate.front.with(
      self, event, [&s, self, x, event, user, known](ec, const gate_board_ptr& board) {
        auto place =
          board && board->state.active
            ? s.gate.ids.open(*known, event, board->state.activation, s.node.clock->now())
            : std::nullopt;
        if (!place) return assign_new(s, self, x, event, user);
        x->respond(assigned_answer(s, event, *known, user, *place, people_to(board->state, *place),
                                   board->state.serving));
      });
  });
}

answer too_often(int64_t wait_ms) {
  auto out = error_answer(ec::rate_limited);
  constexpr int64_t second_ms = 1000;
  out.retry_after_s = static_cast<int>((wait_ms + second_ms - 1) / second_ms);
  return out;
}

void on_assign(shop& s, const exchange_ptr& x) {
  auto now = exchange::steady::now().time_since_epoch();
  auto now_ms = std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
  if (auto wait_ms = s.gate.bursts.take(x->req().client, now_ms); wait_ms > 0) {
    x->respond(too_often(wait_ms));
    return;
  }
  auto body = read_object(x->req());
  if (!body) {
    x->fail(body.error());
    return;
  }
  fields form{*body};
  auto user = form.optional_text("userId", user_max).value_or(nobody);
  if (form.failed()) {
    x->fail(*form.failed());
    return;
  }
  assign(s, x, user.empty() ? nobody : user);
}

// -- check ----------------------------------------------------------------------------------------

struct question {
  event_id event;
  request_id id;
  std::string user;
};

answer waiting_answer(const gate_board& board, int64_t position) {
  auto ahead = people_to(board.state, position);
  json body = {{"admitted", false},
               {"position", position},
               {"servingCounter", board.state.serving},
               {"totalInQueue", std::max(board.state.told, position)},
               {"ahead", ahead},
               {"estimatedWait", gate_wait_s(ahead)},
               {"nextPoll", gate_poll_s(ahead)}};
  return json_text(body.dump());
}

answer admitted_answer(const shop& s, const question& q, const gate_board& board,
                       int64_t position) {
  gate_claims claims;
  claims.event = q.event;
  claims.user = q.user;
  claims.position = position;
  claims.order = board.state.order_base + position;
  json body = {{"admitted", true},
               {"position", position},
               {"servingCounter", board.state.serving},
               {"totalInQueue", std::max(board.state.told, position)},
               {"ahead", 0},
               {"token", issue_gate(claims, s.gate.token_key, s.node.clock->now())}};
  return json_text(body.dump());
}

void check(shop& s, const exchange_ptr& x, const question& q, const gate_board& board) {
  auto& state = board.state;
  auto place = s.gate.ids.open(q.id, q.event, state.activation, s.node.clock->now());
  if (state.activation == 0 || !place) {
    x->fail(ec::gate_position_unknown);
    return;
  }
  if (board.passes(*place)) {
    x->respond(admitted_answer(s, q, board, *place));
    return;
  }
  s.gate.front.hear(board, *place);
  x->respond(waiting_answer(board, *place));
}

/// Whether the browser has shown that the request id was given to it, or need not.
bool bound(const shop& s, const exchange& x, const question& q) {
  if (!s.gate.bind_browser) return true;
  auto proof = x.req().cookie(gate_ids::cookie_name(q.event));
  return proof && s.gate.ids.proven(*proof, q.event) == q.id;
}

void on_check(shop& s, const exchange_ptr& x) {
  question q;
  q.event = x->id_param<event_id>("eventId");
  q.id = x->id_param<request_id>("requestId");
  auto user = read_text_query(x->req(), "userId", user_max);
  if (!user) {
    x->fail(user.error());
    return;
  }
  q.user = user->empty() ? nobody : *user;
  if (!bound(s, *x, q)) {
    x->fail(ec::gate_position_unknown);
    return;
  }
  if (auto board = s.gate.front.look(q.event)) return check(s, x, q, *board);
  s.pool.run([&s, x, q](caf::event_based_actor* self) {
    s.gate.front.with(self, q.event, [&s, x, q](ec is, const gate_board_ptr& board) {
      if (board) check(s, x, q, *board);
      else x->fail(is == ec::event_unknown ? ec::gate_position_unknown : is);
    });
  });
}

// -- status ---------------------------------------------------------------------------------------

void tell_status(const exchange_ptr& x, const gate_board& board) {
  auto& state = board.state;
  if (state.activation == 0) {
    x->fail(ec::gate_unknown);
    return;
  }
  json body = {{"eventId", to_string(board.event)},
               {"isActive", state.active},
               {"totalInQueue", state.told},
               {"serving", state.serving},
               {"waitingCount", board.waiting()}};
  x->respond(json_text(body.dump()));
}

void on_status(shop& s, const exchange_ptr& x) {
  auto event = x->id_param<event_id>("eventId");
  if (auto board = s.gate.front.look(event)) return tell_status(x, *board);
  s.pool.run([&s, x, event](caf::event_based_actor* self) {
    s.gate.front.with(self, event, [x](ec is, const gate_board_ptr& board) {
      if (board) tell_status(x, *board);
      else x->fail(is == ec::event_unknown ? ec::gate_unknown : is);
    });
  });
}

} // namespace

void add_gate_routes(shop& s, std::vector<route>& out) {
  route_group group{s, out, "gate"};
  const std::vector<ec> trouble = {ec::busy, ec::unavailable, ec::late, ec::unknown, ec::internal};
  auto with = [&trouble](std::vector<ec> more) {
    more.insert(more.end(), trouble.begin(), trouble.end());
    return more;
  };
  group
    .post("/vwr-api/vwr/assign/{eventId}", "assignPosition",
          "Takes the next position before an event.")
    .personal()
    .takes(schemas::gate_assign)
    .gives(schemas::gate_assigned)
    .fails(with({ec::gate_closed, ec::queue_full}))
    .runs(on_assign);
  group
    .get("/vwr-api/vwr/check/{eventId}/{requestId:str}", "checkPosition",
         "Where a position stands; with a token when it is its turn.")
    .personal()
    .query("userId", R"({"type":"string","maxLength":200})", "The name in the token.")
    .gives(schemas::gate_checked)
    .fails(with({ec::gate_position_unknown}))
    .runs(on_check);
  group.get("/vwr-api/vwr/status/{eventId}", "gateStatus", "How many wait before an event.")
    .gives(schemas::gate_status)
    .fails(with({ec::gate_unknown}))
    .runs(on_status);
  add_waiting_page_routes(out);
}

} // namespace tk::http
