#define CAF_SUITE http_stream

#include "caf/test/dsl.hpp"

#include "http/stream.hpp"
#include "http/test_world.hpp"

using namespace tk;
using namespace tk::http;
using namespace tk::http::test;
using namespace std::chrono_literals;

namespace {

/// What a test's streams have in common: the newest frame, by number.
struct board {
  std::mutex mutex;
  uint64_t version = 0;
  stream_frame_ptr frame;
  bool over = false;
  std::atomic<int> alive{0};

  void show(std::string_view data, bool last = false) {
    std::lock_guard lock(mutex);
    ++version;
    frame = event_frame("news", version, data);
    over = last;
  }
};

struct reader_of_board final : event_stream {
  explicit reader_of_board(board& x) : from(x) { ++from.alive; }
  ~reader_of_board() override { --from.alive; }
  step next(steady::time_point) override {
    std::lock_guard lock(from.mutex);
    if (told == from.version) return {};
    told = from.version;
    return {from.frame, from.over};
  }
  board& from;
  uint64_t told = 0;
};

struct thrower final : event_stream {
  step next(steady::time_point) override { throw std::runtime_error("secret"); }
};

struct stream_world : world {
  board news;

  stream_world() {
    options.stream.beat = 10ms;
    options.stream.comment = 60s;
  }
  ~stream_world() {
    if (s) s->stop();
  }

  void begin() {
    auto all = routes();
    all.push_back(make(method::get, "/api/news", [this](const exchange_ptr& x) {
      x->respond(stream_answer(std::make_shared<reader_of_board>(news)));
    }));
    all.back().streams = true;
    all.push_back(make(method::get, "/api/broken", [](const exchange_ptr& x) {
      x->respond(stream_answer(std::make_shared<thrower>()));
    }));
    all.back().streams = true;
    s = std::make_unique<server>(options, std::move(all),
                                 server_context{identity, clock, random, meters, {}});
    s->start();
  }

  [[nodiscard]] double metric(const std::string& name) const {
    auto page = meters.render();
    auto at = page.find("\n" + name + " ");
    return at == std::string::npos ? -1 : std::stod(page.substr(at + name.size() + 2));
  }
  /// Waits for what other threads do.
  template <class Condition> static bool until(Condition done) {
    for (int i = 0; i < 1000; ++i) {
      if (done()) return true;
      std::this_thread::sleep_for(10ms);
    }
    return false;
  }
  [[nodiscard]] bool open(double streams) const {
    return until([&] { return metric("stream_clients") == streams; });
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(stream_tests, stream_world)

CAF_TEST(a stream begins with a hint and goes on with what is new) {
  news.show("first");
  begin();
  client c(s->port());
  c.send(get("/api/news", origin));
  auto head = c.read_head();
  CAF_CHECK_EQUAL(head.status, 200);
  CAF_CHECK(head.has("Content-Type: text/event-stream\r\n"));
  CAF_CHECK(head.has("Transfer-Encoding: chunked\r\n"));
  CAF_CHECK(head.has("Cache-Control: no-store, no-transform\r\n"));
  CAF_CHECK(head.has("X-Accel-Buffering: no\r\n"));
  CAF_CHECK(head.has("Access-Control-Allow-Origin: http://localhost:3000\r\n"));
  CAF_CHECK(head.has("X-Content-Type-Options: nosniff\r\n"));
  CAF_CHECK(!head.has("Content-Length"));
  CAF_CHECK(!head.has("Content-Encoding"));
  auto hint = c.read_chunk();
  CAF_CHECK(hint.starts_with("retry: ") && hint.ends_with("\n\n"));
  auto first = c.read_chunk();
  CAF_CHECK_EQUAL(first, "id: 1\nevent: news\ndata: first\n\n");
  news.show("second");
  auto second = c.read_chunk();
  CAF_CHECK_EQUAL(second, "id: 2\nevent: news\ndata: second\n\n");
  CAF_CHECK(open(1));
}

CAF_TEST(after its end the connection serves the next request) {
  news.show("all", true);
  begin();
  client c(s->port());
  c.send(get("/api/news") + get("/api/small?q=next"));
  CAF_CHECK_EQUAL(c.read_head().status, 200);
  c.read_chunk();
  CAF_CHECK(c.read_chunk().find("data: all") != std::string::npos);
  auto last = c.read_chunk();
  CAF_CHECK_EQUAL(last, "");
  auto next = c.read();
  CAF_CHECK_EQUAL(next.body, R"({"q":"next"})");
  CAF_CHECK(open(0));
  CAF_CHECK(until([&] { return news.alive == 0; }));
}

CAF_TEST(HTTP 1_0 gets the same without chunks until the connection ends) {
  news.show("all", true);
  begin();
  client c(s->port());
  c.send("GET /api/news HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  auto head = c.read_head();
  CAF_CHECK(!head.has("Transfer-Encoding"));
  CAF_CHECK(head.has("Connection: close\r\n"));
  auto all = c.read_to_end();
  CAF_CHECK(all.starts_with("retry: "));
  CAF_CHECK(all.ends_with("\n\nid: 1\nevent: news\ndata: all\n\n"));
}

CAF_TEST(HEAD opens nothing) {
  begin();
  client c(s->port());
  c.send("HEAD /api/news HTTP/1.1\r\nHost: h\r\n\r\n");
  auto head = c.read_head();
  CAF_CHECK_EQUAL(head.status, 200);
  CAF_CHECK(head.has("Content-Type: text/event-stream\r\n"));
  CAF_CHECK(!head.has("Transfer-Encoding"));
  auto next = c.ask(get("/api/small?q=1"));
  CAF_CHECK_EQUAL(next.status, 200);
  CAF_CHECK(open(0));
}

CAF_TEST(a quiet stream shows signs of life) {
  options.stream.comment = 50ms;
  begin();
  client c(s->port());
  c.send(get("/api/news"));
  c.read_head();
  c.read_chunk();
  for (int i = 0; i < 3; ++i) {
    auto comment = c.read_chunk();
    CAF_CHECK_EQUAL(comment, ":\n\n");
  }
}

CAF_TEST(beyond the limits one is told to come back later) {
  options.streams = {3, 2};
  options.trusted_proxies = {*network::parse("127.0.0.1")};
  begin();
  auto from = [](const char* address) {
    return get("/api/news", "X-Forwarded-For: " + std::string(address) + "\r\n");
  };
  std::vector<std::unique_ptr<client>> all;
  auto open_from = [&](const char* address) {
    all.push_back(std::make_unique<client>(s->port()));
    all.back()->send(from(address));
    return all.back()->read_head().status;
  };
  CAF_CHECK_EQUAL(open_from("10.0.0.1"), 200);
  CAF_CHECK_EQUAL(open_from("10.0.0.1"), 200);
  client c(s->port());
  auto refused = c.ask(from("10.0.0.1"));
  CAF_CHECK_EQUAL(refused.status, 503);
  CAF_CHECK_EQUAL(code_of(refused), "STREAMS_FULL");
  CAF_CHECK(refused.has("Retry-After: 15\r\n"));
  CAF_CHECK_EQUAL(open_from("10.0.0.2"), 200);
  refused = c.ask(from("10.0.0.3"));
  CAF_CHECK_EQUAL(code_of(refused), "STREAMS_FULL");
  CAF_CHECK_EQUAL(metric("streams_refused_total{limit=\"node\"}"), 1);
  CAF_CHECK_EQUAL(metric("streams_refused_total{limit=\"address\"}"), 1);
  auto other = c.ask(get("/api/small?q=1"));
  CAF_CHECK_EQUAL(other.status, 200); // Everything else goes on.
  all.pop_back();
  CAF_CHECK(open(2)); // Who leaves makes room.
  CAF_CHECK_EQUAL(open_from("10.0.0.3"), 200);
}

CAF_TEST(whoever leaves is forgotten) {
  begin();
  for (int i = 0; i < 20; ++i) {
    client c(s->port());
    c.send(get("/api/news"));
    c.read_head();
  }
  CAF_CHECK(open(0));
  CAF_CHECK(until([&] { return news.alive == 0; }));
}

CAF_TEST(who reads slowly is told the newest only and holds up nobody) {
  begin();
  client slow(s->port(), 4096);
  slow.send(get("/api/news"));
  slow.read_head();
  slow.read_chunk();
  client quick(s->port());
  quick.send(get("/api/news"));
  quick.read_head();
  quick.read_chunk();
  const std::string large(1 << 20, 'x');
  for (int i = 1; i <= 20; ++i) {
    news.show(large);
    auto chunk = quick.read_chunk();
    CAF_CHECK(chunk.starts_with("id: " + std::to_string(i) + "\n"));
  }
  news.show("the end", true);
  size_t told = 0;
  std::string last;
  for (std::string x; !(x = slow.read_chunk()).empty(); ++told) last = std::move(x);
  CAF_CHECK_EQUAL(last, "id: 21\nevent: news\ndata: the end\n\n");
  CAF_CHECK(told < 10); // One frame waited for it, whatever came meanwhile.
}

CAF_TEST(who does not read at all is cut off) {
  options.stall_timeout = 300ms;
  begin();
  client deaf(s->port(), 4096);
  deaf.send(get("/api/news"));
  deaf.read_head();
  news.show(std::string(4 << 20, 'x'));
  CAF_CHECK(open(0));
  CAF_CHECK_EQUAL(metric("streams_cut_off_total"), 1);
  CAF_CHECK(until([&] { return news.alive == 0; }));
}

CAF_TEST(what slow readers hold is bounded) {
  constexpr size_t size = 1 << 20, deaf_clients = 8;
  options.stream.held_bytes_max = 3 * size;
  begin();
  std::vector<std::unique_ptr<client>> deaf;
  for (size_t i = 0; i < deaf_clients; ++i) { // Each is at another frame.
    news.show(std::string(size, 'x'));
    deaf.push_back(std::make_unique<client>(s->port(), 4096));
    deaf.back()->send(get("/api/news"));
    deaf.back()->read_head();
    auto frames = static_cast<double>(i) + 1;
    CAF_CHECK(until([&] { return metric("stream_frames_total") >= frames; }));
  }
  CAF_CHECK(until([&] { return metric("streams_cut_off_total") == 6; }));
  CAF_CHECK(open(2)); // Those that began last, and fit with their framing.
}

CAF_TEST(an exception ends one stream) {
  begin();
  client c(s->port());
  c.send(get("/api/broken"));
  c.read_head();
  c.read_chunk();
  CAF_CHECK_EQUAL(c.read_to_end(), "");
  client other(s->port());
  CAF_CHECK_EQUAL(other.ask(get("/api/small?q=1")).status, 200);
  CAF_CHECK(open(0));
}

CAF_TEST(the end of the server ends all streams in good order and at once) {
  begin();
  std::vector<std::unique_ptr<client>> all;
  for (int i = 0; i < 50; ++i) {
    all.push_back(std::make_unique<client>(s->port()));
    all.back()->send(get("/api/news"));
    all.back()->read_head();
    all.back()->read_chunk();
  }
  auto begun = std::chrono::steady_clock::now();
  s->stop();
  auto took = std::chrono::steady_clock::now() - begun;
  for (auto& c : all) {
    auto rest = c->read_to_end();
    CAF_CHECK_EQUAL(rest, "0\r\n\r\n");
  }
  CAF_CHECK(took < options.drain_timeout); // Nobody had to be waited for.
  CAF_CHECK_EQUAL(news.alive.load(), 0);
}

CAF_TEST(a deaf reader delays the end no longer than any) {
  options.drain_timeout = 300ms;
  begin();
  client deaf(s->port(), 4096);
  deaf.send(get("/api/news"));
  deaf.read_head();
  news.show(std::string(4 << 20, 'x'));
  CAF_CHECK(until([&] { return metric("stream_frames_total") == 1; }));
  s->stop();
  CAF_CHECK_EQUAL(news.alive.load(), 0);
}

CAF_TEST(streams that come and go beside news and the end) {
  begin();
  std::atomic<bool> done{false};
  std::atomic<int> wrong{0};
  std::vector<std::thread> all;
  all.reserve(4);
  for (int t = 0; t < 4; ++t)
    all.emplace_back([&, t] {
      for (int i = 0; !done; ++i) {
        client c(s->port());
        c.send(get("/api/news"));
        if ((i + t) % 3 == 0) continue;         // Gone at once.
        if (c.read_head().status != 200) break; // The server has ended.
        c.read_chunk();
        auto chunk = c.read_chunk();
        if (!chunk.empty() && !chunk.starts_with("id: ")) ++wrong;
      }
    });
  for (int i = 0; i < 200; ++i) {
    news.show("n");
    std::this_thread::sleep_for(2ms);
  }
  done = true;
  s->stop();
  for (auto& x : all) x.join();
  CAF_CHECK_EQUAL(wrong.load(), 0);
  CAF_CHECK(until([&] { return news.alive == 0; }));
}

CAF_TEST_FIXTURE_SCOPE_END()
