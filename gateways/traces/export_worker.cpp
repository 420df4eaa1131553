#include "gateways/traces/export_worker.hpp"

#include <algorithm>
#include <chrono>
#include <memory>
#include <utility>

#include <curl/curl.h>

#include "gateways/traces/sampling.hpp"
#include "logging/log.hpp"

namespace tk {

namespace {

struct easy_deleter {
  void operator()(CURL* x) const { curl_easy_cleanup(x); }
};
struct list_deleter {
  void operator()(curl_slist* x) const { curl_slist_free_all(x); }
};

/// libcurl's own initialisation: before the first use, once.
bool ready() {
  static const bool done = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
  return done;
}

/// What a collector answers is of no interest.
size_t forget(char*, size_t size, size_t count, void*) { return size * count; }

} // namespace

std::optional<std::vector<std::string>> parse_headers(std::string_view text) {
  constexpr std::string_view name_chars = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                          "0123456789-_";
  std::vector<std::string> out;
  for (size_t at = 0; at < text.size();) {
    auto end = std::min(text.find(',', at), text.size());
    auto one = text.substr(at, end - at);
    auto middle = one.find('=');
    if (middle == 0 || middle == std::string_view::npos ||
        one.find_first_not_of(name_chars) != middle)
      return std::nullopt;
    auto value = one.substr(middle + 1);
    if (std::ranges::any_of(value, [](unsigned char c) { return c < ' ' || c == 0x7f; }))
      return std::nullopt;
    out.push_back(std::string{one.substr(0, middle)} + ": " + std::string{value});
    at = end + 1;
  }
  return out;
}

export_worker::export_worker(export_settings settings, entropy& random)
    : settings_(std::move(settings)), random_(random), thread_([this] { run(); }) {
  // nop
}

export_worker::~export_worker() {
  {
    std::unique_lock guard{mutex_};
    ending_ = true;
  }
  more_.notify_all();
  thread_.join();
}

int64_t export_worker::now_us() const {
  using namespace std::chrono;
  return duration_cast<microseconds>(system_clock::now().time_since_epoch()).count();
}

bool export_worker::samples(uint64_t trace_hi, uint64_t trace_lo) const {
  return sampled(trace_hi, trace_lo, settings_.sample_percent);
}

void export_worker::take(span_record x) {
  if (!x.at.sampled && !x.failed) return;
  std::unique_lock guard{mutex_};
  if (waiting_.size() >= settings_.waiting_max) {
    ++probe_.dropped_full;
    return;
  }
  waiting_.push_back(std::move(x));
  probe_.waiting = static_cast<int64_t>(waiting_.size());
  if (waiting_.size() == settings_.batch_max) more_.notify_one();
}

/// Waits until there is enough for one, or its time has come; empty when all is over.
std::vector<span_record> export_worker::next_batch() {
  std::unique_lock guard{mutex_};
  auto enough = [this] { return ending_ || waiting_.size() >= settings_.batch_max; };
  do more_.wait_for(guard, settings_.pause, enough);
  while (waiting_.empty() && !ending_);
  last_ = ending_;
  auto count = std::min(waiting_.size(), settings_.batch_max);
  auto end = waiting_.begin() + static_cast<std::ptrdiff_t>(count);
  std::vector<span_record> out{std::make_move_iterator(waiting_.begin()),
                               std::make_move_iterator(end)};
  waiting_.erase(waiting_.begin(), end);
  probe_.waiting = static_cast<int64_t>(waiting_.size());
  return out;
}

/// A request that hangs must not keep the node from ending.
int export_worker::on_progress(void* self, int64_t, int64_t, int64_t, int64_t) {
  auto& x = *static_cast<export_worker*>(self);
  return x.ending_ && !x.last_ ? 1 : 0;
}

bool export_worker::post(const std::string& body, millis limit) {
  const std::unique_ptr<CURL, easy_deleter> handle{ready() ? curl_easy_init() : nullptr};
  const std::unique_ptr<curl_slist, list_deleter> headers{
    curl_slist_append(nullptr, "Content-Type: application/json")};
  if (!handle || !headers) return false;
  for (auto& line : settings_.headers)
    if (curl_slist_append(headers.get(), line.c_str()) == nullptr) return false;
  auto* x = handle.get();
  auto connect = std::min(settings_.connect_max, limit);
  curl_easy_setopt(x, CURLOPT_URL, settings_.url.c_str());
  curl_easy_setopt(x, CURLOPT_NOSIGNAL, 1L); // Signals and threads do not go together.
  curl_easy_setopt(x, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(x, CURLOPT_PROXY, ""); // Whatever the environment says.
  curl_easy_setopt(x, CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(x, CURLOPT_POSTFIELDS, body.data());
  curl_easy_setopt(x, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
  curl_easy_setopt(x, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(connect.count()));
  curl_easy_setopt(x, CURLOPT_TIMEOUT_MS, static_cast<long>(limit.count()));
  curl_easy_setopt(x, CURLOPT_WRITEFUNCTION, forget);
  curl_easy_setopt(x, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(x, CURLOPT_XFERINFOFUNCTION, &export_worker::on_progress);
  curl_easy_setopt(x, CURLOPT_XFERINFODATA, this);
  if (curl_easy_perform(x) != CURLE_OK) return false;
  long status = 0;
  curl_easy_getinfo(x, CURLINFO_RESPONSE_CODE, &status);
  constexpr long good_from = 200, good_below = 300;
  return status >= good_from && status < good_below;
}

void export_worker::send(const std::vector<span_record>& batch, millis limit) {
  const bool taken = limit > millis{0} && post(otlp_json(settings_.origin, batch), limit);
  (taken ? probe_.exported : probe_.dropped_lost) += batch.size();
  if (!taken) ++probe_.batches_failed;
  if (well_ && !taken) // Once, not for every batch.
    log_line(log_level::warn, "traces", "collector_away").text("why", "spans are dropped");
  well_ = taken;
}

void export_worker::run() {
  while (true) {
    auto batch = next_batch();
    if (last_) return send_last(std::move(batch));
    send(batch, settings_.total_max);
  }
}

/// One request after the other, while there is time.
void export_worker::send_last(std::vector<span_record> batch) {
  using steady = std::chrono::steady_clock;
  const auto until = steady::now() + settings_.last_max;
  for (; !batch.empty(); batch = next_batch())
    send(batch, std::chrono::duration_cast<millis>(until - steady::now()));
}

} // namespace tk
