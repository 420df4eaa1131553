#include <chrono>
#include <memory>

#include <caf/actor_system.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <curl/curl.h>

#include "gateways/identity/fetch.hpp"

namespace tk {

namespace {

struct easy_deleter {
  void operator()(CURL* x) const { curl_easy_cleanup(x); }
};
using easy = std::unique_ptr<CURL, easy_deleter>;

struct sink {
  std::string body;
  size_t bytes_max;
};

/// Fewer bytes than given end the transfer.
size_t append(char* data, size_t size, size_t count, void* to) {
  auto& out = *static_cast<sink*>(to);
  auto bytes = size * count;
  if (out.body.size() + bytes > out.bytes_max) return 0;
  out.body.append(data, bytes);
  return bytes;
}

/// libcurl's own initialisation: before the first use, once.
bool ready() {
  static const bool done = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
  return done;
}

fetched_url fetch(const std::string& url, const fetch_limits& limits) {
  fetched_url out;
  easy handle{ready() ? curl_easy_init() : nullptr};
  if (!handle) {
    out.error = "libcurl cannot start";
    return out;
  }
  auto* x = handle.get();
  sink to{{}, limits.bytes_max};
  auto begun = std::chrono::steady_clock::now();
  curl_easy_setopt(x, CURLOPT_URL, url.c_str());
  curl_easy_setopt(x, CURLOPT_NOSIGNAL, 1L); // Signals and threads do not go together.
  curl_easy_setopt(x, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(x, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(limits.connect_max.count()));
  curl_easy_setopt(x, CURLOPT_TIMEOUT_MS, static_cast<long>(limits.total_max.count()));
  curl_easy_setopt(x, CURLOPT_WRITEFUNCTION, append);
  curl_easy_setopt(x, CURLOPT_WRITEDATA, &to);
  auto code = curl_easy_perform(x);
  out.took = std::chrono::duration_cast<millis>(std::chrono::steady_clock::now() - begun);
  if (code != CURLE_OK) {
    out.error = curl_easy_strerror(code);
    return out;
  }
  long status = 0;
  curl_easy_getinfo(x, CURLINFO_RESPONSE_CODE, &status);
  out.status = static_cast<int>(status);
  out.body = std::move(to.body);
  return out;
}

fetch_actor::behavior_type worker(fetch_actor::pointer, fetch_limits limits) {
  return {[limits](const fetch_url& x) { return fetch(x.url, limits); }};
}

} // namespace

fetch_actor spawn_fetch_worker(caf::actor_system& system, fetch_limits limits) {
  return system.spawn<caf::detached>(worker, limits);
}

} // namespace tk
