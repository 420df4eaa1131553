#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "actors/base/entropy.hpp"
#include "actors/base/time.hpp"
#include "actors/base/trace.hpp"
#include "gateways/traces/otlp.hpp"

namespace tk {

struct export_settings {
  std::string url;                  ///< Where batches are posted.
  std::vector<std::string> headers; ///< Besides, as lines; for collectors that want a token.
  otlp_origin origin;
  int sample_percent = 10;
  size_t waiting_max = 4096; ///< Spans; beyond it they are dropped.
  size_t batch_max = 512;    ///< Spans in one request.
  millis pause{1000};        ///< So long a batch is collected.
  millis connect_max{1000};
  millis total_max{5000}; ///< For one request; then its spans are dropped.
  millis last_max{500};   ///< For all that still waits at the end of the node.
};

/// "name=value,name=value" as lines of a head; nothing when it is not that.
std::optional<std::vector<std::string>> parse_headers(std::string_view text);

/// What became of the spans that were to be kept.
struct export_probe {
  std::atomic<uint64_t> exported{0};
  std::atomic<uint64_t> dropped_full{0}; ///< Too many waited.
  std::atomic<uint64_t> dropped_lost{0}; ///< The collector did not take their batch.
  std::atomic<uint64_t> batches_failed{0};
  std::atomic<int64_t> waiting{0};
};

/// Sends spans to an OpenTelemetry collector, from a thread of its own. Who tells of a span waits
/// for nobody but who tells of another one; a collector that is away, slow or silent costs spans
/// and nothing else, for nothing is ever sent again.
class export_worker final : public tracer {
public:
  export_worker(export_settings settings, entropy& random);
  export_worker(const export_worker&) = delete;
  export_worker& operator=(const export_worker&) = delete;
  /// Sends what waits, as far as `last_max` allows; the rest counts as lost.
  ~export_worker() override;

  [[nodiscard]] int64_t now_us() const override;
  [[nodiscard]] uint64_t next_span() override { return random_.next() | 1; }
  [[nodiscard]] bool samples(uint64_t trace_hi, uint64_t trace_lo) const override;
  void take(span_record x) override;
  [[nodiscard]] const export_probe& probe() const { return probe_; }

private:
  void run();
  void send_last(std::vector<span_record> batch);
  std::vector<span_record> next_batch();
  void send(const std::vector<span_record>& batch, millis limit);
  bool post(const std::string& body, millis limit);
  static int on_progress(void* self, int64_t, int64_t, int64_t, int64_t);

  const export_settings settings_;
  entropy& random_;
  export_probe probe_;
  std::mutex mutex_;
  std::condition_variable more_;
  std::deque<span_record> waiting_;
  std::atomic<bool> ending_{false};
  bool last_ = false; ///< The thread's own: it sends what waited at the end.
  bool well_ = true;  ///< The thread's own: the collector took the batch before.
  std::thread thread_;
};

} // namespace tk
