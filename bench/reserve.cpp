#include <algorithm>
#include <fstream>

#include "bench/bench.hpp"

namespace tk::bench {

namespace {

constexpr uint64_t event_seats = 5000;
constexpr size_t constant_answer_bytes = 520; // About what a reservation of one seat answers.

/// Seats and users of the whole bench: number n is user n and seat n, used once.
struct stock {
  uint64_t first_event;
  uint64_t next = 0, end = 0;
  [[nodiscard]] uint64_t event_of(uint64_t n) const { return first_event + n / event_seats; }
};

/// One transaction per reservation, statement by statement: the usual way to write a shop.
/// `@user`, `@event`, `@seat` and `@reservation` stand for the ids that belong to number `:n`.
constexpr auto reference_script = R"(\set i :i + 1
\set n :first + :i * 32 + :client_id
BEGIN;
SELECT version FROM seats WHERE id = @seat AND status = 'available' FOR UPDATE;
UPDATE seats SET status = 'locked', version = version + 1, fencing_token = fencing_token + 1,
  locked_by = @user, reservation_id = @reservation, updated_at = now()
  WHERE id = @seat AND version = 0;
INSERT INTO reservations (id, user_id, event_id, reservation_number, total_amount, expires_at,
    operation, shard, block_no)
  VALUES (@reservation, @user, @event, 'P' || :n, 50000, now() + interval '1 hour', 'seats',
    :n % 128, 0);
INSERT INTO reservation_items (reservation_id, seat_id, quantity, unit_price, subtotal)
  VALUES (@reservation, @seat, 1, 50000, 50000);
INSERT INTO reservation_history (reservation_id, to_status, payment_to, actor, actor_id)
  VALUES (@reservation, 'pending', 'pending', 'user', @user);
INSERT INTO outbox (shard, topic, key, type, body)
  VALUES (:n % 128, 'reservation-events', @reservation, 'RESERVATION_CREATED',
    jsonb_build_object('reservationId', @reservation, 'totalAmount', 50000));
COMMIT;
)";

std::string reference_text() {
  std::string out = reference_script;
  auto replace = [&](const std::string& name, const std::string& part, const std::string& number) {
    auto sql = "('00000000-0000-4000-" + part + "-' || lpad(to_hex((" + number +
               ")::bigint), 12, '0'))::uuid";
    for (auto at = out.find(name); at != std::string::npos; at = out.find(name, at + sql.size()))
      out.replace(at, name.size(), sql);
  };
  replace("@user", "8000", ":n");
  replace("@event", "8001", ":n / 5000");
  replace("@seat", "8002", ":n");
  replace("@reservation", "8003", ":n");
  return out;
}

double run_reference(shop& x, report& out, uint64_t first, uint64_t count, const options& how) {
  auto script = x.folder() + "/reference.sql";
  std::ofstream(script) << reference_text();
  auto seconds = std::to_string(std::max(1, static_cast<int>(how.seconds)));
  auto before = cpu_seconds(x.postgres_pid(), true);
  auto text =
    run({"pgbench", "-n",   "-M", "prepared", "-c",          "32",
         "-j",      "2",    "-T", seconds,    "-D",          "first=" + std::to_string(first),
         "-D",      "i=-1", "-f", script,     "-h",          x.socket(),
         "-p",      "5432", "-U", "postgres", "tiketi_bench"},
        {}, x.folder() + "/pgbench.log");
  auto cpu = cpu_seconds(x.postgres_pid(), true) - before;
  auto at = text.find("tps = ");
  auto rate = at == std::string::npos ? 0.0 : std::stod(text.substr(at + 6));
  auto made = x.sql().value("SELECT count(*) FROM reservations WHERE reservation_number LIKE 'P%'");
  if (std::stoull(made) >= count)
    out.add(figure{"pgbench ran out of seats after", static_cast<double>(count), "seats", ""});
  out.add(figure{"pgbench, a transaction each, 32 clients", rate, "/s",
                 "cores: postgres " +
                   std::to_string(static_cast<int>(100 * cpu / std::stod(seconds))) + " %"});
  return rate;
}

/// Buyers look at the map before they choose: every event of the level has been seen once.
void open_maps(shop& x, const stock& seats, uint64_t end) {
  auto event = seats.event_of(seats.next), last = seats.event_of(end - 1);
  auto load = load_options{x.port(), 1, {}};
  load.duration = std::chrono::seconds(60);
  run_load(load, [&](size_t, std::string& to) {
    if (event > last) return false;
    to = get_request("/api/v1/seats/events/" + event_uuid(event++), true);
    return true;
  });
}

/// Seats are dealt round robin from so many places at once, as in a hall whose sections sell
/// together: dealt in order, all buyers would stand in front of one block.
constexpr uint64_t places = 16;

measured run_level(shop& x, report& out, stock& seats, size_t connections, const options& how) {
  auto load = load_options{x.port(), connections, {}};
  load.duration = std::chrono::milliseconds(static_cast<int64_t>(how.seconds * 1000));
  auto first = seats.next;
  auto wanted = static_cast<uint64_t>((connections == 1 ? 4'000 : 28'000) * how.seconds);
  auto each = std::min(seats.end - first, wanted) / places;
  seats.next = first + each * places;
  // Signed before the clock runs; a tenth of a second at the most per 10,000.
  auto tokens = std::vector<std::string>();
  for (auto n = first; n < seats.next; ++n) tokens.push_back(x.token(n));
  open_maps(x, stock{0, first, seats.end}, seats.next);
  uint64_t dealt = 0;
  auto result = measure(x, load, [&](size_t, std::string& to) {
    if (dealt == each * places) return false;
    auto k = dealt % places * each + dealt / places;
    ++dealt;
    to = reserve_request(tokens[k], seats.event_of(first + k), first + k);
    return true;
  });
  out.add("reserve, " + std::to_string(connections) + " connections", result.load, 200,
          result.node_cpu_s, result.postgres_cpu_s);
  if (dealt == each * places)
    out.add(figure{"  (ended early: all seats of this level were taken)", 0, "", ""});
  return result;
}

} // namespace

void bench_reserve(shop& x, report& out, const options& how) {
  out.section("reserve");
  auto reference_seats = static_cast<uint64_t>(20'000 * std::max(1.0, how.seconds));
  auto own_seats = static_cast<uint64_t>((4'000 + 3 * 28'000) * how.seconds);
  auto events = (reference_seats + own_seats) / event_seats + 2;
  auto base = uint64_t{0};
  x.add_users(base, events * event_seats);
  for (uint64_t e = 0; e < events; ++e) x.add_event(e, e * event_seats, event_seats);
  x.settle();
  auto reference = run_reference(x, out, base, reference_seats, how);
  x.settle();
  x.start_node();
  auto first = (reference_seats / event_seats + 1) * event_seats;
  auto seats = stock{0, first, events * event_seats};
  auto request = reserve_request(x.token(1), 1, 1);
  auto constant = constant_rate(x, out, request, constant_answer_bytes, 128, how);
  for (size_t connections : {1, 32, 128, 256}) {
    auto result = run_level(x, out, seats, connections, how);
    if (connections != 128) continue;
    auto rate = result.load.per_second(200);
    out.add(goal{"reservations over HTTP / pgbench, 128 connections", rate / reference, 2.0, true});
    out.add(goal{"reservations / constant answers, 128 connections", rate / constant, 0.2, true});
    out.add(goal{"p99 in ms, 128 connections", result.load.latency.percentile_ms(0.99), 25, false});
  }
  auto rows =
    x.sql().value("SELECT count(*) FROM reservations WHERE reservation_number LIKE 'TK%'");
  out.add(figure{"rows in the database", std::stod(rows), "", "must equal the 200s above"});
  x.stop_node();
}

void bench_contended(shop& x, report& out, const options& how) {
  out.section("contended");
  constexpr uint64_t base = 4'000'000, event = 900'000, prizes = 100;
  // Enough of them that no one is stopped by the limit of 30 bookings a minute.
  auto users = static_cast<uint64_t>(2'000 * std::max(1.0, how.seconds));
  x.add_users(base, users);
  x.add_event(event, base, prizes);
  x.settle();
  x.start_node();
  auto requests = std::vector<std::string>();
  for (uint64_t i = 0; i < users * 5; ++i)
    requests.push_back(
      reserve_request(x.token(base + i % users), event, base + (i * 7919 + i / users) % prizes));
  auto constant = constant_rate(x, out, requests.front(), 140, 128, how);
  auto load = load_options{x.port(), 128, {}};
  load.duration = std::chrono::milliseconds(static_cast<int64_t>(how.seconds * 1000));
  auto at = size_t{0};
  auto result = measure(x, load, [&](size_t, std::string& to) {
    to = requests[at++ % requests.size()];
    return true;
  });
  out.add("refused, 128 connections on 100 seats", result.load, 409, result.node_cpu_s,
          result.postgres_cpu_s);
  auto winners = x.sql().value("SELECT count(*) FROM seats WHERE event_id = '" + event_uuid(event) +
                               "' AND status = 'locked'");
  auto pairs = x.sql().value("SELECT count(*) FROM reservation_items i JOIN reservations r ON "
                             "r.id = i.reservation_id WHERE r.event_id = '" +
                             event_uuid(event) + "' AND r.status = 'pending'");
  out.add(figure{"seats taken, items of pending reservations", std::stod(winners), "", pairs});
  out.add(goal{"refusals / constant answers", result.load.per_second(409) / constant, 0.5, true});
  auto exact = winners == "100" && pairs == "100";
  out.add(goal{"exactly 100 winners in the database", exact ? 1.0 : 0.0, 1, true});
  x.stop_node();
}

} // namespace tk::bench
