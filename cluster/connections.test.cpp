#define CAF_SUITE connections

// Nodes with real sockets on the loopback. Nothing is judged by how long it takes: each wait ends
// when what is waited for is there, and the test's own limit says that it never came.

#include "cluster/connections.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <functional>
#include <memory>
#include <thread>

#include <caf/all.hpp>
#include <caf/io/all.hpp>
#include <caf/test/dsl.hpp>

#include "actors/registry.hpp"
#include "cluster/certificates.test.hpp"
#include "cluster/framing.hpp"
#include "supervisors/reply_once.hpp"
#include "supervisors/router.hpp"

using namespace tk;
using namespace tk::cluster;
using namespace tk::cluster::test;

namespace {

constexpr auto none = std::nullopt;
const entity_key block0 = key_of(event_id{1, 1}, 0);

bool eventually(const std::function<bool()>& what) {
  for (int i = 0; i < 4000; ++i) {
    if (what()) return true;
    std::this_thread::sleep_for(millis{5});
  }
  return false;
}

struct system_config : caf::actor_system_config {
  system_config() {
    add_message_types<caf::id_block::tiketi>();
    prepare(*this);
    set("scheduler.max-threads", uint64_t{2});
    set("middleman.workers", uint64_t{0});
  }
};

struct plain_clock final : wall_clock {
  [[nodiscard]] instant now() const override {
    return std::chrono::time_point_cast<millis>(std::chrono::system_clock::now());
  }
};

/// Answers what a block is asked, unless it is told to keep silent.
struct played_region {
  std::atomic<bool> silent{false};
  std::atomic<int> asked{0};
  std::vector<caf::response_promise> kept; ///< Of who was not answered; a tick answers them all.
};

caf::behavior region(caf::event_based_actor* self, played_region* st) {
  return {[=](envelope& x) -> caf::result<caf::message> {
            ++st->asked;
            if (st->silent) {
              st->kept.push_back(self->make_response_promise());
              return caf::delegated<caf::message>{};
            }
            if (!x.body.match_elements<wake_block>()) return make_error(ec::internal);
            return caf::make_message(block_awake{7});
          },
          [=](atom::tick) {
            for (auto& x : std::exchange(st->kept, {})) x.deliver(block_awake{7});
          }};
}

/// One node, as far as the others see it.
struct machine {
  system_config cfg;
  caf::actor_system system{cfg};
  plain_clock clock;
  played_region played;
  node_context node;
  link_probe links_probe;
  connection_probe probe;
  dialer_actor dialer;
  std::vector<caf::actor> links;
  caf::actor door;
  listening there;
  hello own;

  explicit machine(uint64_t no, std::optional<tls_context> tls = none,
                   const std::function<void(connection_settings&)>& change = {}) {
    own = {{1, no}, 1, "7001", shard_count, protocol_version};
    node.system = &system;
    node.clock = &clock;
    node.region = system.spawn(region, &played);
    for (int i = 0; i < 2; ++i) links.push_back(spawn_link(node, links_probe, 1));
    door = spawn_door(node, links_probe);
    dialer = spawn_dialer(system, millis{1000});
    connection_settings how;
    how.bind_address = "127.0.0.1";
    how.own = own;
    how.tls = std::move(tls);
    how.tick = millis{20};
    how.silent_ticks = 100;
    if (change) change(how);
    auto made = spawn_connections(system, how, door, links, dialer, probe);
    if (!made) throw std::runtime_error(made.error());
    there = *made;
  }
  ~machine() {
    caf::anon_send_exit(there.broker, caf::exit_reason::kill);
    for (auto& x : links) caf::anon_send_exit(x, caf::exit_reason::kill);
    for (auto& x : {door, node.region, caf::actor_cast<caf::actor>(dialer)})
      caf::anon_send_exit(x, caf::exit_reason::kill);
    // As a node does: it waits, but not for ever.
    system.await_actors_before_shutdown(false);
    eventually([&] { return system.registry().running() == 0; });
    played.kept.clear();
    node.region = nullptr; // Not before: the door asks it to the end.
  }

  [[nodiscard]] known_node known() const {
    return {own.node, own.incarnation, "127.0.0.1:" + std::to_string(there.port)};
  }
  void knows(std::optional<known_node> x, std::optional<known_node> y = none) const {
    caf::anon_send(there.broker, nodes_known{{std::move(x), std::move(y)}});
  }
  [[nodiscard]] bool connected() const { return probe.standing == 1; }

  /// Asks by the link of slot 0 and waits for the answer.
  ec ask(millis budget = millis{20'000}, block_awake* out = nullptr) {
    caf::scoped_actor self{system};
    ec said = ec::ok;
    self
      ->request(links.front(), caf::infinite,
                envelope{block0, clock.now() + budget, caf::make_message(wake_block{})})
      .receive(
        [&](const block_awake& x) {
          if (out) *out = x;
        },
        [&](caf::error& e) { said = to_ec(e); });
    return said;
  }
};

/// Makes both know each other, and waits until the first one's link stands.
bool introduce(machine& a, machine& b) {
  a.knows(b.known());
  b.knows(a.known());
  return eventually([&] { return a.connected() && b.connected(); });
}

/// A client of the cluster port that is no node.
struct stranger {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  explicit stranger(uint16_t port) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CAF_REQUIRE_EQUAL(connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to), 0);
  }
  stranger(const stranger&) = delete;
  stranger& operator=(const stranger&) = delete;
  ~stranger() { close(fd); }
  void say(std::span<const char> x) const { send(fd, x.data(), x.size(), MSG_NOSIGNAL); }
  /// Greets as that node.
  void greet_as(const hello& who) const {
    std::vector<char> out;
    append_frame(out, frame_kind::hello, to_bytes(who));
    say(out);
  }
  /// As much of it as there is room for; what is left is to be said first, the next time.
  void say_some(std::vector<char>& x) const {
    auto n = send(fd, x.data(), x.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n > 0) x.erase(x.begin(), x.begin() + n);
  }
  /// Reads until it is sent away.
  std::vector<char> read_all() const {
    std::vector<char> out;
    char part[4096];
    for (ssize_t n = 0; (n = recv(fd, part, sizeof part, 0)) > 0;)
      out.insert(out.end(), part, part + n);
    return out;
  }
};

/// A request for a block, as a link would send it.
std::vector<char> question_of(machine& x) {
  std::vector<char> content, out;
  caf::binary_serializer sink{x.system, content};
  int64_t life = 1;
  uint64_t no = 1;
  auto key = block0;
  auto until = x.clock.now() + millis{600'000};
  auto body = caf::make_message(wake_block{});
  CAF_REQUIRE(!sink(life, no, key, until, body));
  append_frame(out, frame_kind::request, content);
  return out;
}

} // namespace

CAF_TEST(two nodes ask each other over TLS) {
  authority ours;
  auto files = ours.make("127.0.0.1");
  machine a(1, load(files)), b(2, load(files));
  CAF_REQUIRE(introduce(a, b));
  block_awake seats;
  CAF_CHECK(a.ask(millis{20'000}, &seats) == ec::ok);
  CAF_CHECK_EQUAL(seats.seats, 7);
  CAF_CHECK(b.ask() == ec::ok);
  CAF_CHECK_EQUAL(a.played.asked.load(), 1);
  CAF_CHECK_EQUAL(b.played.asked.load(), 1);
}

CAF_TEST(S27 a node without the authoritys certificate gets nowhere) {
  authority ours, foreign;
  machine a(1, load(ours.make("127.0.0.1")));
  machine b(2, load(foreign.make("127.0.0.1"))), c(3), d(4, load(ours.make("other.example")));
  for (auto* x : {&b, &c, &d}) {
    a.knows(x->known());
    x->knows(a.known());
    auto before = a.probe.refused.load();
    CAF_CHECK(eventually([&] { return a.probe.refused > before; }));
    CAF_CHECK_EQUAL(a.probe.standing.load(), 0);
    CAF_CHECK(x->ask() == ec::unavailable);
  }
  CAF_CHECK_EQUAL(a.played.asked.load(), 0);
}

CAF_TEST(H05 when the other node goes everything open is unknown at once) {
  machine a(1);
  auto b = std::make_unique<machine>(2);
  b->played.silent = true;
  CAF_REQUIRE(introduce(a, *b));
  std::vector<std::thread> askers;
  std::atomic<int> unknown{0};
  askers.reserve(50);
  for (int i = 0; i < 50; ++i)
    askers.emplace_back([&] { unknown += a.ask(millis{600'000}) == ec::unknown ? 1 : 0; });
  CAF_CHECK(eventually([&] { return b->played.asked == 50; }));
  b.reset();
  for (auto& x : askers) x.join(); // Ten minutes before their time is up.
  CAF_CHECK_EQUAL(unknown.load(), 50);
  CAF_CHECK(a.ask() == ec::unavailable);
  CAF_CHECK_EQUAL(a.links_probe.open.load(), 0);
}

CAF_TEST(who tells of the nodes hears where nobody listens any more) {
  machine a(1);
  auto b = std::make_unique<machine>(2);
  auto life = b->known();
  caf::scoped_actor roster{a.system};
  roster->send(a.there.broker, nodes_known{{life, none}});
  b->knows(a.known());
  CAF_REQUIRE(eventually([&] { return a.connected(); }));
  b.reset();
  nobody_there heard;
  roster->receive([&](const nobody_there& x) { heard = x; },
                  caf::after(std::chrono::seconds{20}) >> [] {});
  CAF_CHECK(heard.node == life.node);
  CAF_CHECK_EQUAL(heard.incarnation, life.incarnation);
}

CAF_TEST(a node that comes back in a new life is greeted anew) {
  machine a(1);
  auto b = std::make_unique<machine>(2);
  CAF_REQUIRE(introduce(a, *b));
  b.reset();
  CAF_CHECK(eventually([&] { return a.probe.standing == 0; }));
  b = std::make_unique<machine>(2);
  CAF_REQUIRE(introduce(a, *b));
  CAF_CHECK(a.ask() == ec::ok);
}

CAF_TEST(another incarnation or node at an address is refused) {
  machine a(1), b(2);
  b.knows(a.known());
  auto wrong = b.known();
  wrong.incarnation = 2;
  a.knows(wrong);
  CAF_CHECK(eventually([&] { return a.probe.refused > 0; }));
  CAF_CHECK_EQUAL(a.probe.standing.load(), 0);
  wrong = b.known();
  wrong.node = {1, 9};
  auto before = a.probe.refused.load();
  a.knows(wrong);
  CAF_CHECK(eventually([&] { return a.probe.refused > before; }));
  CAF_CHECK_EQUAL(a.probe.standing.load(), 0);
}

CAF_TEST(who is no longer on the roster is cut off) {
  machine a(1), b(2);
  CAF_REQUIRE(introduce(a, b));
  a.knows(none);
  CAF_CHECK(eventually([&] { return a.probe.standing == 0; }));
  CAF_CHECK(a.ask() == ec::unavailable);
}

CAF_TEST(S27 who is no longer on the roster or has another life there is not heard any more) {
  for (auto lives : {0, 2}) { // None, or another one.
    machine a(1), b(2);
    CAF_REQUIRE(introduce(a, b));
    CAF_REQUIRE(b.ask() == ec::ok);
    auto now = b.known();
    now.incarnation = lives;
    a.knows(lives == 0 ? std::optional<known_node>{} : now);
    CAF_CHECK(eventually([&] { return b.probe.lost > 0; }));
    CAF_CHECK(b.ask(millis{500}) != ec::ok);
    CAF_CHECK_EQUAL(a.played.asked.load(), 1);
  }
}

CAF_TEST(S28 strangers are sent away and reach nobody) {
  machine a(1);
  std::vector<char> question, hello_of_nobody;
  append_frame(question, frame_kind::request, std::vector<char>(40));
  append_frame(hello_of_nobody, frame_kind::hello,
               to_bytes({{1, 77}, 1, "7001", shard_count, protocol_version}));
  const std::string web = "GET / HTTP/1.1\r\n\r\n";
  for (auto& said : {question, hello_of_nobody, std::vector<char>(web.begin(), web.end()),
                     std::vector<char>(100'000, '\xff')}) {
    stranger x(a.there.port);
    x.say(said);
    CAF_CHECK(x.read_all().empty());
  }
  stranger silent(a.there.port);
  CAF_CHECK(silent.read_all().empty()); // Who says nothing is sent away, too.
  CAF_CHECK_EQUAL(a.played.asked.load(), 0);
}

CAF_TEST(strangers do not keep nodes out) {
  machine a(1, none, [](auto& x) {
    x.strangers_max = 4;
    x.greeting_ticks = x.silent_ticks = 1 << 20; // None is sent away for its silence.
  });
  machine b(2);
  std::vector<std::unique_ptr<stranger>> crowd;
  crowd.reserve(40);
  for (int i = 0; i < 40; ++i) crowd.push_back(std::make_unique<stranger>(a.there.port));
  CAF_CHECK(introduce(a, b));
  CAF_CHECK(b.ask() == ec::ok);
  CAF_CHECK(eventually([&] { return a.probe.crowded >= 36; }));
  CAF_CHECK_EQUAL(a.probe.replaced.load(), 0u);
}

CAF_TEST(of one node the newer connection is heard and the older one ends) {
  machine a(1);
  hello other{{1, 2}, 1, "7001", shard_count, protocol_version};
  a.knows(known_node{other.node, 1, "127.0.0.1:1"});
  std::vector<std::unique_ptr<stranger>> same;
  for (int i = 0; i < 20; ++i) {
    same.push_back(std::make_unique<stranger>(a.there.port));
    same.back()->greet_as(other);
    CAF_REQUIRE(eventually([&] { return a.probe.accepted == static_cast<uint64_t>(i) + 1; }));
  }
  CAF_CHECK_EQUAL(a.probe.lost.load(), 19u);
  CAF_CHECK_EQUAL(a.probe.replaced.load(), 19u);
  for (size_t i = 0; i < 19; ++i) same[i]->read_all();
  same.back()->say(question_of(a));
  CAF_CHECK(eventually([&] { return a.played.asked == 1; }));
}

CAF_TEST(H05 who sends more than is done costs no more than the bound) {
  machine a(1, none, [](auto& x) { x.taken_max = 1000; });
  a.played.silent = true;
  hello other{{1, 2}, 1, "7001", shard_count, protocol_version};
  a.knows(known_node{other.node, 1, "127.0.0.1:1"});
  stranger x(a.there.port);
  x.greet_as(other);
  CAF_REQUIRE(eventually([&] { return a.probe.accepted == 1; }));
  auto one = question_of(a);
  std::vector<char> many, left;
  for (int i = 0; i < 1000; ++i) many.insert(many.end(), one.begin(), one.end());
  // It says more until nothing is taken any more: what is under way then is the kernel's.
  auto send_until = [&](const std::function<bool()>& over) {
    return eventually([&] {
      for (int i = 0; i < 100; ++i) {
        if (left.empty()) left = many;
        x.say_some(left);
      }
      return over();
    });
  };
  // Reads are of 64 KiB, and some may be made before the pause takes effect.
  const int most = 1000 + 4 * (65'536 / static_cast<int>(one.size()));
  int quiet = 0, before = -1;
  CAF_CHECK(send_until([&] {
    quiet = a.played.asked == before ? quiet + 1 : 0;
    before = a.played.asked;
    return before > most || (a.probe.paused == 1 && quiet > 20);
  }));
  CAF_CHECK(a.played.asked <= most);
  // An honest node that was busy for once has lost nothing.
  a.played.silent = false;
  auto heard = a.played.asked.load();
  caf::anon_send(a.node.region, atom::tick_v);
  CAF_CHECK(send_until([&] { return a.played.asked > heard + 2 * most; }));
  CAF_CHECK_EQUAL(a.probe.lost.load(), 0u);
}

CAF_TEST(H05 who is not done with for long is cut off) {
  machine a(1, none, [](auto& x) {
    x.taken_max = 10;
    x.stuck_ticks = 5;
  });
  a.played.silent = true;
  hello other{{1, 2}, 1, "7001", shard_count, protocol_version};
  a.knows(known_node{other.node, 1, "127.0.0.1:1"});
  stranger x(a.there.port);
  x.greet_as(other);
  for (int i = 0; i < 20; ++i) x.say(question_of(a));
  CAF_CHECK(eventually([&] { return a.probe.lost == 1; }));
}

CAF_TEST(H05 a node whose frame has no head is cut off) {
  machine a(1);
  hello other{{1, 2}, 1, "7001", shard_count, protocol_version};
  a.knows(known_node{other.node, 1, "127.0.0.1:1"});
  stranger x(a.there.port);
  x.greet_as(other);
  CAF_REQUIRE(eventually([&] { return a.probe.accepted == 1; }));
  std::vector<char> out;
  append_frame(out, frame_kind::request, std::vector<char>(1));
  x.say(out);
  CAF_CHECK(eventually([&] { return a.probe.lost == 1; }));
  CAF_CHECK_EQUAL(a.probe.refused.load(), 1u);
}

CAF_TEST(H05 a peer that does not read costs no more than the bound) {
  // A listener that says the right hello, and then nothing: it never reads again.
  machine a(1, none, [](auto& x) {
    x.unsent_max = 64 << 10;
    x.silent_ticks = 1 << 20;
  });
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  int little = 4096;
  setsockopt(listener, SOL_SOCKET, SO_RCVBUF, &little, sizeof little);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof at;
  CAF_REQUIRE_EQUAL(bind(listener, reinterpret_cast<sockaddr*>(&at), sizeof at), 0);
  CAF_REQUIRE_EQUAL(listen(listener, 4), 0);
  getsockname(listener, reinterpret_cast<sockaddr*>(&at), &size);
  hello deaf{{1, 2}, 1, "7001", shard_count, protocol_version};
  a.knows(known_node{deaf.node, 1, "127.0.0.1:" + std::to_string(ntohs(at.sin_port))});
  int fd = accept(listener, nullptr, nullptr);
  std::vector<char> said;
  append_frame(said, frame_kind::hello, to_bytes(deaf));
  send(fd, said.data(), said.size(), MSG_NOSIGNAL);
  CAF_CHECK(eventually([&] { return a.connected(); }));
  settle_items large;
  large.items.resize(2000);
  auto until = a.clock.now() + millis{600'000};
  // Told, not asked, so that only the bound in bytes can stop it.
  CAF_CHECK(eventually([&] {
    for (int i = 0; i < 100; ++i)
      caf::anon_send(a.links.front(), envelope{block0, until, caf::make_message(large)});
    return a.links_probe.unreachable > 100;
  }));
  CAF_CHECK(a.connected());
  close(fd);
  close(listener);
}

CAF_TEST(endpoints are read as people write them) {
  CAF_CHECK(parse_endpoint("node1.example:7100") == (endpoint{"node1.example", 7100}));
  CAF_CHECK(parse_endpoint("[::1]:80") == (endpoint{"::1", 80}));
  for (const char* x : {"", ":", "a", "a:", ":1", "a:x", "a:70000", "a:1x", "[]:1"})
    CAF_CHECK(parse_endpoint(x).port == 0);
}
