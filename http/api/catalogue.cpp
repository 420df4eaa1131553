#include <caf/all.hpp>

#include "http/api/event_query.hpp"
#include "http/api/route_group.hpp"
#include "http/api/schemas.hpp"
#include "http/api/shop.hpp"
#include "http/api/views.hpp"
#include "http/json.hpp"
#include "supervisors/reply_once.hpp"

/// Events and seat layouts (contract 2.2, 2.4): public reads, served from the response cache.
namespace tk::http {

namespace {

using done = response_cache::done;

std::string render_page(const event_page& x, const list_events& asked) {
  json out = {{"events", json::array()}};
  for (auto& event : x.events) out["events"].push_back(event_list_row(event));
  out["pagination"] = json(pagination({asked.page, asked.limit}, x.total));
  return out.dump();
}

void on_list(shop& s, const exchange_ptr& x) {
  auto query = read_event_query(x->req());
  if (!query) {
    x->fail(query.error());
    return;
  }
  if (query->status == event_status_filter::none) {
    x->respond(json_text(render_page({}, *query)));
    return;
  }
  s.cache.serve(x, cache_key(*query),
                [&s, query = *query](caf::event_based_actor* self, const done& finish) {
                  self->request(s.store, store_budget, query)
                    .then([=](const event_page& found) { finish(render_page(found, query)); },
                          [=](caf::error& e) { finish(tl::unexpected(to_ec(e))); });
                });
}

void on_detail(shop& s, const exchange_ptr& x) {
  auto id = x->id_param<event_id>("id");
  ++s.event_reads;
  s.cache.serve(x, "event/" + to_string(id),
                [&s, id](caf::event_based_actor* self, const done& finish) {
                  self->request(s.store, store_budget, read_event{id})
                    .then(
                      [&s, finish](const found_event& found) {
                        if (!found.found) return finish(tl::unexpected(ec::event_unknown));
                        auto shown = found.event;
                        for (auto& type : shown.ticket_types) // Claims and what ran out count.
                          if (auto board = s.node.boards->find_quota(type.id))
                            type.available = std::min(board->available, type.total);
                        finish(event_detail(shown).dump());
                      },
                      [=](caf::error& e) { finish(tl::unexpected(to_ec(e))); });
                });
}

void on_layouts(shop& s, const exchange_ptr& x) {
  s.cache.serve(x, "layouts", [&s](caf::event_based_actor* self, const done& finish) {
    self->request(s.store, store_budget, list_layouts{})
      .then(
        [=](const layouts& found) {
          json out = {{"layouts", json::array()}};
          for (auto& row : found.rows) out["layouts"].push_back(layout_view_json(row));
          finish(out.dump());
        },
        [=](caf::error& e) { finish(tl::unexpected(to_ec(e))); });
  });
}

} // namespace

void add_catalogue_routes(shop& s, std::vector<route>& out) {
  route_group events{s, out, "events"};
  events
    .get("/api/events", "listEvents",
         "A page of the catalogue: events that pass every filter given, by start of sale.")
    .query("status", R"({"type":"string"})", "Exact status as of now.")
    .query("q", R"({"type":"string","maxLength":100})",
           "In title, artist, venue or address, in either spelling of known names.")
    .query("venue", R"({"type":"string","maxLength":100})", "In the venue's name, likewise.")
    .query("artistId", R"({"type":"string","format":"uuid"})", "Of this artist.")
    .query("from", R"({"type":"string","format":"date"})",
           "Event date, at the earliest; a day in Asia/Seoul.")
    .query("to", R"({"type":"string","format":"date"})", "Event date, at the latest; likewise.")
    .query("minPrice", R"({"type":"integer","minimum":0})", "Highest price is at least this.")
    .query("maxPrice", R"({"type":"integer","minimum":0})", "Lowest price is at most this.")
    .query("sort", R"({"enum":["sale_start","event_date","title","price"],"default":"sale_start"})",
           "Then by id; events without it come last.")
    .query("order", R"({"enum":["asc","desc"],"default":"asc"})", "Of `sort`.")
    .query("page", R"({"type":"integer","default":1})", "From 1; clamped.")
    .query("limit", R"({"type":"integer","default":10})", "1 to 100; clamped.")
    .gives(schemas::event_page)
    .fails({ec::unavailable})
    .runs(on_list);
  events.get("/api/events/{id}", "getEvent", "An event with its ticket types.")
    .gives(schemas::event_detail)
    .fails({ec::event_unknown, ec::unavailable})
    .runs(on_detail);
  route_group seats{s, out, "seats"};
  seats.get("/api/seats/layouts", "listSeatLayouts", "Seat layouts, by size.")
    .gives(schemas::layouts)
    .fails({ec::unavailable})
    .runs(on_layouts);
}

} // namespace tk::http
