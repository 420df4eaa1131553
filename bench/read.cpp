#include "bench/bench.hpp"

#include <stdexcept>
#include <utility>

namespace tk::bench {

namespace {

// The body's size as the server sends it, which the constant server then copies.
size_t answer_size(uint16_t port, const std::string& request) {
  auto load = load_options{port, 1, std::chrono::milliseconds(2000)};
  bool asked = false;
  auto result = run_load(load, [&](size_t, std::string& to) {
    to = request;
    return !std::exchange(asked, true);
  });
  if (result.answers(200) != 1) throw std::runtime_error("no good answer to: " + request);
  return result.bytes;
}

void compare(shop& x, report& out, const options& how, const std::string& name,
             const std::string& request, size_t connections) {
  auto size = answer_size(x.port(), request);
  auto constant = constant_rate(x, out, request, size > 400 ? size - 300 : size, connections, how);
  auto load = load_options{x.port(), connections, {}};
  load.duration = std::chrono::milliseconds(static_cast<int64_t>(how.seconds * 1000));
  auto result = measure(x, load, [&](size_t, std::string& to) {
    to = request;
    return true;
  });
  out.add(name, result.load, 200, result.node_cpu_s, result.postgres_cpu_s);
  out.add(goal{name + " / constant answer of its size", result.load.per_second(200) / constant, 0.6,
               true});
}

} // namespace

void bench_read(shop& x, report& out, const options& how) {
  out.section("read");
  constexpr uint64_t event = 910'000, base = 6'000'000;
  for (uint64_t i = 0; i < 12; ++i) x.add_event(event + i, base + i * 10'000, i == 0 ? 4'900 : 100);
  x.settle();
  // One address asks for everything here; its share of the general limit would end the run.
  x.set("RATE_LIMIT_GENERAL_RPM", "0");
  x.start_node();
  auto id = event_uuid(event);
  compare(x, out, how, "events list", get_request("/api/v1/events?page=1&limit=10", false), 64);
  compare(x, out, how, "event detail", get_request("/api/v1/events/" + id, false), 64);
  auto map = "/api/v1/seats/events/" + id;
  compare(x, out, how, "seat map, 4,900 seats", get_request(map, false), 16);
  compare(x, out, how, "seat map, 4,900 seats, gzip", get_request(map, true), 64);
  x.stop_node();
  x.set("RATE_LIMIT_GENERAL_RPM", "");
}

void bench_memory(shop& x, report& out, const options&) {
  out.section("memory");
  constexpr uint64_t event = 920'000, base = 8'000'000, seats = 50'000, users = 20'000;
  constexpr double mib = 1 << 20;
  x.add_users(base, users);
  x.add_event(event, base, seats);
  x.settle();
  auto ready = x.start_node();
  out.add(goal{"seconds until ready on a migrated database", ready, 2, false});
  auto resident = [&] { return static_cast<double>(resident_bytes(x.node_pid())); };
  auto ask = [&](size_t connections, uint64_t count, auto make) {
    auto load = load_options{x.port(), connections, std::chrono::seconds(60)};
    uint64_t at = 0;
    return run_load(load, [&](size_t, std::string& to) {
      if (at >= count) return false;
      to = make(at++);
      return true;
    });
  };
  ask(1, 50, [](uint64_t) { return get_request("/api/time", false); });
  auto idle = resident();
  out.add(figure{"idle node", idle / mib, "MiB", ""});
  // The map, and one seat of every block, so that all blocks are awake.
  auto map = ask(
    1, 1, [&](uint64_t) { return get_request("/api/seats/events/" + event_uuid(event), true); });
  auto woken = ask(
    8, 100, [&](uint64_t i) { return reserve_request(x.token(base + i), event, base + i * 500); });
  auto loaded = resident();
  out.add(figure{"a 50,000-seat event, awake", (loaded - idle) / mib, "MiB",
                 std::to_string(map.answers(200)) + " map, " + std::to_string(woken.answers(200)) +
                   " of 100 reserved"});
  out.add(figure{"per seat", (loaded - idle) / seats, "B", ""});
  out.add(goal{"MiB of a 50,000-seat event above idle", (loaded - idle) / mib, 64, false});
  // A seat that does not exist: the session is loaded, nothing is held.
  auto sessions = ask(64, users - 200, [&](uint64_t i) {
    return reserve_request(x.token(base + 200 + i), event, base + seats + 1 + i);
  });
  auto with_sessions = resident();
  out.add(figure{"per idle session", (with_sessions - loaded) / (users - 200), "B",
                 std::to_string(sessions.answers(404)) + " sessions"});
  auto held = ask(64, users - 200, [&](uint64_t i) {
    return reserve_request(x.token(base + 200 + i), event, base + i / 499 * 500 + 1 + i % 499);
  });
  out.add(figure{"per pending reservation", (resident() - with_sessions) / (users - 200), "B",
                 std::to_string(held.answers(200)) + " reservations"});
  x.stop_node();
}

} // namespace tk::bench
