// The chain of checks of contract 1.7, and the composition of what goes out.
#include <algorithm>
#include <array>
#include <charconv>
#include <exception>

#include "http/compress.hpp"
#include "http/json.hpp"
#include "http/service.hpp"
#include "logging/log.hpp"

namespace tk::http {

namespace {

constexpr size_t gzip_min = 1024;
constexpr size_t gzip_max_inline = 64 * 1024;

/// What a page may do (G35). Scripts and styles are files of their own, so nothing inline runs.
constexpr std::string_view html_headers =
  "Content-Security-Policy: default-src 'self'; script-src 'self'; object-src 'none'; "
  "base-uri 'none'; frame-ancestors 'none'\r\n"
  "Permissions-Policy: camera=(), microphone=(), geolocation=(), payment=(self)\r\n"
  "Referrer-Policy: same-origin\r\n";

bool well_formed_request_id(std::string_view x) {
  constexpr size_t length_max = 64;
  return !x.empty() && x.size() <= length_max && std::all_of(x.begin(), x.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
           c == '_' || c == '.';
  });
}

/// D39: every anonymous page load asks for a refresh without a token.
bool refresh_without_token(const request& x) {
  if (x.verb != method::post || x.path != "/api/auth/refresh" ||
      !x.cookie("refresh_token").value_or(std::string_view{}).empty())
    return false;
  constexpr size_t empty_form_max = 64; // `{"refreshToken":null}` and the like.
  if (x.body.size() > empty_form_max) return false;
  auto body = read_object(x);
  if (!body) return false;
  auto token = body->find("refreshToken");
  return token == body->end() || token->is_null() || *token == "";
}

/// The page came from this very server.
bool own_origin(std::string_view origin, std::string_view host) {
  auto scheme = origin.find("://");
  return scheme != std::string_view::npos && !host.empty() &&
         iequals(origin.substr(scheme + 3), host);
}

void line(std::string& out, std::string_view name, std::string_view value) {
  out.append(name).append(": ").append(value).append("\r\n");
}

void line(std::string& out, std::string_view name, uint64_t value) {
  std::array<char, 24> text;
  auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  line(out, name, std::string_view(text.data(), static_cast<size_t>(end - text.data())));
}

/// A header value a handler made may not end the line (response splitting).
std::string_view one_line(std::string_view value) {
  return value.substr(0, value.find_first_of(std::string_view("\r\n\0", 3)));
}

bool compressible(std::string_view content_type) {
  return content_type.substr(0, 5) == "text/" || content_type.substr(0, 16) == "application/json";
}

/// Answers an OPTIONS that asks for leave (1.4).
answer preflight(std::string_view path) {
  answer out;
  out.status = 204;
  if (path.starts_with("/vwr-api/")) {
    out.headers = {{"Access-Control-Allow-Methods", "GET, POST, OPTIONS"},
                   {"Access-Control-Allow-Headers", "Content-Type"},
                   {"Access-Control-Max-Age", "3600"}};
    return out;
  }
  out.headers = {{"Access-Control-Allow-Methods", "GET, POST, PUT, DELETE, PATCH, OPTIONS"},
                 {"Access-Control-Allow-Headers",
                  "Authorization, Content-Type, x-queue-entry-token, x-vwr-token, "
                  "Idempotency-Key, X-Request-Id, traceparent"},
                 {"Access-Control-Max-Age", "3600"}};
  return out;
}

/// Answers `OPTIONS *` (RFC 9110, 9.3.7).
answer whole_server() {
  answer out;
  out.status = 204;
  out.headers = {{"Allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"}};
  return out;
}

} // namespace

bool service::allowed_origin(std::string_view origin) const {
  return std::find(options_.allowed_origins.begin(), options_.allowed_origins.end(), origin) !=
         options_.allowed_origins.end();
}

std::string service::make_request_id(const request& x) const {
  if (auto given = x.header("x-request-id"); well_formed_request_id(given))
    return std::string(given);
  return to_string(make_id<tk::request_id>(context_.random)); // History rows keep it as a uuid.
}

std::string service::client_of(const request& x) const {
  if (options_.trusted_proxies.empty()) return x.peer_address;
  return client_address(x.peer_address, x.header_list("x-forwarded-for"), options_.trusted_proxies);
}

// -- the checks, in their order ----------------------------------------------------------------

void service::serve(const std::shared_ptr<live_exchange>& x, bool head_ok) {
  auto& q = x->request_;
  q.request_id = make_request_id(q);
  begin_span(q, context_.random, context_.traces);
  q.client = client_of(q);
  if (draining_ || in_flight_ > options_.in_flight_max) {
    x->fail(draining_ ? ec::unavailable : ec::busy);
    return;
  }
  if (!head_ok && q.verb != method::other) {
    x->fail(ec::bad_request);
    return;
  }
  auto m = table_.match(q.verb, q.path);
  x->route_ = m.hit; // Before anything is refused: the log and the metrics name it.
  x->params_ = std::move(m.params);
  if (!check_origin(*x)) return;
  if (m.hit && m.hit->patient) x->deadline_ = x->started_ + options_.patient_deadline;
  identify(*x);
  if (!check_rate(*x) || !check_access(*x, m) || !take_slot(*x)) return;
  run(x);
}

/// CORS: answers preflights, refuses state changes from foreign pages (C22).
bool service::check_origin(live_exchange& x) {
  auto& q = x.request_;
  if (q.verb == method::options && q.has_header("access-control-request-method")) {
    x.respond(preflight(q.path));
    return false;
  }
  auto origin = q.header("origin");
  if (!changes_state(q.verb) || origin.empty() || allowed_origin(origin) ||
      own_origin(origin, q.authority))
    return true;
  x.fail(ec::origin_forbidden);
  return false;
}

void service::identify(live_exchange& x) {
  auto& q = x.request_;
  if (!options_.cookies && !q.has_header("authorization")) return;
  if (auto token = q.access_token(); !token.empty())
    x.principal_ = context_.identity.authenticate(token, q.arrived);
}

bool service::check_rate(live_exchange& x) {
  auto& q = x.request_;
  auto category = category_of(q.path);
  if (q.verb == method::options || options_.limits.of(category) == 0 || refresh_without_token(q))
    return true;
  auto client = x.principal_ ? "user:" + to_string(x.principal_->user) : "ip:" + q.client;
  auto now = std::chrono::duration_cast<std::chrono::milliseconds>(x.started_.time_since_epoch());
  auto verdict = limiter_.ask(client, category, now.count());
  if (verdict.allowed) return true;
  auto a = error_answer(ec::rate_limited);
  a.retry_after_s = static_cast<int>(verdict.reset_s);
  a.headers = {{"RateLimit-Limit", std::to_string(verdict.limit)},
               {"RateLimit-Remaining", "0"},
               {"RateLimit-Reset", std::to_string(verdict.reset_s)}};
  x.respond(std::move(a));
  return false;
}

/// Whether a signed-in caller tries what only admins may.
bool service::lacks_role(const live_exchange& x) {
  return x.route_->level == access::admin && x.principal_ && !x.principal_->admin();
}

/// Entry gate, then existence, method, login, role, and the form of path parameters.
bool service::check_access(live_exchange& x, const route_match& m) {
  auto refuse = [&](answer a) {
    x.respond(std::move(a));
    return false;
  };
  auto verb = x.request_.verb;
  if (m.hit == nullptr) {
    if (x.request_.path == "*") return refuse(whole_server());
    if (m.allowed == 0) return refuse(error_answer(ec::route_unknown));
    // A path that needs login does not tell strangers which methods it has (1.5).
    if (m.login_needed && !x.principal_ && verb != method::options)
      return refuse(error_answer(ec::not_authenticated));
    answer a = error_answer(ec::method_not_allowed);
    if (verb == method::options) {
      a = {};
      a.status = 204;
    }
    a.headers.emplace_back("Allow", allow_header(m.allowed));
    return refuse(std::move(a));
  }
  if (m.hit->gated && context_.gate && !context_.gate(x))
    return refuse(error_answer(ec::entry_token_required));
  if (m.hit->level != access::public_ && !x.principal_)
    return refuse(error_answer(ec::not_authenticated));
  if (lacks_role(x)) return context_.denied || refuse(error_answer(ec::admin_required));
  if (x.principal_ && x.principal_->password_due && !m.hit->while_password_due)
    return refuse(error_answer(ec::password_change_required));
  if (m.malformed_param) return refuse(error_answer(ec::bad_request, "Malformed id"));
  // Parameters that the route does not know are not looked at.
  for (auto& known : m.hit->queries)
    if (query_malformed(x.request_.query_string, known.name))
      return refuse(error_answer(ec::bad_request, "Malformed " + known.name));
  return true;
}

/// A place for the stream that the answer will be (G05).
bool service::take_slot(live_exchange& x) {
  if (!x.route_->streams || x.request_.verb == method::head) return true;
  if (slots_.take(x.request_.client, x.slot)) return true;
  x.fail(ec::streams_full);
  return false;
}

void service::run(const std::shared_ptr<live_exchange>& x) {
  try {
    if (lacks_role(*x)) context_.denied(x);
    else x->route_->run(x);
  } catch (const std::exception& e) {
    log_line(log_level::error, "http", "handler_failed")
      .text("route", x->route_->path)
      .text("request_id", x->request_.request_id)
      .text("what", e.what());
    x->fail(ec::internal);
  }
  if (!x->answered() && x.use_count() > 1) wait_for(*x);
}

// -- what goes out -----------------------------------------------------------------------------

/// Status line, headers and body. Runs on the answering thread, without locks.
void service::compose(const live_exchange& x, answer& a, bool keep_alive, outgoing& out) const {
  auto& q = x.request_;
  auto route = x.route_;
  auto size = a.shared ? a.shared->size() : a.body.size();
  bool may_zip = size >= gzip_min && compressible(a.content_type);
  bool zipped = false;
  if (may_zip && accepts_gzip(q.header("accept-encoding"))) {
    if (a.gzip) {
      a.shared = std::move(a.gzip);
      zipped = true;
    } else if (size <= gzip_max_inline) {
      if (auto small = gzip(a.shared ? std::string_view(*a.shared) : std::string_view(a.body))) {
        a.shared = nullptr;
        a.body = std::move(*small);
        zipped = true;
      }
    }
  }
  auto& h = out.head;
  h.reserve(640);
  h.append("HTTP/1.1 ").append(std::to_string(a.status)).append(" ");
  h.append(reason_phrase(a.status)).append("\r\n");
  if (a.status != 204 && a.status != 304) {
    line(h, "Content-Type", a.content_type);
    if (!a.stream) line(h, "Content-Length", a.shared ? a.shared->size() : a.body.size());
    else if (q.minor_version > 0 && q.verb != method::head) h += "Transfer-Encoding: chunked\r\n";
  }
  if (zipped) h += "Content-Encoding: gzip\r\n";
  h += keep_alive ? "Connection: keep-alive\r\n" : "Connection: close\r\n";
  if (auto origin = q.header("origin"); !origin.empty() && allowed_origin(origin)) {
    line(h, "Access-Control-Allow-Origin", origin);
    h += "Access-Control-Allow-Credentials: true\r\n"
         "Access-Control-Expose-Headers: X-Request-Id, Retry-After\r\n";
  }
  h += may_zip ? "Vary: Origin, Accept-Encoding\r\n" : "Vary: Origin\r\n";
  line(h, "X-Request-Id", q.request_id);
  h += "X-Content-Type-Options: nosniff\r\nX-Frame-Options: DENY\r\n";
  if (options_.https) h += "Strict-Transport-Security: max-age=31536000; includeSubDomains\r\n";
  if (a.content_type.starts_with("text/html")) h += html_headers;
  bool personal = a.status >= 400 || category_of(q.path) == rate_category::auth ||
                  (route != nullptr && (route->level != access::public_ || route->personal));
  if (!a.cache_control.empty()) line(h, "Cache-Control", a.cache_control);
  else if (personal) h += "Cache-Control: no-store\r\n";
  if (a.retry_after_s > 0) line(h, "Retry-After", static_cast<uint64_t>(a.retry_after_s));
  for (auto& [name, value] : a.headers) line(h, name, one_line(value));
  for (auto& value : a.cookies) line(h, "Set-Cookie", one_line(value));
  h += "\r\n";
  if (q.verb == method::head) return;
  out.shared = std::move(a.shared);
  if (!out.shared) out.body = std::move(a.body);
}

} // namespace tk::http
