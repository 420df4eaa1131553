#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace prometheus {
class Registry;
}

namespace tk::http {

class route_table;
struct stream_probe;

/// One of the rows of a metric whose rows come and go, as peers and shards do.
struct metric_row {
  std::map<std::string, std::string> labels;
  double value = 0;
};

/// The same of a histogram: `counts` holds those up to each bound, and as its last one the rest.
struct histogram_row {
  std::map<std::string, std::string> labels;
  std::vector<double> bounds;
  std::vector<uint64_t> counts;
  double sum = 0;
};

/// Request timings by route, method and status, and gauges of others, in one registry.
class metrics {
public:
  explicit metrics(std::string application = "tiketi");
  ~metrics();
  metrics(const metrics&) = delete;
  metrics& operator=(const metrics&) = delete;

  /// For counters and histograms of other parts.
  [[nodiscard]] prometheus::Registry& registry();
  /// A gauge, or a counter when the name ends with `_total`.
  /// `read` is asked at every scrape, on the scraping thread; it must not block.
  /// Gauges of one name differ by their labels and are shown together.
  void add_gauge(std::string name, std::string help, std::function<double()> read,
                 std::map<std::string, std::string> labels = {});
  /// The rows that there are now; else as `add_gauge`.
  void add_rows(std::string name, std::string help, std::function<std::vector<metric_row>()> read);
  void add_histograms(std::string name, std::string help,
                      std::function<std::vector<histogram_row>()> read);
  /// The exposition in Prometheus' text format 0.0.4.
  [[nodiscard]] std::string render() const;

  // -- for the server ---------------------------------------------------------------------------

  /// One histogram per (route, method, status), made when first needed. `route_index` past the end
  /// is the row for unknown paths.
  void bind(const route_table& table);
  void observe(size_t route_index, std::string_view method, int status, double seconds);

private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

/// Puts what streams count onto the page.
void add_stream_metrics(metrics& meters, const std::shared_ptr<stream_probe>& streams);

} // namespace tk::http
