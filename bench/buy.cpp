#include <algorithm>
#include <sstream>

#include "bench/bench.hpp"

/// Whole purchases: reserve, prepare, confirm. The three steps run one after the other for all
/// buyers, so that each has a latency of its own and the database says what the next one needs.
namespace tk::bench {

namespace {

constexpr size_t connections = 64;
constexpr uint64_t event_seats = buyers_an_event, places = 16;

/// The rows of a query of one text column.
std::vector<std::string> column(shop& x, const std::string& sql) {
  std::istringstream text{x.sql().value("SELECT string_agg(c, ' ') FROM (" + sql + ") t(c)")};
  std::vector<std::string> out;
  for (std::string one; text >> one;) out.push_back(one);
  return out;
}

/// Everything is sent once, however long it takes.
measured run_step(shop& x, report& out, const std::string& name,
                  const std::vector<std::string>& requests) {
  auto load = load_options{x.port(), connections, std::chrono::seconds(120)};
  auto at = size_t{0};
  auto result = measure(x, load, [&](size_t, std::string& to) {
    if (at == requests.size()) return false;
    to = requests[at++];
    return true;
  });
  out.add("buy, " + name, result.load, 200, result.node_cpu_s, result.postgres_cpu_s);
  return result;
}

} // namespace

std::string post_request(const std::string& path, const std::string& token,
                         const std::string& body) {
  return "POST " + path + " HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + token +
         "\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + body;
}

purchases buy_all(shop& x, report& out, uint64_t first, uint64_t count, const std::string& label) {
  std::vector<std::string> tokens, requests;
  auto log_before = x.sql().value("SELECT pg_current_wal_lsn()");
  for (auto n = first; n < first + count; ++n) tokens.push_back(x.token(n));
  auto each = count / places;
  for (uint64_t i = 0; i < each * places; ++i) {
    auto k = i % places * each + i / places;
    requests.push_back(reserve_request(tokens[k], (first + k) / event_seats, first + k));
  }
  auto reserved = run_step(x, out, "reserve" + label, requests);
  auto users = std::to_string(first) + " AND " + std::to_string(first + count - 1);
  auto number = std::string{"('x' || right(user_id::text, 12))::bit(48)::bigint"};
  auto buyers = column(x, "SELECT (" + number + ")::text || ' ' || id FROM reservations WHERE " +
                            number + " BETWEEN " + users + " ORDER BY id");
  requests.clear();
  for (size_t i = 0; i + 1 < buyers.size(); i += 2)
    requests.push_back(post_request("/api/v1/payments/prepare",
                                    tokens[std::stoull(buyers[i]) - first],
                                    R"({"reservationId":")" + buyers[i + 1] + R"("})"));
  auto prepared = run_step(x, out, "prepare" + label, requests);
  auto orders = column(x, "SELECT (" + number +
                            ")::text || ' ' || order_id || ' ' || amount FROM "
                            "payments WHERE " +
                            number + " BETWEEN " + users + " ORDER BY id");
  requests.clear();
  for (size_t i = 0; i + 2 < orders.size(); i += 3)
    requests.push_back(
      post_request("/api/v1/payments/confirm", tokens[std::stoull(orders[i]) - first],
                   R"({"paymentKey":"bench-)" + orders[i + 1] + R"(","orderId":")" + orders[i + 1] +
                     R"(","amount":)" + orders[i + 2] + "}"));
  auto confirmed = run_step(x, out, "confirm" + label, requests);
  purchases all;
  auto* p99 = all.p99_ms;
  for (auto* step : {&reserved, &prepared, &confirmed})
    *p99++ = step->load.latency.percentile_ms(0.99);
  all.seconds = reserved.load.seconds + prepared.load.seconds + confirmed.load.seconds;
  all.done = static_cast<double>(confirmed.load.answers(200));
  out.add(figure{"completed purchases" + label, all.done / all.seconds, "/s", "all three steps"});
  auto log = x.sql().value("SELECT pg_current_wal_lsn() - '" + log_before + "'");
  out.add(figure{"PostgreSQL's log, a purchase" + label, std::stod(log) / all.done, "B",
                 "with whole pages after a checkpoint"});
  out.add(goal{"every reservation was sold" + label, all.done / static_cast<double>(each * places),
               1, true});
  return all;
}

void bench_buy(shop& x, report& out, const options& how) {
  out.section("buy");
  constexpr uint64_t base = 9'000'000;
  auto count =
    static_cast<uint64_t>(4'000 * std::max(1.0, how.seconds)) / event_seats * event_seats;
  count = std::max(count, event_seats);
  x.add_users(base, 3 * count);
  for (auto n = base; n < base + 3 * count; n += event_seats)
    x.add_event(n / event_seats, n, event_seats);
  x.settle();
  // Everybody buys once, from one address.
  for (auto* name : {"RATE_LIMIT_BOOKING_RPM", "RATE_LIMIT_GENERAL_RPM"}) x.set(name, "0");
  x.start_node();
  buy_all(x, out, base, count, ", step by step");
  auto whole = buy_whole(x, out, base + count, count, ", provider at once");
  out.add(goal{"completed purchases per second, provider at once", whole.done / whole.seconds, 2000,
               true});
  x.stop_node();
  auto toss = x.start_toss(20);
  x.set("PAYMENT_PROVIDERS", "toss,mock");
  x.set("TOSS_SECRET_KEY", "test_sk_bench");
  x.set("TOSS_BASE_URL", "http://127.0.0.1:" + std::to_string(toss.port));
  x.start_node();
  auto toss_cpu = cpu_seconds(toss.process->pid(), false);
  auto asked = buy_whole(x, out, base + 2 * count, count, ", Toss after 20 ms");
  out.add(figure{"cores of the provider's stand-in",
                 (cpu_seconds(toss.process->pid(), false) - toss_cpu) / asked.seconds * 100, "%",
                 ""});
  out.add(goal{"completed purchases per second, Toss after 20 ms", asked.done / asked.seconds, 1500,
               true});
  x.stop_node();
  for (auto* name : {"RATE_LIMIT_BOOKING_RPM", "RATE_LIMIT_GENERAL_RPM", "PAYMENT_PROVIDERS",
                     "TOSS_SECRET_KEY", "TOSS_BASE_URL"})
    x.set(name, "");
  auto wrong = x.sql().value("SELECT count(*) FROM (SELECT attempt_id FROM books GROUP BY 1 "
                             "HAVING sum(amount) <> 0) t");
  out.add(goal{"payments whose books do not sum to zero", std::stod(wrong), 0, false});
}

} // namespace tk::bench
