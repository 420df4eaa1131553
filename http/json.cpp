#include "http/json.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace tk::http {

namespace {

using nlohmann::json;

tl::unexpected<problem> refusal(ec code, std::string_view text) {
  return tl::make_unexpected(problem{code, std::string(text)});
}

/// Characters of UTF-8 text: the contract's lengths are characters, not bytes.
size_t code_points(std::string_view text) {
  return static_cast<size_t>(
    std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

bool empty_body(std::string_view text) {
  return text.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

/// Nothing that a reader would see: white space of Unicode, zero-width characters included.
bool blank(std::string_view text) {
  // U+0085, 00A0, 1680, 2028, 2029, 202F, 205F, 2060, 3000, FEFF; U+2000 to 200D are a range.
  constexpr std::array<std::string_view, 10> spaces{
    "\xc2\x85",     "\xc2\xa0",     "\xe1\x9a\x80", "\xe2\x80\xa8", "\xe2\x80\xa9",
    "\xe2\x80\xaf", "\xe2\x81\x9f", "\xe2\x81\xa0", "\xe3\x80\x80", "\xef\xbb\xbf"};
  while (!text.empty()) {
    size_t length = 0;
    auto next = text.substr(0, 3);
    if (std::string_view{" \t\r\n\f\v"}.find(text.front()) != std::string_view::npos) length = 1;
    else if (next >= "\xe2\x80\x80" && next <= "\xe2\x80\x8d") length = 3;
    for (auto x : spaces)
      if (text.starts_with(x)) length = x.size();
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

/// Builds a document from parser events; stops at too much depth and at duplicate keys. Deeper
/// bombs never allocate more than `json_depth_max` levels.
class builder : public nlohmann::json_sax<json> {
public:
  json root;
  bool null() override { return put(json(nullptr)); }
  bool boolean(bool x) override { return put(json(x)); }
  bool number_integer(number_integer_t x) override { return put(json(x)); }
  bool number_unsigned(number_unsigned_t x) override { return put(json(x)); }
  bool number_float(number_float_t x, const string_t&) override { return put(json(x)); }
  bool string(string_t& x) override {
    // PostgreSQL cannot store U+0000 in a text.
    return x.find('\0') == std::string::npos && put(json(std::move(x)));
  }
  bool binary(binary_t&) override { return false; }
  bool start_object(size_t) override { return open(json::object()); }
  bool start_array(size_t) override { return open(json::array()); }
  bool end_object() override {
    stack_.pop_back();
    return true;
  }
  bool end_array() override {
    stack_.pop_back();
    return true;
  }
  bool key(string_t& x) override {
    key_ = std::move(x);
    return !stack_.back()->contains(key_);
  }
  bool parse_error(size_t, const std::string&, const nlohmann::detail::exception&) override {
    return false;
  }

private:
  bool put(json x) {
    place(std::move(x));
    return true;
  }
  bool open(json x) {
    if (stack_.size() >= static_cast<size_t>(json_depth_max)) return false;
    stack_.push_back(place(std::move(x)));
    return true;
  }
  json* place(json x) {
    if (stack_.empty()) {
      root = std::move(x);
      return &root;
    }
    auto& top = *stack_.back();
    if (top.is_array()) return &top.emplace_back(std::move(x));
    return &(top[key_] = std::move(x));
  }

  std::vector<json*> stack_;
  std::string key_;
};

} // namespace

checked<json> parse_object(std::string_view text) {
  builder events;
  if (!json::sax_parse(text.begin(), text.end(), &events))
    return refusal(ec::bad_request, "Malformed JSON");
  if (!events.root.is_object()) return refusal(ec::bad_request, "A JSON object is expected");
  return std::move(events.root);
}

std::optional<problem> check_media_type(const request& x) {
  auto type = x.header("content-type");
  type = trim(type.substr(0, type.find(';')));
  if (type.empty() || iequals(type, "application/json")) return std::nullopt;
  return problem{ec::media_type, std::string(answer_to(ec::media_type).text)};
}

checked<json> read_object(const request& x) {
  if (empty_body(x.body)) return json::object();
  if (auto p = check_media_type(x)) return tl::make_unexpected(*p);
  return parse_object(x.body);
}

// -- fields ------------------------------------------------------------------------------------

void fields::refuse(std::string_view text) {
  if (!failed_) failed_ = problem{ec::bad_request, std::string(text)};
}

void fields::refuse(ec code) {
  if (!failed_) failed_ = problem{code, std::string(answer_to(code).text)};
}

void fields::refuse(problem x) {
  if (!failed_) failed_ = std::move(x);
}

const json* fields::find(std::string_view name) const {
  auto i = object_.find(name);
  return i == object_.end() || i->is_null() ? nullptr : &*i;
}

bool fields::missing(std::string_view name) const { return find(name) == nullptr; }

std::optional<std::string> fields::optional_text(std::string_view name, size_t max) {
  auto x = find(name);
  if (x == nullptr) return std::nullopt;
  if (!x->is_string()) {
    refuse(std::string(name) + " must be a string");
    return std::nullopt;
  }
  auto& text = x->get_ref<const std::string&>();
  if (code_points(text) > max)
    refuse(std::string(name) + " must be at most " + std::to_string(max) + " characters");
  return text;
}

std::string fields::text(std::string_view name, size_t max) {
  if (missing(name)) {
    refuse("must not be blank");
    return {};
  }
  auto x = optional_text(name, max);
  if (x && blank(*x)) refuse("must not be blank");
  return x.value_or(std::string());
}

std::string fields::mail(std::string_view name, size_t max) {
  auto x = std::string(trim(text(name, max))); // P-8
  if (!well_formed_mail(x)) refuse("must be a well-formed email address");
  return x;
}

std::string fields::password(std::string_view name) {
  constexpr size_t characters_min = 8, characters_max = 1024; // The hasher cuts nothing off (S11).
  auto x = text(name, characters_max);
  if (code_points(x) < characters_min) refuse("Password must be at least 8 characters");
  return x;
}

std::optional<int64_t> fields::optional_integer(std::string_view name, int64_t low, int64_t high) {
  auto x = find(name);
  if (x == nullptr) return std::nullopt;
  constexpr auto int64_max = static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
  if (!x->is_number_integer() || (x->is_number_unsigned() && x->get<uint64_t>() > int64_max)) {
    refuse(std::string(name) + " must be an integer");
    return std::nullopt;
  }
  auto value = x->get<int64_t>();
  if (value < low) refuse("must be greater than or equal to " + std::to_string(low));
  if (value > high) refuse("must be less than or equal to " + std::to_string(high));
  return value;
}

int64_t fields::integer(std::string_view name, int64_t low, int64_t high) {
  if (missing(name)) refuse("must not be null");
  return optional_integer(name, low, high).value_or(low);
}

std::optional<bool> fields::optional_bool(std::string_view name) {
  auto x = find(name);
  if (x == nullptr) return std::nullopt;
  if (!x->is_boolean()) {
    refuse(std::string(name) + " must be true or false");
    return std::nullopt;
  }
  return x->get<bool>();
}

std::optional<instant> fields::optional_time(std::string_view name) {
  constexpr size_t length_max = 40;
  auto text = optional_text(name, length_max);
  if (!text) return std::nullopt;
  auto out = parse_iso(*text);
  if (!out) refuse(std::string(name) + " must be an ISO-8601 time with offset");
  return out;
}

std::string fields::uuid_text(std::string_view name) {
  auto x = find(name);
  if (x == nullptr) {
    refuse("must not be null");
    return {};
  }
  if (!x->is_string() || !detail::uuid_parse(x->get_ref<const std::string&>())) {
    refuse(std::string(name) + " must be a uuid");
    return {};
  }
  return x->get<std::string>();
}

std::vector<std::array<uint64_t, 2>> fields::uuid_list(std::string_view name, size_t max,
                                                       std::string_view empty_text,
                                                       std::string_view many_text,
                                                       std::string_view twin_text) {
  std::vector<std::array<uint64_t, 2>> out;
  auto x = find(name);
  if (x != nullptr && !x->is_array()) {
    refuse(std::string(name) + " must be an array");
    return out;
  }
  if (x == nullptr || x->empty()) {
    refuse(empty_text);
    return out;
  }
  if (x->size() > max) {
    refuse(many_text);
    return out;
  }
  for (auto& item : *x) {
    auto bits =
      item.is_string() ? detail::uuid_parse(item.get_ref<const std::string&>()) : std::nullopt;
    if (!bits) {
      refuse(std::string(name) + " must hold uuids");
      return out;
    }
    if (std::find(out.begin(), out.end(), *bits) != out.end()) refuse(twin_text);
    out.push_back(*bits);
  }
  return out;
}

// -- query and answers -------------------------------------------------------------------------

checked<int64_t> read_integer_query(const request& x, std::string_view name, int64_t absent,
                                    int64_t low, int64_t high) {
  auto text = x.query(name);
  if (!text || text->empty()) return absent;
  int64_t value = 0;
  auto end = text->data() + text->size();
  auto [rest, error] = std::from_chars(text->data(), end, value);
  if (rest != end || error == std::errc::invalid_argument)
    return refusal(ec::bad_request, std::string(name) + " must be an integer");
  if (error == std::errc::result_out_of_range) value = text->front() == '-' ? low : high;
  return std::clamp(value, low, high);
}

checked<std::string> read_text_query(const request& x, std::string_view name, size_t max) {
  auto text = x.query(name);
  if (!text) return std::string();
  if (!valid_utf8(*text)) return refusal(ec::bad_request, std::string(name) + " must be UTF-8");
  if (code_points(*text) > max)
    return refusal(ec::bad_request,
                   std::string(name) + " must be at most " + std::to_string(max) + " characters");
  return std::move(*text);
}

checked<page_query> read_page(const request& x, int64_t default_limit, int64_t limit_max) {
  constexpr int64_t page_max = 1'000'000;
  auto page = read_integer_query(x, "page", 1, 1, page_max);
  if (!page) return tl::make_unexpected(page.error());
  auto limit = read_integer_query(x, "limit", default_limit, 1, limit_max);
  if (!limit) return tl::make_unexpected(limit.error());
  return page_query{*page, *limit};
}

json pagination(const page_query& x, int64_t total) {
  return {{"page", x.page},
          {"limit", x.limit},
          {"total", total},
          {"totalPages", (total + x.limit - 1) / x.limit}};
}

checked<std::string> idempotency_key(const request& x, const json& body) {
  constexpr size_t length_max = 64;
  std::string key(x.header("idempotency-key"));
  // A header may hold any bytes, but the key becomes text in a row.
  if (!valid_utf8(key)) return refusal(ec::bad_request, "Idempotency-Key must be UTF-8");
  if (key.empty()) {
    auto i = body.find("idempotencyKey");
    if (i == body.end() || i->is_null()) return key;
    if (!i->is_string()) return refusal(ec::bad_request, "idempotencyKey must be a string");
    key = i->get<std::string>();
  }
  if (code_points(key) > length_max)
    return refusal(ec::bad_request, "idempotencyKey must be at most 64 characters");
  return key;
}

answer json_answer(const json& body, int status) {
  return json_text(body.dump(-1, ' ', false, json::error_handler_t::replace), status);
}

bool well_formed_mail(std::string_view text) {
  auto at = text.find('@');
  if (at == std::string_view::npos || at == 0 || at > 64 || text.size() > 255) return false;
  auto local = text.substr(0, at);
  auto host = text.substr(at + 1);
  auto odd = [](char c) {
    auto u = static_cast<unsigned char>(c);
    return u <= 0x20 || u == 0x7f || c == '@' || c == ',' || c == '<' || c == '>' || c == '"' ||
           c == '(' || c == ')' || c == '\\' || c == ';' || c == ':' || c == '[' || c == ']';
  };
  if (std::any_of(local.begin(), local.end(), odd) || std::any_of(host.begin(), host.end(), odd))
    return false;
  auto dotted = [](std::string_view x) {
    return x.empty() || x.front() == '.' || x.back() == '.' ||
           x.find("..") != std::string_view::npos;
  };
  return !dotted(local) && !dotted(host) && host.front() != '-' && host.back() != '-';
}

} // namespace tk::http
