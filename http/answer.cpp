#include "http/answer.hpp"

#include <array>
#include <cstdint>

namespace tk::http {

namespace {

/// Length of the well-formed UTF-8 sequence at the start of `text`; 0 when there is none.
size_t utf8_length(std::string_view text) {
  auto at = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  auto tail = [&](size_t i) { return i < text.size() && (at(i) & 0xc0) == 0x80; };
  unsigned char c = at(0);
  if (c < 0x80) return 1;
  if (c >= 0xc2 && c <= 0xdf) return tail(1) ? 2 : 0;
  if (c >= 0xe0 && c <= 0xef) {
    if (!tail(1) || !tail(2) || (c == 0xe0 && at(1) < 0xa0) || (c == 0xed && at(1) > 0x9f))
      return 0;
    return 3;
  }
  if (c >= 0xf0 && c <= 0xf4) {
    if (!tail(1) || !tail(2) || !tail(3) || (c == 0xf0 && at(1) < 0x90) ||
        (c == 0xf4 && at(1) > 0x8f))
      return 0;
    return 4;
  }
  return 0;
}

void quote_control(std::string& out, unsigned char c) {
  constexpr std::string_view digits = "0123456789abcdef";
  out += "\\u00";
  out += digits[c >> 4];
  out += digits[c & 15];
}

} // namespace

bool valid_utf8(std::string_view text) {
  while (!text.empty()) {
    auto n = utf8_length(text);
    if (n == 0) return false;
    text.remove_prefix(n);
  }
  return true;
}

std::string json_quote(std::string_view text) {
  std::string out;
  out.reserve(text.size() + 2);
  out += '"';
  while (!text.empty()) {
    auto c = static_cast<unsigned char>(text.front());
    auto n = utf8_length(text);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += static_cast<char>(c);
    } else if (c == '\n') {
      out += "\\n";
    } else if (c < 0x20) {
      quote_control(out, c);
    } else if (n == 0) {
      out += "\xef\xbf\xbd";
    } else {
      out += text.substr(0, n);
    }
    text.remove_prefix(n == 0 ? 1 : n);
  }
  out += '"';
  return out;
}

answer json_text(std::string text, int status) {
  answer out;
  out.status = status;
  out.body = std::move(text);
  return out;
}

answer json_shared(std::shared_ptr<const std::string> text,
                   std::shared_ptr<const std::string> gzip) {
  answer out;
  out.shared = std::move(text);
  out.gzip = std::move(gzip);
  return out;
}

answer error_answer(int status, std::string_view code, std::string_view text,
                    std::string_view more) {
  auto quoted = json_quote(text);
  std::string body;
  body.reserve(quoted.size() * 2 + code.size() + more.size() + 40);
  body.append(R"({"error":)").append(quoted).append(R"(,"message":)").append(quoted);
  body.append(R"(,"code":")").append(code).append("\"").append(more).append("}");
  return json_text(std::move(body), status);
}

answer error_answer(ec x, std::string_view text, std::string_view more) {
  auto row = answer_to(x);
  auto out = error_answer(row.status, row.code, text.empty() ? row.text : text, more);
  out.retry_after_s = row.retry_after_s;
  return out;
}

answer error_answer(const problem& x) { return error_answer(x.code, x.text); }

std::string_view reason_phrase(int status) {
  switch (status) {
  case 200: return "OK";
  case 201: return "Created";
  case 202: return "Accepted";
  case 204: return "No Content";
  case 304: return "Not Modified";
  case 400: return "Bad Request";
  case 401: return "Unauthorized";
  case 403: return "Forbidden";
  case 404: return "Not Found";
  case 405: return "Method Not Allowed";
  case 408: return "Request Timeout";
  case 409: return "Conflict";
  case 413: return "Content Too Large";
  case 415: return "Unsupported Media Type";
  case 422: return "Unprocessable Content";
  case 429: return "Too Many Requests";
  case 431: return "Request Header Fields Too Large";
  case 500: return "Internal Server Error";
  case 501: return "Not Implemented";
  case 502: return "Bad Gateway";
  case 503: return "Service Unavailable";
  case 504: return "Gateway Timeout";
  default: return "Status";
  }
}

std::string to_string(const cookie& x) {
  std::string out;
  out.reserve(x.value.size() + 96);
  out.append(x.name).append("=").append(x.value);
  out.append("; Path=").append(x.path);
  out.append("; Max-Age=").append(std::to_string(x.max_age_s));
  if (x.http_only) out += "; HttpOnly";
  if (x.secure) out += "; Secure";
  out.append("; SameSite=").append(x.same_site);
  return out;
}

} // namespace tk::http
