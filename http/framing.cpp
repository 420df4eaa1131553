#include "http/framing.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "http/request.hpp"

namespace tk::http {

namespace {

constexpr size_t fields_max = 100;
constexpr size_t chunk_line_max = 256;
constexpr size_t trailer_max = 8192;
constexpr size_t chunk_digits_max = 8;

constexpr auto token_chars = [] {
  std::array<bool, 256> out{};
  for (char c : std::string_view("!#$%&'*+-.^_`|~")) out[static_cast<unsigned char>(c)] = true;
  for (unsigned c = '0'; c <= '9'; ++c) out[c] = true;
  for (unsigned c = 'a'; c <= 'z'; ++c) out[c] = out[c - 32] = true;
  return out;
}();

bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_token_char);
}

/// Visible characters, blanks, tabs and bytes above 127; no controls.
bool is_field_value(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    auto u = static_cast<unsigned char>(c);
    return (u >= 0x20 && u != 0x7f) || u == '\t';
  });
}

/// Whether a comma list has `word`, case-insensitively.
bool lists(std::string_view list, std::string_view word) {
  while (!list.empty()) {
    auto comma = std::min(list.find(','), list.size());
    if (iequals(trim(list.substr(0, comma)), word)) return true;
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return false;
}

} // namespace

bool is_token_char(char c) { return token_chars[static_cast<unsigned char>(c)]; }

bool framer::fail(ec x) {
  error_ = x;
  at_ = at::failed;
  return false;
}

framing_step framer::feed(std::string_view bytes, size_t& used) {
  used = 0;
  switch (at_) {
  case at::head: return feed_head(bytes, used);
  case at::body_start:
    return start_body() == framing_step::more ? feed(bytes, used)
           : error_ == ec::ok                 ? framing_step::done
                                              : framing_step::failed;
  case at::body: return feed_sized(bytes, used);
  case at::failed: return framing_step::failed;
  default: return feed_chunks(bytes, used);
  }
}

framing_step framer::feed_head(std::string_view bytes, size_t& used) {
  if (head_.empty()) // An empty line before a request is harmless (RFC 9112, 2.2).
    while (used < bytes.size() && (bytes[used] == '\r' || bytes[used] == '\n')) ++used;
  auto fresh = bytes.substr(used);
  auto old = head_.size();
  // A head of the greatest size ends two bytes later, with the second half of the empty line. How
  // the network cuts the bytes must not decide whether it fits.
  auto whole = head_max_ + 2;
  auto room = whole - std::min(old, whole);
  auto piece = fresh.substr(0, room);
  head_.append(piece);
  auto end = head_.find("\r\n\r\n", old < 3 ? 0 : old - 3);
  if (end == std::string::npos) {
    used += piece.size();
    // Controls in a head are never legal, so what does not speak HTTP is refused at once.
    if (memchr(piece.data(), 0, piece.size()) != nullptr) return failed(ec::bad_request);
    return head_.size() >= whole ? failed(ec::headers_too_large) : framing_step::more;
  }
  used += end + 4 - old;
  head_.resize(end + 2);
  if (!check_head()) return framing_step::failed;
  at_ = at::body_start;
  return framing_step::head;
}

bool framer::check_head() {
  std::string_view rest = head_;
  bool first = true;
  while (!rest.empty()) {
    auto end = rest.find("\r\n");
    if (end == std::string_view::npos) return fail(ec::bad_request);
    auto line = rest.substr(0, end);
    if (first ? !check_request_line(line) : !check_field(line))
      return error_ == ec::ok ? fail(ec::bad_request) : false;
    first = false;
    rest.remove_prefix(end + 2);
  }
  if (hosts_ > 1 || (hosts_ == 0 && !http10_)) return fail(ec::bad_request);
  if (chunked_ && (has_length_ || http10_)) return fail(ec::bad_request);
  return true;
}

bool framer::check_request_line(std::string_view line) {
  auto first = line.find(' ');
  auto last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) return false;
  auto target = line.substr(first + 1, last - first - 1);
  auto version = line.substr(last + 1);
  if (!is_token(line.substr(0, first)) || target.empty()) return false;
  if (!std::all_of(target.begin(), target.end(), [](char c) { return c > 0x20 && c < 0x7f; }))
    return false;
  http10_ = version == "HTTP/1.0";
  keep_alive_ = !http10_;
  return http10_ || version == "HTTP/1.1";
}

bool framer::check_field(std::string_view line) {
  if (++fields_ > fields_max) return fail(ec::headers_too_large);
  auto colon = line.find(':');
  if (colon == std::string_view::npos) return false;
  auto name = line.substr(0, colon);
  auto value = line.substr(colon + 1);
  // A blank before the colon or at the start of the line (folding) fails as a bad token.
  if (!is_token(name) || !is_field_value(value)) return false;
  return check_known_field(name, trim(value));
}

bool framer::check_known_field(std::string_view name, std::string_view value) {
  switch (name.size()) {
  case 4:
    if (iequals(name, "host")) ++hosts_;
    return true;
  case 6:
    if (iequals(name, "expect")) expects_continue_ = iequals(value, "100-continue");
    return true;
  case 10:
    if (iequals(name, "connection")) {
      if (lists(value, "close")) keep_alive_ = false;
      else if (http10_ && lists(value, "keep-alive")) keep_alive_ = true;
    }
    return true;
  case 14:
    if (!iequals(name, "content-length")) return true;
    if (has_length_ || value.empty() || value.size() > 15) return false;
    has_length_ = true;
    for (char c : value) {
      if (c < '0' || c > '9') return false;
      length_ = length_ * 10 + static_cast<size_t>(c - '0');
    }
    return true;
  case 17:
    if (!iequals(name, "transfer-encoding")) return true;
    if (chunked_ || !iequals(value, "chunked")) return false;
    chunked_ = true;
    return true;
  default: return true;
  }
}

/// `more`: a body follows; `done`: there is none, or it is refused.
framing_step framer::start_body() {
  if (chunked_) {
    at_ = at::chunk_size;
    return framing_step::more;
  }
  if (length_ > body_max_) {
    fail(ec::body_too_large);
    return framing_step::done;
  }
  if (length_ == 0) return framing_step::done;
  at_ = at::body;
  body_.reserve(length_);
  return framing_step::more;
}

framing_step framer::feed_sized(std::string_view bytes, size_t& used) {
  used = std::min(bytes.size(), length_ - body_.size());
  body_.append(bytes.substr(0, used));
  return body_.size() == length_ ? framing_step::done : framing_step::more;
}

framing_step framer::feed_chunks(std::string_view bytes, size_t& used) {
  while (used < bytes.size()) {
    if (at_ == at::chunk_data) {
      auto n = std::min(bytes.size() - used, length_);
      body_.append(bytes.substr(used, n));
      used += n;
      length_ -= n;
      if (length_ == 0) at_ = at::chunk_end;
      continue;
    }
    char c = bytes[used++]; // Lines: size, the one after the data, trailer fields.
    line_ += c;
    if (line_.size() > chunk_line_max) return failed(ec::bad_request);
    if (c != '\n') continue;
    if (line_.size() < 2 || line_[line_.size() - 2] != '\r') return failed(ec::bad_request);
    line_.resize(line_.size() - 2);
    auto line = std::string();
    line.swap(line_);
    if (at_ == at::trailer && line.empty()) return framing_step::done;
    if (!chunk_line(line)) return framing_step::failed;
  }
  return framing_step::more;
}

/// A complete line between chunks.
bool framer::chunk_line(std::string_view line) {
  if (at_ == at::chunk_end) {
    at_ = at::chunk_size;
    return line.empty() || fail(ec::bad_request);
  }
  if (!is_field_value(line)) return fail(ec::bad_request);
  if (at_ == at::trailer) { // Trailers are read over; no route knows any.
    trailer_bytes_ += line.size() + 2;
    return (line.find(':') != std::string_view::npos && trailer_bytes_ <= trailer_max) ||
           fail(ec::bad_request);
  }
  auto digits = trim(line.substr(0, line.find(';')));
  if (digits.empty() || digits.size() > chunk_digits_max || digits.front() != line.front())
    return fail(ec::bad_request);
  size_t size = 0;
  for (char c : digits) {
    auto low = static_cast<char>(c | 0x20);
    if (c >= '0' && c <= '9') size = size * 16 + static_cast<size_t>(c - '0');
    else if (low >= 'a' && low <= 'f') size = size * 16 + static_cast<size_t>(low - 'a' + 10);
    else return fail(ec::bad_request);
  }
  if (size > body_max_ || body_.size() + size > body_max_) return fail(ec::body_too_large);
  length_ = size;
  at_ = size == 0 ? at::trailer : at::chunk_data;
  return true;
}

void framer::take(std::string& head, std::string& body) {
  head = std::move(head_);
  body = std::move(body_);
  *this = framer(head_max_);
}

} // namespace tk::http
