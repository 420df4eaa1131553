#include "gateways/traces/otlp.hpp"

#include <array>
#include <string_view>

#include <nlohmann/json.hpp>

namespace tk {

namespace {

using json = nlohmann::ordered_json;

std::string hex(uint64_t x) {
  constexpr char digits[] = "0123456789abcdef";
  constexpr size_t length = 16;
  std::string out(length, '0');
  for (size_t i = length; i-- > 0; x >>= 4) out[i] = digits[x & 15];
  return out;
}

std::string nanoseconds(int64_t us) { return std::to_string(us) + "000"; }

json attribute(const char* name, std::string_view value) {
  return {{"key", name}, {"value", {{"stringValue", value}}}};
}

json told(const span_record& x) {
  constexpr int error = 2; // STATUS_CODE_ERROR
  json out = {{"traceId", hex(x.at.hi) + hex(x.at.lo)}, {"spanId", hex(x.at.span)}};
  if (x.parent != 0) out["parentSpanId"] = hex(x.parent);
  out["name"] = x.name;
  out["kind"] = static_cast<int>(x.kind);
  out["startTimeUnixNano"] = nanoseconds(x.from_us);
  out["endTimeUnixNano"] = nanoseconds(x.to_us);
  if (!x.about.empty()) out["attributes"] = json::array({attribute("tiketi.about", x.about)});
  out["status"] = x.failed ? json{{"code", error}} : json::object();
  return out;
}

} // namespace

std::string otlp_json(const otlp_origin& origin, std::span<const span_record> spans) {
  auto list = json::array();
  for (auto& x : spans) list.push_back(told(x));
  json scope = {{"scope", {{"name", "tiketi"}}}, {"spans", std::move(list)}};
  json resource = {
    {"attributes",
     {attribute("service.name", "tiketi"), attribute("service.instance.id", origin.node),
      attribute("service.version", origin.release)}}};
  json part = {{"resource", std::move(resource)}, {"scopeSpans", json::array({std::move(scope)})}};
  const json all = {{"resourceSpans", json::array({std::move(part)})}};
  return all.dump(-1, ' ', false, json::error_handler_t::replace);
}

} // namespace tk
