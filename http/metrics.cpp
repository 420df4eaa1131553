#include "http/metrics.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <limits>
#include <mutex>
#include <vector>

#include <prometheus/client_metric.h>
#include <prometheus/histogram.h>
#include <prometheus/metric_family.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include "http/route.hpp"
#include "http/stream.hpp"

namespace tk::http {

namespace {

constexpr std::array statuses{200, 201, 202, 204, 400, 401, 403, 404, 405, 408,
                              409, 413, 415, 429, 431, 500, 502, 503, 504};

/// Position of a status; the last slot holds whatever is not in the list.
size_t slot_of(int status) {
  size_t i = 0;
  while (i < statuses.size() && statuses[i] != status) ++i;
  return i;
}

const prometheus::Histogram::BucketBoundaries& buckets() {
  static const prometheus::Histogram::BucketBoundaries x{
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10};
  return x;
}

prometheus::MetricFamily family_of(const std::string& name, const std::string& help) {
  prometheus::MetricFamily out;
  out.name = name;
  out.help = help;
  bool counts = name.ends_with("_total"); // The convention of the format.
  out.type = counts ? prometheus::MetricType::Counter : prometheus::MetricType::Gauge;
  return out;
}

prometheus::ClientMetric labelled(const std::map<std::string, std::string>& labels) {
  prometheus::ClientMetric out;
  for (auto& [label, value] : labels) out.label.push_back({label, value});
  return out;
}

/// Buckets of the format hold all that are below, too.
prometheus::ClientMetric told(const histogram_row& x) {
  auto out = labelled(x.labels);
  auto& to = out.histogram;
  for (size_t i = 0; i < x.counts.size(); ++i) {
    to.sample_count += x.counts[i];
    auto bound = i < x.bounds.size() ? x.bounds[i] : std::numeric_limits<double>::infinity();
    to.bucket.push_back({to.sample_count, bound});
  }
  to.sample_sum = x.sum;
  return out;
}

/// A name stands once on the page, with all its rows.
void add(std::vector<prometheus::MetricFamily>& all, prometheus::MetricFamily family) {
  auto same = std::ranges::find(all, family.name, &prometheus::MetricFamily::name);
  if (same == all.end()) all.push_back(std::move(family));
  else same->metric.insert(same->metric.end(), family.metric.begin(), family.metric.end());
}

} // namespace

struct metrics::impl {
  using row = std::array<std::atomic<prometheus::Histogram*>, statuses.size() + 1>;

  prometheus::Registry registry;
  prometheus::Family<prometheus::Histogram>* requests = nullptr;
  std::vector<std::string> uris, methods;
  std::vector<row> rows;
  mutable std::mutex mutex;
  /// Asked at every scrape.
  std::vector<std::function<prometheus::MetricFamily()>> asked;
};

metrics::metrics(std::string application) : impl_(std::make_unique<impl>()) {
  impl_->requests = &prometheus::BuildHistogram()
                       .Name("http_server_requests_seconds")
                       .Help("Time from the last byte of a request to its answer")
                       .Labels({{"application", std::move(application)}})
                       .Register(impl_->registry);
}

metrics::~metrics() = default;

prometheus::Registry& metrics::registry() { return impl_->registry; }

void metrics::add_gauge(std::string name, std::string help, std::function<double()> read,
                        std::map<std::string, std::string> labels) {
  add_rows(std::move(name), std::move(help), [read = std::move(read), labels = std::move(labels)] {
    return std::vector<metric_row>{{labels, read()}};
  });
}

void metrics::add_rows(std::string name, std::string help,
                       std::function<std::vector<metric_row>()> read) {
  std::lock_guard lock(impl_->mutex);
  impl_->asked.emplace_back(
    [name = std::move(name), help = std::move(help), read = std::move(read)] {
      auto out = family_of(name, help);
      for (auto& x : read()) {
        auto& to = out.metric.emplace_back(labelled(x.labels));
        (out.type == prometheus::MetricType::Counter ? to.counter.value : to.gauge.value) = x.value;
      }
      return out;
    });
}

void metrics::add_histograms(std::string name, std::string help,
                             std::function<std::vector<histogram_row>()> read) {
  std::lock_guard lock(impl_->mutex);
  impl_->asked.emplace_back(
    [name = std::move(name), help = std::move(help), read = std::move(read)] {
      auto out = family_of(name, help);
      out.type = prometheus::MetricType::Histogram;
      for (auto& x : read()) out.metric.push_back(told(x));
      return out;
    });
}

std::string metrics::render() const {
  auto all = impl_->registry.Collect();
  {
    std::lock_guard lock(impl_->mutex);
    for (auto& read : impl_->asked)
      if (auto family = read(); !family.metric.empty()) add(all, std::move(family));
  }
  return prometheus::TextSerializer{}.Serialize(all);
}

void metrics::bind(const route_table& table) {
  for (auto& x : table.routes()) {
    impl_->uris.push_back(table.label(x));
    impl_->methods.emplace_back(to_string(x.verb));
  }
  impl_->uris.emplace_back("UNKNOWN");
  impl_->methods.emplace_back();
  // Unknown paths get one row per method, so that a scanner cannot grow the label set.
  impl_->rows = std::vector<impl::row>(impl_->uris.size() - 1 + method_count);
}

void metrics::observe(size_t route_index, std::string_view method, int status, double seconds) {
  auto known = std::min(route_index, impl_->uris.size() - 1);
  auto row = known;
  if (known + 1 == impl_->uris.size()) row += static_cast<size_t>(parse_method(method));
  auto& cell = impl_->rows[row][slot_of(status)];
  auto histogram = cell.load(std::memory_order_acquire);
  if (histogram == nullptr) {
    // `Add` returns the same histogram for the same labels, so a race makes no second one.
    auto name = impl_->methods[known].empty() ? to_string(parse_method(method))
                                              : std::string_view(impl_->methods[known]);
    histogram = &impl_->requests->Add({{"method", std::string(name)},
                                       {"uri", impl_->uris[known]},
                                       {"status", std::to_string(status)}},
                                      buckets());
    cell.store(histogram, std::memory_order_release);
  }
  histogram->Observe(seconds);
}

void add_stream_metrics(metrics& meters, const std::shared_ptr<stream_probe>& streams) {
  auto add = [&](const char* name, const char* help, auto stream_probe::*count,
                 std::map<std::string, std::string> labels = {}) {
    auto read = [streams, count] { return static_cast<double>((*streams.*count).load()); };
    meters.add_gauge(name, help, read, std::move(labels));
  };
  add("stream_clients", "Open streams.", &stream_probe::open);
  add("stream_frames_total", "Events and comments written to streams.", &stream_probe::frames);
  add("streams_cut_off_total", "Streams whose clients did not read.", &stream_probe::cut_off);
  constexpr char refused[] = "streams_refused_total";
  constexpr char help[] = "Streams refused because so many were open.";
  add(refused, help, &stream_probe::refused_by_node, {{"limit", "node"}});
  add(refused, help, &stream_probe::refused_by_address, {{"limit", "address"}});
}

} // namespace tk::http
