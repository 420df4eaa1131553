#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "actors/base/errors.hpp"
#include "http/exchange.hpp"
#include "http/method.hpp"

namespace tk::http {

/// Who may call (1.2): anybody, the signed-in (else 401), admins (else 401, 403).
enum class access : uint8_t { public_, user, admin };

using handler = std::function<void(const exchange_ptr&)>;

/// A query parameter, for the description only.
struct query_doc {
  std::string name;
  std::string schema = R"({"type":"string"})"; // JSON Schema text.
  std::string description;
};

/// An answer that is no refusal of the error table, for the description only.
struct answer_doc {
  int status = 200;
  std::string schema; // JSON Schema text; empty: no body.
  std::string description;
};

/// One row of the table that drives dispatch, checks, metrics labels and `/openapi.json`.
struct route {
  method verb = method::get; // HEAD is answered by the GET route, without body.
  /// E.g. `/api/seats/events/{eventId}`, without `/v1`. A parameter is a uuid (else 400) unless it
  /// is written `{orderId:str}`.
  std::string path;
  access level = access::public_;
  /// Runs on a reactor thread: hands over and returns, never blocks.
  handler run;

  // -- description ------------------------------------------------------------------------------
  std::string name;    // operationId, unique.
  std::string summary; // One sentence.
  std::string tag;
  std::string request_schema;  // JSON Schema text; empty: no body.
  std::string response_schema; // JSON Schema text of the success body; empty: no body.
  int success = 200;
  std::string content_type = "application/json";        // Of the success body.
  std::vector<answer_doc> others;                       // Further answers that are no refusals.
  std::vector<ec> errors;                               // Beyond what level and parameters imply.
  std::vector<std::pair<int, std::string>> other_codes; // Of refusals outside the error table.
  std::vector<query_doc> queries;

  // -- checks -----------------------------------------------------------------------------------
  bool while_password_due = false; // Also for who must change the password first (G07).
  bool gated = false;              // Needs an entry token (1.8).
  bool personal = false;           // `Cache-Control: no-store` although the level is public.
  bool patient = false;            // Waits for somebody outside: has more time than others.
  bool streams = false;            // Its answer has no end: so many may be open (G05).
  size_t body_limit = 1 << 20;     // Bytes; beyond it 413.
};

/// What dispatch found.
struct route_match {
  const route* hit = nullptr;   // Null: 404, or 405 when `allowed` is not 0.
  uint32_t allowed = 0;         // Bit per method that the path has.
  bool login_needed = true;     // Every route of this path needs login (for 405 against 401).
  bool malformed_param = false; // A uuid parameter is none: 400, after the login check (1.7).
  std::array<std::string, path_params_max> params; ///< Percent-decoded.
};

/// The routes, indexed. Built once, then read by all threads.
class route_table {
public:
  route_table() = default;
  /// Indexes them. Throws std::invalid_argument for a doubtful table: two routes of the same method
  /// and shape, too many parameters, a bad template, a missing handler.
  explicit route_table(std::vector<route> routes);

  /// Looks up a path without `/v1` and query.
  [[nodiscard]] route_match match(method verb, std::string_view path) const;
  [[nodiscard]] const std::vector<route>& routes() const { return routes_; }
  /// Parameter names of a route, in order.
  [[nodiscard]] const std::vector<std::string>& param_names(const route& x) const;
  /// The template without types, as metrics label and OpenAPI path.
  [[nodiscard]] const std::string& label(const route& x) const;
  /// Position of `x` in `routes()`.
  [[nodiscard]] size_t index(const route& x) const {
    return static_cast<size_t>(&x - routes_.data());
  }

private:
  struct segment {
    std::string literal;
    bool param = false;
    bool uuid = false; // Of a parameter.
  };
  struct shape { // All routes of one template.
    std::vector<segment> segments;
    std::array<int32_t, method_count> by_method{};
    uint32_t allowed = 0;
    bool login_needed = true;
  };
  struct parsed {
    std::vector<segment> segments;
    std::vector<std::string> names;
    std::string label;
  };
  static parsed parse(const route& x);
  static bool same(const std::vector<segment>& a, const std::vector<segment>& b);
  void add(int32_t index);
  void index_shapes();
  void fill(route_match& m, const shape& s, method verb) const;

  std::vector<route> routes_;
  std::vector<std::vector<std::string>> names_;
  std::vector<std::string> labels_;
  std::vector<shape> shapes_;
  std::unordered_map<std::string_view, size_t> literal_; // Whole path -> shape.
  std::vector<std::string> literal_keys_;
  std::vector<std::vector<size_t>> by_length_; // Segment count -> shapes with parameters.
};

/// "GET, HEAD, POST, OPTIONS": the value of `Allow`.
std::string allow_header(uint32_t allowed);

} // namespace tk::http
