#pragma once

#include <string>

/// JSON Schemas of requests and success answers, for `/openapi.json`. Clients may rely on what is
/// `required`; further fields may always be added.
namespace tk::http::schemas {

inline constexpr char auth_response[] = R"({"type":"object",
 "required":["message","token","refreshToken","user"],"properties":{
 "message":{"type":"string"},"token":{"type":"string"},"refreshToken":{"type":"string"},
 "user":{"type":"object","required":["id","userId","email","name","role"],"properties":{
  "id":{"type":"string","format":"uuid"},"userId":{"type":"string","format":"uuid"},
  "email":{"type":"string"},"name":{"type":"string"},
  "role":{"type":"string","enum":["user","admin"]}}}}})";

inline constexpr char register_request[] = R"({"type":"object",
 "required":["email","password","name"],"properties":{
 "email":{"type":"string","maxLength":255},"password":{"type":"string","minLength":8},
 "name":{"type":"string","maxLength":100},"phone":{"type":["string","null"],"maxLength":20}}})";

inline constexpr char login_request[] = R"({"type":"object","required":["email","password"],
 "properties":{"email":{"type":"string"},"password":{"type":"string"}}})";

inline constexpr char refresh_request[] = R"({"type":"object",
 "properties":{"refreshToken":{"type":["string","null"],"maxLength":4096}}})";

inline constexpr char verify_token_request[] = R"({"type":"object","required":["token"],
 "properties":{"token":{"type":"string","maxLength":4096}}})";

inline constexpr char verify_token_response[] = R"({"type":"object","required":["valid","user"],
 "properties":{"valid":{"type":"boolean","enum":[true]},
 "user":{"type":"object","required":["userId","email","name","role"],"properties":{
  "userId":{"type":"string","format":"uuid"},"email":{"type":"string"},"name":{"type":"string"},
  "role":{"type":"string","enum":["user","admin"]}}}}})";

inline constexpr char google_request[] = R"({"type":"object","required":["credential"],
 "properties":{"credential":{"type":"string","description":"A Google ID token."}}})";

inline constexpr char google_response[] = R"({"type":"object",
 "required":["message","token","refreshToken","user"],"properties":{
 "message":{"type":"string"},"token":{"type":"string"},"refreshToken":{"type":"string"},
 "user":{"type":"object","required":["id","userId","email","name","role","picture"],"properties":{
  "id":{"type":"string","format":"uuid"},"userId":{"type":"string","format":"uuid"},
  "email":{"type":"string"},"name":{"type":"string"},
  "role":{"type":"string","enum":["user","admin"]},"picture":{"type":["string","null"]}}}}})";

inline constexpr char profile[] = R"({"type":"object","required":["user"],"properties":{
 "user":{"type":"object","required":["id","email","name","role","phone","createdAt","hasPassword",
 "hasGoogle"],"properties":{
  "id":{"type":"string","format":"uuid"},"email":{"type":"string"},"name":{"type":"string"},
  "role":{"type":"string","enum":["user","admin"]},"phone":{"type":["string","null"]},
  "createdAt":{"type":"string","format":"date-time"},"hasPassword":{"type":"boolean"},
  "hasGoogle":{"type":"boolean"}}}}})";

inline constexpr char profile_change[] = R"({"type":"object","properties":{
 "name":{"type":["string","null"],"maxLength":100},
 "phone":{"type":["string","null"],"maxLength":20}}})";

inline constexpr char password_change[] = R"({"type":"object",
 "required":["currentPassword","newPassword"],"properties":{
 "currentPassword":{"type":"string"},"newPassword":{"type":"string","minLength":8}}})";

inline constexpr char leave_request[] = R"({"type":"object","properties":{
 "password":{"type":["string","null"],"description":"Required unless the account has none."}}})";

inline constexpr char session_list[] = R"({"type":"object","required":["sessions"],"properties":{
 "sessions":{"type":"array","items":{"type":"object","required":["id","created_at","last_used_at",
 "expires_at","user_agent","address","current"],"properties":{
  "id":{"type":"string","format":"uuid"},"created_at":{"type":"string","format":"date-time"},
  "last_used_at":{"type":"string","format":"date-time"},
  "expires_at":{"type":"string","format":"date-time"},"user_agent":{"type":["string","null"]},
  "address":{"type":["string","null"]},"current":{"type":"boolean"}}}}}})";

inline constexpr char me_response[] = R"({"type":"object","required":["user"],"properties":{
 "user":{"type":"object","required":["id","email","name","role","createdAt"],"properties":{
  "id":{"type":"string","format":"uuid"},"email":{"type":"string"},"name":{"type":"string"},
  "role":{"type":"string"},"createdAt":{"type":"string","format":"date-time"}}}}})";

inline constexpr char message[] = R"({"type":"object","required":["message"],
 "properties":{"message":{"type":"string"}}})";

/// An event as its views show it: what they share, then a view's own fields.
inline std::string event_schema(const std::string& own_names, const std::string& own) {
  return R"({"type":"object","required":["id","title","description","venue","address","event_date",
 "sale_start_date","sale_end_date","poster_image_url","status","artist_name","artist_id",
 "seat_layout_id","ticket_type_count","min_price","max_price")" +
         own_names + R"(],"properties":{"id":{"type":"string","format":"uuid"},
  "title":{"type":"string"},"description":{"type":["string","null"]},"venue":{"type":"string"},
  "address":{"type":["string","null"]},"event_date":{"type":"string","format":"date-time"},
  "sale_start_date":{"type":["string","null"],"format":"date-time"},
  "sale_end_date":{"type":["string","null"],"format":"date-time"},
  "poster_image_url":{"type":["string","null"]},
  "status":{"type":"string","enum":["upcoming","on_sale","ended","cancelled"]},
  "artist_name":{"type":["string","null"]},
  "artist_id":{"type":["string","null"],"format":"uuid"},
  "seat_layout_id":{"type":["string","null"],"format":"uuid"},
  "ticket_type_count":{"type":"integer"},"min_price":{"type":["integer","null"]},
  "max_price":{"type":["integer","null"]})" +
         own + "}}";
}

inline constexpr char pagination[] = R"({"type":"object",
 "required":["page","limit","total","totalPages"],"properties":{"page":{"type":"integer"},
 "limit":{"type":"integer"},"total":{"type":"integer"},"totalPages":{"type":"integer"}}})";

inline constexpr char presale_schedule[] = R"({"type":"object",
 "required":["diamond","gold","silver","bronze"],
 "additionalProperties":{"type":"string","format":"date-time"}})";

inline constexpr char event_types[] = R"({"type":"array","items":{"type":"object","required":["id",
 "name","price","total_quantity","available_quantity","description"],"properties":{
  "id":{"type":"string","format":"uuid"},"name":{"type":"string"},"price":{"type":"integer"},
  "total_quantity":{"type":"integer"},"available_quantity":{"type":"integer"},
  "description":{"type":["string","null"]}}}})";

inline const std::string event_page = R"({"type":"object","required":["events","pagination"],
 "properties":{"events":{"type":"array","items":)" +
                                      event_schema("", "") + R"(},"pagination":)" + pagination +
                                      "}}";

inline constexpr char cancellation_policy[] = R"({"type":"object",
 "required":["untilHours","showDay","fees"],"properties":{
 "untilHours":{"type":["integer","null"],"minimum":0,"maximum":8760,
  "description":"So many hours before the show it ends; null: never."},
 "showDay":{"type":"boolean","description":"Also on the day of the show."},
 "fees":{"type":"array","maxItems":16,"items":{"type":"object",
  "required":["daysBefore","percent"],"properties":{
  "daysBefore":{"type":"integer","minimum":0,"maximum":365,
   "description":"From so many days before the day of the show on (Asia/Seoul)."},
  "percent":{"type":"integer","minimum":0,"maximum":100,
   "description":"So much is kept, rounded down to the won."}}}}}})";

inline const std::string event_detail =
  R"({"type":"object","required":["event","ticketTypes"],"properties":{"event":)" +
  event_schema(R"(,"pre_scaled","created_by","created_at","updated_at","ticketTypes",
  "cancellationPolicy")",
               R"(,"pre_scaled":{"type":"boolean"},
  "created_by":{"type":["string","null"],"format":"uuid"},
  "created_at":{"type":"string","format":"date-time"},
  "updated_at":{"type":"string","format":"date-time"},"ticketTypes":)" +
                 std::string{event_types} + R"(,"cancellationPolicy":)" + cancellation_policy) +
  R"(,"ticketTypes":)" + event_types + R"(,"preSaleSchedule":)" + presale_schedule + "}}";

/// An artist as its views show it, likewise.
inline std::string artist_schema(const std::string& own_names, const std::string& own) {
  return R"({"type":"object","required":["id","name","image_url","description",
 "membership_price","created_at")" +
         own_names + R"(],"properties":{"id":{"type":"string","format":"uuid"},
  "name":{"type":"string","minLength":1},"image_url":{"type":["string","null"]},
  "description":{"type":["string","null"]},"membership_price":{"type":"integer"},
  "created_at":{"type":"string","format":"date-time"})" +
         own + "}}";
}

inline const std::string artist_page =
  R"({"type":"object","required":["artists","pagination"],"properties":{"artists":{"type":"array",
 "items":)" +
  artist_schema(R"(,"event_count","member_count")",
                R"(,"event_count":{"type":"integer"},"member_count":{"type":"integer"})") +
  R"(},"pagination":)" + pagination + "}}";

inline const std::string artist_detail =
  R"({"type":"object","required":["artist","memberCount","events"],"properties":{"artist":)" +
  artist_schema(R"(,"updated_at")", R"(,"updated_at":{"type":"string","format":"date-time"})") +
  R"(,"memberCount":{"type":"integer"},"events":{"type":"array","items":{"type":"object",
 "required":["id","title","venue","event_date","sale_start_date","sale_end_date","status",
 "poster_image_url","min_price","max_price"],"properties":{
  "id":{"type":"string","format":"uuid"},"title":{"type":"string"},"venue":{"type":"string"},
  "event_date":{"type":"string","format":"date-time"},
  "sale_start_date":{"type":["string","null"],"format":"date-time"},
  "sale_end_date":{"type":["string","null"],"format":"date-time"},
  "status":{"type":"string","enum":["upcoming","on_sale","ended"]},
  "poster_image_url":{"type":["string","null"]},"min_price":{"type":["integer","null"]},
  "max_price":{"type":["integer","null"]},"pre_sale_schedule":)" +
  presale_schedule + "}}}}}";

inline constexpr char layouts[] = R"({"type":"object","required":["layouts"],"properties":{
 "layouts":{"type":"array","items":{"type":"object","required":["id","name","description",
 "total_seats","layout_config"],"properties":{"id":{"type":"string","format":"uuid"},
 "name":{"type":"string"},"description":{"type":["string","null"]},
 "total_seats":{"type":"integer"},"layout_config":{"type":"object","required":["sections"],
 "properties":{"sections":{"type":"array","items":{"type":"object","required":["name","rows",
 "seatsPerRow","price","startRow"],"properties":{"name":{"type":"string"},
 "rows":{"type":"integer"},"seatsPerRow":{"type":"integer"},"price":{"type":"integer"},
 "startRow":{"type":"integer"}}}}}}}}}}})";

inline constexpr char seat[] = R"({"type":"object","required":["id","section","row_number",
 "seat_number","seat_label","price","status"],"properties":{
  "id":{"type":"string","format":"uuid"},"section":{"type":"string"},
  "row_number":{"type":"integer"},"seat_number":{"type":"integer"},
  "seat_label":{"type":"string"},"price":{"type":"integer"},
  "status":{"type":"string","enum":["available","locked","reserved"]}}})";

inline const std::string seat_map =
  std::string(R"({"type":"object","required":["event","layout","seats"],
 "properties":{"event":{"type":"object","required":["id","title"],"properties":{
  "id":{"type":"string","format":"uuid"},"title":{"type":"string"}}},
 "layout":{"type":["object","null"],"required":["sections"],"properties":{
  "sections":{"type":"array","items":{"type":"object"}}}},"seats":{"type":"array","items":)") +
  seat + "}}}";

inline constexpr char reserve_request[] = R"({"type":"object","required":["eventId","seatIds"],
 "properties":{"eventId":{"type":"string","format":"uuid"},
 "seatIds":{"type":"array","minItems":1,"items":{"type":"string","format":"uuid"}},
 "idempotencyKey":{"type":["string","null"],"maxLength":64}}})";

/// What the answers to both creations tell of the reservation, then the answer's own fields.
inline std::string creation_schema(const std::string& own_names, const std::string& own) {
  return R"({"type":"object","required":["message","reservationId","reservation"],"properties":{
 "message":{"type":"string"},"reservationId":{"type":"string","format":"uuid"},
 "reservation":{"type":"object","required":["id","reservationNumber","totalAmount","status",
 "paymentStatus","expiresAt",)" +
         own_names + R"(],"properties":{"id":{"type":"string","format":"uuid"},
  "reservationNumber":{"type":"string"},"totalAmount":{"type":"integer"},
  "status":{"type":"string","enum":["pending","confirmed","cancelled","expired"]},
  "paymentStatus":{"type":"string",
   "enum":["pending","completed","refund_requested","refunded"]},
  "expiresAt":{"type":"string","format":"date-time"},)" +
         own + "}}}}";
}

inline const std::string reserve_response =
  creation_schema(R"("seats","fencingToken")", R"("fencingToken":{"type":"integer"},
  "seats":{"type":"array","items":{"type":"object","required":["id","seat_label","price","status",
  "version","fencingToken"],"properties":{"id":{"type":"string","format":"uuid"},
   "seat_label":{"type":"string"},"price":{"type":"integer"},
   "status":{"type":"string","enum":["available","locked","reserved"]},
   "version":{"type":"integer"},"fencingToken":{"type":"integer"}}}})");

/// A reservation as its views show it: what they share, then a view's own fields.
inline std::string reservation_schema(const std::string& own_names, const std::string& own) {
  return R"({"type":"object","required":["id","reservation_number","total_amount","status",
  "payment_status","payment_method","expires_at","created_at","event_id","event_title","venue",
  "event_date",)" +
         own_names + R"(],"properties":{"id":{"type":"string","format":"uuid"},
  "reservation_number":{"type":"string"},"total_amount":{"type":"integer"},
  "status":{"type":"string","enum":["pending","confirmed","cancelled","expired"]},
  "payment_status":{"type":"string",
   "enum":["pending","completed","refund_requested","refunded"]},
  "payment_method":{"type":["string","null"]},
  "expires_at":{"type":["string","null"],"format":"date-time"},
  "created_at":{"type":"string","format":"date-time"},
  "event_id":{"type":"string","format":"uuid"},"event_title":{"type":"string"},
  "venue":{"type":"string"},"event_date":{"type":"string","format":"date-time"},)" +
         own + "}}";
}

inline std::string in_member(const char* name, const std::string& schema) {
  return std::string(R"({"type":"object","required":[")") + name + R"("],"properties":{")" + name +
         "\":" + schema + "}}";
}

/// Where a seat is; null in what has none.
inline constexpr char seat_place[] = R"("seatId":{"type":["string","null"],"format":"uuid"},
   "seatLabel":{"type":["string","null"]},"section":{"type":["string","null"]},
   "rowNumber":{"type":["integer","null"]},"seatNumber":{"type":["integer","null"]})";

/// The lines of a reservation: what its views share, then a view's own fields.
inline std::string lines_schema(const std::string& own_names, const std::string& own) {
  return R"({"type":"array","items":{"type":"object","required":["ticketTypeName","quantity",
  "unitPrice","subtotal","seatLabel")" +
         own_names + R"(],"properties":{"ticketTypeName":{"type":"string"},
   "quantity":{"type":"integer"},"unitPrice":{"type":"integer"},"subtotal":{"type":"integer"},
   )" + own +
         "}}}";
}

inline const std::string seat_reservation =
  in_member("reservation",
            reservation_schema(R"("seats")", R"("seats":{"type":"array","items":{"type":"object",
  "required":["seatId","seatLabel","section","rowNumber","seatNumber","price","ticketTypeName",
  "quantity"],"properties":{"price":{"type":"integer"},"ticketTypeName":{"type":"string"},
   "quantity":{"type":"integer"},)" + std::string{seat_place} +
                                               "}}}"));

inline const std::string reservation_list = in_member(
  "reservations",
  R"({"type":"array","items":)" +
    reservation_schema(
      R"("items")", R"("items":)" + lines_schema("", R"("seatLabel":{"type":["string","null"]})")) +
    "}");

inline const std::string reservation_detail = in_member(
  "reservation", reservation_schema(
                   R"("address","items","seats","cancellation")",
                   R"("address":{"type":["string","null"]},
  "cancellation":{"type":["object","null"],"required":["possible","fee","refund","until"],
   "description":"What a cancellation would give back now; null when there is nothing to cancel.",
   "properties":{"possible":{"type":"boolean"},"fee":{"type":"integer"},
   "refund":{"type":"integer"},"until":{"type":["string","null"],"format":"date-time",
    "description":"These are the terms before then; later they are worse."}}},
  "seats":{"type":"array","items":{"type":"object","required":["seatLabel","price"],
   "properties":{"seatLabel":{"type":"string"},"price":{"type":"integer"}}}},"items":)" +
                     lines_schema(R"(,"seatId","section","rowNumber","seatNumber")", seat_place)));

inline constexpr char ticket_types[] = R"({"type":"object","required":["ticketTypes"],
 "properties":{"ticketTypes":{"type":"array","items":{"type":"object","required":["id","name",
 "price","total_quantity","available_quantity","description"],"properties":{
  "id":{"type":"string","format":"uuid"},"name":{"type":"string"},"price":{"type":"integer"},
  "total_quantity":{"type":"integer"},"available_quantity":{"type":"integer"},
  "description":{"type":["string","null"]}}}}}})";

inline constexpr char availability[] = R"({"type":"object",
 "required":["available_quantity","total_quantity"],"properties":{
 "available_quantity":{"type":"integer"},"total_quantity":{"type":"integer"}}})";

inline constexpr char order_request[] = R"({"type":"object","required":["eventId","items"],
 "properties":{"eventId":{"type":"string","format":"uuid"},
 "items":{"type":"array","minItems":1,"maxItems":50,"items":{"type":"object",
  "required":["ticketTypeId","quantity"],"properties":{
  "ticketTypeId":{"type":"string","format":"uuid"},
  "quantity":{"type":"integer","minimum":1,"maximum":10}}}},
 "idempotencyKey":{"type":["string","null"],"maxLength":64}}})";

inline const std::string order_response =
  creation_schema(R"("eventTitle","items")", R"("eventTitle":{"type":"string"},
  "items":{"type":"array","items":{"type":"object","required":["ticketTypeId","ticketTypeName",
  "quantity","unitPrice","subtotal"],"properties":{
   "ticketTypeId":{"type":"string","format":"uuid"},"ticketTypeName":{"type":"string"},
   "quantity":{"type":"integer"},"unitPrice":{"type":"integer"},"subtotal":{"type":"integer"}}}})");

inline constexpr char cancel_request[] = R"({"type":"object","properties":{
 "idempotencyKey":{"type":["string","null"],"maxLength":64}}})";

inline constexpr char cancel_response[] = R"({"type":"object",
 "required":["message","reservation"],"properties":{"message":{"type":"string"},
 "reservation":{"type":"object","required":["id","status"],"properties":{
  "id":{"type":"string","format":"uuid"},"status":{"type":"string","enum":["cancelled"]}}}}})";

/// A ticket as its views show it, likewise.
inline std::string ticket_schema(const std::string& type, const std::string& own_name,
                                 const std::string& own) {
  return R"({"type":)" + type + R"(,"required":["id","ticket_number","reservation_id","event_id",
 "event_title","venue","event_date","seat_label","ticket_type_name","price","status",)" +
         own_name + R"(],"properties":{"id":{"type":"string","format":"uuid"},
  "ticket_number":{"type":"string"},"reservation_id":{"type":"string","format":"uuid"},
  "event_id":{"type":"string","format":"uuid"},"event_title":{"type":"string"},
  "venue":{"type":"string"},"event_date":{"type":"string","format":"date-time"},
  "seat_label":{"type":["string","null"]},"ticket_type_name":{"type":["string","null"]},
  "price":{"type":"integer"},
  "status":{"type":"string","enum":["valid","used","transferred","cancelled"]},)" +
         own_name + ":" + own + "}}";
}

inline const std::string ticket_page =
  R"({"type":"object","required":["tickets","pagination"],"properties":{"tickets":{"type":"array",
 "items":)" +
  ticket_schema(R"("object")", R"("qr")", R"({"type":["string","null"]})") + R"(},"pagination":)" +
  pagination + "}}";

inline constexpr char ticket_keys[] = R"({"type":"object","required":["keys"],"properties":{
 "keys":{"type":"array","minItems":1,"items":{"type":"object","required":["kty","crv","x","kid",
 "use","alg"],"properties":{"kty":{"type":"string","enum":["OKP"]},
 "crv":{"type":"string","enum":["Ed25519"]},"x":{"type":"string"},"kid":{"type":"string"},
 "use":{"type":"string"},"alg":{"type":"string"}}}}}})";

inline constexpr char verify_ticket_request[] = R"({"type":"object","required":["qr"],
 "properties":{"qr":{"type":"string","maxLength":512},
 "eventId":{"type":["string","null"],"format":"uuid"},
 "idempotencyKey":{"type":["string","null"],"maxLength":64}}})";

inline const std::string verify_ticket_response =
  R"({"type":"object","required":["valid","reason","ticket"],"properties":{
 "valid":{"type":"boolean"},
 "reason":{"type":"string","enum":["admitted","already_used","cancelled","transferred",
 "other_event","unknown_ticket","invalid_code"]},"ticket":)" +
  ticket_schema(R"(["object","null"])", R"("used_at")",
                R"({"type":["string","null"],"format":"date-time"})") +
  "}}";

inline constexpr char time_response[] = R"({"type":"object","required":["time"],
 "properties":{"time":{"type":"string","format":"date-time"}}})";

inline constexpr char health[] = R"({"type":"object","required":["service","status",
 "dependencies"],"properties":{"service":{"type":"string"},"status":{"type":"string"},
 "dependencies":{"type":"object","additionalProperties":{"type":"string"}}}})";

inline constexpr char actuator_health[] = R"({"type":"object","required":["status"],
 "properties":{"status":{"type":"string","enum":["UP","DOWN"]}}})";

inline constexpr char actuator_info[] = R"({"type":"object","required":["app"],"properties":{
 "app":{"type":"object","required":["name","version"],"properties":{
  "name":{"type":"string"},"version":{"type":"string"}}}}})";

} // namespace tk::http::schemas
