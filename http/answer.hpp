#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "actors/base/errors.hpp"
#include "actors/base/text.hpp"

namespace tk::http {

class event_stream;

/// A refusal whose text differs from the table's, e.g. the first failing field of a form (1.5).
struct problem {
  ec code = ec::bad_request;
  std::string text;
};

/// What a handler answers. The framework adds CORS, request id, security headers, framing, and
/// compresses when that pays.
struct answer {
  int status = 200;
  std::string body;
  /// Must be a literal (or otherwise outlive the server).
  std::string_view content_type = "application/json";
  /// A cached body, sent without copying; wins over `body`.
  std::shared_ptr<const std::string> shared;
  /// The same, gzipped; sent instead to those who accept it. Bodies over 64 KiB are compressed
  /// only in advance, by whoever makes them.
  std::shared_ptr<const std::string> gzip;
  /// Complete `Set-Cookie` values; see `to_string(cookie)`.
  std::vector<std::string> cookies;
  std::vector<std::pair<std::string, std::string>> headers;
  int retry_after_s = 0; // 0 = no Retry-After.
  ec why = ec::ok;       // The refusal it tells, for the log.
  /// Empty: `no-store` on routes that need login and on auth routes, nothing elsewhere.
  std::string_view cache_control;
  /// An answer without end: its head is sent, then what this tells; see `stream_answer`.
  std::shared_ptr<event_stream> stream;
};

/// 200 (or `status`) with a JSON text that is already rendered.
answer json_text(std::string text, int status = 200);

/// 200 with a cached rendered JSON body and, if there is one, its gzip form.
answer json_shared(std::shared_ptr<const std::string> text,
                   std::shared_ptr<const std::string> gzip = nullptr);

/// The envelope of 1.5: `{"error": text, "message": text, "code": code}`. `more` is appended
/// verbatim and must be empty or start with a comma, e.g. `,"retryAfterMs":1500`.
answer error_answer(int status, std::string_view code, std::string_view text,
                    std::string_view more = {});

/// The table's answer (status, code, text, Retry-After) for `x`; `text` overrides the table's.
answer error_answer(ec x, std::string_view text = {}, std::string_view more = {});

answer error_answer(const problem& x);

/// "OK", "Not Found", ...
std::string_view reason_phrase(int status);

/// A cookie to be set (1.3).
struct cookie {
  std::string_view name;
  std::string_view value;
  std::string_view path = "/";
  long max_age_s = 0; // 0 clears it.
  bool http_only = true;
  bool secure = true;
  std::string_view same_site = "Lax";
};

/// The value of a `Set-Cookie` header.
std::string to_string(const cookie& x);

} // namespace tk::http
