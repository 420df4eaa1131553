#pragma once

#include <cstdint>
#include <initializer_list>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>
#include <tl/expected.hpp>

#include "actors/base/ids.hpp"
#include "actors/base/time.hpp"
#include "http/answer.hpp"
#include "http/request.hpp"

namespace tk::http {

template <class T> using checked = tl::expected<T, problem>;

/// Deepest nesting of arrays and objects accepted in a body (S24).
constexpr int json_depth_max = 32;

/// Parses an object: nesting bounded, UTF-8 checked, duplicate keys refused, numbers in range.
checked<nlohmann::json> parse_object(std::string_view text);

/// The request's body as an object. An empty body, with or without content type, is `{}` (1.1);
/// another content type than application/json is 415.
checked<nlohmann::json> read_object(const request& x);

/// 415 unless the content type is absent or application/json (parameters are ignored).
std::optional<problem> check_media_type(const request& x);

/// Reads the fields of a form; the first failing one decides the text (1.5). A missing field and
/// `null` mean the same. Read everything, then ask `failed()`.
class fields {
public:
  explicit fields(const nlohmann::json& object) : object_(object) {
    // nop
  }

  /// Required, not blank, at most `max` characters (code points).
  std::string text(std::string_view name, size_t max);
  /// nullopt when missing; may be empty.
  std::optional<std::string> optional_text(std::string_view name, size_t max);
  /// Required, not blank, well-formed. Returned trimmed, not folded.
  std::string mail(std::string_view name, size_t max = 255);
  /// Required; 8 to 1024 characters.
  std::string password(std::string_view name);
  int64_t integer(std::string_view name, int64_t low, int64_t high);
  std::optional<int64_t> optional_integer(std::string_view name, int64_t low, int64_t high);
  std::optional<bool> optional_bool(std::string_view name);
  std::optional<instant> optional_time(std::string_view name);
  /// Required uuid.
  template <class Id> Id uuid(std::string_view name) {
    return parse_id<Id>(uuid_text(name)).value_or(Id{});
  }
  template <class Id> std::optional<Id> optional_uuid(std::string_view name) {
    return missing(name) ? std::nullopt : std::optional<Id>(uuid<Id>(name));
  }
  /// Array of uuids; a missing, null or empty one gives `empty_text`, more than `max` `many_text`,
  /// equal ones `twin_text`.
  template <class Id>
  std::vector<Id> uuids(std::string_view name, size_t max, std::string_view empty_text,
                        std::string_view many_text, std::string_view twin_text) {
    std::vector<Id> out;
    for (auto& bits : uuid_list(name, max, empty_text, many_text, twin_text))
      out.push_back(Id{bits[0], bits[1]});
    return out;
  }

  /// Records a refusal unless there is one already.
  void refuse(std::string_view text);
  void refuse(ec code);
  void refuse(problem x);
  [[nodiscard]] bool missing(std::string_view name) const;
  /// The first refusal.
  [[nodiscard]] const std::optional<problem>& failed() const { return failed_; }

private:
  const nlohmann::json* find(std::string_view name) const;
  std::string uuid_text(std::string_view name);
  std::vector<std::array<uint64_t, 2>> uuid_list(std::string_view name, size_t max,
                                                 std::string_view empty_text,
                                                 std::string_view many_text,
                                                 std::string_view twin_text);

  const nlohmann::json& object_;
  std::optional<problem> failed_;
};

/// Page style of 1.11: out-of-range values are clamped, non-integers are 400 (C24).
struct page_query {
  int64_t page = 1;
  int64_t limit = 10;
  [[nodiscard]] int64_t offset() const { return (page - 1) * limit; }
};
checked<page_query> read_page(const request& x, int64_t default_limit, int64_t limit_max = 100);

/// `{"page":..,"limit":..,"total":..,"totalPages":..}`
nlohmann::json pagination(const page_query& x, int64_t total);

/// Integer query parameter, clamped to [low, high]; `absent` when missing; 400 for a non-integer.
checked<int64_t> read_integer_query(const request& x, std::string_view name, int64_t absent,
                                    int64_t low, int64_t high);

/// Text query parameter of at most `max` characters; empty when missing; 400 when it is no UTF-8.
checked<std::string> read_text_query(const request& x, std::string_view name, size_t max);

/// `Idempotency-Key` header, else body field `idempotencyKey`; empty when neither; over 64
/// characters 400 (1.10).
checked<std::string> idempotency_key(const request& x, const nlohmann::json& body);

/// Renders; strings that are not UTF-8 are repaired rather than thrown at.
answer json_answer(const nlohmann::json& body, int status = 200);

/// Well-formed as far as the contract cares: one @, parts not empty, no blanks, a plausible host.
bool well_formed_mail(std::string_view text);

} // namespace tk::http
