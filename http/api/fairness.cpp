#include <caf/all.hpp>

#include "actors/waiting_room/draw.hpp"
#include "actors/waiting_room/port.hpp"
#include "http/api/queue_schemas.hpp"
#include "http/api/route_group.hpp"
#include "http/api/shop.hpp"
#include "http/api/views.hpp"
#include "http/fairness_page.hpp"
#include "http/json.hpp"
#include "supervisors/reply_once.hpp"
#include "supervisors/router.hpp"

/// What everybody may know of a draw: the commitment before it, seed and list after (C5;
/// docs/fair-draw.md).
namespace tk::http {

namespace {

constexpr millis room_budget{5000};
constexpr millis board_age_max{3000};

json draw_json(event_id event, const board_draw& x) {
  json out = {{"eventId", to_string(event)}, {"preQueue", x.wanted()}, {"drawn", x.drawn()}};
  if (!x.wanted()) return out;
  out["algorithm"] = "tiketi-draw-1";
  out["opensAt"] = to_iso_z(x.opens_at);
  out["commitment"] = to_hex(x.commitment);
  if (!x.drawn()) return out;
  out["seed"] = to_hex(x.seed);
  out["firstNumber"] = x.from;
  out["cutoff"] = x.cutoff;
  out["listDigest"] = to_hex(x.list);
  return out;
}

void on_fairness(shop& s, const exchange_ptr& x) {
  auto event = x->id_param<event_id>("eventId");
  // What was drawn stays; whatever else a board says may be older than the caller's last word.
  auto board = s.node.boards->find_room(event);
  if (board && board->draw.drawn() && s.node.clock->now() - board->made_at <= board_age_max) {
    x->respond(json_text(draw_json(event, board->draw).dump()));
    return;
  }
  s.pool.run([&s, x, event](caf::event_based_actor* self) {
    ask<waiting_room_actor>(self, s.node, room_key(event), std::min(room_budget, time_for(*x)),
                            steer_queue{})
      .then(
        [x, event](const queue_report& r) {
          if (r.is == ec::ok) x->respond(json_text(draw_json(event, r.draw).dump()));
          else x->fail(r.is);
        },
        [x](const caf::error& e) { x->fail(to_ec(e)); });
  });
}

json list_json(const draw_list& x) {
  json lines = json::array();
  for (auto& y : x.lines)
    lines.push_back({{"number", y.number}, {"pseudonym", pseudonym_of(x.seed, y.user)}});
  return {{"lines", std::move(lines)}, {"next", x.more ? json(x.last_turn) : json()}};
}

void on_list(shop& s, const exchange_ptr& x) {
  constexpr int64_t most = int64_t{1} << 53;
  auto after = read_integer_query(x->req(), "after", 0, 0, most);
  if (!after) {
    x->fail(after.error());
    return;
  }
  read_draw_list what;
  what.event = x->id_param<event_id>("eventId");
  what.after_turn = *after;
  s.pool.run([&s, x, what](caf::event_based_actor* self) {
    self->request(s.store, store_budget, what)
      .then(
        [x](const draw_list& found) {
          if (found.drawn) x->respond(json_text(list_json(found).dump()));
          else x->fail(ec::draw_unknown);
        },
        [x](caf::error& e) { x->fail(to_ec(e)); });
  });
}

} // namespace

void add_fairness_routes(shop& s, std::vector<route>& out) {
  route_group group{s, out, "queue"};
  group
    .get("/api/queue/fairness/{eventId}", "queueFairness",
         "The commitment of a draw before it was made; seed and list digest after.")
    .gives(schemas::queue_fairness)
    .fails({ec::event_unknown, ec::busy, ec::unavailable, ec::late, ec::unknown, ec::internal})
    .runs(on_fairness);
  group
    .get("/api/queue/fairness/{eventId}/list", "queueDrawList",
         "Who took part in a draw that was made, by number and pseudonym, in pages.")
    .gives(schemas::queue_draw_list)
    .query("after", R"({"type":"integer","minimum":0,"default":0})", "The `next` of the last page.")
    .fails({ec::draw_unknown, ec::unavailable, ec::unknown})
    .runs(on_list);
  add_fairness_page_routes(out);
}

} // namespace tk::http
