#pragma once

/// JSON Schemas of the waiting room (contract 2.8).
namespace tk::http::schemas {

inline constexpr char queue_standing[] = R"({"type":"object",
 "required":["queued","status","currentUsers","nextPoll","threshold","eventInfo"],"properties":{
 "queued":{"type":"boolean"},
 "status":{"type":"string","enum":["queued","active","not_in_queue","pre_queue"]},
 "opensAt":{"type":"string","format":"date-time","description":"Of who is in the pre-queue."},
 "secondsToOpening":{"type":"integer","minimum":0},
 "drawNumber":{"type":"integer","minimum":1,"description":"What the draw knows one by."},
 "outlook":{"type":"string","enum":["likely","unlikely","sold_out"]},
 "seatsFree":{"type":"integer","minimum":0},"seatsHeld":{"type":"integer","minimum":0},
 "seatsComingBack":{"type":"integer","minimum":0},"peopleChoosing":{"type":"integer","minimum":0},
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
 "properties":{"status":{"type":"string",
  "enum":["queued","active","not_in_queue","pre_queue"]},
 "queued":{"type":"boolean"}}})";

inline constexpr char queue_message[] = R"({"type":"object","required":["message"],
 "properties":{"message":{"type":"string"}}})";

inline constexpr char queue_report[] = R"({"type":"object",
 "required":["eventId","queueSize","currentUsers","threshold","available","perSecond","throughput",
  "drainTime","paused","preQueue","followInventory"],
 "properties":{"eventId":{"type":"string","format":"uuid"},
 "queueSize":{"type":"integer","minimum":0},"currentUsers":{"type":"integer","minimum":0},
 "threshold":{"type":"integer","minimum":0},"available":{"type":"integer","minimum":0},
 "perSecond":{"type":"integer","minimum":0},
 "throughput":{"type":"number","minimum":0,"description":"Let in a second, of the last minute."},
 "drainTime":{"type":["integer","null"],"minimum":0,
  "description":"Seconds until all who wait now are inside; null: nobody was let in lately."},
 "paused":{"type":"boolean"},
 "preQueue":{"type":"boolean"},"followInventory":{"type":"boolean"}}})";

inline constexpr char queue_pre_queue[] = R"({"type":"object",
 "required":["eventId","preQueue","opensAt","commitment"],"properties":{
 "eventId":{"type":"string","format":"uuid"},"preQueue":{"type":"boolean"},
 "opensAt":{"type":["string","null"],"format":"date-time"},
 "commitment":{"type":["string","null"],"pattern":"^[0-9a-f]{64}$"}}})";

inline constexpr char queue_follow[] = R"({"type":"object","required":["eventId","followInventory"],
 "properties":{"eventId":{"type":"string","format":"uuid"},
 "followInventory":{"type":"boolean"}}})";

inline constexpr char queue_fairness[] = R"({"type":"object",
 "required":["eventId","preQueue","drawn"],"properties":{
 "eventId":{"type":"string","format":"uuid"},"preQueue":{"type":"boolean"},
 "drawn":{"type":"boolean"},"algorithm":{"type":"string","enum":["tiketi-draw-1"]},
 "opensAt":{"type":"string","format":"date-time"},
 "commitment":{"type":"string","pattern":"^[0-9a-f]{64}$","description":"SHA-256 of the seed."},
 "seed":{"type":"string","pattern":"^[0-9a-f]{64}$","description":"Once it was drawn."},
 "firstNumber":{"type":"integer","minimum":1},"cutoff":{"type":"integer","minimum":1},
 "listDigest":{"type":"string","pattern":"^[0-9a-f]{64}$"}}})";

inline constexpr char queue_draw_list[] = R"({"type":"object","required":["lines","next"],
 "properties":{"lines":{"type":"array","items":{"type":"object","required":["number","pseudonym"],
 "properties":{"number":{"type":"integer","minimum":1},
 "pseudonym":{"type":"string","pattern":"^[0-9a-f]{32}$"}}}},
 "next":{"type":["integer","null"]}}})";

inline constexpr char queue_threshold[] = R"({"type":"object","required":["eventId","threshold"],
 "properties":{"eventId":{"type":"string","format":"uuid"},
 "threshold":{"type":"integer","minimum":0}}})";

inline constexpr char queue_rate[] = R"({"type":"object","required":["eventId","perSecond"],
 "properties":{"eventId":{"type":"string","format":"uuid"},
 "perSecond":{"type":"integer","minimum":0}}})";

inline constexpr char queue_paused[] = R"({"type":"object","required":["eventId","paused"],
 "properties":{"eventId":{"type":"string","format":"uuid"},"paused":{"type":"boolean"}}})";

} // namespace tk::http::schemas
