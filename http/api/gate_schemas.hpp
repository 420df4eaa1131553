#pragma once

/// JSON Schemas of the gate (contract 2.10, 2.11).
namespace tk::http::schemas {

inline constexpr char gate_assign[] = R"({"type":"object","properties":{
 "userId":{"type":["string","null"],"maxLength":200,
  "description":"Whoever sends the same one again from the same browser gets the same place."}}})";

inline constexpr char gate_assigned[] = R"({"type":"object",
 "required":["requestId","position","estimatedWait","servingCounter"],"properties":{
 "requestId":{"type":"string","format":"uuid"},"position":{"type":"integer","minimum":1},
 "estimatedWait":{"type":"integer","minimum":0,"description":"Seconds."},
 "servingCounter":{"type":"integer","minimum":0}}})";

inline constexpr char gate_checked[] = R"({"type":"object",
 "required":["admitted","position","servingCounter","totalInQueue","ahead"],"properties":{
 "admitted":{"type":"boolean"},"position":{"type":"integer","minimum":1},
 "servingCounter":{"type":"integer","minimum":0},"totalInQueue":{"type":"integer","minimum":0},
 "ahead":{"type":"integer","minimum":0},
 "estimatedWait":{"type":"integer","minimum":0,"description":"Seconds; of who waits."},
 "nextPoll":{"type":"integer","minimum":1,"description":"Seconds; of who waits."},
 "token":{"type":"string","description":"Of who is admitted."}}})";

inline constexpr char gate_status[] = R"({"type":"object",
 "required":["eventId","isActive","totalInQueue","serving","waitingCount"],"properties":{
 "eventId":{"type":"string","format":"uuid"},"isActive":{"type":"boolean"},
 "totalInQueue":{"type":"integer","minimum":0},"serving":{"type":"integer","minimum":0},
 "waitingCount":{"type":"integer","minimum":0}}})";

inline constexpr char gate_activated[] = R"({"type":"object",
 "required":["eventId","status","message"],"properties":{
 "eventId":{"type":"string","format":"uuid"},"status":{"type":"string","enum":["activated"]},
 "message":{"type":"string"}}})";

inline constexpr char gate_deactivated[] = R"({"type":"object","required":["eventId","status"],
 "properties":{"eventId":{"type":"string","format":"uuid"},
 "status":{"type":"string","enum":["deactivated"]}}})";

inline constexpr char gate_report[] = R"({"type":"object","required":["eventId"],"properties":{
 "eventId":{"type":"string","format":"uuid"},"isActive":{"type":"boolean"},
 "nextPosition":{"type":"integer","minimum":0},"servingCounter":{"type":"integer","minimum":0},
 "waiting":{"type":"integer","minimum":0},
 "status":{"type":"string","enum":["not_found"],"description":"Instead of all but eventId."}}})";

inline constexpr char gate_advance[] = R"({"type":"object","properties":{
 "batchSize":{"type":["integer","null"],"minimum":1,"maximum":1000000}}})";

inline constexpr char gate_advanced[] = R"({"type":"object","required":["eventId"],"properties":{
 "eventId":{"type":"string","format":"uuid"},"servingCounter":{"type":"integer","minimum":0},
 "advanced":{"type":"integer","minimum":1},
 "status":{"type":"string","enum":["caught_up"],"description":"Instead: nobody waits."},
 "message":{"type":"string"}}})";

} // namespace tk::http::schemas
