#include "http/request.hpp"

#include <algorithm>
#include <charconv>

#include "http/answer.hpp"
#include "http/framing.hpp"
#include "http/identity.hpp"

namespace tk::http {

namespace {

constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  auto l = lower(c);
  return l >= 'a' && l <= 'f' ? l - 'a' + 10 : -1;
}

bool hex_text(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return hex_digit(c) >= 0 && lower(c) == c; });
}

/// 16 digits.
std::string hex(uint64_t x) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out(16, '0');
  for (auto i = out.rbegin(); i != out.rend(); ++i, x >>= 4) *i = digits[x & 15];
  return out;
}

/// W3C traceparent (D10). Later versions than 00 may have more behind what 00 has.
bool well_formed_traceparent(std::string_view x) {
  constexpr size_t size_00 = 55, size_max = 256;
  if (x.size() < size_00 || x.size() > size_max || x.starts_with("ff")) return false;
  if (x.size() > size_00 && (x.starts_with("00") || x[size_00] != '-')) return false;
  return x[2] == '-' && x[35] == '-' && x[52] == '-' && hex_text(x.substr(0, 2)) &&
         hex_text(x.substr(3, 32)) && hex_text(x.substr(36, 16)) && hex_text(x.substr(53, 2)) &&
         x.substr(3, 32).find_first_not_of('0') != std::string_view::npos &&
         x.substr(36, 16).find_first_not_of('0') != std::string_view::npos;
}

/// The authority of a target in absolute form (RFC 9112, 3.2.2), which proxies send. Cuts the
/// target down to its path and query; nullopt when there is no sense in it.
std::optional<std::string_view> cut_authority(std::string_view& target) {
  auto scheme = target.find("://");
  if (scheme == std::string_view::npos) return std::nullopt;
  if (!iequals(target.substr(0, scheme), "http") && !iequals(target.substr(0, scheme), "https"))
    return std::nullopt;
  target.remove_prefix(scheme + 3);
  auto end = std::min(target.find_first_of("/?#"), target.size());
  auto authority = target.substr(0, end);
  target.remove_prefix(end);
  // Names before the host are for deceiving people; nobody else writes them.
  if (authority.empty() || authority.find('@') != std::string_view::npos) return std::nullopt;
  return authority;
}

/// Removes the version segment: both spellings are one path (1.1).
void set_path(request& x) {
  constexpr std::string_view prefix = "/api/v1";
  x.path = x.raw_path.empty() ? std::string_view{"/"} : x.raw_path; // Of `http://host`.
  if (x.path.substr(0, prefix.size()) != prefix) return;
  auto rest = x.path.substr(prefix.size());
  if (!rest.empty() && rest.front() != '/') return;
  x.path_storage.assign("/api").append(rest);
  x.path = x.path_storage;
}

} // namespace

bool principal::admin() const { return iequals(role, "admin"); }

method parse_method(std::string_view token) {
  using enum method;
  for (auto x : {get, post, head, put, patch, delete_, options})
    if (to_string(x) == token) return x;
  return other;
}

std::string_view to_string(method x) {
  switch (x) {
  case method::get: return "GET";
  case method::head: return "HEAD";
  case method::post: return "POST";
  case method::put: return "PUT";
  case method::patch: return "PATCH";
  case method::delete_: return "DELETE";
  case method::options: return "OPTIONS";
  case method::other: break;
  }
  return "OTHER";
}

bool iequals(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i)
    if (lower(a[i]) != lower(b[i])) return false;
  return true;
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

std::optional<std::string> percent_decode(std::string_view text, bool plus_is_blank) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      auto high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
      auto low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
      if (high < 0 || low < 0) return std::nullopt;
      c = static_cast<char>(high * 16 + low);
      if (c == '\0') return std::nullopt;
      i += 2;
    } else if (c == '+' && plus_is_blank) {
      c = ' ';
    }
    out += c;
  }
  return out;
}

namespace {

/// First parameter called `name`, undecoded. A name with a bad escape is nobody's.
std::optional<std::string_view> raw_query_value(std::string_view query_string,
                                                std::string_view name) {
  while (!query_string.empty()) {
    auto end = std::min(query_string.find('&'), query_string.size());
    auto pair = query_string.substr(0, end);
    query_string.remove_prefix(std::min(end + 1, query_string.size()));
    auto equals = std::min(pair.find('='), pair.size());
    auto key = pair.substr(0, equals);
    if (key != name) {
      if (key.find_first_of("%+") == std::string_view::npos) continue;
      auto decoded = percent_decode(key, true);
      if (!decoded || *decoded != name) continue;
    }
    return pair.substr(std::min(equals + 1, pair.size()));
  }
  return std::nullopt;
}

} // namespace

std::optional<std::string> query_value(std::string_view query_string, std::string_view name) {
  auto raw = raw_query_value(query_string, name);
  return raw ? percent_decode(*raw, true) : std::nullopt;
}

bool query_malformed(std::string_view query_string, std::string_view name) {
  auto raw = raw_query_value(query_string, name);
  if (!raw) return false;
  auto text = percent_decode(*raw, true);
  return !text || !valid_utf8(*text);
}

std::optional<std::string_view> cookie_value(std::string_view cookies, std::string_view name) {
  while (!cookies.empty()) {
    auto end = std::min(cookies.find(';'), cookies.size());
    auto pair = trim(cookies.substr(0, end));
    cookies.remove_prefix(std::min(end + 1, cookies.size()));
    auto equals = pair.find('=');
    if (equals == std::string_view::npos || trim(pair.substr(0, equals)) != name) continue;
    auto value = trim(pair.substr(equals + 1));
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"')
      value = value.substr(1, value.size() - 2);
    return value;
  }
  return std::nullopt;
}

std::string_view request::header(std::string_view name) const {
  for (auto& x : headers)
    if (iequals(x.name, name)) return x.value;
  return {};
}

bool request::has_header(std::string_view name) const {
  return std::any_of(headers.begin(), headers.end(),
                     [&](auto& x) { return iequals(x.name, name); });
}

std::string request::header_list(std::string_view name) const {
  std::string out;
  for (auto& x : headers)
    if (iequals(x.name, name)) out.append(out.empty() ? "" : ",").append(x.value);
  return out;
}

std::optional<std::string_view> request::cookie(std::string_view name) const {
  for (auto& x : headers)
    if (iequals(x.name, "cookie"))
      if (auto value = cookie_value(x.value, name)) return value;
  return std::nullopt;
}

std::optional<std::string> request::query(std::string_view name) const {
  return query_value(query_string, name);
}

std::string_view request::access_token() const {
  if (!has_header("authorization")) return cookie("access_token").value_or(std::string_view{});
  auto value = header("authorization");
  constexpr size_t scheme = 7;
  if (value.size() <= scheme || !iequals(value.substr(0, scheme), "bearer ")) return {};
  return trim(value.substr(scheme));
}

void begin_span(request& x, entropy& random, tracer* traces) {
  constexpr size_t trace_at = 3, trace_size = 32, half = 16, parent_at = 36;
  if (!x.traceparent.empty()) x.trace_id = x.traceparent.substr(trace_at, trace_size);
  else if (auto id = detail::uuid_parse(x.request_id); id && ((*id)[0] | (*id)[1]) != 0)
    x.trace_id = hex((*id)[0]) + hex((*id)[1]);
  else x.trace_id = hex(random.next() | 1) + hex(random.next());
  static_assert(trace_size == 2 * half);
  const auto span = random.next() | 1;
  x.span_id = hex(span);
  if (traces == nullptr) return;
  span_record own;
  auto number = [](std::string_view digits) {
    uint64_t out = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), out, 16);
    return out;
  };
  const std::string_view trace = x.trace_id;
  own.at = {number(trace.substr(0, half)), number(trace.substr(half)), span, false};
  own.at.sampled = traces->samples(own.at.hi, own.at.lo);
  if (!x.traceparent.empty()) own.parent = number(x.traceparent.substr(parent_at, half));
  own.name = "request";
  own.kind = span_kind::server;
  own.from_us = traces->now_us();
  x.trace = own.at;
  x.span = {*traces, std::move(own)};
}

bool parse_head(request& x) {
  std::string_view rest = x.head;
  auto end = std::min(rest.find("\r\n"), rest.size());
  auto line = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 2, rest.size()));
  auto first = line.find(' ');
  auto last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) return false;
  x.method_token = line.substr(0, first);
  x.verb = parse_method(x.method_token);
  x.minor_version = line.back() == '0' ? 0 : 1;
  x.headers.reserve(16);
  while (!rest.empty()) {
    end = std::min(rest.find("\r\n"), rest.size());
    auto field = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 2, rest.size()));
    auto colon = field.find(':');
    if (colon != std::string_view::npos)
      x.headers.push_back({field.substr(0, colon), trim(field.substr(colon + 1))});
  }
  if (auto parent = x.header("traceparent"); well_formed_traceparent(parent))
    x.traceparent = parent;
  auto target = line.substr(first + 1, last - first - 1);
  x.authority = x.header("host");
  if (target == "*") { // The server as a whole (RFC 9112, 3.2.4).
    x.path = x.raw_path = target;
    return x.verb == method::options;
  }
  if (target.empty()) return false;
  if (target.front() != '/') {
    auto authority = cut_authority(target);
    if (!authority) return false;
    x.authority = *authority; // It wins over the header.
  }
  auto mark = std::min(target.find('?'), target.size());
  x.raw_path = target.substr(0, mark);
  x.query_string = target.substr(std::min(mark + 1, target.size()));
  set_path(x);
  return x.raw_path.find('#') == std::string_view::npos && percent_decode(x.raw_path, false);
}

} // namespace tk::http
