#define CAF_SUITE http_slow_clients

#include "caf/test/dsl.hpp"

#include <thread>

#include "http/test_world.hpp"

using namespace tk;
using namespace tk::http;
using namespace tk::http::test;
using namespace std::chrono_literals;

// -- H-23, H-24: clients that do not read, and descriptors given away again ---------------------

CAF_TEST(H23 clients that never read stall nobody on a server with one thread) {
  world w;
  w.options.stall_timeout = 1s;
  w.start();
  std::vector<std::unique_ptr<client>> deaf;
  for (int i = 0; i < 200; ++i) {
    deaf.push_back(std::make_unique<client>(w.s->port(), 4096));
    deaf.back()->send(get("/api/big"));
  }
  client c(w.s->port());
  auto worst = 0ms;
  for (int i = 0; i < 200; ++i) {
    auto start = std::chrono::steady_clock::now();
    auto r = c.ask(get("/api/small?q=" + std::to_string(i)));
    auto took = std::chrono::steady_clock::now() - start;
    worst = std::max(worst, std::chrono::duration_cast<std::chrono::milliseconds>(took));
    CAF_REQUIRE_EQUAL(r.body, "{\"q\":\"" + std::to_string(i) + "\"}");
  }
  CAF_MESSAGE("slowest answer beside 200 deaf clients: " << worst.count() << " ms");
  CAF_CHECK(worst < 2500ms); // Generous: machines that run tests are busy.
  client reader(w.s->port());
  CAF_CHECK_EQUAL(reader.ask(get("/api/big")).body.size(), big_size);
  CAF_CHECK_EQUAL(reader.ask(get("/api/own")).body.size(), big_size);
  std::this_thread::sleep_for(2500ms); // Those without progress are cut off.
  size_t cut = 0;
  for (auto& x : deaf) cut += x->read().status == 0 ? 1 : 0;
  CAF_CHECK_EQUAL(cut, deaf.size());
}

CAF_TEST(memory for those who do not read is bounded) {
  world w;
  w.options.pending_bytes_max = 3 * big_size;
  w.start();
  std::vector<std::unique_ptr<client>> deaf;
  for (int i = 0; i < 10; ++i) {
    deaf.push_back(std::make_unique<client>(w.s->port(), 4096));
    deaf.back()->send(get("/api/own"));
  }
  client c(w.s->port());
  CAF_CHECK_EQUAL(c.ask(get("/api/small")).status, 200);
  size_t whole = 0;
  for (auto& x : deaf) whole += x->read().body.size() == big_size ? 1 : 0;
  CAF_CHECK_EQUAL(whole, 2u);
}

CAF_TEST(H24 late answers never reach another client) {
  world w;
  w.options.threads = 2;
  w.start();
  constexpr int threads = 4, rounds = 1500;
  std::atomic<int> wrong{0}, read{0};
  std::vector<std::thread> all;
  all.reserve(threads);
  for (int t = 0; t < threads; ++t)
    all.emplace_back([&, t] {
      for (int i = 0; i < rounds; ++i) {
        client c(w.s->port());
        auto key = std::to_string(t) + "-" + std::to_string(i);
        c.send(get("/api/later/" + key));
        if (i % 3 == 0) continue; // Gone before the answer; its descriptor is soon somebody else's.
        auto r = c.read();
        wrong += r.body == "\"" + key + "\"" ? 0 : 1;
        ++read;
      }
    });
  for (auto& x : all) x.join();
  CAF_CHECK_EQUAL(wrong.load(), 0);
  CAF_CHECK_EQUAL(read.load(), threads * rounds / 3 * 2);
}

CAF_TEST(answers on other threads race with new requests on the same connection) {
  world w;
  w.options.threads = 2;
  w.start();
  std::atomic<int> wrong{0};
  std::vector<std::thread> all;
  all.reserve(4);
  for (int t = 0; t < 4; ++t)
    all.emplace_back([&, t] {
      client c(w.s->port());
      for (int i = 0; i < 3000; ++i) {
        auto key = std::to_string(t) + "-" + std::to_string(i);
        wrong += c.ask(get("/api/later/" + key)).body == "\"" + key + "\"" ? 0 : 1;
      }
    });
  for (auto& x : all) x.join();
  CAF_CHECK_EQUAL(wrong.load(), 0);
}
