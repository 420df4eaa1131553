#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <cstring>
#include <future>
#include <iterator>
#include <memory>
#include <thread>
#include <utility>

#include "actors/waiting_room/core.hpp"
#include "bench/bench.hpp"

/// A waiting room with a million people: what they cost, how fast they come and look, and whether
/// the ceiling holds.
namespace tk::bench {

namespace {

constexpr uint64_t people = 1'000'000;
constexpr uint64_t base = 20'000'000, buyers = 21'000'000, room_event = 990'000,
                   ceiling_event = 990'001; // Numbers nobody else of the bench uses.
constexpr size_t connections = 64;
/// So many of those who wait keep their tickets, to ask again.
constexpr size_t askers = 50'000;
using clock = std::chrono::steady_clock;

double seconds_since(clock::time_point x) {
  return std::chrono::duration<double>(clock::now() - x).count();
}

/// A visitor's request about the queue of an event (D12); `cookies` as a browser sends them.
std::string queue_request(const char* verb, const std::string& path, uint64_t event,
                          const std::string& cookies) {
  auto body = std::string{verb} == "POST" ? "Content-Length: 0\r\n" : "";
  return std::string{verb} + " /api/v1/queue/" + path + "/" + event_uuid(event) +
         " HTTP/1.1\r\nHost: localhost\r\nCookie: " + cookies + "\r\n" + body + "\r\n";
}

std::string visitor(uint64_t n) {
  constexpr size_t version = 14;
  auto id = user_uuid(n);
  id[version] = '8'; // Of visitors; 4 is of users.
  return "tiketi-visitor=" + id;
}

/// What an answer sets as the caller's ticket, as a browser would send it: "; name=value".
std::string ticket_of(std::string_view answer) {
  auto at = answer.find("tiketi-queue-");
  if (at == std::string_view::npos) return "";
  auto end = answer.find(';', at);
  return "; " + std::string(answer.substr(at, end - at));
}

/// An integer field of a JSON answer; -1 without it.
int64_t field(std::string_view answer, std::string_view name) {
  auto key = "\"" + std::string(name) + "\":";
  auto at = answer.find(key);
  if (at == std::string_view::npos) return -1;
  return std::strtoll(answer.data() + at + key.size(), nullptr, 10);
}

/// One question at a time, for what is not a matter of rates.
class asker {
public:
  explicit asker(uint16_t port) : port_(port) {
    // nop
  }
  std::string ask(const std::string& request) {
    std::string out;
    bool asked = false;
    load_options how{port_, 1, std::chrono::seconds(20)};
    how.heard = [&](size_t, int, std::string_view answer) { out = answer; };
    run_load(how, [&](size_t, std::string& to) {
      to = request;
      return !std::exchange(asked, true);
    });
    return out;
  }

private:
  uint16_t port_;
};

struct crowd {
  std::vector<std::string> cookies; ///< Of `askers`.
  std::string first;                ///< Who stands first.
};

crowd join_all(shop& x, report& out, double constant) {
  crowd all;
  all.cookies.reserve(askers);
  uint64_t next = 0;
  std::vector<uint64_t> asked(connections);
  load_options how{x.port(), connections, std::chrono::seconds(300)};
  how.heard = [&](size_t c, int status, std::string_view answer) {
    if (status != 200) return;
    auto n = asked[c];
    if (field(answer, "position") == 1) all.first = visitor(base + n) + ticket_of(answer);
    else if (n % (people / askers) == 0)
      all.cookies.push_back(visitor(base + n) + ticket_of(answer));
  };
  auto joined = measure(x, how, [&](size_t c, std::string& to) {
    if (next == people) return false;
    asked[c] = next;
    to = queue_request("POST", "check", room_event, visitor(base + next++));
    return true;
  });
  out.add("joins", joined.load, 200, joined.node_cpu_s, joined.postgres_cpu_s);
  out.add(goal{"joins / constant answer", joined.load.per_second(200) / constant, 0.3, true});
  out.add(
    goal{"everybody joined", static_cast<double>(joined.load.answers(200)) / people, 1, true});
  return all;
}

void poll(shop& x, report& out, const options& how, const crowd& all, double constant) {
  size_t next = 0;
  load_options load{x.port(), connections,
                    std::chrono::milliseconds(static_cast<int64_t>(how.seconds * 1000))};
  auto asked = measure(x, load, [&](size_t, std::string& to) {
    to = queue_request("GET", "status", room_event, all.cookies[next++ % all.cookies.size()]);
    return true;
  });
  out.add("status polls", asked.load, 200, asked.node_cpu_s, asked.postgres_cpu_s);
  out.add(goal{"status polls / constant answer", asked.load.per_second(200) / constant, 0.7, true});
}

/// How long until what the room did is told by an ingress's board: heads leave, one who stands
/// behind looks how many are ahead.
void board_age(shop& x, report& out, const crowd& all) {
  asker client{x.port()};
  auto behind = queue_request("GET", "status", room_event, all.cookies.back());
  std::vector<double> ages;
  for (size_t i = 1; i <= 15; ++i) {
    auto before = field(client.ask(behind), "peopleAhead");
    auto begin = clock::now();
    client.ask(queue_request("POST", "leave", room_event, all.cookies[i]));
    while (field(client.ask(behind), "peopleAhead") >= before && seconds_since(begin) < 5)
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    ages.push_back(seconds_since(begin) * 1000);
  }
  std::ranges::sort(ages);
  out.add(figure{"from a leave to what others are told, median", ages[ages.size() / 2], "ms", ""});
  out.add(goal{"the same, slowest of 15, ms", ages.back(), 300, false});
}

/// Inside the room, without its mailbox: a million who wait, a thousand are let in at once.
void admission_round(report& out) {
  room_rows rows;
  rows.known = true;
  rows.turn = 1;
  rows.reserved_to = static_cast<int64_t>(people) + 1;
  rows.waiting.reserve(people);
  for (uint32_t n = 1; n <= people; ++n)
    rows.waiting.push_back({queue_place{true, n}.code(), user_id{1, n}});
  queue_settings how;
  how.threshold = 20'000;
  how.per_second = 1000;
  auto now = from_ms(1'800'000'000'000);
  auto begin = clock::now();
  auto room =
    std::make_unique<waiting_room_core>(event_id{1, 1}, participant{1, 1}, how, rows, now);
  out.add(figure{"a room of a million, made from its rows", seconds_since(begin) * 1000, "ms", ""});
  std::vector<double> rounds;
  for (int i = 0; i < 9; ++i) {
    now += how.round_every;
    begin = clock::now();
    room->round(now);
    auto turn = room->take_turn(now);
    auto board = room->board(now);
    rounds.push_back(seconds_since(begin) * 1000);
    if (!turn || turn->admissions.size() != 1000 || board.active == 0)
      throw std::runtime_error("a round did not admit 1,000 people");
    room->turn_written(now, {}, now);
  }
  std::ranges::sort(rounds);
  out.add(figure{"a round of 1,000, median", rounds[rounds.size() / 2], "ms", "and its board"});
  out.add(goal{"the same, slowest of 9, ms", rounds.back(), 20, false});
}

void restart(shop& x, report& out, const crowd& all) {
  kill(x.node_pid(), SIGKILL);
  x.stop_node();
  auto begin = clock::now();
  auto ready = x.start_node();
  asker client{x.port()};
  auto request = queue_request("GET", "status", room_event, all.cookies.back());
  int64_t ahead = -1;
  while (ahead < 0 && seconds_since(begin) < 60) ahead = field(client.ask(request), "peopleAhead");
  out.add(figure{"ready after kill -9", ready, "s", ""});
  out.add(goal{"seconds from the start until somebody in the room is told their place",
               seconds_since(begin), 5, false});
}

/// So often purchases are made alone and beside joins, in turns: one pause of the machine is the
/// p99 of 5,000 requests, so the medians are compared.
constexpr size_t purchase_rounds = 3;

/// Purchases without and with visitors that join another event's room as fast as they can.
void purchases_beside_joins(shop& x, report& out, uint64_t count) {
  const char* steps[] = {"reserve", "prepare", "confirm"};
  constexpr size_t step_count = std::size(steps);
  std::array<std::vector<double>, step_count> quiet, busy;
  auto keep = [](auto& to, const purchases& from) {
    for (size_t i = 0; i < step_count; ++i) to[i].push_back(from.p99_ms[i]);
  };
  uint64_t next = 0; // Nobody joins twice.
  for (size_t i = 0; i < purchase_rounds; ++i) {
    const auto first = buyers + 2 * i * count;
    keep(quiet, buy_all(x, out, first, count, ", alone"));
    std::atomic<bool> over = false;
    auto storm = std::async(std::launch::async, [&over, &next, port = x.port()] {
      return run_load({port, 16, std::chrono::seconds(120)}, [&](size_t, std::string& to) {
        if (over.load()) return false;
        to = queue_request("POST", "check", room_event, visitor(base + people + next++));
        return true;
      });
    });
    keep(busy, buy_all(x, out, first + count, count, ", beside joins"));
    over = true;
    out.add("joins meanwhile, 16 connections", storm.get(), 200, 0, 0);
  }
  auto median = [](std::vector<double> all) {
    std::ranges::sort(all);
    return all[all.size() / 2];
  };
  for (size_t i = 0; i < step_count; ++i)
    out.add(goal{std::string("p99 of ") + steps[i] + " beside joins / alone, medians of 3",
                 median(busy[i]) / median(quiet[i]), 1.5, false});
}

/// Everybody checks again and again; who hears that they are inside leaves a little later. What
/// counts is what the clients hold: a pass from its answer on until they say that they leave.
void ceiling(shop& x, report& out, const options& how) {
  constexpr size_t clients = 500;
  struct client {
    bool inside = false;
    int polls = 0;
  };
  std::vector<client> all(clients);
  size_t inside = 0, most = 0, passes = 0;
  load_options load{x.port(), clients,
                    std::chrono::milliseconds(static_cast<int64_t>(how.seconds * 1000))};
  load.heard = [&](size_t c, int status, std::string_view answer) {
    bool active = status == 200 && answer.find("\"status\":\"active\"") != std::string_view::npos;
    if (!active || all[c].inside) return;
    all[c] = {true, 0};
    ++passes;
    most = std::max(most, ++inside);
  };
  auto result = measure(x, load, [&](size_t c, std::string& to) {
    constexpr int looks = 5;
    bool leaves = all[c].inside && ++all[c].polls > looks;
    if (leaves) {
      all[c].inside = false;
      --inside;
    }
    to = queue_request("POST", leaves ? "leave" : "check", ceiling_event, visitor(base + c));
    return true;
  });
  out.add("500 clients for 100 slots", result.load, 200, result.node_cpu_s, result.postgres_cpu_s);
  out.add(figure{"passes given", static_cast<double>(passes), "", ""});
  out.add(goal{"most clients inside at any moment", static_cast<double>(most), 100, false});
  out.add(goal{"slots that were used", static_cast<double>(most), 100, true});
}

} // namespace

void bench_queue(shop& x, report& out, const options& how) {
  out.section("queue");
  admission_round(out);
  const auto count = buyers_an_event;
  constexpr uint64_t sales = 2 * purchase_rounds;
  x.add_users(buyers, sales * count);
  for (uint64_t i = 0; i < sales; ++i) {
    auto first = buyers + i * count;
    x.add_event(first / buyers_an_event, first, count);
  }
  x.add_event(room_event, base, 100);
  x.add_event(ceiling_event, base + 1000, 100);
  x.settle();
  const std::pair<const char*, const char*> settings[] = {{"RATE_LIMIT_QUEUE_RPM", "0"},
                                                          {"RATE_LIMIT_GENERAL_RPM", "0"},
                                                          {"RATE_LIMIT_BOOKING_RPM", "0"},
                                                          {"QUEUE_ALLOW_ANONYMOUS", "on"},
                                                          {"QUEUE_THRESHOLD", "0"}};
  for (auto& [name, value] : settings) x.set(name, value);
  x.start_node();
  asker client{x.port()};
  auto shape = queue_request("POST", "check", room_event, visitor(base + people));
  auto size = client.ask(shape).size();
  auto constant = constant_rate(x, out, shape, size > 400 ? size - 300 : size, connections, how);
  auto idle = resident_bytes(x.node_pid());
  auto all = join_all(x, out, constant);
  auto full = resident_bytes(x.node_pid());
  out.add(goal{"resident bytes a person above the idle node",
               static_cast<double>(full - idle) / people, 160, false});
  poll(x, out, how, all, constant);
  board_age(x, out, all);
  restart(x, out, all);
  purchases_beside_joins(x, out, count);
  x.stop_node();
  x.set("QUEUE_THRESHOLD", "100");
  x.set("QUEUE_ADMISSION_INTERVAL_MS", "100");
  x.set("QUEUE_ADMISSION_BATCH_SIZE", "1000");
  x.start_node();
  ceiling(x, out, how);
  x.stop_node();
  for (auto& [name, value] : settings) x.set(name, "");
  x.set("QUEUE_ADMISSION_INTERVAL_MS", "");
  x.set("QUEUE_ADMISSION_BATCH_SIZE", "");
}

} // namespace tk::bench
