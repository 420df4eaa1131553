#include <algorithm>
#include <set>
#include <stdexcept>
#include <sys/resource.h>
#include <thread>
#include <utility>

#include "bench/bench.hpp"
#include "bench/listeners.hpp"

namespace tk::bench {

namespace {

constexpr size_t streams = 2000;
constexpr uint64_t event = 960'000, base = 7'000'000, seats = 500; // Of nobody else of the bench.
constexpr auto second = std::chrono::seconds(1);
constexpr auto patience = std::chrono::seconds(30);

// Each stream takes a descriptor here and two at the node, which inherits the limit.
void raise_descriptor_limit() {
  auto limit = rlimit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

std::string bare_request(const char* verb, const std::string& path, const std::string& lines) {
  return std::string(verb) + " " + path + " HTTP/1.1\r\nHost: localhost\r\n" + lines + "\r\n";
}

std::string bearer(const shop& x, uint64_t user) {
  return "Authorization: Bearer " + x.token(user) + "\r\n";
}

/// One request, to be answered `status`.
void ask_once(shop& x, const std::string& request, int status) {
  bool asked = false;
  auto result = run_load({x.port(), 1, patience}, [&](size_t, std::string& to) {
    to = request;
    return !std::exchange(asked, true);
  });
  if (result.answers(status) != 1) throw std::runtime_error("no good answer to: " + request);
}

/// What 2,000 streams cost while `update(i)` changes something for each of them once a second.
struct stream_costs {
  double cores = 0, quiet_cores = 0, bytes_each = 0, wire_bytes = 0;
  histogram latency;
};

template <class Update>
stream_costs run_streams(shop& x, listeners& all, double resident_before, uint64_t updates,
                         Update update) {
  auto out = stream_costs{};
  auto cores_of = [&](auto what) {
    auto cpu = cpu_seconds(x.node_pid(), false);
    auto begin = std::chrono::steady_clock::now();
    what();
    auto took = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    return (cpu_seconds(x.node_pid(), false) - cpu) / took;
  };
  out.bytes_each = (static_cast<double>(resident_bytes(x.node_pid())) - resident_before) / streams;
  out.quiet_cores = cores_of([] { std::this_thread::sleep_for(3 * second); });
  all.clear();
  auto bytes = all.bytes();
  out.cores = cores_of([&] {
    for (uint64_t i = 0; i < updates; ++i) {
      auto next = std::chrono::steady_clock::now() + second;
      all.mark();
      update(i);
      std::this_thread::sleep_until(next);
    }
  });
  out.wire_bytes =
    static_cast<double>(all.bytes() - bytes) / static_cast<double>(updates * streams);
  out.latency = all.latency();
  return out;
}

/// The processor's share that 2,000 answers a second to `requests` take.
double polling_cores(shop& x, report& out, const std::string& name,
                     const std::vector<std::string>& requests, const options& how) {
  size_t next = 0;
  auto load = load_options{x.port(), 64, {}};
  load.duration = std::chrono::milliseconds(static_cast<int64_t>(how.seconds * 1000));
  auto result = measure(x, load, [&](size_t, std::string& to) {
    to = requests[next++ % requests.size()];
    return true;
  });
  out.add("  " + name, result.load, 200, result.node_cpu_s, result.postgres_cpu_s);
  return result.node_cpu_s / static_cast<double>(result.load.answers(200)) * streams;
}

void show(report& out, const std::string& name, const stream_costs& x, double polling,
          double missed) {
  constexpr double percent = 100;
  out.add(figure{name + ": node, an update a second", x.cores * percent, "% core",
                 std::to_string(streams) + " streams"});
  out.add(figure{name + ": node, nothing new", x.quiet_cores * percent, "% core", ""});
  out.add(figure{name + ": 2,000 polls a second instead", polling * percent, "% core", ""});
  out.add(figure{name + ": memory of a stream", x.bytes_each / 1024, "KiB", ""});
  out.add(figure{name + ": an update on the wire", x.wire_bytes, "B", ""});
  out.add(figure{name + ": from request to listener, p50", x.latency.percentile_ms(0.5), "ms", ""});
  out.add(goal{name + ": from request to listener, p99 in ms", x.latency.percentile_ms(0.99), 1000,
               false});
  out.add(goal{name + ": streams that missed an update", missed, 0, false});
  out.add(goal{name + ": processor time / that of polling", x.cores / polling, 1, false});
}

double resident(const shop& x) { return static_cast<double>(resident_bytes(x.node_pid())); }

void listen_to_seats(shop& x, report& out, const options& how, uint64_t updates) {
  x.start_node();
  auto map = get_request("/api/v1/seats/events/" + event_uuid(event), false);
  ask_once(x, map, 200);
  auto polling = polling_cores(x, out, "polls of a 500-seat map", {map}, how);
  auto before = resident(x);
  auto request = bare_request("GET", "/api/v1/seats/stream/" + event_uuid(event), "");
  listeners all(x.port(), std::vector<std::string>(streams, request));
  if (!all.wait_for(1, patience)) throw std::runtime_error("seat streams do not begin");
  auto costs = run_streams(x, all, before, updates, [&](uint64_t i) {
    ask_once(x, reserve_request(x.token(base + i), event, base + i), 200);
  });
  all.wait_for(1 + updates, patience);
  auto heard_all = all.all();
  auto newest = std::ranges::max_element(heard_all, {}, &heard::last_id)->last_id;
  auto missed = std::ranges::count_if(heard_all, [&](const heard& h) {
    return h.broken || h.events != 1 + updates || h.last_id != newest;
  });
  show(out, "seats", costs, polling, static_cast<double>(missed));
  x.stop_node();
}

/// 2,000 people wait; each second the one at the head gives up.
void listen_to_places(shop& x, report& out, const options& how, uint64_t updates) {
  x.start_node();
  auto path = "/api/v1/queue/";
  auto id = event_uuid(event);
  auto post = [&](const char* what, uint64_t n) {
    return bare_request("POST", path + std::string(what) + "/" + id,
                        bearer(x, base + n) + "Content-Length: 0\r\n");
  };
  for (uint64_t n = 0; n < updates + streams; ++n) ask_once(x, post("check", n), 200);
  auto before = resident(x);
  std::vector<std::string> requests;
  requests.reserve(streams);
  for (uint64_t n = 0; n < streams; ++n)
    requests.push_back(bare_request("GET", path + ("stream/" + id), bearer(x, base + updates + n)));
  listeners all(x.port(), requests);
  if (!all.wait_for(1, patience)) throw std::runtime_error("queue streams do not begin");
  auto costs =
    run_streams(x, all, before, updates, [&](uint64_t i) { ask_once(x, post("leave", i), 200); });
  auto told = [](const heard& h, uint64_t position) {
    return !h.broken && h.events > 0 &&
           h.last_data.find("\"position\":" + std::to_string(position) + ",") != std::string::npos;
  };
  auto heard_all = all.all();
  double missed = 0;
  std::vector<std::string> polls;
  polls.reserve(streams);
  for (uint64_t n = 0; n < streams; ++n) {
    if (!told(heard_all[n], n + 1) || heard_all[n].events < 1 + updates) ++missed;
    polls.push_back(
      bare_request("GET", path + ("status/" + id),
                   bearer(x, base + updates + n) + "Cookie: " + heard_all[n].cookie + "\r\n"));
  }
  auto polling = polling_cores(x, out, "polls of a place, with tickets", polls, how);
  show(out, "places", costs, polling, missed);
  x.stop_node();
}

} // namespace

void bench_streams(shop& x, report& out, const options& how) {
  out.section("streams");
  raise_descriptor_limit();
  auto updates = static_cast<uint64_t>(std::max(5.0, 3 * how.seconds));
  x.add_users(base, updates + streams);
  x.add_event(event, base, seats);
  x.settle();
  const auto settings = {"RATE_LIMIT_GENERAL_RPM", "RATE_LIMIT_QUEUE_RPM", "STREAM_MAX_PER_ADDRESS",
                         "QUEUE_THRESHOLD"};
  for (auto* name : settings) x.set(name, "0");
  listen_to_seats(x, out, how, updates);
  listen_to_places(x, out, how, updates);
  for (auto* name : settings) x.set(name, "");
}

} // namespace tk::bench
