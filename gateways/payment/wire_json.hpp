#pragma once

#include <string>

#include <nlohmann/json.hpp>

#include "actors/base/money.hpp"
#include "actors/base/time.hpp"
#include "gateways/payment/kept_text.hpp"
#include "gateways/web/port.hpp"

/// What the providers' cores share: reading answers that may hold anything.
namespace tk::wire_json {

using nlohmann::json;

/// The body as an object; an empty one when it is anything else.
inline json parsed(const web_response& x) {
  auto out = json::parse(x.body, nullptr, false);
  return out.is_object() ? out : json::object();
}

inline std::string text_of(const json& x, const char* name) {
  auto i = x.find(name);
  return i != x.end() && i->is_string() ? i->get<std::string>() : "";
}

inline won won_of(const json& x, const char* name) {
  auto i = x.find(name);
  return i != x.end() && i->is_number_integer() ? won{i->get<int64_t>()} : won{};
}

inline instant instant_of(const json& x, const char* name) {
  return parse_iso(text_of(x, name)).value_or(instant{});
}

/// The object of that name; an empty one when there is none.
inline json object_of(const json& x, const char* name) {
  auto i = x.find(name);
  return i != x.end() && i->is_object() ? *i : json::object();
}

template <class Reply> Reply not_asked(ec why) {
  Reply out;
  out.is = decltype(out.is)::not_asked;
  out.error = why;
  return out;
}

} // namespace tk::wire_json
