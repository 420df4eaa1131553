#define CAF_SUITE traces

#include <atomic>

#include <nlohmann/json.hpp>

#include <caf/test/dsl.hpp>

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "actors/base/trace.hpp"
#include "gateways/traces/export_worker.hpp"
#include "gateways/traces/otlp.hpp"
#include "gateways/traces/sampling.hpp"

using namespace tk;

namespace {

/// Keeps what it is told; time goes on by itself.
struct kept final : tracer {
  std::vector<span_record> spans;
  mutable int64_t us = 1'000'000;
  uint64_t last = 0;
  [[nodiscard]] int64_t now_us() const override { return us += 10; }
  [[nodiscard]] uint64_t next_span() override { return ++last; }
  [[nodiscard]] bool samples(uint64_t, uint64_t) const override { return true; }
  void take(span_record x) override { spans.push_back(std::move(x)); }
};

const trace_context caller{1, 2, 3, true};

/// Takes connections and says nothing.
struct silent_collector {
  int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  uint16_t port = 0;
  silent_collector() {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(at);
    auto* raw = reinterpret_cast<sockaddr*>(&at);
    if (::bind(fd, raw, size) != 0 || ::listen(fd, 8) != 0 || ::getsockname(fd, raw, &size) != 0)
      CAF_FAIL("no socket");
    port = ntohs(at.sin_port);
  }
  ~silent_collector() { ::close(fd); }
};

struct counting final : entropy {
  std::atomic<uint64_t> last{0};
  uint64_t next() override { return ++last; }
};

} // namespace

CAF_TEST(a child knows its parent and its trace) {
  kept to;
  auto x = open_span::child(&to, caller, "session");
  auto y = open_span::child(&to, x.context(), "ledger");
  y.end(false);
  y.end(true); // Only the first end counts.
  x.about("user");
  x.end(true);
  CAF_REQUIRE_EQUAL(to.spans.size(), 2u);
  CAF_CHECK_EQUAL(to.spans[0].parent, to.spans[1].at.span);
  CAF_CHECK_EQUAL(to.spans[1].parent, caller.span);
  CAF_CHECK(to.spans[0].at.hi == 1 && to.spans[0].at.lo == 2 && to.spans[0].at.sampled);
  CAF_CHECK(!to.spans[0].failed && to.spans[1].failed);
  CAF_CHECK(to.spans[0].from_us < to.spans[0].to_us);
  CAF_CHECK_EQUAL(to.spans[1].about, "user");
}

CAF_TEST(a span that nobody ends has failed) {
  kept to;
  { auto x = open_span::child(&to, caller, "session"); }
  CAF_REQUIRE_EQUAL(to.spans.size(), 1u);
  CAF_CHECK(to.spans[0].failed);
  auto moved = open_span::child(&to, caller, "a");
  auto other = std::move(moved);
  CAF_CHECK(!moved);
  other = open_span{};
  CAF_CHECK_EQUAL(to.spans.size(), 2u);
}

CAF_TEST(without a tracer or a trace there is no span) {
  kept to;
  CAF_CHECK(!open_span::child(nullptr, caller, "a"));
  CAF_CHECK(!open_span::child(&to, {}, "a"));
  CAF_CHECK(child_span(nullptr, caller, "a") == nullptr);
  CAF_CHECK(child_span(&to, {}, "a") == nullptr);
  end_span(nullptr, true);
  CAF_CHECK(open_span{}.context().none());
  CAF_CHECK_EQUAL(to.last, 0u); // No randomness was drawn.
  CAF_CHECK(to.spans.empty());
}

CAF_TEST(a share of the traces is sampled whoever made their ids) {
  auto count = [](int percent, auto id) {
    int out = 0;
    for (uint64_t i = 0; i < 10'000; ++i) out += sampled(id(i).first, id(i).second, percent);
    return out;
  };
  auto low = [](uint64_t i) { return std::pair{uint64_t{0}, i}; };
  auto high = [](uint64_t i) { return std::pair{i << 32, uint64_t{7}}; };
  CAF_CHECK_EQUAL(count(0, low), 0);
  CAF_CHECK_EQUAL(count(100, high), 10'000);
  CAF_CHECK(count(10, low) > 850 && count(10, low) < 1150);
  CAF_CHECK(count(10, high) > 850 && count(10, high) < 1150);
}

CAF_TEST(spans are told as OTLP has them) {
  span_record x;
  x.at = {0x0102030405060708, 0x090a0b0c0d0e0f10, 0x00000000000000ff, true};
  x.parent = 0xabcdef;
  x.name = "ledger";
  x.kind = span_kind::client;
  x.from_us = 1'700'000'000'000'001;
  x.to_us = 1'700'000'000'000'250;
  x.failed = true;
  x.about = "seat_block:\xff/3";
  span_record root;
  root.at = {1, 2, 3, true};
  root.name = "request";
  const std::vector spans{x, root};
  auto told = nlohmann::json::parse(otlp_json({"n1", "0.7"}, spans));
  auto& part = told["resourceSpans"][0];
  CAF_CHECK_EQUAL(part["resource"]["attributes"][0]["key"], "service.name");
  CAF_CHECK_EQUAL(part["resource"]["attributes"][1]["value"]["stringValue"], "n1");
  auto& list = part["scopeSpans"][0]["spans"];
  CAF_REQUIRE_EQUAL(list.size(), 2u);
  CAF_CHECK_EQUAL(list[0]["traceId"], "0102030405060708090a0b0c0d0e0f10");
  CAF_CHECK_EQUAL(list[0]["spanId"], "00000000000000ff");
  CAF_CHECK_EQUAL(list[0]["parentSpanId"], "0000000000abcdef");
  CAF_CHECK_EQUAL(list[0]["kind"], 3);
  CAF_CHECK_EQUAL(list[0]["startTimeUnixNano"], "1700000000000001000");
  CAF_CHECK_EQUAL(list[0]["endTimeUnixNano"], "1700000000000250000");
  CAF_CHECK_EQUAL(list[0]["status"]["code"], 2);
  CAF_CHECK_EQUAL(list[0]["attributes"][0]["key"], "tiketi.about");
  CAF_CHECK(!list[1].contains("parentSpanId"));
  CAF_CHECK(list[1]["status"].empty());
}

CAF_TEST(who tells of spans waits for no collector) {
  silent_collector nobody;
  counting random;
  export_settings settings;
  settings.url = "http://127.0.0.1:" + std::to_string(nobody.port) + "/v1/traces";
  settings.pause = millis{1};
  settings.total_max = settings.connect_max = millis{3'600'000}; // It is never given up.
  constexpr uint64_t many = 100'000; // If one of them waited, the test would not end in time.
  export_worker x{settings, random};
  for (uint64_t i = 0; i < many; ++i) x.take({caller, 0, "ledger", {}, 0, 0, false, {}});
  auto& probe = x.probe();
  CAF_CHECK(probe.waiting.load() <= static_cast<int64_t>(settings.waiting_max));
  CAF_CHECK(probe.dropped_full.load() >= many - settings.waiting_max - settings.batch_max);
  CAF_CHECK_EQUAL(probe.exported.load(), 0u);
}

CAF_TEST(what is not sampled is taken only when it failed) {
  silent_collector nobody;
  counting random;
  export_settings settings;
  settings.url = "http://127.0.0.1:" + std::to_string(nobody.port) + "/v1/traces";
  settings.pause = millis{3'600'000};
  export_worker x{settings, random};
  const trace_context unsampled{1, 2, 3, false};
  x.take({unsampled, 0, "ledger", {}, 0, 0, false, {}});
  CAF_CHECK_EQUAL(x.probe().waiting.load(), 0);
  x.take({unsampled, 0, "ledger", {}, 0, 0, true, {}});
  CAF_CHECK_EQUAL(x.probe().waiting.load(), 1);
}

CAF_TEST(headers are names and values) {
  using lines = std::vector<std::string>;
  CAF_CHECK(parse_headers("") == lines{});
  CAF_CHECK(parse_headers("api-key=a=b,x=") == (lines{"api-key: a=b", "x: "}));
  for (auto wrong : {"a", "=b", "a b=c", "a=b,,c=d", "a:b=c", "a=b\r\nc"})
    CAF_CHECK(!parse_headers(wrong));
}
