#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "actors/base/entropy.hpp"
#include "actors/base/time.hpp"
#include "actors/base/trace.hpp"
#include "http/method.hpp"

namespace tk::http {

/// One header line; both parts point into `request::head`.
struct header_field {
  std::string_view name, value;
};

/// A complete request, as framed and checked. Views point into `head`, hence it stays in place.
struct request {
  request() = default;
  request(const request&) = delete;
  request& operator=(const request&) = delete;

  method verb = method::other;
  int minor_version = 1;         // HTTP/1.<minor_version>
  std::string head;              // Request line and header lines as received.
  std::string_view method_token; // As received.
  std::string_view raw_path;     // As received, without query.
  std::string_view path;         // After removal of `/v1` (1.1); `*` for OPTIONS of the server.
  std::string_view authority;    // Of a target in absolute form, else the Host header.
  std::string_view query_string; // Behind `?`, undecoded.
  std::vector<header_field> headers;
  std::string body;
  std::string peer_address;     // Of the socket, numeric.
  std::string client;           // `peer_address`, or what trusted proxies say (1.9, S26).
  std::string request_id;       // Incoming X-Request-Id when well-formed, else fresh (D10).
  std::string_view traceparent; // W3C form, checked; empty when absent or malformed.
  std::string trace_id;         // Of the caller's trace, or one of our own; 32 hex digits.
  std::string span_id;          // Of this request in it; 16 hex digits.
  trace_context trace;          // Both, for what it causes; none where nothing is traced.
  open_span span;               // Ended by who sends the answer, and touched by nobody else.
  instant arrived;              // Wall time.

  /// First header of that name, case-insensitive; empty when absent (which no caller here needs to
  /// tell from an empty value).
  [[nodiscard]] std::string_view header(std::string_view name) const;
  /// True when there is such a header, even an empty one.
  [[nodiscard]] bool has_header(std::string_view name) const;
  /// The values of all headers of that name, joined by commas as RFC 9110 allows for lists.
  [[nodiscard]] std::string header_list(std::string_view name) const;
  /// First cookie of that exact name over all `Cookie` headers, quotes removed; nullopt if absent.
  [[nodiscard]] std::optional<std::string_view> cookie(std::string_view name) const;
  /// First query parameter of that name, percent-decoded (`+` is a blank); nullopt if absent.
  [[nodiscard]] std::optional<std::string> query(std::string_view name) const;
  /// The access token: `Authorization: Bearer` if an Authorization header is present (then the
  /// cookie is not looked at), else the cookie `access_token`; empty when there is none (1.2).
  [[nodiscard]] std::string_view access_token() const;

  /// Holds `path` when it differs from `raw_path`.
  std::string path_storage;
};

/// Fills all views of `x` from `x.head`, which framing has accepted. False when the target cannot
/// be understood (neither origin nor absolute form, a fragment, a bad escape in the path): 400.
bool parse_head(request& x);

/// Sets trace and span: the caller's trace goes on; a new one takes the request id's bits, when it
/// is a uuid, so that either finds the other. With a tracer its span begins.
void begin_span(request& x, entropy& random, tracer* traces = nullptr);

/// Percent-decodes; `plus_is_blank` for query strings. nullopt for a malformed escape or NUL.
std::optional<std::string> percent_decode(std::string_view text, bool plus_is_blank);

/// First parameter called `name` in a query string, decoded.
std::optional<std::string> query_value(std::string_view query_string, std::string_view name);

/// True when there is such a parameter and its value is no text: a bad escape, NUL, no UTF-8.
bool query_malformed(std::string_view query_string, std::string_view name);

/// First cookie called `name` in the value of one Cookie header.
std::optional<std::string_view> cookie_value(std::string_view cookies, std::string_view name);

/// ASCII case-insensitive equality.
bool iequals(std::string_view a, std::string_view b);

/// Removes blanks and tabs at both ends.
std::string_view trim(std::string_view text);

} // namespace tk::http
