#define CAF_SUITE http_forms

#include "caf/test/dsl.hpp"

#include "http/client_address.hpp"
#include "http/compress.hpp"
#include "http/json.hpp"
#include "http/openapi.hpp"
#include "http/rate_limit.hpp"
#include "http/route.hpp"

using namespace tk;
using namespace tk::http;

namespace {

route make(method verb, std::string path, http::access level = http::access::public_) {
  route x;
  x.verb = verb;
  x.path = std::move(path);
  x.name = x.path;
  x.level = level;
  x.run = [](const exchange_ptr&) {
    // nop
  };
  return x;
}

constexpr std::string_view an_id = "0f8fad5b-d9cb-469f-a165-70867728950e";

std::string refusal(std::string_view body, const std::function<void(fields&)>& read) {
  auto object = parse_object(body);
  CAF_REQUIRE(object.has_value());
  fields f(*object);
  read(f);
  return f.failed() ? f.failed()->text : "";
}

} // namespace

// -- routes ------------------------------------------------------------------------------------

CAF_TEST(a literal segment wins over a parameter) {
  route_table t({make(method::get, "/api/r/{id}"), make(method::get, "/api/r/my"),
                 make(method::post, "/api/r/{id}/cancel"), make(method::get, "/"),
                 make(method::get, "/api/o/{key:str}")});
  CAF_CHECK_EQUAL(t.match(method::get, "/api/r/my").hit->path, "/api/r/my");
  auto path = "/api/r/" + std::string(an_id);
  auto m = t.match(method::head, path);
  CAF_REQUIRE(m.hit != nullptr);
  CAF_CHECK_EQUAL(m.hit->path, "/api/r/{id}");
  CAF_CHECK_EQUAL(m.params[0], an_id);
  CAF_CHECK(!m.malformed_param);
  CAF_CHECK(t.match(method::get, "/api/r/nope").malformed_param);
  CAF_CHECK(!t.match(method::get, "/api/o/nope").malformed_param);
  // Parameters are decoded after the path was split.
  auto decoded = t.match(method::get, "/api/o/a%2Fb%3D+%EA%B0%80").params[0];
  CAF_CHECK(decoded == "a/b=+가");
  auto escaped = path;
  escaped.replace(escaped.find('-'), 1, "%2D");
  CAF_CHECK(!t.match(method::get, escaped).malformed_param);
  CAF_CHECK(t.match(method::get, "/").hit != nullptr);
  for (auto other : {"", "x", "/api/r/", "/api/r", "//", "/api/r/my/", "/api/R/my"})
    CAF_CHECK(t.match(method::get, other).hit == nullptr);
}

CAF_TEST(a wrong method is told which are right) {
  route_table t({make(method::get, "/a/{id}"), make(method::delete_, "/a/{id}")});
  auto m = t.match(method::post, "/a/" + std::string(an_id));
  CAF_CHECK(m.hit == nullptr);
  CAF_CHECK_EQUAL(allow_header(m.allowed), "GET, HEAD, DELETE, OPTIONS");
}

CAF_TEST(a doubtful table is refused) {
  auto refused = [](std::vector<route> x) {
    try {
      route_table t(std::move(x));
      return false;
    } catch (const std::invalid_argument&) { return true; }
  };
  CAF_CHECK(refused({make(method::get, "/a/{x}"), make(method::get, "/a/{y}")}));
  CAF_CHECK(refused({make(method::get, "a")}));
  CAF_CHECK(refused({make(method::head, "/a")}));
  CAF_CHECK(refused({make(method::get, "/{a}/{b}/{c}/{d}/{e}")}));
  CAF_CHECK(refused({make(method::get, "/{a:int}")}));
}

CAF_TEST(the description is made of the table) {
  auto row = make(method::get, "/api/e/{id}", http::access::user);
  row.errors = {ec::event_unknown};
  row.other_codes = {{404, "GONE"}};
  route_table t({row});
  auto doc = nlohmann::json::parse(openapi_document(t));
  CAF_CHECK_EQUAL(doc["openapi"], "3.1.0");
  auto& op = doc["paths"]["/api/e/{id}"]["get"];
  CAF_CHECK_EQUAL(op["parameters"][0]["schema"]["format"], "uuid");
  CAF_CHECK(op["responses"].contains("401"));
  CAF_CHECK_EQUAL(op["responses"]["404"]["x-codes"],
                  nlohmann::json::parse(R"(["EVENT_NOT_FOUND","GONE"])"));
}

// -- JSON --------------------------------------------------------------------------------------

CAF_TEST(only plain objects within bounds are bodies) {
  CAF_CHECK(parse_object(R"({"a":[1,2,{"b":null}]})").has_value());
  std::string deep = R"({"a":)" + std::string(100000, '[') + std::string(100000, ']') + "}";
  for (std::string_view bad : std::initializer_list<std::string_view>{
         "", "[]", "1", "null", "{", "{}x", R"({"a":1,"a":2})", "{\"a\":\"\xff\"}",
         R"({"a":"\u0000"})", R"({"a":1e999})", deep})
    CAF_CHECK(!parse_object(bad).has_value());
  CAF_CHECK(parse_object(R"({"a":{"x":1},"b":{"x":1}})").has_value());
}

CAF_TEST(the media type matters only when there is a body) {
  auto read = [](std::string type, std::string body) {
    request x;
    x.head = "POST / HTTP/1.1\r\n" + (type.empty() ? "" : "Content-Type: " + type + "\r\n");
    x.body = std::move(body);
    parse_head(x);
    auto out = read_object(x);
    return out ? ec::ok : out.error().code;
  };
  CAF_CHECK(read("", "") == ec::ok);
  CAF_CHECK(read("application/json", "") == ec::ok);
  CAF_CHECK(read("text/plain;charset=UTF-8", "") == ec::ok);
  CAF_CHECK(read("Application/JSON; charset=utf-8", "{}") == ec::ok);
  CAF_CHECK(read("", "{}") == ec::ok);
  CAF_CHECK(read("text/plain", "{}") == ec::media_type);
  CAF_CHECK(read("", "[") == ec::bad_request);
}

CAF_TEST(the first failing field decides the text) {
  CAF_CHECK_EQUAL(refusal("{}", [](fields& f) { f.mail("email"); }), "must not be blank");
  CAF_CHECK_EQUAL(refusal(R"({"email":"a@"})", [](fields& f) { f.mail("email"); }),
                  "must be a well-formed email address");
  CAF_CHECK_EQUAL(refusal(R"({"p":"1234567"})", [](fields& f) { f.password("p"); }),
                  "Password must be at least 8 characters");
  CAF_CHECK_EQUAL(refusal(R"({"n":0})", [](fields& f) { f.integer("n", 1, 10); }),
                  "must be greater than or equal to 1");
  CAF_CHECK_EQUAL(refusal(R"({"n":11})", [](fields& f) { f.integer("n", 1, 10); }),
                  "must be less than or equal to 10");
  CAF_CHECK_EQUAL(refusal("{}", [](fields& f) { f.integer("n", 1, 10); }), "must not be null");
  CAF_CHECK_EQUAL(refusal(R"({"n":1.5})", [](fields& f) { f.integer("n", 1, 10); }),
                  "n must be an integer");
  CAF_CHECK_EQUAL(refusal(R"({"a":null,"b":" "})",
                          [](fields& f) {
                            f.text("b", 9);
                            f.integer("a", 1, 2);
                          }),
                  "must not be blank");
  CAF_CHECK_EQUAL(refusal(R"({"phone":"","a":null})",
                          [](fields& f) {
                            f.optional_text("phone", 20);
                            f.optional_text("a", 20);
                          }),
                  "");
}

CAF_TEST(what nobody would see is blank) {
  auto name = [](const std::string& text) {
    return refusal(nlohmann::json{{"n", text}}.dump(), [](fields& f) { f.text("n", 100); });
  };
  for (auto x : {"", " \t", "\u3000", "\u00a0", "\u2000\u2003\u200a", "\u2028\u2029", "\u202f",
                 "\u205f", "\u200b", "\ufeff", " \u3000\u200b "})
    CAF_CHECK_EQUAL(name(x), "must not be blank");
  for (auto x : {"a", "\u3000김\u3000", "\u00a1", "\u2010", "\u3001", "\u200b1"})
    CAF_CHECK_EQUAL(name(x), "");
}

CAF_TEST(a body of Unicode white space is no empty body) {
  request x;
  x.body = "\u3000";
  CAF_CHECK(!read_object(x));
  x.body = " \r\n";
  CAF_CHECK(read_object(x));
}

CAF_TEST(lists of ids are checked one by one) {
  auto read = [](std::string_view body) {
    return refusal(body, [](fields& f) { f.uuids<seat_id>("s", 2, "none", "many", "twin"); });
  };
  std::string id = "\"" + std::string(an_id) + "\"";
  CAF_CHECK_EQUAL(read(R"({"s":[)" + id + "]}"), "");
  CAF_CHECK_EQUAL(read("{}"), "none");
  CAF_CHECK_EQUAL(read(R"({"s":[]})"), "none");
  CAF_CHECK_EQUAL(read(R"({"s":[)" + id + "," + id + "]}"), "twin");
  CAF_CHECK_EQUAL(read(R"({"s":[)" + id + "," + id + "," + id + "]}"), "many");
  CAF_CHECK_EQUAL(read(R"({"s":["A1"]})"), "s must hold uuids");
}

CAF_TEST(pages are clamped but never guessed) {
  auto read = [](std::string query) {
    request x;
    x.head = "GET /?" + query + " HTTP/1.1\r\n";
    parse_head(x);
    auto p = read_page(x, 10);
    return p ? std::to_string(p->page) + "/" + std::to_string(p->limit) : "400";
  };
  CAF_CHECK_EQUAL(read(""), "1/10");
  CAF_CHECK_EQUAL(read("page=0&limit=1000"), "1/100");
  CAF_CHECK_EQUAL(read("page=-3&limit=-1"), "1/1");
  CAF_CHECK_EQUAL(read("page=99999999999999999999999"), "1000000/10");
  CAF_CHECK_EQUAL(read("page=x"), "400");
  CAF_CHECK_EQUAL(read("limit=1.5"), "400");
}

CAF_TEST(an error says it twice and quotes well) {
  auto x = error_answer(ec::bad_request, "a \"b\"\n\x01\xff", R"(,"n":1)");
  auto body = nlohmann::json::parse(x.body);
  CAF_CHECK_EQUAL(x.status, 400);
  CAF_CHECK_EQUAL(body["error"], body["message"]);
  CAF_CHECK_EQUAL(body["code"], "BAD_REQUEST");
  CAF_CHECK_EQUAL(body["n"], 1);
}

// -- cookies and negotiation -------------------------------------------------------------------

CAF_TEST(cookies carry their attributes) {
  cookie x;
  x.name = "a";
  x.value = "b";
  x.max_age_s = 1800;
  CAF_CHECK_EQUAL(to_string(x), "a=b; Path=/; Max-Age=1800; HttpOnly; Secure; SameSite=Lax");
  CAF_CHECK_EQUAL(cookie_value("x=1; xa=2;a=3", "a").value_or(""), "3");
  CAF_CHECK(!cookie_value("a", "a"));
}

CAF_TEST(gzip only for those who want it) {
  CAF_CHECK(accepts_gzip("gzip, deflate, br"));
  CAF_CHECK(accepts_gzip("*"));
  CAF_CHECK(accepts_gzip("deflate, GZIP;q=0.5"));
  CAF_CHECK(!accepts_gzip("gzip;q=0"));
  CAF_CHECK(!accepts_gzip("*;q=0.0"));
  CAF_CHECK(!accepts_gzip("identity"));
  CAF_CHECK(!accepts_gzip(""));
  auto small = gzip(std::string(10000, 'a'));
  CAF_REQUIRE(small);
  CAF_CHECK(small->size() < 200 && small->substr(0, 2) == "\x1f\x8b");
}

// -- rate limiter ------------------------------------------------------------------------------

CAF_TEST(no window of a minute sees more than the limit) {
  rate_limits limits;
  limits.booking = 10;
  rate_limiter l(limits);
  std::vector<int64_t> passed;
  for (int64_t t = 0; t < 300'000; t += 997)
    if (l.ask("user:1", rate_category::booking, t).allowed) passed.push_back(t);
  for (size_t i = 0; i + 20 < passed.size(); ++i) CAF_CHECK(passed[i + 20] - passed[i] > 60'000);
  for (size_t i = 0; i + 10 < passed.size(); ++i) CAF_CHECK(passed[i + 10] - passed[i] > 55'000);
  CAF_CHECK(passed.size() >= 40 && passed.size() <= 60);
}

CAF_TEST(whoever waits as told is let in) {
  rate_limits limits;
  limits.booking = 3;
  for (int64_t start = 0; start < 400'000; start += 40'961) {
    rate_limiter l(limits);
    auto t = start;
    rate_verdict v;
    for (int i = 0; i < 5; ++i) v = l.ask("user:1", rate_category::booking, t += 10);
    CAF_REQUIRE(!v.allowed);
    CAF_CHECK_EQUAL(v.limit, 3u);
    CAF_CHECK(v.reset_s >= 1 && v.reset_s <= 60);
    CAF_CHECK(!l.ask("user:1", rate_category::booking, t + (v.reset_s - 1) * 1000).allowed);
    CAF_CHECK(l.ask("user:1", rate_category::booking, t + v.reset_s * 1000).allowed);
  }
}

CAF_TEST(clients and categories do not share and zero is off) {
  rate_limits limits;
  limits.booking = 1;
  limits.general = 0;
  limits.clients_max = 160;
  rate_limiter l(limits);
  CAF_CHECK(l.ask("ip:1", rate_category::booking, 1).allowed);
  CAF_CHECK(!l.ask("ip:1", rate_category::booking, 1).allowed);
  CAF_CHECK(l.ask("ip:2", rate_category::booking, 1).allowed);
  CAF_CHECK(l.ask("ip:1", rate_category::auth, 1).allowed);
  for (int i = 0; i < 1000; ++i) CAF_CHECK(l.ask("ip:1", rate_category::general, 1).allowed);
  for (int i = 0; i < 10000; ++i) l.ask("ip:" + std::to_string(i), rate_category::booking, 1);
  CAF_CHECK(l.size() <= 160);
}

CAF_TEST(the category of a request follows from its path alone) {
  for (auto path : {"/health", "/actuator/prometheus", "/actuator", "/api/auth/me", "/api/notices"})
    CAF_CHECK(category_of(path) == rate_category::exempt);
  for (auto path : {"/api/auth/login", "/api/auth", "/api/auth/me/more"})
    CAF_CHECK(category_of(path) == rate_category::auth);
  CAF_CHECK(category_of("/api/queue/status") == rate_category::queue);
  for (auto path : {"/api/seats/reserve", "/api/reservations", "/api/reservations/7/cancel",
                    "/api/reservations/{id}/cancel"})
    CAF_CHECK(category_of(path) == rate_category::booking);
  for (auto path :
       {"/api/reservations/my", "/api/reservations/7/x/cancel", "/api/authors",
        "/api/reservations/cancel", "/api/events", "/api/notices/x", "/healthy", "/", ""})
    CAF_CHECK(category_of(path) == rate_category::general);
}

CAF_TEST(networks hold the addresses that share their first bits) {
  auto holds = [](const char* net, const char* address) {
    return network::parse(net)->holds(*parse_address(address));
  };
  CAF_CHECK(holds("10.0.0.0/8", "10.255.1.2") && !holds("10.0.0.0/8", "11.0.0.0"));
  CAF_CHECK(holds("10.1.2.0/23", "10.1.3.9") && !holds("10.1.2.0/23", "10.1.4.0"));
  CAF_CHECK(holds("0.0.0.0/0", "255.1.1.1") && !holds("0.0.0.0/0", "2001:db8::1"));
  CAF_CHECK(holds("2001:db8::/33", "2001:db8:7fff::1") && !holds("2001:db8::/33", "2001:db9::"));
  CAF_CHECK(holds("::1", "::1") && !holds("::1", "::2") && holds("::/0", "1.2.3.4"));
  for (auto bad : {"", "10.0.0", "10.0.0.0/33", "10.0.0.0/", "::1/129", "10.0.0.0/-1",
                   "10.0.0.0/8x", "proxy.example"})
    CAF_CHECK(!network::parse(bad));
}

CAF_TEST(forwarded addresses count only behind trusted proxies) {
  std::vector<network> trusted{*network::parse("10.0.0.1"), *network::parse("10.0.0.2")};
  CAF_CHECK_EQUAL(client_address("1.2.3.4", "9.9.9.9", trusted), "1.2.3.4");
  CAF_CHECK_EQUAL(client_address("10.0.0.1", "9.9.9.9, 8.8.8.8", trusted), "8.8.8.8");
  CAF_CHECK_EQUAL(client_address("10.0.0.1", "9.9.9.9, 8.8.8.8, 10.0.0.2", trusted), "8.8.8.8");
  CAF_CHECK_EQUAL(client_address("10.0.0.1", "", trusted), "10.0.0.1");
  CAF_CHECK_EQUAL(client_address("10.0.0.1", "9.9.9.9, nonsense", trusted), "10.0.0.1");
  CAF_CHECK_EQUAL(client_address("10.0.0.1", "8.8.8.8:99,10.0.0.2:5", trusted), "8.8.8.8");
  CAF_CHECK_EQUAL(client_address("10.0.0.1", "[2001:DB8:0::1]:99", trusted), "2001:db8::1");
  CAF_CHECK_EQUAL(client_address("::ffff:10.0.0.1", "8.8.8.8", trusted), "8.8.8.8");
  CAF_CHECK_EQUAL(client_address("odd", "8.8.8.8", trusted), "odd");
}
