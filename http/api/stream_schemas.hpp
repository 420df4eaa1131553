#pragma once

#include <string>

#include "http/api/queue_schemas.hpp"
#include "http/api/schemas.hpp"

/// What the streams of G05 send: text for people, and under `x-events` the JSON Schema of each
/// event's data.
namespace tk::http::schemas {

inline const std::string seat_stream = std::string(R"({"type":"string","description":
 "Server-sent events: `snapshot` first, then `delta` whenever seats change; `id` is the version.",
 "x-events":{"snapshot":{"type":"object","required":["version","seats"],"properties":{
  "version":{"type":"integer"},"seats":{"type":"array","items":)") +
                                       seat + R"(}}},
 "delta":{"type":"object","required":["version","changes"],"properties":{
  "version":{"type":"integer"},"changes":{"type":"array","minItems":1,"items":{"type":"object",
  "required":["id","status"],"additionalProperties":false,"properties":{
   "id":{"type":"string","format":"uuid"},
   "status":{"type":"string","enum":["available","locked","reserved"]}}}}}}}})";

inline const std::string queue_stream = std::string(R"({"type":"string","description":
 "Server-sent events: `position` whenever it changes; at last `admitted` or `not_in_queue`.",
 "x-events":{"position":)") + queue_standing +
                                        R"(,"admitted":)" + queue_standing + R"(,"not_in_queue":)" +
                                        queue_standing + "}}";

} // namespace tk::http::schemas
