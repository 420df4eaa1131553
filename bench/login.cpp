#include <future>
#include <thread>

#include "bench/bench.hpp"

namespace tk::bench {

namespace {

constexpr uint64_t event_seats = 5000;
constexpr uint64_t base = 6'000'000,
                   first_event = 950'000; // Numbers nobody else of the bench uses.
constexpr size_t buyers = 16;
constexpr size_t accounts = 8;
/// As many as may wait for the pool: it is never idle, and refuses nobody.
constexpr size_t people_at_the_door = 64;

std::string post_request(const std::string& path, const std::string& body) {
  return "POST " + path + " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n" +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::string credentials(size_t account) {
  return R"({"email":"bench-)" + std::to_string(account) +
         R"(@tests.example","password":"Test1234!","name":"bench"})";
}

void register_accounts(shop& x) {
  size_t next = 0;
  load_options how{x.port(), 1, std::chrono::seconds(60)};
  auto made = run_load(how, [&](size_t, std::string& to) {
    if (next == accounts) return false;
    to = post_request("/api/v1/auth/register", credentials(next++));
    return true;
  });
  if (made.answers(201) != accounts) throw std::runtime_error("accounts cannot be registered");
}

/// Buyers of seats that nobody else wants, dealt from as many blocks as there are buyers.
struct buying {
  shop& x;
  uint64_t next;
  measured run(std::chrono::milliseconds duration, uint64_t seats) {
    auto first = next;
    next += seats;
    std::vector<std::string> requests;
    for (auto n = first; n < next; ++n)
      requests.push_back(
        reserve_request(x.token(base + n), first_event + n / event_seats, base + n));
    uint64_t dealt = 0;
    auto each = seats / buyers;
    return measure(x, {x.port(), buyers, duration}, [&](size_t, std::string& to) {
      if (dealt == each * buyers) return false;
      to = requests[dealt % buyers * each + dealt / buyers];
      ++dealt;
      return true;
    });
  }
};

load_result log_in(uint16_t port, std::chrono::milliseconds duration) {
  size_t next = 0;
  return run_load({port, people_at_the_door, duration}, [&](size_t, std::string& to) {
    to = post_request("/api/v1/auth/login", credentials(next++ % accounts));
    return true;
  });
}

void open_maps(shop& x, uint64_t events) {
  uint64_t next = 0;
  run_load({x.port(), 1, std::chrono::seconds(60)}, [&](size_t, std::string& to) {
    if (next == events) return false;
    to = get_request("/api/v1/seats/events/" + event_uuid(first_event + next++), true);
    return true;
  });
}

} // namespace

void bench_login(shop& x, report& out, const options& how) {
  out.section("login");
  auto duration = std::chrono::milliseconds(static_cast<int64_t>(how.seconds * 1000));
  auto per_run = static_cast<uint64_t>(12'000 * how.seconds) / buyers * buyers;
  auto events = 3 * per_run / event_seats + 1;
  x.add_users(base, events * event_seats);
  for (uint64_t e = 0; e < events; ++e)
    x.add_event(first_event + e, base + e * event_seats, event_seats);
  x.settle();
  for (auto* limit : {"RATE_LIMIT_AUTH_RPM", "RATE_LIMIT_GENERAL_RPM"}) x.set(limit, "0");
  x.set("PASSWORD_HASH_COST", "12");
  x.start_node();
  register_accounts(x);
  open_maps(x, events);
  auto buy = buying{x, 0};
  auto show = [&](const std::string& name, const measured& m) {
    out.add(name, m.load, 200, m.node_cpu_s, m.postgres_cpu_s);
    return m.load.latency.percentile_ms(0.99);
  };
  auto before = show("reserve alone", buy.run(duration, per_run));
  // Log-ins begin a little earlier and end a little later than what they are to disturb.
  auto lead = std::chrono::milliseconds(500);
  auto logins = std::async(std::launch::async, log_in, x.port(), duration + 2 * lead);
  std::this_thread::sleep_for(lead);
  auto during = show("reserve while the pool is full", buy.run(duration, per_run));
  auto door = logins.get();
  out.add("log-ins meanwhile, bcrypt 12", door, 200, 0, 0);
  auto after = show("reserve alone again", buy.run(duration, per_run));
  auto reference = (before + after) / 2;
  out.add(goal{"p99 of reserve with log-ins / without", during / reference, 1.5, false});
  for (auto* name : {"RATE_LIMIT_AUTH_RPM", "RATE_LIMIT_GENERAL_RPM", "PASSWORD_HASH_COST"})
    x.set(name, "");
  x.stop_node();
}

} // namespace tk::bench
