#include "http/rate_limit.hpp"

#include <algorithm>
#include <functional>
#include <list>
#include <mutex>
#include <unordered_map>

namespace tk::http {

namespace {

constexpr int64_t window_ms = 60'000;

/// `path` is `folder` or below it.
bool within(std::string_view path, std::string_view folder) {
  return path.starts_with(folder) && (path.size() == folder.size() || path[folder.size()] == '/');
}

/// One category of one client: counts of the window `index` and of the one before.
struct counter {
  int64_t index = 0;
  uint32_t current = 0, last = 0;

  void roll(int64_t now_index) {
    if (now_index == index) return;
    last = now_index == index + 1 ? current : 0;
    current = 0;
    index = now_index;
  }
};

/// Milliseconds until one more request fits, given `into` ms into the current window.
int64_t wait_ms(const counter& c, uint32_t limit, int64_t into) {
  // Within this window the last one's share must shrink to limit - current - 1.
  if (c.current < limit && c.last > 0) {
    auto room = static_cast<int64_t>(limit - c.current) - 1;
    auto fits = window_ms - room * window_ms / c.last;
    return std::max<int64_t>(1, fits - into);
  }
  auto room = static_cast<int64_t>(limit) - 1;
  auto fits = window_ms - room * window_ms / std::max<uint32_t>(1, c.current);
  return window_ms - into + std::max<int64_t>(0, fits);
}

} // namespace

rate_category category_of(std::string_view path) {
  constexpr std::string_view cancel = "/cancel", reservations = "/api/reservations";
  if (within(path, "/health") || within(path, "/actuator") || path == "/api/auth/me")
    return rate_category::exempt;
  // Whatever tries passwords counts with log-ins.
  if (within(path, "/api/auth") || path == "/api/users/me/password") return rate_category::auth;
  if (within(path, "/api/queue")) return rate_category::queue;
  if (path == "/api/seats/reserve" || path == reservations) return rate_category::booking;
  bool cancels = within(path, reservations) && path.ends_with(cancel) &&
                 std::count(path.begin(), path.end(), '/') == 4;
  return cancels ? rate_category::booking : rate_category::general;
}

struct rate_limiter::shard {
  struct entry {
    std::string client;
    std::array<counter, rate_category_count> counters;
  };
  std::mutex mutex;
  std::list<entry> order; // Most recently used first.
  std::unordered_map<std::string_view, std::list<entry>::iterator> index;
};

uint32_t rate_limits::of(rate_category x) const {
  switch (x) {
  case rate_category::exempt: return 0;
  case rate_category::auth: return auth;
  case rate_category::queue: return queue;
  case rate_category::booking: return booking;
  case rate_category::general: break;
  }
  return general;
}

rate_limiter::rate_limiter(rate_limits limits) : limits_(limits) {
  for (auto& x : shards_) x = std::make_unique<shard>();
}

rate_limiter::~rate_limiter() = default;

rate_verdict rate_limiter::ask(std::string_view client, rate_category category, int64_t now_ms) {
  auto limit = limits_.of(category);
  if (limit == 0) return {};
  auto& s = *shards_[std::hash<std::string_view>{}(client) % shard_count];
  std::lock_guard lock(s.mutex);
  auto found = s.index.find(client);
  if (found == s.index.end()) {
    if (s.order.size() >= std::max<size_t>(1, limits_.clients_max / shard_count)) {
      s.index.erase(s.order.back().client);
      s.order.pop_back();
    }
    s.order.push_front({std::string(client), {}});
    found = s.index.emplace(s.order.front().client, s.order.begin()).first;
  } else if (found->second != s.order.begin()) {
    s.order.splice(s.order.begin(), s.order, found->second);
  }
  auto& c = found->second->counters[static_cast<size_t>(category)];
  c.roll(now_ms / window_ms);
  auto into = now_ms % window_ms;
  // In units of 1/window_ms requests, rounded up against the client.
  auto used = (static_cast<int64_t>(c.last) * (window_ms - into) + window_ms - 1) / window_ms +
              static_cast<int64_t>(c.current);
  rate_verdict out;
  out.limit = limit;
  if (used + 1 > static_cast<int64_t>(limit)) {
    out.allowed = false;
    out.reset_s = static_cast<uint32_t>((wait_ms(c, limit, into) + 999) / 1000);
    return out;
  }
  ++c.current;
  out.remaining = limit - static_cast<uint32_t>(used) - 1;
  out.reset_s = static_cast<uint32_t>((window_ms - into + 999) / 1000);
  return out;
}

size_t rate_limiter::size() const {
  size_t n = 0;
  for (auto& x : shards_) {
    std::lock_guard lock(x->mutex);
    n += x->order.size();
  }
  return n;
}

} // namespace tk::http
