#include <algorithm>
#include <chrono>
#include <functional>
#include <thread>
#include <utility>

#include "bench/bench.hpp"
#include "bench/team.hpp"

/// Three nodes on one machine: what a link costs, what it costs to be in a cluster, and how long a
/// dead node is missed.
namespace tk::bench {

namespace {

using clock = std::chrono::steady_clock;

// Numbers nobody else of the bench uses. Seat n of the section is in event n / event_seats.
constexpr uint64_t base = 40'000'000, first_event = 1'900'000, event_seats = 5'000,
                   block_seats = 500;
/// "Three nodes with 2 million rows."
constexpr uint64_t events = 400;
constexpr uint64_t users = 600'000;
constexpr size_t nodes = 3, buyers = 32;
constexpr int deaths = 6;
/// The node that requests are sent to.
constexpr size_t near = 0;

double seconds_since(clock::time_point x) {
  return std::chrono::duration<double>(clock::now() - x).count();
}

uint64_t event_of(uint64_t seat) { return first_event + seat / event_seats; }

entity_key block_of(uint64_t seat) {
  auto event = parse_id<event_id>(event_uuid(event_of(seat)));
  return key_of(event.value(), static_cast<int32_t>(seat % event_seats / block_seats));
}

entity_key session_of(uint64_t user) { return key_of(parse_id<user_id>(user_uuid(user)).value()); }

/// Hands out users and seats, each once, that live where one wants them.
class stock {
public:
  using place = std::function<bool(const entity_key&)>;
  /// The next request of somebody whose session is at `session`, for a seat at `block`. A hundred
  /// blocks sell together, so that few have to be loaded.
  std::string take(const shop& x, const place& session, const place& block) {
    while (!session(session_of(base + user_))) ++user_;
    while (!block(block_of(seat_at()))) ++dealt_;
    auto seat = seat_at();
    ++dealt_;
    auto user = user_++;
    if (user >= users || dealt_ >= events * event_seats)
      throw std::runtime_error("the bench has too few users or seats");
    return reserve_request(x.token(base + user), event_of(seat), base + seat);
  }

private:
  /// Every block's first seat, then every block's second; the next hundred when these are sold.
  [[nodiscard]] uint64_t seat_at() const {
    constexpr uint64_t blocks = 100, together = blocks * block_seats;
    auto first = dealt_ / together * together, n = dealt_ % together;
    return first + n % blocks * block_seats + n / blocks;
  }
  uint64_t user_ = 0, dealt_ = 0;
};

bool anywhere(const entity_key&) { return true; }

stock::place at(const team& x, size_t node) {
  return [&x, node](const entity_key& key) { return x.owner_of(key) == node; };
}

stock::place not_at(const team& x, size_t node) {
  return [&x, node](const entity_key& key) { return x.owner_of(key) != node; };
}

struct run {
  load_result load;
  double cpu_us = 0; ///< Of all nodes, for one reservation.
};

/// Signed before the clock runs.
std::vector<std::string> requests_of(size_t count, const std::function<std::string()>& one) {
  std::vector<std::string> out;
  for (size_t i = 0; i < count; ++i) out.push_back(one());
  return out;
}

run reserve_all(uint16_t port, size_t connections, const std::vector<std::string>& requests,
                const options& how, const std::function<double()>& cpu) {
  auto load = load_options{port, connections,
                           std::chrono::milliseconds(static_cast<int64_t>(how.seconds * 1000))};
  size_t next = 0;
  auto before = cpu();
  run out;
  out.load = run_load(load, [&](size_t, std::string& to) {
    if (next == requests.size()) return false;
    to = requests[next++];
    return true;
  });
  auto done = static_cast<double>(out.load.answers(200));
  out.cpu_us = done > 0 ? 1e6 * (cpu() - before) / done : 0;
  return out;
}

std::string in_words(const run& x) {
  auto others = x.load.answers() - x.load.answers(200) + x.load.broken;
  auto p50 = std::to_string(x.load.latency.percentile_ms(0.5));
  return "p50 " + p50.substr(0, p50.find('.') + 3) + " ms, nodes " +
         std::to_string(static_cast<int>(x.cpu_us)) + " us each" +
         (others > 0 ? ", others: " + std::to_string(others) : "");
}

void idle(team& all, report& out) {
  constexpr double seconds = 10;
  auto before = all.cpu();
  std::this_thread::sleep_for(std::chrono::duration<double>{seconds});
  auto share = 100 * (all.cpu() - before) / seconds / static_cast<double>(all.size());
  uint64_t most = 0;
  for (size_t n = 0; n < all.size(); ++n) most = std::max(most, resident_bytes(all.pid(n)));
  out.add(goal{"% of a core, an idle node of three", share, 2, false});
  out.add(goal{"MiB, the largest idle node", static_cast<double>(most) / 1048576.0, 100, false});
}

/// One buyer at a time, near and far by turns, so that whatever disturbs one disturbs the other.
void link(shop& x, team& all, report& out, stock& seats, const options& how) {
  constexpr size_t turns = 5;
  double cpu_near = 0, cpu_far = 0, ms_near = 0, ms_far = 0;
  auto part = options{how.seconds / turns};
  auto each = static_cast<size_t>(2'000 * part.seconds);
  auto cpu = [&] { return all.cpu(); };
  for (size_t i = 0; i < turns; ++i) {
    auto here = requests_of(each, [&] { return seats.take(x, at(all, near), at(all, near)); });
    auto there = requests_of(each, [&] { return seats.take(x, at(all, near), not_at(all, near)); });
    auto a = reserve_all(all.port(near), 1, here, part, cpu);
    auto b = reserve_all(all.port(near), 1, there, part, cpu);
    ms_near += a.load.latency.percentile_ms(0.5) / turns;
    ms_far += b.load.latency.percentile_ms(0.5) / turns;
    cpu_near += a.cpu_us / turns;
    cpu_far += b.cpu_us / turns;
  }
  out.add(figure{"one buyer, block of the same node", ms_near, "ms",
                 "p50; nodes " + std::to_string(static_cast<int>(cpu_near)) + " us each"});
  out.add(figure{"one buyer, block of another node", ms_far, "ms",
                 "p50; nodes " + std::to_string(static_cast<int>(cpu_far)) + " us each"});
  out.add(goal{"ms that another node's block takes longer, p50", ms_far - ms_near, 1, false});
}

/// What comes of some runs of a second each.
struct slices {
  double rate_sum = 0, cpu_sum = 0;
  size_t count = 0;
  void add(const run& x) {
    rate_sum += x.load.per_second(200);
    cpu_sum += x.cpu_us;
    ++count;
  }
  [[nodiscard]] double rate() const { return rate_sum / static_cast<double>(count); }
  [[nodiscard]] std::string in_words() const {
    return "mean of " + std::to_string(count) + " s; nodes " +
           std::to_string(static_cast<int>(cpu_sum / static_cast<double>(count))) + " us each";
  }
};

/// The rate of one node of three with what is its own beside the rate of a node that is alone, with
/// as many connections. They have a second each by turns, because what a machine does in a second
/// changes by half within a minute when it is shared; the three are idle in the other's seconds and
/// it in theirs.
void inside(shop& x, shop& other, team& all, report& out, stock& seats, const options& how) {
  const options second{1};
  constexpr size_t each = 10'000;
  stock of_other;
  auto turns = static_cast<size_t>(3 * how.seconds);
  slices near_to, single;
  std::vector<double> ratios;
  for (size_t i = 0; i < turns; ++i) {
    auto own = requests_of(each, [&] { return seats.take(x, at(all, near), at(all, near)); });
    auto any = requests_of(each, [&] { return of_other.take(other, anywhere, anywhere); });
    auto a = reserve_all(all.port(near), buyers, own, second, [&] { return all.cpu(); });
    auto b = reserve_all(other.port(), buyers, any, second,
                         [&] { return cpu_seconds(other.node_pid(), false); });
    near_to.add(a);
    single.add(b);
    ratios.push_back(a.load.per_second(200) / b.load.per_second(200));
  }
  std::ranges::sort(ratios);
  out.add(figure{"a node alone", single.rate(), "/s", single.in_words()});
  out.add(
    figure{"a node of three, its own blocks and people", near_to.rate(), "/s", near_to.in_words()});
  out.add(goal{"rate of a node of three / of one alone, median of the turns",
               ratios[ratios.size() / 2], 0.85, true});
}

/// The rate of one node of three with whatever comes.
void mixed(shop& x, team& all, report& out, stock& seats, const options& how) {
  auto each = static_cast<size_t>(8'000 * how.seconds);
  auto any = requests_of(each, [&] { return seats.take(x, anywhere, anywhere); });
  auto told = reserve_all(all.port(near), buyers, any, how, [&] { return all.cpu(); });
  out.add(figure{"a node of three, any blocks and people", told.load.per_second(200), "/s",
                 in_words(told)});
}

/// Seconds from the death of `victim` to the first reservation of one of its blocks, asked for at
/// another node, by somebody else each time: who has asked and heard that nobody knows waits until
/// somebody does.
double missed(shop& x, team& all, stock& seats, size_t victim) {
  constexpr size_t tries = 500;
  auto requests = requests_of(tries, [&] { return seats.take(x, at(all, near), at(all, victim)); });
  auto death = clock::now();
  all.kill(victim);
  for (auto& request : requests) {
    if (status_of(all.port(near), request, std::chrono::seconds{10}) == 200)
      return seconds_since(death);
    std::this_thread::sleep_for(std::chrono::milliseconds{20});
  }
  throw std::runtime_error("nobody took the dead node's place");
}

void die(shop& x, team& all, report& out, stock& seats) {
  std::vector<double> all_s;
  for (int i = 0; i < deaths; ++i) {
    auto victim = 1 + static_cast<size_t>(i) % (all.size() - 1);
    all_s.push_back(missed(x, all, seats, victim));
    all.restart(victim);
  }
  std::ranges::sort(all_s);
  auto rows = x.sql().value("SELECT count(*) FROM seats");
  out.add(
    figure{"seats on record", std::stod(rows), "", std::to_string(deaths) + " times kill -9"});
  out.add(
    goal{"s until a dead node's block is sold again, median", all_s[all_s.size() / 2], 3, false});
  out.add(goal{"s until a dead node's block is sold again, worst", all_s.back(), 5, false});
}

/// Somebody who holds one seat and gives it back, all the time.
struct prober {
  std::string token, held;
  uint64_t event = 0, seat = 0;
  clock::time_point served{};
  double longest_ms = 0;
};

std::string cancel_request(const prober& x) {
  return "POST /api/v1/reservations/" + x.held + "/cancel HTTP/1.1\r\nHost: localhost\r\n" +
         "Authorization: Bearer " + x.token + "\r\nContent-Length: 0\r\n\r\n";
}

/// One at each of some blocks of `victim`.
std::vector<prober> probers_at(const shop& x, const team& all, size_t victim) {
  constexpr size_t count = 16;
  std::vector<prober> out;
  for (auto seat = events * event_seats - 1; out.size() < count; seat -= block_seats) {
    if (all.owner_of(block_of(seat)) != victim) continue;
    auto token = x.token(base + users - 1 - out.size());
    out.push_back({token, "", event_of(seat), base + seat});
  }
  return out;
}

/// Takes what a prober was answered. Pauses count from `from` on: the first of everything takes
/// longer.
void note(prober& x, int status, std::string_view answer, clock::time_point from) {
  constexpr std::string_view field = "\"reservationId\":\"";
  constexpr size_t uuid_size = 36;
  if (status != 200) return;
  auto now = clock::now();
  auto since = std::chrono::duration<double, std::milli>(now - x.served).count();
  if (x.served >= from) x.longest_ms = std::max(x.longest_ms, since);
  x.served = now;
  auto at = answer.find(field);
  bool was_held = !std::exchange(x.held, "").empty();
  if (!was_held && at != std::string_view::npos)
    x.held = answer.substr(at + field.size(), uuid_size);
}

/// Ends a node in order while its blocks are asked for at another one.
void drain(shop& x, team& all, report& out) {
  constexpr size_t victim = 1;
  constexpr std::chrono::seconds warm{2}, lasts{12};
  auto people = probers_at(x, all, victim);
  load_options how{all.port(near), people.size(), lasts};
  const auto from = clock::now() + warm;
  how.heard = [&](size_t c, int status, std::string_view answer) {
    note(people[c], status, answer, from);
  };
  std::thread end{[&] {
    std::this_thread::sleep_until(from);
    all.end(victim);
  }};
  auto told = run_load(how, [&](size_t c, std::string& to) {
    auto& one = people[c];
    to = one.held.empty() ? reserve_request(one.token, one.event, one.seat) : cancel_request(one);
    return true;
  });
  end.join();
  all.restart(victim);
  auto longest = std::ranges::max(people, {}, &prober::longest_ms).longest_ms;
  auto refused = told.answers() - told.answers(200) + told.broken;
  out.add(figure{"asked of its blocks while a node was drained", told.per_second(200), "/s",
                 std::to_string(people.size()) + " blocks"});
  out.add(goal{"requests that failed meanwhile", static_cast<double>(refused), 0, false});
  out.add(goal{"ms, the longest pause of one block", longest, 150, false});
}

} // namespace

void bench_cluster(shop& x, report& out, const options& how) {
  out.section("cluster");
  x.add_users(base, users);
  for (uint64_t e = 0; e < events; ++e)
    x.add_event(first_event + e, base + e * event_seats, event_seats);
  x.settle();
  stock seats;
  // The probers of `drain` ask all the time.
  for (auto* name : {"RATE_LIMIT_BOOKING_RPM", "RATE_LIMIT_GENERAL_RPM"}) x.set(name, "0");
  {
    auto other = x.twin();
    auto all = team(x, nodes);
    idle(all, out);
    other->start_node();
    inside(x, *other, all, out, seats, how);
    other->stop_node();
    mixed(x, all, out, seats, how);
    link(x, all, out, seats, how);
    drain(x, all, out);
    die(x, all, out, seats);
  }
  for (auto* name : {"RATE_LIMIT_BOOKING_RPM", "RATE_LIMIT_GENERAL_RPM"}) x.set(name, "");
}

} // namespace tk::bench
