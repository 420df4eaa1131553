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
  instant made_at; // When it was asked for: what it tells may have changed since then.
  bool loading = false;
  std::vector<exchange_ptr> waiting;
};

size_t size_of(const entry& x) {
  return (x.plain ? x.plain->size() : 0) + (x.gzip ? x.gzip->size() : 0);
}

} // namespace

struct response_cache::table {
  const wall_clock& clock;
  std::mutex mutex;
  std::unordered_map<std::string, entry> entries;
  size_t bytes = 0; // Of all bodies.
  cache_probe probe{};

  void loaded(const std::string& key, instant asked_at, outcome result);
  bool make_room(instant now);
  template <class Keep> void drop(Keep keep);
};

/// The duty to end one load. An actor may end with jobs in its mailbox or answers on their way;
/// whoever waits for the key must hear all the same, now and later (R11).
struct response_cache::ticket {
  std::shared_ptr<table> where;
  std::string key;
  instant asked_at;
  bool used = false;

  ticket(std::shared_ptr<table> x, std::string y, instant z)
      : where(std::move(x)), key(std::move(y)), asked_at(z) {
    // nop
  }
  ticket(const ticket&) = delete;
  ticket& operator=(const ticket&) = delete;
  ~ticket() { finish(tl::unexpected(ec::internal)); }
  void finish(outcome result) {
    if (!std::exchange(used, true)) where->loaded(key, asked_at, std::move(result));
  }
};

response_cache::response_cache(ingress_pool& pool, const wall_clock& clock)
    : pool_(pool), table_(new table{clock, {}, {}, 0, {}}) {
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
  auto duty = std::make_shared<ticket>(table_, key, now);
  pool_.run([duty, load = std::move(load)](caf::event_based_actor* self) {
    load(self, [duty](outcome result) { duty->finish(std::move(result)); });
  });
}

const cache_probe& response_cache::probe() const { return table_->probe; }

void response_cache::table::loaded(const std::string& key, instant asked_at, outcome result) {
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
      bytes -= size_of(e);
      e.plain = plain;
      e.gzip = zipped;
      e.made_at = asked_at;
      bytes += size_of(e);
      if (bytes > bytes_max) make_room(now);
    } else if (e.plain && now - e.made_at < oldest && answer_to(result.error()).status == 503) {
      plain = e.plain;
      zipped = e.gzip;
      stale = true;
    } else {
      bytes -= size_of(e);
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

/// Drops what is not fresh and, if that is not enough, everything; never what is being loaded.
/// False when there are too many entries all the same.
bool response_cache::table::make_room(instant now) {
  auto enough = [this] { return entries.size() < entries_max && bytes <= bytes_max; };
  if (!enough()) drop([now](const entry& x) { return now - x.made_at < fresh_for; });
  if (!enough()) drop([](const entry&) { return false; });
  return entries.size() < entries_max;
}

template <class Keep> void response_cache::table::drop(Keep keep) {
  std::erase_if(entries, [&](auto& x) {
    if (x.second.loading || keep(x.second)) return false;
    bytes -= size_of(x.second);
    return true;
  });
}

} // namespace tk::http
