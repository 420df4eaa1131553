#include "http/api/event_titles.hpp"

#include <utility>

#include <caf/all.hpp>

#include "http/api/shop.hpp"
#include "supervisors/reply_once.hpp"

namespace tk::http {

namespace {
constexpr millis good_for{60'000};
constexpr size_t titles_max = 10'000;
} // namespace

std::optional<event_title> event_titles::find(event_id event) const {
  std::unique_lock guard{mutex_};
  auto i = titles_.find(event);
  if (i == titles_.end() || clock_.now() - i->second.read_at > good_for) return std::nullopt;
  return i->second.what;
}

void event_titles::keep(event_id event, const event_title& x) {
  std::unique_lock guard{mutex_};
  if (titles_.size() >= titles_max) titles_.clear();
  titles_[event] = {x, clock_.now()};
}

void event_titles::with(caf::event_based_actor* self, const store_actor& store, event_id event,
                        done then) {
  if (auto known = find(event)) return then(ec::ok, *known);
  self->request(store, store_budget, read_event{event})
    .then(
      [this, event, then](const found_event& x) {
        if (!x.found) return then(ec::event_unknown, {});
        event_title out{x.event.title, std::nullopt};
        if (x.event.has_artist_name) out.artist = x.event.artist_name;
        keep(event, out);
        then(ec::ok, out);
      },
      [then](caf::error& e) { then(to_ec(e), {}); });
}

} // namespace tk::http
