#include "http/openapi.hpp"

#include <algorithm>
#include <map>
#include <stdexcept>
#include <vector>

#include <nlohmann/json.hpp>

#include "http/rate_limit.hpp"

namespace tk::http {

namespace {

using json = nlohmann::ordered_json;

std::string_view to_string(access x) {
  switch (x) {
  case access::public_: return "public";
  case access::user: return "user";
  case access::admin: break;
  }
  return "admin";
}

json schema_of(const route& x, const std::string& text) {
  auto out = json::parse(text, nullptr, false);
  if (out.is_discarded()) throw std::invalid_argument("route " + x.path + ": a schema is not JSON");
  return out;
}

json response(const std::string& description, const std::string& content_type, json schema) {
  return {{"description", description}, {"content", {{content_type, {{"schema", schema}}}}}};
}

/// Every refusal a route can give, by status: what all routes share, then what follows from its
/// level, body and limits, then its own.
std::map<int, std::vector<std::string>> refusals_of(const route& x) {
  std::vector<ec> errors{ec::bad_request, ec::body_too_large, ec::headers_too_large,
                         ec::busy,        ec::unavailable,    ec::moved,
                         ec::late,        ec::internal};
  if (!x.request_schema.empty()) errors.push_back(ec::media_type);
  if (changes_state(x.verb)) errors.insert(errors.end(), {ec::origin_forbidden, ec::unknown});
  if (x.level != access::public_) errors.push_back(ec::not_authenticated);
  if (x.level == access::admin) errors.push_back(ec::admin_required);
  if (!x.while_password_due) errors.push_back(ec::password_change_required);
  if (x.gated) errors.push_back(ec::entry_token_required);
  if (x.streams) errors.push_back(ec::streams_full);
  if (category_of(x.path) != rate_category::exempt) errors.push_back(ec::rate_limited);
  errors.insert(errors.end(), x.errors.begin(), x.errors.end());
  std::map<int, std::vector<std::string>> by_status{{408, {"REQUEST_TIMEOUT"}}};
  for (auto e : errors) {
    auto row = answer_to(e);
    auto& codes = by_status[row.status];
    if (std::ranges::find(codes, row.code) == codes.end()) codes.emplace_back(row.code);
  }
  for (auto& [status, code] : x.other_codes) by_status[status].push_back(code);
  return by_status;
}

std::string joined(const std::vector<std::string>& codes) {
  std::string out;
  for (auto& x : codes) out.append(out.empty() ? "" : ", ").append(x);
  return out;
}

/// A status that a route gives with bodies of its own and with the error envelope takes either.
json responses_of(const route& x) {
  json out;
  auto& good = out[std::to_string(x.success)];
  if (x.response_schema.empty()) good = {{"description", "Success"}};
  else
    good = response("Success", x.content_type.substr(0, x.content_type.find(';')),
                    schema_of(x, x.response_schema));
  const json error = {{"$ref", "#/components/schemas/Error"}};
  for (auto& [status, codes] : refusals_of(x)) {
    auto& slot = out[std::to_string(status)];
    slot = response(joined(codes), "application/json", error);
    slot["x-codes"] = codes; // What `code` may be.
  }
  for (auto& y : x.others) {
    auto& slot = out[std::to_string(y.status)];
    if (y.schema.empty()) {
      slot = {{"description", y.description}};
      continue;
    }
    auto schema = schema_of(x, y.schema);
    auto codes = slot.is_object() ? slot["x-codes"] : json{};
    if (slot.is_object()) schema = {{"anyOf", {schema, error}}};
    slot = response(y.description, "application/json", schema);
    if (!codes.is_null()) slot["x-codes"] = codes;
  }
  return out;
}

json parameters_of(const route_table& table, const route& x) {
  auto out = json::array();
  for (auto& name : table.param_names(x)) {
    bool uuid = x.path.find("{" + name + ":str}") == std::string::npos;
    json schema = {{"type", "string"}};
    if (uuid) schema["format"] = "uuid";
    out.push_back({{"name", name}, {"in", "path"}, {"required", true}, {"schema", schema}});
  }
  for (auto& q : x.queries)
    out.push_back({{"name", q.name},
                   {"in", "query"},
                   {"required", false},
                   {"description", q.description},
                   {"schema", schema_of(x, q.schema)}});
  if (x.request_schema.empty()) return out;
  auto fields = schema_of(x, x.request_schema).value("properties", json::object());
  if (auto key = fields.find("idempotencyKey"); key != fields.end())
    out.push_back({{"name", "Idempotency-Key"},
                   {"in", "header"},
                   {"required", false},
                   {"description", "The same as the body's idempotencyKey; it wins."},
                   {"schema", {{"type", "string"}, {"maxLength", (*key)["maxLength"]}}}});
  return out;
}

json operation_of(const route_table& table, const route& x, bool cookies) {
  json out = {{"operationId", x.name},
              {"summary", x.summary},
              {"tags", json::array({x.tag})},
              {"x-access", to_string(x.level)}};
  auto parameters = parameters_of(table, x);
  if (!parameters.empty()) out["parameters"] = parameters;
  if (!x.request_schema.empty())
    out["requestBody"] = {
      {"content", {{"application/json", {{"schema", schema_of(x, x.request_schema)}}}}}};
  if (x.level != access::public_) {
    auto& ways = out["security"] = json::array({{{"bearer", json::array()}}});
    if (cookies) ways.push_back({{"cookie", json::array()}});
  }
  out["responses"] = responses_of(x);
  return out;
}

std::string lower_case(std::string_view text) {
  std::string out(text);
  for (auto& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return out;
}

} // namespace

std::string openapi_document(const route_table& table, bool cookies) {
  json doc = {{"openapi", "3.1.0"},
              {"info",
               {{"title", "Tiketi"},
                {"version", "1"},
                {"description", "Every path under /api answers under /api/v1, too."}}}};
  auto& paths = doc["paths"] = json::object();
  for (auto& x : table.routes())
    paths[table.label(x)][lower_case(to_string(x.verb))] = operation_of(table, x, cookies);
  doc["components"] = {
    {"schemas",
     {{"Error",
       {{"type", "object"},
        {"required", {"error", "message", "code"}},
        {"properties",
         {{"error", {{"type", "string"}}},
          {"message", {{"type", "string"}, {"description", "The same text as error"}}},
          {"code", {{"type", "string"}, {"description", "Stable, upper snake case"}}}}}}}}},
    {"securitySchemes",
     {{"bearer", {{"type", "http"}, {"scheme", "bearer"}, {"bearerFormat", "JWT"}}}}}};
  if (cookies)
    doc["components"]["securitySchemes"]["cookie"] = {
      {"type", "apiKey"}, {"in", "cookie"}, {"name", "access_token"}};
  return doc.dump();
}

} // namespace tk::http
