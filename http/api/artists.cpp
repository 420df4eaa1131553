#include <caf/all.hpp>

#include "http/api/route_group.hpp"
#include "http/api/schemas.hpp"
#include "http/api/shop.hpp"
#include "http/api/views.hpp"
#include "http/json.hpp"
#include "supervisors/reply_once.hpp"

/// Artists (contract 2.3): public reads, served from the response cache.
namespace tk::http {

namespace {

using done = response_cache::done;

void on_list(shop& s, const exchange_ptr& x) {
  constexpr int64_t default_limit = 50;
  auto page = read_page(x->req(), default_limit);
  if (!page) {
    x->fail(page.error());
    return;
  }
  auto key = "artists/" + std::to_string(page->page) + "/" + std::to_string(page->limit);
  s.cache.serve(x, key, [&s, page = *page](caf::event_based_actor* self, const done& finish) {
    list_artists query{static_cast<int32_t>(page.page), static_cast<int32_t>(page.limit)};
    self->request(s.store, store_budget, query)
      .then(
        [=](const artist_page& found) {
          json out = {{"artists", json::array()}};
          for (auto& row : found.artists) out["artists"].push_back(artist_list_row(row));
          out["pagination"] = json(pagination(page, found.total));
          finish(out.dump());
        },
        [=](caf::error& e) { finish(tl::unexpected(to_ec(e))); });
  });
}

void on_detail(shop& s, const exchange_ptr& x) {
  auto id = x->id_param<artist_id>("id");
  s.cache.serve(x, "artist/" + to_string(id),
                [&s, id](caf::event_based_actor* self, const done& finish) {
                  self->request(s.store, store_budget, read_artist{id})
                    .then(
                      [=](const found_artist& found) {
                        if (found.found) finish(artist_detail(found).dump());
                        else finish(tl::unexpected(ec::artist_unknown));
                      },
                      [=](caf::error& e) { finish(tl::unexpected(to_ec(e))); });
                });
}

} // namespace

void add_artist_routes(shop& s, std::vector<route>& out) {
  route_group group{s, out, "artists"};
  group.get("/api/artists", "listArtists", "A page of the artists, by name.")
    .query("page", R"({"type":"integer","default":1})", "From 1; clamped.")
    .query("limit", R"({"type":"integer","default":50})", "1 to 100; clamped.")
    .gives(schemas::artist_page)
    .fails({ec::unavailable})
    .runs(on_list);
  group.get("/api/artists/{id}", "getArtist", "An artist with the artist's events.")
    .gives(schemas::artist_detail)
    .fails({ec::artist_unknown, ec::unavailable})
    .runs(on_detail);
}

} // namespace tk::http
