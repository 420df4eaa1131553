#include "http/api/response_cache.hpp"

#include <mutex>
#include <unordered_map>
#include <utility>
#include <vector>

#include "http/api/seat_map.hpp"

namespace tk::http {

namespace {

struct entry {
  body_ptr plain, gzip;
  instant made_at;
  bool loading = false;
  std::vector<exchange_ptr> waiting;
};

} // namespace

struct response_cache::table {
  const wall_clock& clock;
  std::mutex mutex;
  std::unordered_map<std::string, entry> entries;
  cache_probe probe{};

  void loaded(const std::string& key, outcome result);
  bool make_room(instant now);
};

/// The duty to end one load. An actor may end with jobs in its mailbox or answers on their way;
/// whoever waits for the key must hear all the same, now and later (R11).
struct response_cache::ticket {
  std::shared_ptr<table> where;
  std::string key;
  bool used = false;

  ticket(std::shared_ptr<table> x, std::string y) : where(std::move(x)), key(std::move(y)) {
    // nop
  }
  ticket(const ticket&) = delete;
  ticket& operator=(const ticket&) = delete;
  ~ticket() { finish(tl::unexpected(ec::internal)); }
  void finish(outcome result) {
    if (!std::exchange(used, true)) where->loaded(key, std::move(result));
  }
};

response_cache::response_cache(ingress_pool& pool, const wall_clock& clock)
    : pool_(pool), table_(new table{clock, {}, {}, {}}) {
  // nop
}

void response_cache::serve(const exchange_ptr& x, const std::string& key, loader load) {
  auto now = table_->clock.now();
  {
    std::unique_lock guard{table_->mutex};
    auto& entries = table_->entries;
    auto i = entries.find(key);
    if (i != entries.end() && i->second.plain && now - i->second.made_at < fresh_for) {
      auto body = i->second.plain, zipped = i->second.gzip;
      guard.unlock();
      ++table_->probe.hits;
      x->respond(json_shared(std::move(body), std::move(zipped)));
      return;
    }
    if (i == entries.end()) {
      if (!table_->make_room(now)) {
        guard.unlock();
        x->fail(ec::busy);
        return;
      }
      i = entries.emplace(key, entry{}).first;
    }
    ++table_->probe.misses;
    i->second.waiting.push_back(x);
    if (std::exchange(i->second.loading, true)) return;
  }
  auto duty = std::make_shared<ticket>(table_, key);
  pool_.run([duty, load = std::move(load)](caf::event_based_actor* self) {
    load(self, [duty](outcome result) { duty->finish(std::move(result)); });
  });
}

const cache_probe& response_cache::probe() const { return table_->probe; }

void response_cache::table::loaded(const std::string& key, outcome result) {
  auto now = clock.now();
  body_ptr plain, zipped;
  if (result) {
    zipped = packed(*result);
    plain = std::make_shared<const std::string>(std::move(*result));
  }
  std::vector<exchange_ptr> waiting;
  bool stale = false;
  {
    std::unique_lock guard{mutex};
    auto& e = entries[key];
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
      entries.erase(key);
    }
  }
  for (auto& x : waiting) {
    auto out = plain ? json_shared(plain, zipped) : error_answer(result.error());
    if (stale) ++probe.stale;
    if (stale) out.headers.emplace_back("Warning", "110 - \"Response is Stale\"");
    x->respond(std::move(out));
  }
}

/// False when nothing can go.
bool response_cache::table::make_room(instant now) {
  if (entries.size() < entries_max) return true;
  std::erase_if(entries,
                [now](auto& x) { return !x.second.loading && now - x.second.made_at > fresh_for; });
  if (entries.size() >= entries_max)
    std::erase_if(entries, [](auto& x) { return !x.second.loading; });
  return entries.size() < entries_max;
}

} // namespace tk::http
