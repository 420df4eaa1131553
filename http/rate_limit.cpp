#include "http/rate_limit.hpp"

#include <algorithm>
#include <functional>
#include <list>
#include <mutex>
#include <unordered_map>
#include <utility>

namespace tk::http {

namespace {

constexpr int64_t slots = 12;
constexpr int64_t slot_ms = 5'000; // Twelve make a window of 60 s.

/// `path` is `folder` or below it.
bool within(std::string_view path, std::string_view folder) {
  return path.starts_with(folder) && (path.size() == folder.size() || path[folder.size()] == '/');
}

/// One category of one client: what it asked in each of the last twelve slots.
struct counter {
  int64_t newest = 0; ///< Number of the slot that is running.
  uint32_t total = 0;
  std::array<uint32_t, slots> asked{};

  uint32_t& in(int64_t slot) { return asked[static_cast<size_t>((slot + slots) % slots)]; }

  void roll(int64_t now_slot) {
    auto gone = std::clamp<int64_t>(now_slot - newest, 0, slots);
    for (int64_t i = 1; i <= gone; ++i) total -= std::exchange(in(newest + i), 0);
    newest = std::max(newest, now_slot);
  }

  /// Milliseconds until one more request fits: until enough of the oldest slots have left the
  /// window, which is never longer than the window itself.
  int64_t wait_ms(uint32_t limit, int64_t now_ms) {
    auto left = total;
    auto slot = newest - slots;
    while (left >= limit && slot < newest) left -= in(++slot);
    return std::max<int64_t>(1, (slot + slots) * slot_ms - now_ms);
  }
};

} // namespace

rate_category category_of(std::string_view path) {
  constexpr std::string_view cancel = "/cancel", reservations = "/api/reservations";
  // Notices are shown on every page, every few seconds, from memory: those who wait behind one
  // address must not use up its requests by it.
  if (within(path, "/health") || within(path, "/actuator") || path == "/api/auth/me" ||
      path == "/api/notices")
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
  c.roll(now_ms / slot_ms);
  rate_verdict out;
  out.limit = limit;
  out.allowed = c.total < limit;
  if (out.allowed) {
    ++c.in(c.newest);
    ++c.total;
    out.remaining = limit - c.total;
  }
  auto wait_ms = c.total < limit ? 0 : c.wait_ms(limit, now_ms);
  out.reset_s = static_cast<uint32_t>((wait_ms + 999) / 1000);
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
