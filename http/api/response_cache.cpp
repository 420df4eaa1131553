#include "http/api/response_cache.hpp"

namespace tk::http {

void response_cache::serve(const exchange_ptr& x, const std::string& key, loader load) {
  auto now = clock_.now();
  {
    std::unique_lock guard{mutex_};
    auto i = entries_.find(key);
    if (i != entries_.end() && i->second.plain && now - i->second.made_at < fresh_for) {
      auto body = i->second.plain, zipped = i->second.gzip;
      guard.unlock();
      x->respond(json_shared(std::move(body), std::move(zipped)));
      return;
    }
    if (i == entries_.end()) {
      make_room(now);
      i = entries_.emplace(key, entry{}).first;
    }
    i->second.waiting.push_back(x);
    if (std::exchange(i->second.loading, true)) return;
  }
  pool_.run([this, key, load = std::move(load)](caf::event_based_actor* self) {
    load(self, [this, key](outcome result) { loaded(key, std::move(result)); });
  });
}

void response_cache::loaded(const std::string& key, outcome result) {
  auto now = clock_.now();
  body_ptr plain, zipped;
  if (result) {
    zipped = packed(*result);
    plain = std::make_shared<const std::string>(std::move(*result));
  }
  std::vector<exchange_ptr> waiting;
  bool stale = false;
  {
    std::unique_lock guard{mutex_};
    auto& e = entries_[key];
    waiting.swap(e.waiting);
    e.loading = false;
    if (plain) {
      e.plain = plain;
      e.gzip = zipped;
      e.made_at = now;
    } else if (e.plain && now - e.made_at < oldest && answer_to(result.error()).status == 503) {
      plain = e.plain;
      zipped = e.gzip;
      stale = true;
    } else {
      entries_.erase(key);
    }
  }
  for (auto& x : waiting) {
    auto out = plain ? json_shared(plain, zipped) : error_answer(result.error());
    if (stale) out.headers.emplace_back("Warning", "110 - \"Response is Stale\"");
    x->respond(std::move(out));
  }
}

void response_cache::make_room(instant now) {
  if (entries_.size() < entries_max) return;
  std::erase_if(entries_,
                [now](auto& x) { return !x.second.loading && now - x.second.made_at > fresh_for; });
  if (entries_.size() >= entries_max)
    std::erase_if(entries_, [](auto& x) { return !x.second.loading; });
}

} // namespace tk::http
