#include "http/request_log.hpp"

#include <array>

#include <prometheus/counter.h>
#include <prometheus/registry.h>

#include "http/metrics.hpp"
#include "http/stream_hub.hpp"
#include "logging/log.hpp"

namespace tk::http {

namespace {

/// Whoever knocks without end may not fill the disk: beyond it events are only counted.
constexpr int64_t security_lines_per_second = 100;

constexpr std::array secured{ec::bad_credentials, ec::refresh_reused,   ec::password_wrong,
                             ec::admin_required,  ec::access_denied,    ec::entry_token_required,
                             ec::rate_limited,    ec::origin_forbidden, ec::not_authenticated};

int hex_value(char c) { return c <= '9' ? c - '0' : c - 'a' + 10; }

void add_identity(log_line& line, const exchange& x) {
  auto& q = x.req();
  line.text("trace_id", q.trace_id).text("span_id", q.span_id).text("request_id", q.request_id);
  if (x.who()) line.text("user_id", to_string(x.who()->user));
}

} // namespace

std::string_view security_event(ec why) {
  switch (why) {
  case ec::bad_credentials: return "login_failed";
  case ec::refresh_reused: return "token_reused";
  case ec::password_wrong: return "password_wrong";
  case ec::admin_required: return "admin_denied";
  case ec::access_denied: return "access_denied";
  case ec::entry_token_required: return "entry_denied";
  case ec::rate_limited: return "rate_limited";
  case ec::origin_forbidden: return "origin_denied";
  case ec::not_authenticated: return "token_denied";
  default: return {};
  }
}

struct request_log::counters {
  explicit counters(prometheus::Registry& registry)
      : family(prometheus::BuildCounter()
                 .Name("security_events_total")
                 .Help("Refusals that matter to security, by kind.")
                 .Register(registry)) {
    for (size_t i = 0; i < secured.size(); ++i)
      by_kind[i] = &family.Add({{"event", std::string(security_event(secured[i]))}});
  }
  prometheus::Family<prometheus::Counter>& family;
  std::array<prometheus::Counter*, secured.size()> by_kind{};
};

request_log::request_log(int share_percent, metrics& meters)
    : share_percent_(share_percent), counters_(std::make_unique<counters>(meters.registry())) {
  // nop
}

request_log::~request_log() = default;

void request_log::answered(const exchange& x, const answer& a, std::string_view route,
                           double seconds) {
  // A stranger who asks for what needs a login is no event; one who shows a bad token is.
  bool anonymous = a.why == ec::not_authenticated && x.req().access_token().empty();
  if (!anonymous) secure(x, a, route);
  told(x, a, route, seconds);
}

void request_log::secure(const exchange& x, const answer& a, std::string_view route) {
  auto event = security_event(a.why);
  if (event.empty()) return;
  for (size_t i = 0; i < secured.size(); ++i)
    if (secured[i] == a.why) counters_->by_kind[i]->Increment();
  if (!within_budget(to_ms(x.req().arrived) / 1000)) return;
  log_line line(log_level::warn, "security", event);
  add_identity(line, x);
  line.text("client", x.req().client).text("route", route);
}

/// Threads that meet at the turn of a second may let some lines more through, no harm.
bool request_log::within_budget(int64_t second) {
  if (second_.exchange(second, std::memory_order_relaxed) != second) lines_ = 0;
  return lines_.fetch_add(1, std::memory_order_relaxed) < security_lines_per_second;
}

/// Whether it is among the share that gets a line: the same for all lines of a span, and as even as
/// its random bits.
bool request_log::chosen(const exchange& x) const {
  constexpr int percent = 100;
  auto& span = x.req().span_id;
  auto dice = span.size() < 2 ? 0 : hex_value(span[0]) * 16 + hex_value(span[1]);
  return dice * percent < share_percent_ * 256;
}

void request_log::stream_ended(const ended_stream& x, std::string_view route) {
  if (!chosen(x.of)) return;
  log_line line(log_level::info, "http", "stream_ended");
  add_identity(line, x.of);
  line.text("method", to_string(x.of.req().verb)).text("route", route);
  line.text("why", to_string(x.why)).number("bytes", static_cast<int64_t>(x.bytes));
  constexpr double ms = 1000;
  line.decimal("duration_ms", x.seconds * ms);
}

void request_log::told(const exchange& x, const answer& a, std::string_view route, double seconds) {
  auto& q = x.req();
  auto level = a.status >= 500 ? log_level::warn : log_level::info;
  if (a.status < 500 && !chosen(x)) return;
  log_line line(level, "http", "answered");
  add_identity(line, x);
  line.text("method", to_string(q.verb)).text("route", route).number("status", a.status);
  if (a.status >= 500) line.text("why", to_string(a.why));
  line.decimal("duration_ms", seconds * 1000);
}

} // namespace tk::http
