#pragma once

#include <string>
#include <vector>

#include "bench/load.hpp"
#include "bench/shop.hpp"

namespace tk::bench {

/// One line of the result: what was measured and, when there is one, what it was measured against.
struct figure {
  std::string name;
  double value = 0;
  std::string unit;
  std::string note;
};

/// A goal of the project and whether this run met it.
struct goal {
  std::string text;
  double value = 0;
  double wanted = 0;
  /// True: at least `wanted`; false: at most.
  bool at_least = true;
  [[nodiscard]] bool met() const { return at_least ? value >= wanted : value <= wanted; }
};

/// Prints as it goes and keeps everything for the JSON file and for RESULTS.md.
class report {
public:
  void section(const std::string& title);
  void add(figure x);
  void add(goal x);
  /// Rate, latency, errors and processor shares of a run that was to be answered `status`.
  void add(const std::string& name, const load_result& x, int status, double node_cpu_s,
           double postgres_cpu_s);
  [[nodiscard]] std::string json() const;
  [[nodiscard]] const std::string& text() const { return text_; }

private:
  void print(const std::string& line);

  std::string text_, section_;
  std::vector<std::pair<std::string, figure>> figures_;
  std::vector<std::pair<std::string, goal>> goals_;
};

struct options {
  double seconds = 3;
};

/// Each makes its own data, starts what it needs and stops it again.
void bench_reserve(shop& x, report& out, const options& how);
void bench_contended(shop& x, report& out, const options& how);
void bench_read(shop& x, report& out, const options& how);
void bench_catalogue(shop& x, report& out, const options& how);
void bench_login(shop& x, report& out, const options& how);
void bench_buy(shop& x, report& out, const options& how);
void bench_streams(shop& x, report& out, const options& how);
void bench_memory(shop& x, report& out, const options& how);
/// A waiting room with a million people.
void bench_queue(shop& x, report& out, const options& how);
/// Three nodes: links, takeovers, and what a cluster costs.
void bench_cluster(shop& x, report& out, const options& how);
/// Domain events on their way to Kafka.
void bench_relay(shop& x, report& out, const options& how);
/// The simulation, by itself: no node, no database.
void bench_sim(shop& x, report& out, const options& how);

/// `run_load` with the processor time of the node and of PostgreSQL around it.
struct measured {
  load_result load;
  double node_cpu_s = 0, postgres_cpu_s = 0;
};
measured measure(shop& x, const load_options& how, const request_source& next);

/// Whole purchases of `count` buyers, who are also seats, from `first` on, on events of
/// `buyers_an_event` seats that exist; each step for all of them after the other.
constexpr uint64_t buyers_an_event = 5'000;
struct purchases {
  double p99_ms[3] = {}; ///< Of reserve, prepare, confirm.
  double done = 0, seconds = 0;
};
std::string post_request(const std::string& path, const std::string& token,
                         const std::string& body);
purchases buy_all(shop& x, report& out, uint64_t first, uint64_t count, const std::string& label);

/// Whole purchases by buyers who do one step after the other, 64 of them at once: what a sale is.
/// Buyers are seats, as above.
purchases buy_whole(shop& x, report& out, uint64_t first, uint64_t count, const std::string& label);

/// Answers per second of the constant server for a request and a body of these sizes.
double constant_rate(shop& x, report& out, const std::string& request, size_t answer_bytes,
                     size_t connections, const options& how);

} // namespace tk::bench
