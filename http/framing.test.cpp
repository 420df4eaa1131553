#define CAF_SUITE framing

#include "caf/test/dsl.hpp"

#include "http/framing.hpp"
#include "http/request.hpp"

using namespace tk;
using namespace tk::http;

namespace {

struct outcome {
  framing_step step = framing_step::more;
  ec error = ec::ok;
  std::string head, body, rest;
  bool keep_alive = false;
};

/// Feeds `bytes` in pieces of `piece` until the first complete or refused request.
outcome frame(std::string_view bytes, size_t piece = 1 << 20, size_t limit = 1 << 20) {
  framer f(16 * 1024);
  outcome out;
  while (!bytes.empty() || f.pending()) {
    size_t used = 0;
    out.step = f.feed(bytes.substr(0, piece), used);
    bytes.remove_prefix(used);
    if (out.step == framing_step::head) f.body_limit(limit);
    out.keep_alive = f.keep_alive();
    out.error = f.error();
    if (out.step == framing_step::failed) return out;
    if (out.step == framing_step::done) {
      f.take(out.head, out.body);
      out.rest = bytes;
      return out;
    }
  }
  return out;
}

constexpr std::string_view get = "GET /a?b=c HTTP/1.1\r\nHost: x\r\n\r\n";

std::string post(std::string_view lines, std::string_view body = {}) {
  return "POST /a HTTP/1.1\r\nHost: x\r\n" + std::string(lines) + "\r\n" + std::string(body);
}

ec refusal(std::string_view bytes) {
  auto whole = frame(bytes);
  auto split = frame(bytes, 1);
  CAF_CHECK(whole.step == split.step);
  CAF_CHECK(whole.error == split.error);
  return whole.step == framing_step::failed ? whole.error : ec::ok;
}

} // namespace

CAF_TEST(a request ends where its head says however it is cut) {
  for (size_t piece : {1u, 2u, 3u, 7u, 1000u}) {
    auto x = frame(std::string(get) + "GET /next", piece);
    CAF_CHECK(x.step == framing_step::done);
    CAF_CHECK_EQUAL(x.rest, "GET /next");
    CAF_CHECK(x.keep_alive);
    auto y = frame(post("Content-Length: 5\r\n", "helloGET"), piece);
    CAF_CHECK_EQUAL(y.body, "hello");
    CAF_CHECK_EQUAL(y.rest, "GET");
  }
}

CAF_TEST(chunks are joined and trailers read over) {
  for (size_t piece : {1u, 2u, 5u, 1000u}) {
    auto x = frame(post("Transfer-Encoding: chunked\r\n",
                        "5\r\nhello\r\n6;ext=1\r\n world\r\n0\r\nX-T: 1\r\n\r\nrest"),
                   piece);
    CAF_CHECK(x.step == framing_step::done);
    CAF_CHECK_EQUAL(x.body, "hello world");
    CAF_CHECK_EQUAL(x.rest, "rest");
  }
}

CAF_TEST(what two readers could understand differently is refused) {
  auto bad = ec::bad_request;
  CAF_CHECK(refusal(post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n")) == bad);
  CAF_CHECK(refusal(post("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n")) == bad);
  CAF_CHECK(refusal(post("Content-Length: 5\r\nContent-Length: 5\r\n")) == bad);
  CAF_CHECK(refusal(post("Content-Length: 5\r\nContent-Length: 6\r\n")) == bad);
  CAF_CHECK(refusal(post("Content-Length: +5\r\n")) == bad);
  CAF_CHECK(refusal(post("Content-Length: 5, 5\r\n")) == bad);
  CAF_CHECK(refusal(post("Content-Length: 0x5\r\n")) == bad);
  CAF_CHECK(refusal(post("Content-Length:\r\n")) == bad);
  CAF_CHECK(refusal(post("Content-Length: 99999999999999999999\r\n")) == bad);
  CAF_CHECK(refusal(post("Content-Length : 5\r\n")) == bad);
  CAF_CHECK(refusal(post("Transfer-Encoding: gzip, chunked\r\n")) == bad);
  CAF_CHECK(refusal(post("Transfer-Encoding: xchunked\r\n")) == bad);
  CAF_CHECK(refusal(post("A: b\r\n folded\r\n")) == bad);
  CAF_CHECK(refusal(post("A: b\nC: d\r\n")) == bad);
  CAF_CHECK(refusal(post("A: b\rC: d\r\n")) == bad);
  CAF_CHECK(refusal(post("A\r\n")) == bad);
  CAF_CHECK(refusal(post(": b\r\n")) == bad);
  CAF_CHECK(refusal(post("Host: y\r\n")) == bad);
  CAF_CHECK(refusal("GET / HTTP/1.1\r\n\r\n") == bad);
  CAF_CHECK(refusal("GET / HTTP/2.0\r\nHost: x\r\n\r\n") == bad);
  CAF_CHECK(refusal("GET /\r\nHost: x\r\n\r\n") == bad);
  CAF_CHECK(refusal("GET  HTTP/1.1\r\nHost: x\r\n\r\n") == bad);
  CAF_CHECK(refusal("GET /a b HTTP/1.1\r\nHost: x\r\n\r\n") == bad);
  CAF_CHECK(refusal(std::string("GET /\0 HTTP/1.1\r\n\r\n", 19)) == bad);
}

CAF_TEST(bad chunks are refused) {
  auto chunked = [](std::string_view body) {
    return refusal(post("Transfer-Encoding: chunked\r\n", body));
  };
  CAF_CHECK(chunked("x\r\n") == ec::bad_request);
  CAF_CHECK(chunked("\r\n") == ec::bad_request);
  CAF_CHECK(chunked("-1\r\n") == ec::bad_request);
  CAF_CHECK(chunked("5\nhello") == ec::bad_request);
  CAF_CHECK(chunked("5\r\nhelloo\r\n") == ec::bad_request);
  CAF_CHECK(chunked("123456789\r\n") == ec::bad_request);
  CAF_CHECK(chunked("0\r\nno colon\r\n") == ec::bad_request);
  CAF_CHECK(chunked(std::string(300, '0')) == ec::bad_request);
  CAF_CHECK(chunked("FFFFFFFF\r\n") == ec::body_too_large);
}

CAF_TEST(sizes are bounded) {
  CAF_CHECK(refusal("GET /" + std::string(20000, 'a')) == ec::headers_too_large);
  std::string many;
  for (int i = 0; i < 200; ++i) many += "A: b\r\n";
  CAF_CHECK(refusal(post(many)) == ec::headers_too_large);
  CAF_CHECK(refusal(post("Content-Length: 1048577\r\n")) == ec::body_too_large);
  CAF_CHECK(frame(post("Content-Length: 4\r\n", "abcd"), 10, 4).step == framing_step::done);
  CAF_CHECK(frame(post("Content-Length: 5\r\n", "abcde"), 10, 4).error == ec::body_too_large);
}

CAF_TEST(a head of the greatest size fits however it is cut and one byte more does not) {
  auto of_size = [](size_t bytes) {
    auto start = std::string("GET / HTTP/1.1\r\nHost: x\r\nA: ");
    return start + std::string(bytes - start.size() - 2, 'a') + "\r\n\r\n";
  };
  constexpr size_t limit = 16 * 1024;
  CAF_CHECK(refusal(of_size(limit)) == ec::ok);
  CAF_CHECK(refusal(of_size(limit) + "trailing bytes") == ec::ok);
  CAF_CHECK(refusal(of_size(limit + 1)) == ec::headers_too_large);
  CAF_CHECK(refusal(of_size(limit + 1) + "trailing bytes") == ec::headers_too_large);
}

CAF_TEST(the version and the connection header decide about keep alive) {
  CAF_CHECK(!frame("GET / HTTP/1.0\r\n\r\n").keep_alive);
  CAF_CHECK(frame("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n").keep_alive);
  CAF_CHECK(!frame(post("Connection: x, Close\r\n")).keep_alive);
}

CAF_TEST(a parsed head gives path and query and headers) {
  request x;
  x.head = "GET /api/v1/events/7?q=a%20b+c&q=2&x HTTP/1.1\r\nHost: h\r\nCookie: a=1; b=\"2\"\r\n"
           "Authorization: Bearer  t.o.k \r\n";
  CAF_REQUIRE(parse_head(x));
  CAF_CHECK_EQUAL(x.path, "/api/events/7");
  CAF_CHECK_EQUAL(x.raw_path, "/api/v1/events/7");
  CAF_CHECK_EQUAL(x.query("q").value_or(""), "a b c");
  CAF_CHECK_EQUAL(x.query("x").value_or("-"), "");
  CAF_CHECK(!x.query("y"));
  CAF_CHECK_EQUAL(x.cookie("b").value_or(""), "2");
  CAF_CHECK(!x.cookie("c"));
  CAF_CHECK_EQUAL(x.access_token(), "t.o.k");
  request y;
  y.head = "GET /api/v12 HTTP/1.1\r\nAuthorization: Basic x\r\nCookie: access_token=c\r\n";
  CAF_REQUIRE(parse_head(y));
  CAF_CHECK_EQUAL(y.path, "/api/v12");
  CAF_CHECK_EQUAL(y.access_token(), "");
}

CAF_TEST(a target may name the server or be the server) {
  auto read = [](std::string line) {
    request x;
    x.head = line + " HTTP/1.1\r\nHost: h:1\r\n";
    if (!parse_head(x)) return std::string("400");
    return std::string(x.authority) + " " + std::string(x.path) + " " + std::string(x.query_string);
  };
  CAF_CHECK_EQUAL(read("GET /api/v1/a?q=1"), "h:1 /api/a q=1");
  CAF_CHECK_EQUAL(read("GET http://other:80/api/v1/a?q=1"), "other:80 /api/a q=1");
  CAF_CHECK_EQUAL(read("GET HTTPS://other/"), "other / ");
  CAF_CHECK_EQUAL(read("GET http://other"), "other / ");
  CAF_CHECK_EQUAL(read("GET http://other?q=1"), "other / q=1");
  CAF_CHECK_EQUAL(read("OPTIONS *"), "h:1 * ");
  for (auto bad : {"GET *", "GET http:///a", "GET http://me@h/a", "GET ftp://h/a", "GET h:1",
                   "GET a", "GET ://h/a", "OPTIONS *x", "GET http://h/a#b"})
    CAF_CHECK_EQUAL(read(bad), "400");
}

CAF_TEST(a path with a bad escape is refused and a parameter with one is found out) {
  for (auto bad : {"/a%", "/a%4", "/a%zz/b", "/a%00", "http://h/%0"}) {
    request x;
    x.head = "GET " + std::string(bad) + " HTTP/1.1\r\nHost: h\r\n";
    CAF_CHECK(!parse_head(x));
  }
  for (auto bad : {"q=%", "a=1&q=%zz&q=2", "q=a%00b", "%71=%4", "q=%ff", "q=%ed%a0%80"})
    CAF_CHECK(query_malformed(bad, "q"));
  for (auto good : {"", "q", "q=", "q=%41+%ea%b0%80", "other=%zz&q=1", "q=1&q=%zz", "%zz=1"})
    CAF_CHECK(!query_malformed(good, "q"));
}

CAF_TEST(percent escapes are decoded or refused) {
  CAF_CHECK_EQUAL(percent_decode("%EA%B0%80", false).value_or(""), "가");
  CAF_CHECK(!percent_decode("%", false));
  CAF_CHECK(!percent_decode("%4", false));
  CAF_CHECK(!percent_decode("%zz", false));
  CAF_CHECK(!percent_decode("%00", false));
}
