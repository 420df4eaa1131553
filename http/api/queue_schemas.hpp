#pragma once

/// JSON Schemas of the waiting room (contract 2.8).
namespace tk::http::schemas {

inline constexpr char queue_standing[] = R"({"type":"object",
 "required":["queued","status","currentUsers","nextPoll","threshold","eventInfo"],"properties":{
 "queued":{"type":"boolean"},
 "status":{"type":"string","enum":["queued","active","not_in_queue"]},
 "position":{"type":"integer","minimum":1},"peopleAhead":{"type":"integer","minimum":0},
 "peopleBehind":{"type":"integer","minimum":0},
 "estimatedWait":{"type":"integer","minimum":0,"description":"Seconds."},
 "nextPoll":{"type":"integer","minimum":1,"description":"Seconds."},
 "threshold":{"type":"integer","minimum":0},"currentUsers":{"type":"integer","minimum":0},
 "queueSize":{"type":"integer","minimum":0},
 "eventInfo":{"type":"object","required":["title","artist"],"properties":{
  "title":{"type":"string"},"artist":{"type":["string","null"]}}},
 "message":{"type":"string"},
 "entryToken":{"type":"string","description":"Of who is active: opens the two creations."}}})";

inline constexpr char queue_alive[] = R"({"type":"object","required":["status","queued"],
 "properties":{"status":{"type":"string","enum":["queued","active","not_in_queue"]},
 "queued":{"type":"boolean"}}})";

inline constexpr char queue_message[] = R"({"type":"object","required":["message"],
 "properties":{"message":{"type":"string"}}})";

inline constexpr char queue_report[] = R"({"type":"object",
 "required":["eventId","queueSize","currentUsers","threshold","available","perSecond","paused"],
 "properties":{"eventId":{"type":"string","format":"uuid"},
 "queueSize":{"type":"integer","minimum":0},"currentUsers":{"type":"integer","minimum":0},
 "threshold":{"type":"integer","minimum":0},"available":{"type":"integer","minimum":0},
 "perSecond":{"type":"integer","minimum":0},"paused":{"type":"boolean"}}})";

inline constexpr char queue_threshold[] = R"({"type":"object","required":["eventId","threshold"],
 "properties":{"eventId":{"type":"string","format":"uuid"},
 "threshold":{"type":"integer","minimum":0}}})";

inline constexpr char queue_rate[] = R"({"type":"object","required":["eventId","perSecond"],
 "properties":{"eventId":{"type":"string","format":"uuid"},
 "perSecond":{"type":"integer","minimum":0}}})";

inline constexpr char queue_paused[] = R"({"type":"object","required":["eventId","paused"],
 "properties":{"eventId":{"type":"string","format":"uuid"},"paused":{"type":"boolean"}}})";

} // namespace tk::http::schemas
