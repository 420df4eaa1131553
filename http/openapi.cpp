#include "http/openapi.hpp"

#include <map>
#include <stdexcept>

#include <nlohmann/json.hpp>

namespace tk::http {

namespace {

using json = nlohmann::ordered_json;

json schema_of(const route& x, const std::string& text) {
  auto out = json::parse(text.empty() ? std::string(R"({"type":"object"})") : text, nullptr, false);
  if (out.is_discarded()) throw std::invalid_argument("route " + x.path + ": a schema is not JSON");
  return out;
}

json error_response(const std::string& codes) {
  return {
    {"description", codes},
    {"content", {{"application/json", {{"schema", {{"$ref", "#/components/schemas/Error"}}}}}}}};
}

/// Every refusal a route can give, by status.
json responses_of(const route& x, bool has_uuid) {
  auto errors = x.errors;
  errors.insert(errors.end(), {ec::busy, ec::late, ec::internal});
  if (has_uuid || !x.request_schema.empty() || !x.queries.empty())
    errors.push_back(ec::bad_request);
  if (!x.request_schema.empty()) errors.insert(errors.end(), {ec::media_type, ec::body_too_large});
  if (x.level != access::public_) errors.push_back(ec::not_authenticated);
  if (x.level == access::admin) errors.push_back(ec::admin_required);
  if (x.gated) errors.push_back(ec::entry_token_required);
  if (x.rate != rate_category::exempt) errors.push_back(ec::rate_limited);
  std::map<int, std::string> by_status;
  for (auto e : errors) {
    auto row = answer_to(e);
    auto& codes = by_status[row.status];
    if (codes.find(row.code) == std::string::npos)
      codes.append(codes.empty() ? "" : ", ").append(row.code);
  }
  json out;
  out[std::to_string(x.success)] = {
    {"description", "Success"},
    {"content", {{"application/json", {{"schema", schema_of(x, x.response_schema)}}}}}};
  for (auto& [status, codes] : by_status) out[std::to_string(status)] = error_response(codes);
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
  return out;
}

json operation_of(const route_table& table, const route& x) {
  json out = {{"operationId", x.name}, {"summary", x.summary}, {"tags", {x.tag}}};
  auto parameters = parameters_of(table, x);
  if (!parameters.empty()) out["parameters"] = parameters;
  if (!x.request_schema.empty())
    out["requestBody"] = {
      {"content", {{"application/json", {{"schema", schema_of(x, x.request_schema)}}}}}};
  if (x.level != access::public_)
    out["security"] = {{{"bearer", json::array()}}, {{"cookie", json::array()}}};
  out["responses"] = responses_of(x, !table.param_names(x).empty());
  return out;
}

std::string lower_case(std::string_view text) {
  std::string out(text);
  for (auto& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return out;
}

} // namespace

std::string openapi_document(const route_table& table) {
  json doc = {{"openapi", "3.1.0"},
              {"info",
               {{"title", "Tiketi"},
                {"version", "1"},
                {"description", "Every path under /api answers under /api/v1, too."}}}};
  auto& paths = doc["paths"] = json::object();
  for (auto& x : table.routes())
    if (!x.hidden) paths[table.label(x)][lower_case(to_string(x.verb))] = operation_of(table, x);
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
     {{"bearer", {{"type", "http"}, {"scheme", "bearer"}, {"bearerFormat", "JWT"}}},
      {"cookie", {{"type", "apiKey"}, {"in", "cookie"}, {"name", "access_token"}}}}}};
  return doc.dump();
}

} // namespace tk::http
