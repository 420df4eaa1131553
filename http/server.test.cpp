#define CAF_SUITE http_server

#include "caf/test/dsl.hpp"

#include <netinet/tcp.h>

#include <algorithm>
#include <fstream>
#include <thread>

#include "http/test_world.hpp"

using namespace tk;
using namespace tk::http;
using namespace tk::http::test;
using namespace std::chrono_literals;

namespace {

/// How many connections may wait to be accepted, as the kernel has it; 0 = nobody listens there.
uint32_t backlog_of(uint16_t port) {
  for (int fd = 3; fd < 1024; ++fd) {
    int listens = 0;
    socklen_t size = sizeof(listens);
    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) != 0 || listens == 0) continue;
    sockaddr_in at{};
    socklen_t length = sizeof(at);
    getsockname(fd, reinterpret_cast<sockaddr*>(&at), &length);
    if (ntohs(at.sin_port) != port) continue;
    tcp_info about{};
    socklen_t about_size = sizeof(about);
    getsockopt(fd, IPPROTO_TCP, TCP_INFO, &about, &about_size);
    return about.tcpi_sacked; // Of a listening socket: its greatest backlog.
  }
  return 0;
}

} // namespace

CAF_TEST(many connections may wait to be accepted) {
  world w;
  w.start();
  uint32_t kernel_max = 0;
  std::ifstream{"/proc/sys/net/core/somaxconn"} >> kernel_max;
  auto backlog = backlog_of(w.s->port()), wanted = std::min(kernel_max, 4096u);
  CAF_CHECK_EQUAL(backlog, wanted);
}

// -- plain requests ----------------------------------------------------------------------------

CAF_TEST(requests are answered one after the other on one connection) {
  world w;
  w.start();
  client c(w.s->port());
  for (int i = 0; i < 100; ++i) {
    auto r = c.ask(get("/api/v1/small?q=" + std::to_string(i)));
    CAF_REQUIRE_EQUAL(r.status, 200);
    CAF_REQUIRE_EQUAL(r.body, "{\"q\":\"" + std::to_string(i) + "\"}");
  }
  auto r = c.ask(get("/api/small", origin));
  CAF_CHECK(r.has("Access-Control-Allow-Origin: http://localhost:3000\r\n"));
  CAF_CHECK(r.has("Access-Control-Allow-Credentials: true\r\n"));
  CAF_CHECK(r.has("Vary: Origin"));
  CAF_CHECK(r.has("X-Request-Id: "));
  CAF_CHECK(r.has("X-Content-Type-Options: nosniff"));
  CAF_CHECK(c.ask(get("/api/small", "X-Request-Id: abc-1\r\n")).has("X-Request-Id: abc-1\r\n"));
  CAF_CHECK(c.ask(get("/api/small", "Connection: close\r\n")).has("Connection: close"));
  CAF_CHECK(c.ended());
}

CAF_TEST(the head of an answer is the same without its body) {
  world w;
  w.start();
  client c(w.s->port());
  c.send("HEAD /api/small HTTP/1.1\r\nHost: h\r\n\r\n");
  auto r = c.read(false);
  CAF_CHECK_EQUAL(r.status, 200);
  CAF_CHECK(r.has("Content-Length: 8\r\n"));
  CAF_CHECK_EQUAL(c.ask(get("/api/small")).body, R"({"q":""})");
}

CAF_TEST(refusals come in the order of the contract) {
  world w;
  w.options.limits.booking = 2;
  w.start();
  client c(w.s->port());
  CAF_CHECK_EQUAL(code_of(c.ask(get("/nope"))), "NOT_FOUND");
  auto r = c.ask(post("/api/small", "", ""));
  CAF_CHECK_EQUAL(r.status, 405);
  CAF_CHECK(r.has("Allow: GET, HEAD, OPTIONS\r\n"));
  CAF_CHECK_EQUAL(c.ask("TRACE /api/small HTTP/1.1\r\nHost: h\r\n\r\n").status, 405);
  CAF_CHECK_EQUAL(c.ask("BREW /api/small HTTP/1.1\r\nHost: h\r\n\r\n").status, 405);
  CAF_CHECK_EQUAL(c.ask("BREW / HTTP/1.1\r\nHost: h\r\n\r\n").status, 404); // Of nothing at all.
  CAF_CHECK_EQUAL(c.ask("CONNECT h:1 HTTP/1.1\r\nHost: h\r\n\r\n").status, 404);
  CAF_CHECK_EQUAL(c.ask(get("/api/reservations")).status, 401);
  CAF_CHECK_EQUAL(c.ask(get("/api/things/x")).status, 400);
  CAF_CHECK_EQUAL(c.ask(get("/api/admin")).status, 401);
  CAF_CHECK_EQUAL(code_of(c.ask(get("/api/admin", "Authorization: Bearer user\r\n"))),
                  "ADMIN_REQUIRED");
  r = c.ask(get("/api/admin", "Cookie: access_token=admin\r\n"));
  CAF_CHECK_EQUAL(r.status, 200);
  CAF_CHECK(r.has("Cache-Control: no-store"));
  CAF_CHECK_EQUAL(c.ask(get("/api/admin", "Cookie: access_token=admin\r\n"
                                          "Authorization: Bearer x\r\n"))
                    .status,
                  401);
  auto mine = post("/api/v1/reservations", "Authorization: Bearer user\r\n", "");
  CAF_CHECK_EQUAL(c.ask(mine).status, 200);
  CAF_CHECK_EQUAL(c.ask(mine).status, 200);
  r = c.ask(mine);
  CAF_CHECK_EQUAL(code_of(r), "RATE_LIMITED");
  CAF_CHECK(r.has("Retry-After: ") && r.has("RateLimit-Limit: 2\r\n"));
  CAF_CHECK_EQUAL(c.ask(post("/api/reservations", "Authorization: Bearer admin\r\n", "")).status,
                  200);
  CAF_CHECK_EQUAL(code_of(c.ask(get("/api/throw"))), "INTERNAL");
  CAF_CHECK_EQUAL(code_of(c.ask(get("/api/drop"))), "INTERNAL");
}

CAF_TEST(parameters that a route knows must be text and others are not looked at) {
  world w;
  w.start();
  client c(w.s->port());
  for (auto bad : {"q=%", "q=%zz", "q=a%00b", "q=%ff", "a=1&q=%4&q=1"}) {
    auto r = c.ask(get("/api/small?" + std::string(bad)));
    CAF_CHECK_EQUAL(code_of(r), "BAD_REQUEST");
    CAF_CHECK(r.body.find("Malformed q") != std::string::npos);
  }
  CAF_CHECK_EQUAL(c.ask(get("/api/small?utm=100%&%zz=%00&q=a%20b")).body, R"({"q":"a b"})");
  for (auto bad : {"/api/small%", "/api/later/%00", "/api/%zz"})
    CAF_CHECK_EQUAL(code_of(c.ask(get(bad))), "BAD_REQUEST");
}

CAF_TEST(targets of every form that a server must accept) {
  world w;
  w.start();
  client c(w.s->port());
  CAF_CHECK_EQUAL(c.ask(get("http://shop.example/api/v1/small?q=1")).body, R"({"q":"1"})");
  CAF_CHECK_EQUAL(code_of(c.ask(get("http://shop.example"))), "NOT_FOUND");
  CAF_CHECK_EQUAL(code_of(c.ask(get("ftp://shop.example/api/small"))), "BAD_REQUEST");
  auto r = c.ask("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n");
  CAF_CHECK_EQUAL(r.status, 204);
  CAF_CHECK(r.has("Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\n"));
  CAF_CHECK_EQUAL(code_of(c.ask(get("*"))), "BAD_REQUEST");
  // The authority of the target counts, whatever the header says.
  auto own = [](std::string_view target) {
    return "POST " + std::string(target) + " HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n" +
           "Origin: http://shop.example\r\n\r\n";
  };
  CAF_CHECK_EQUAL(c.ask(own("http://shop.example/api/echo")).status, 200);
  CAF_CHECK_EQUAL(code_of(c.ask(own("/api/echo"))), "ORIGIN_FORBIDDEN");
}

CAF_TEST(pages of other sites may read but not change) {
  world w;
  w.start();
  client c(w.s->port());
  constexpr std::string_view foreign = "Origin: http://evil.example\r\n";
  auto r = c.ask(get("/api/small", foreign));
  CAF_CHECK(r.status == 200 && !r.has("Access-Control-Allow-Origin"));
  CAF_CHECK_EQUAL(code_of(c.ask(post("/api/echo", foreign, ""))), "ORIGIN_FORBIDDEN");
  CAF_CHECK_EQUAL(c.ask(post("/api/echo", "Origin: null\r\n", "")).status, 403);
  CAF_CHECK_EQUAL(c.ask(post("/api/echo", "Origin: http://h\r\n", "")).status, 200);
  CAF_CHECK_EQUAL(c.ask(post("/api/echo", origin, "")).status, 200);
  r = c.ask("OPTIONS /api/nope HTTP/1.1\r\nHost: h\r\nAccess-Control-Request-Method: PUT\r\n" +
            std::string(origin) + "\r\n");
  CAF_CHECK_EQUAL(r.status, 204);
  CAF_CHECK(r.has("Access-Control-Allow-Methods: GET, POST, PUT, DELETE, PATCH, OPTIONS\r\n"));
  CAF_CHECK(r.has("Access-Control-Allow-Origin: http://localhost:3000\r\n"));
  for (const auto& bad : {get("/nope", origin), post("/api/small", origin, ""),
                          post("/api/reservations", origin, ""), get("/api/throw", origin)})
    CAF_CHECK(c.ask(bad).has("Access-Control-Allow-Origin"));
}

// -- framing -----------------------------------------------------------------------------------

CAF_TEST(hostile framing ends in a clean refusal and a closed connection) {
  world w;
  w.start();
  std::string head = "POST /api/echo HTTP/1.1\r\nHost: h\r\n" + std::string(origin);
  struct bad {
    std::string bytes;
    int status;
  };
  for (auto& x : std::vector<bad>{
         {head + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
         {head + "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", 400},
         {head + "Content-Length: -1\r\n\r\n", 400},
         {head + "Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400},
         {head + "Transfer-Encoding: chunked\r\n\r\nFFFFFFFF\r\n", 413},
         {head + "Content-Length: 2000000\r\n\r\n" + std::string(5000, 'a'), 413},
         {head + "Content-Length: 2000000\r\nExpect: 100-continue\r\n\r\n", 413},
         {head + "X: " + std::string(20000, 'a') + "\r\n\r\n", 431},
         {"GET /api/small HTTP/3.0\r\nHost: h\r\n\r\n", 400},
         {std::string("\x16\x03\x01\x02\x00\x01\xfc", 7), 400},
         {"hello\r\n\r\n", 400}}) {
    client c(w.s->port());
    auto r = c.ask(x.bytes);
    CAF_CHECK_EQUAL(r.status, x.status);
    CAF_CHECK(code_of(r).find("envelope") == std::string::npos);
    CAF_CHECK(r.has("Connection: close"));
    CAF_CHECK(r.has("Access-Control-Allow-Origin") == (x.bytes.find("Origin") != x.bytes.npos));
    CAF_CHECK(c.ended());
  }
}

CAF_TEST(pipelined requests get their own answers in order) {
  world w;
  w.start();
  client c(w.s->port());
  std::string all;
  for (int i = 0; i < 50; ++i)
    all += i % 2 == 0 ? get("/api/later/" + std::to_string(i))
                      : get("/api/small?q=" + std::to_string(i));
  c.send(all);
  for (int i = 0; i < 50; ++i) {
    auto want = std::to_string(i);
    want.insert(0, i % 2 == 0 ? "\"" : "{\"q\":\"").append(i % 2 == 0 ? "\"" : "\"}");
    CAF_REQUIRE_EQUAL(c.read().body, want);
  }
}

CAF_TEST(too much input behind an open request closes after its answer) {
  world w;
  w.start();
  client c(w.s->port());
  c.send(get("/api/keep"));
  c.send(std::string(200'000, 'x'));
  std::this_thread::sleep_for(100ms);
  {
    std::lock_guard lock(w.mutex);
    CAF_REQUIRE_EQUAL(w.kept.size(), 1u);
    w.kept[0]->respond(json_text("1"));
    CAF_CHECK(!w.kept[0]->respond(json_text("2")));
  }
  auto r = c.read();
  CAF_CHECK(r.body == "1" && r.has("Connection: close"));
  CAF_CHECK(c.ended());
}

CAF_TEST(bodies arrive whole however they are sent) {
  world w;
  w.start();
  client c(w.s->port());
  std::string body(300'000, 'b');
  CAF_CHECK_EQUAL(c.ask(post("/api/echo", "", body)).body.size(), body.size() + 2);
  auto head = "POST /api/echo HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n"
              "\r\n";
  CAF_CHECK_EQUAL(c.ask(head).status, 100);
  CAF_CHECK_EQUAL(c.ask("ab").body, "\"ab\"");
  c.send("POST /api/echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r");
  std::this_thread::sleep_for(20ms);
  CAF_CHECK_EQUAL(c.ask("\nabc\r\n0\r\n\r\n").body, "\"abc\"");
}

CAF_TEST(a client that closes its own side still gets its answer) {
  world w;
  w.start();
  client c(w.s->port());
  c.send(get("/api/keep"));
  c.shut();
  std::this_thread::sleep_for(100ms);
  {
    std::lock_guard lock(w.mutex);
    CAF_REQUIRE_EQUAL(w.kept.size(), 1u);
    w.kept[0]->respond(json_text("1"));
  }
  CAF_CHECK_EQUAL(c.read().body, "1");
  CAF_CHECK(c.ended());
}

// -- time --------------------------------------------------------------------------------------

CAF_TEST(when nobody answers in time the server does) {
  world w;
  w.options.deadline = 200ms;
  w.start();
  client c(w.s->port());
  auto r = c.ask(get("/api/keep"));
  CAF_CHECK_EQUAL(r.status, 503);
  CAF_CHECK_EQUAL(code_of(r), "TIMEOUT");
  CAF_CHECK(r.has("Retry-After: "));
  std::lock_guard lock(w.mutex);
  CAF_CHECK(!w.kept[0]->respond(json_text("late")));
  CAF_CHECK_EQUAL(c.ask(get("/api/small")).status, 200);
}

CAF_TEST(who only reads has no outcome to be in doubt about) {
  world w;
  w.start();
  client c(w.s->port());
  CAF_CHECK_EQUAL(code_of(c.ask(get("/api/lost"))), "UNAVAILABLE");
  CAF_CHECK_EQUAL(code_of(c.ask(post("/api/lost", "", ""))), "OUTCOME_UNKNOWN");
}

CAF_TEST(half a request and an idle connection end) {
  world w;
  w.options.request_timeout = 300ms;
  w.options.idle_timeout = 300ms;
  w.start();
  client half(w.s->port()), idle(w.s->port());
  auto r = half.ask("GET /api/small HTTP/1.1\r\n");
  CAF_CHECK_EQUAL(r.status, 408);
  CAF_CHECK(half.ended());
  CAF_CHECK(idle.ended());
}

CAF_TEST(half requests and idle connections make room for others where it is so set) {
  world w;
  w.options.connections_max = 4;
  w.options.make_room = true;
  w.start();
  client at_work(w.s->port());
  at_work.send(get("/api/keep"));
  for (size_t begun = 0; begun == 0; std::this_thread::sleep_for(1ms)) {
    std::lock_guard lock(w.mutex);
    begun = w.kept.size();
  }
  std::vector<std::unique_ptr<client>> crowd;
  for (int i = 0; i < 20; ++i) {
    crowd.push_back(std::make_unique<client>(w.s->port()));
    if (i % 2 == 0) crowd.back()->send("GET /api/small HTTP/1.1\r\n");
  }
  for (int i = 0; i < 10; ++i) {
    client c(w.s->port());
    CAF_CHECK_EQUAL(c.ask(get("/api/small")).status, 200);
  }
  CAF_CHECK(crowd.front()->ended());
  {
    std::lock_guard lock(w.mutex);
    CAF_REQUIRE_EQUAL(w.kept.size(), 1u);
    w.kept.front()->respond(json_text("1"));
  }
  CAF_CHECK_EQUAL(at_work.read().status, 200);
}

CAF_TEST(where cookies bear no token only the header does) {
  world w;
  w.options.cookies = false;
  w.start();
  client c(w.s->port());
  CAF_CHECK_EQUAL(c.ask(get("/api/admin", "Cookie: access_token=admin\r\n")).status, 401);
  CAF_CHECK_EQUAL(c.ask(get("/api/admin", "Authorization: Bearer admin\r\n")).status, 200);
  auto described = c.ask(get("/openapi.json")).body;
  CAF_CHECK(described.find("bearer") != std::string::npos);
  CAF_CHECK(described.find("access_token") == std::string::npos);
}

CAF_TEST(beyond the bound of open requests it says so at once) {
  world w;
  w.options.in_flight_max = 2;
  w.start();
  client a(w.s->port()), b(w.s->port()), c(w.s->port());
  a.send(get("/api/keep"));
  b.send(get("/api/keep"));
  std::this_thread::sleep_for(100ms);
  auto r = c.ask(get("/api/small"));
  CAF_CHECK_EQUAL(code_of(r), "BUSY");
  CAF_CHECK(r.has("Retry-After: "));
  std::lock_guard lock(w.mutex);
  for (auto& x : w.kept) x->respond(json_text("1"));
  CAF_CHECK_EQUAL(a.read().status, 200);
  CAF_CHECK_EQUAL(c.ask(get("/api/small")).status, 200);
}

CAF_TEST(a taken port is a clear error) {
  world w, v;
  w.start();
  v.options.port = w.s->port();
  std::string text;
  try {
    v.start();
  } catch (const std::runtime_error& e) { text = e.what(); }
  CAF_CHECK(text.find("PORT") != std::string::npos);
}

CAF_TEST(rows and histograms are read when the page is asked for) {
  metrics meters;
  std::vector<metric_row> rows;
  meters.add_rows("way_open", "Ways.", [&] { return rows; });
  meters.add_rows("way_total", "Ways.", [&] { return rows; });
  meters.add_histograms("way_seconds", "Times.", [] {
    return std::vector<histogram_row>{{{{"way", "a"}}, {0.5, 1}, {2, 1, 4}, 9}};
  });
  CAF_CHECK(meters.render().find("way_open") == std::string::npos);
  rows = {{{{"way", "a"}}, 3}, {{{"way", "b"}}, 4}};
  auto text = meters.render();
  for (auto line :
       {"# TYPE way_open gauge\n", "way_open{way=\"a\"} 3\n", "way_open{way=\"b\"} 4\n",
        "# TYPE way_total counter\n", "way_total{way=\"b\"} 4\n", "# TYPE way_seconds histogram\n",
        "way_seconds_bucket{way=\"a\",le=\"0.5\"} 2\n",
        "way_seconds_bucket{way=\"a\",le=\"1\"} 3\n",
        "way_seconds_bucket{way=\"a\",le=\"+Inf\"} 7\n", "way_seconds_count{way=\"a\"} 7\n",
        "way_seconds_sum{way=\"a\"} 9\n"}) {
    CAF_MESSAGE("line: " << line);
    CAF_CHECK(text.find(line) != std::string::npos);
  }
  CAF_CHECK(text.find("# TYPE way_open") == text.rfind("# TYPE way_open"));
}

CAF_TEST(metrics count by template) {
  world w;
  w.start();
  client c(w.s->port());
  c.ask(get("/api/later/abc"));
  c.ask(get("/wp-admin"));
  auto text = w.meters.render();
  CAF_CHECK(text.find("http_server_requests_seconds_count") != std::string::npos);
  CAF_CHECK(text.find("uri=\"/api/later/{key}\"") != std::string::npos);
  CAF_CHECK(text.find("uri=\"UNKNOWN\"") != std::string::npos);
  CAF_CHECK(text.find("wp-admin") == std::string::npos);
}
