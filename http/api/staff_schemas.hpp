#pragma once

#include <string>

#include "http/api/schemas.hpp"

/// JSON Schemas of what staff look for, as in schemas.hpp.
namespace tk::http::schemas {

inline constexpr char staff_payment_names[] =
  R"("id","order_id","payment_key","amount","method","provider","status","payment_type",
 "error_code","refund_amount","user_id","user_name","user_email","reservation_id",
 "reservation_number","event_id","event_title","approved_at","created_at","updated_at")";

inline constexpr char staff_payment_fields[] =
  R"("id":{"type":"string","format":"uuid"},"order_id":{"type":"string"},
 "payment_key":{"type":["string","null"]},"amount":{"type":"integer"},
 "method":{"type":["string","null"]},"provider":{"type":["string","null"]},
 "status":{"type":"string",
  "enum":["pending","confirmed","failed","refund_pending","refunded"]},
 "payment_type":{"type":"string","enum":["reservation","transfer","membership"]},
 "error_code":{"type":["string","null"],"description":"Of the last try."},
 "refund_amount":{"type":"integer"},"user_id":{"type":"string","format":"uuid"},
 "user_name":{"type":["string","null"]},"user_email":{"type":["string","null"]},
 "reservation_id":{"type":["string","null"],"format":"uuid"},
 "reservation_number":{"type":["string","null"]},
 "event_id":{"type":["string","null"],"format":"uuid"},"event_title":{"type":["string","null"]},
 "approved_at":{"type":["string","null"],"format":"date-time"},
 "created_at":{"type":"string","format":"date-time"},
 "updated_at":{"type":"string","format":"date-time"})";

/// A page of `items`, and whether nothing older was left out.
inline std::string staff_page_schema(const std::string& name, const std::string& item) {
  return R"({"type":"object","required":[")" + name +
         R"(","pagination","complete"],"properties":{")" + name + R"(":{"type":"array","items":)" +
         item + R"(},"pagination":)" + pagination +
         R"(,"complete":{"type":"boolean","description":
 "False: there are older rows that were not looked through; ask with an earlier `to`."}}})";
}

inline std::string staff_payments() {
  return staff_page_schema("payments", std::string{R"({"type":"object","required":[)"} +
                                         staff_payment_names + R"(],"properties":{)" +
                                         staff_payment_fields + "}}");
}

inline std::string staff_payment_detail() {
  return std::string{R"({"type":"object","required":["payment","attempts","refunds","settled",
 "logs"],"properties":{"payment":{"type":"object","required":["provider_status","refund_reason",
 "refunded_at",)"} +
         staff_payment_names + R"(],"properties":{"provider_status":{"type":["string","null"]},
 "refund_reason":{"type":["string","null"]},
 "refunded_at":{"type":["string","null"],"format":"date-time"},)" +
         staff_payment_fields + R"(}},
 "attempts":{"type":"array","items":{"type":"object","required":["id","provider","method","amount",
 "status","error_code","started_at","closed_at","next_ask_at"],"properties":{
  "id":{"type":"string","format":"uuid"},"provider":{"type":"string"},"method":{"type":"string"},
  "amount":{"type":"integer"},"status":{"type":"string",
   "enum":["live","approved","declined","voided","untried","late"]},
  "error_code":{"type":["string","null"]},"started_at":{"type":"string","format":"date-time"},
  "closed_at":{"type":["string","null"],"format":"date-time"},
  "next_ask_at":{"type":["string","null"],"format":"date-time"}}}},
 "refunds":{"type":"array","items":{"type":"object","required":["id","attempt_id","amount","fee",
 "reason","status","error_code","tries","made_at","next_try_at","done_at"],"properties":{
  "id":{"type":"string","format":"uuid"},"attempt_id":{"type":"string","format":"uuid"},
  "amount":{"type":"integer"},"fee":{"type":"integer"},"reason":{"type":"string"},
  "status":{"type":"string","enum":["pending","done"]},"error_code":{"type":["string","null"]},
  "tries":{"type":"integer"},"made_at":{"type":"string","format":"date-time"},
  "next_try_at":{"type":["string","null"],"format":"date-time"},
  "done_at":{"type":["string","null"],"format":"date-time"}}}},
 "settled":{"type":"array","items":{"type":"object","required":["provider","date","amount",
 "refunded","fee"],"properties":{"provider":{"type":"string"},
  "date":{"type":"string","format":"date"},"amount":{"type":"integer"},
  "refunded":{"type":"integer"},"fee":{"type":"integer"}}}},
 "logs":{"type":"array","description":
  "The last 500 calls to its provider, the oldest first; cards, accounts and mails are masked.",
 "items":{"type":"object","required":["at","took_ms","provider","call","subject","amount",
 "outcome","code","says"],"properties":{"at":{"type":"string","format":"date-time"},
  "took_ms":{"type":"integer"},"provider":{"type":"string"},
  "call":{"type":"string","enum":["approve","query","void","refund"]},
  "subject":{"type":["string","null"],"format":"uuid",
   "description":"The attempt or refund it was for."},
  "amount":{"type":["integer","null"]},"outcome":{"type":"string"},
  "code":{"type":["string","null"]},"says":{"type":["string","null"]}}}}}})";
}

inline std::string staff_bookings() {
  return staff_page_schema("reservations", R"({"type":"object","required":["id","user_id",
 "user_name","user_email","reservation_number","total_amount","status","payment_status",
 "created_at","event_id","event_title","venue","event_date"],"properties":{
  "id":{"type":"string","format":"uuid"},"user_id":{"type":"string","format":"uuid"},
  "user_name":{"type":["string","null"]},"user_email":{"type":["string","null"]},
  "reservation_number":{"type":"string"},"total_amount":{"type":"integer"},
  "status":{"type":"string","enum":["pending","confirmed","cancelled","expired"]},
  "payment_status":{"type":"string",
   "enum":["pending","completed","refund_requested","refunded"]},
  "created_at":{"type":"string","format":"date-time"},
  "event_id":{"type":["string","null"],"format":"uuid"},"event_title":{"type":"string"},
  "venue":{"type":"string"},"event_date":{"type":["string","null"],"format":"date-time"}}})");
}

inline constexpr char staff_summary[] = R"({"type":"object","required":["from","to","days",
 "total"],"properties":{"from":{"type":"string","format":"date"},
 "to":{"type":"string","format":"date"},"total":{"type":"object"},
 "days":{"type":"array","items":{"type":"object","required":["date","confirmed","failed","late",
 "refunded","settled"],"properties":{"date":{"type":"string","format":"date"},
  "confirmed":{"type":"object","required":["count","amount"],
   "additionalProperties":{"type":"integer"}},
  "failed":{"type":"object","required":["count","byCode"],"properties":{
   "count":{"type":"integer"},"byCode":{"type":"object",
    "additionalProperties":{"type":"integer"}}}},
  "late":{"type":"object","required":["count","amount"],
   "description":"Captured, but not sold: it goes back.",
   "additionalProperties":{"type":"integer"}},
  "refunded":{"type":"object","required":["count","amount","fees"],
   "additionalProperties":{"type":"integer"}},
  "settled":{"type":"object","required":["count","amount","refunded","fees","paidOut"],
   "description":"What providers say that they have settled on that day.",
   "additionalProperties":{"type":"integer"}}}}}}})";

inline constexpr char settlement_request[] = R"({"type":"object",
 "required":["provider","from","to","payments"],"properties":{
 "provider":{"type":"string","maxLength":20},
 "from":{"type":"string","format":"date-time",
  "description":"It tells what was captured since then, ..."},
 "to":{"type":"string","format":"date-time","description":"... and before this."},
 "settledOn":{"type":["string","null"],"format":"date",
  "description":"The day in Asia/Seoul on which it was settled; today."},
 "payments":{"type":"array","maxItems":20000,"items":{"type":"object",
  "required":["orderId","amount"],"properties":{"orderId":{"type":"string","maxLength":200},
  "amount":{"type":"integer","minimum":0},"refunded":{"type":["integer","null"],"minimum":0},
  "fee":{"type":["integer","null"],
   "description":"That the provider keeps; below zero: gives back."}}}}}})";

inline constexpr char settlement_response[] = R"({"type":"object","required":["changed","message",
 "settlement","differences","differencesTotal"],"properties":{"changed":{"type":"boolean"},
 "message":{"type":"string"},
 "settlement":{"type":"object","required":["id","provider","from","to","settledOn","payments",
  "amount","refunded","fees","paidOut"],"properties":{"id":{"type":"string","format":"uuid"},
  "provider":{"type":"string"},"from":{"type":"string","format":"date-time"},
  "to":{"type":"string","format":"date-time"},"settledOn":{"type":"string","format":"date"},
  "payments":{"type":"integer"},"amount":{"type":"integer"},"refunded":{"type":"integer"},
  "fees":{"type":"integer"},"paidOut":{"type":"integer"}}},
 "differencesTotal":{"type":"integer"},
 "differences":{"type":"array","description":"The first 1000.","items":{"type":"object",
  "required":["orderId","is","here","there"],"properties":{"orderId":{"type":"string"},
  "is":{"type":"string","enum":["unknown_here","missing_there","amount","refunded"]},
  "here":{"type":["object","null"]},"there":{"type":["object","null"]}}}}}})";

} // namespace tk::http::schemas
