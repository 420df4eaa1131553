#include "http/answer.hpp"

namespace tk::http {

namespace {

/// Members that the contract adds to the envelope of some refusals.
std::string_view members_of(ec x) {
  if (x == ec::rate_limited) return R"(,"retryAfter":60)";
  if (x == ec::entry_token_required) return R"(,"redirectTo":"/queue")";
  return {};
}

} // namespace

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
  auto out = error_answer(row.status, row.code, text.empty() ? row.text : text,
                          more.empty() ? members_of(x) : more);
  out.retry_after_s = row.retry_after_s;
  out.why = x;
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
