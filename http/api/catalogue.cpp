#include <caf/all.hpp>

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

std::optional<event_status_filter> parse_status(const std::string& x) {
  if (x.empty()) return event_status_filter::any;
  if (x == "upcoming") return event_status_filter::upcoming;
  if (x == "on_sale") return event_status_filter::on_sale;
  if (x == "ended") return event_status_filter::ended;
  if (x == "cancelled") return event_status_filter::cancelled;
  return std::nullopt;
}

std::string render_page(const event_page& x, page_query page) {
  json out = {{"events", json::array()}};
  for (auto& event : x.events) out["events"].push_back(event_list_row(event));
  out["pagination"] = json(pagination(page, x.total));
  return out.dump();
}

void on_list(shop& s, const exchange_ptr& x) {
  auto page = read_page(x->req(), 10);
  if (!page) {
    x->fail(page.error());
    return;
  }
  constexpr size_t search_max = 100;
  auto search = read_text_query(x->req(), "q", search_max);
  if (!search) {
    x->fail(search.error());
    return;
  }
  auto word = x->req().query("status").value_or("");
  auto status = parse_status(word);
  if (!status) { // Filters are exact: no event has that status.
    x->respond(json_text(render_page({}, *page)));
    return;
  }
  list_events query{*status, std::move(*search), static_cast<int32_t>(page->page),
                    static_cast<int32_t>(page->limit)};
  auto key = "events?" + word + "&" + std::to_string(page->page) + "&" +
             std::to_string(page->limit) + "&" + query.search;
  s.cache.serve(x, key,
                [&s, query, page = *page](caf::event_based_actor* self, const done& finish) {
                  self->request(s.store, store_budget, query)
                    .then([=](const event_page& found) { finish(render_page(found, page)); },
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
  events.get("/api/events", "listEvents", "A page of the catalogue, by start of sale.")
    .query("status", R"({"type":"string"})", "Exact status as of now.")
    .query("q", R"({"type":"string"})", "Search in title, artist, venue and address.")
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
