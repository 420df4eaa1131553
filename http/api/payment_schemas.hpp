#pragma once

/// JSON Schemas of the payment endpoints, as in schemas.hpp.
namespace tk::http::schemas {

inline constexpr char prepare_request[] = R"({"type":"object","properties":{
 "reservationId":{"type":["string","null"],"format":"uuid"},
 "referenceId":{"type":["string","null"],"format":"uuid"},
 "paymentType":{"type":["string","null"],"enum":["reservation","transfer","membership",null]},
 "amount":{"type":["integer","null"],"minimum":1},
 "idempotencyKey":{"type":["string","null"],"maxLength":64}}})";

inline constexpr char prepare_response[] = R"({"type":"object",
 "required":["orderId","amount","clientKey"],"properties":{
 "orderId":{"type":"string","pattern":"^[A-Za-z0-9_-]{6,64}$"},"amount":{"type":"integer"},
 "clientKey":{"type":"string"}}})";

inline constexpr char confirm_request[] = R"({"type":"object",
 "required":["paymentKey","orderId","amount"],"properties":{
 "paymentKey":{"type":"string","maxLength":200},"orderId":{"type":"string","maxLength":64},
 "amount":{"type":"integer","minimum":1},
 "idempotencyKey":{"type":["string","null"],"maxLength":64}}})";

inline constexpr char confirm_response[] = R"({"type":"object","required":["success","payment"],
 "properties":{"success":{"type":"boolean"},"payment":{"type":"object",
 "required":["orderId","paymentKey","amount","method","approvedAt"],"properties":{
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
  "id":{"type":"string","format":"uuid"},"amount":{"type":"integer"}}}}})";

inline constexpr char payment[] = R"({"type":"object","required":["payment"],"properties":{
 "payment":{"type":"object","required":["id","order_id","payment_key","amount","method","status",
 "toss_status","toss_approved_at","created_at","updated_at","reservation_id","user_id",
 "payment_type","reference_id"],"properties":{"amount":{"type":"integer"},
  "status":{"type":"string","enum":["pending","confirmed","failed","refund_pending","refunded"]}
 }}}})";

inline constexpr char payment_list[] = R"({"type":"object","required":["payments","pagination"],
 "properties":{"payments":{"type":"array","items":{"type":"object","required":["id","order_id",
 "payment_key","amount","method","status","toss_approved_at","created_at","reservation_id",
 "payment_type","reference_id"]}},"pagination":{"type":"object",
 "required":["total","limit","offset"],"properties":{"total":{"type":"integer"},
  "limit":{"type":"integer"},"offset":{"type":"integer"}}}}})";

inline constexpr char cancel_payment_request[] = R"({"type":"object","properties":{
 "cancelReason":{"type":["string","null"],"maxLength":200},
 "idempotencyKey":{"type":["string","null"],"maxLength":64}}})";

inline constexpr char cancel_payment_response[] = R"({"type":"object",
 "required":["success","message","refundAmount"],"properties":{"success":{"type":"boolean"},
 "message":{"type":"string"},"refundAmount":{"type":"integer"}}})";

} // namespace tk::http::schemas
