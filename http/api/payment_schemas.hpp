#pragma once

#include <string>

/// JSON Schemas of the payment endpoints, as in schemas.hpp.
namespace tk::http::schemas {

inline constexpr char webhook_request[] = R"({"type":"object","description":
 "As the provider sends it; of it only the order's id is read."})";

inline constexpr char webhook_response[] = R"({"type":"object","required":["received"],
 "properties":{"received":{"type":"boolean"}}})";

inline constexpr char prepare_request[] = R"({"type":"object","properties":{
 "reservationId":{"type":["string","null"],"format":"uuid"},
 "referenceId":{"type":["string","null"],"format":"uuid"},
 "paymentType":{"type":["string","null"],"enum":["reservation","transfer","membership",null]},
 "amount":{"type":["integer","null"],"minimum":1},
 "idempotencyKey":{"type":["string","null"],"maxLength":64}}})";

inline constexpr char prepare_response[] = R"({"type":"object",
 "required":["orderId","amount","clientKey"],"properties":{
 "orderId":{"type":"string","pattern":"^[A-Za-z0-9_-]{6,64}$"},"amount":{"type":"integer"},
 "clientKey":{"type":"string"},"storeId":{"type":"string"}}})";

inline constexpr char confirm_request[] = R"({"type":"object",
 "required":["paymentKey","orderId","amount"],"properties":{
 "paymentKey":{"type":"string","maxLength":200},"orderId":{"type":"string","maxLength":64},
 "amount":{"type":"integer","minimum":1},
 "idempotencyKey":{"type":["string","null"],"maxLength":64}}})";

inline constexpr char confirm_response[] = R"({"type":"object","required":["success","payment"],
 "properties":{"success":{"type":"boolean"},"payment":{"type":"object",
 "required":["orderId","paymentKey","amount","method","approvedAt"],"properties":{
  "orderId":{"type":"string"},"paymentKey":{"type":"string"},"method":{"type":"string"},
  "amount":{"type":"integer"},"approvedAt":{"type":"string","format":"date-time"}}}}})";

inline constexpr char process_request[] = R"({"type":"object","required":["paymentMethod"],
 "properties":{"paymentMethod":{"type":"string","maxLength":50},
 "reservationId":{"type":["string","null"],"format":"uuid"},
 "referenceId":{"type":["string","null"],"format":"uuid"},
 "paymentType":{"type":["string","null"],"enum":["reservation","transfer","membership",null]},
 "idempotencyKey":{"type":["string","null"],"maxLength":64}}})";

inline constexpr char process_response[] = R"({"type":"object",
 "required":["success","message","payment"],"properties":{"success":{"type":"boolean"},
 "message":{"type":"string"},"payment":{"type":"object",
 "required":["id","orderId","amount","method"],"properties":{
  "id":{"type":"string","format":"uuid"},"orderId":{"type":"string"},
  "amount":{"type":"integer"},"method":{"type":"string"}}}}})";

/// A payment as its views show it: what they share, then a view's own fields.
inline std::string payment_schema(const std::string& own_names, const std::string& own) {
  return R"({"type":"object","required":["id","order_id","payment_key","amount","method","status",
 "toss_approved_at","created_at","reservation_id","payment_type","reference_id")" +
         own_names + R"(],"properties":{"id":{"type":"string","format":"uuid"},
  "order_id":{"type":"string"},"payment_key":{"type":["string","null"]},
  "amount":{"type":"integer"},"method":{"type":["string","null"]},
  "status":{"type":"string","enum":["pending","confirmed","failed","refund_pending","refunded"]},
  "toss_approved_at":{"type":["string","null"],"format":"date-time"},
  "created_at":{"type":"string","format":"date-time"},
  "reservation_id":{"type":["string","null"],"format":"uuid"},
  "payment_type":{"type":"string","enum":["reservation","transfer","membership"]},
  "reference_id":{"type":["string","null"],"format":"uuid"})" +
         own + "}}";
}

inline const std::string payment =
  R"({"type":"object","required":["payment"],"properties":{"payment":)" +
  payment_schema(R"(,"toss_status","updated_at","user_id")",
                 R"(,"toss_status":{"type":["string","null"]},
  "updated_at":{"type":"string","format":"date-time"},
  "user_id":{"type":"string","format":"uuid"})") +
  "}}";

inline const std::string payment_list =
  R"({"type":"object","required":["payments","pagination"],"properties":{
 "payments":{"type":"array","items":)" +
  payment_schema("", "") + R"(},"pagination":{"type":"object",
 "required":["total","limit","offset"],"properties":{"total":{"type":"integer"},
  "limit":{"type":"integer"},"offset":{"type":"integer"}}}}})";

inline constexpr char cancel_payment_request[] = R"({"type":"object","properties":{
 "cancelReason":{"type":["string","null"],"maxLength":200},
 "idempotencyKey":{"type":["string","null"],"maxLength":64}}})";

inline constexpr char cancel_payment_response[] = R"({"type":"object",
 "required":["success","message","refundAmount"],"properties":{"success":{"type":"boolean"},
 "message":{"type":"string"},"refundAmount":{"type":"integer"}}})";

} // namespace tk::http::schemas
