#include "actors/base/errors.hpp"

namespace tk {

client_answer answer_to(ec x) {
  switch (x) { // No default: -Wswitch asks for every value.
  case ec::ok: return {200, "OK", "OK"};
  case ec::seat_contested: return {409, "SEAT_CONTESTED", "Seat modified concurrently", 1};
  case ec::seat_held: return {409, "SEAT_HELD", "Seat already selected by another user"};
  case ec::seat_sold: return {409, "SEAT_SOLD", "Seat already reserved"};
  case ec::seat_unknown: return {404, "SEAT_NOT_FOUND", "Selected seat not found"};
  case ec::sale_closed: return {403, "SALE_CLOSED", "Sale is not open for this event"};
  case ec::hold_limit: return {403, "HOLD_LIMIT", "Too many seats held for this event"};
  case ec::reservation_unknown: return {404, "RESERVATION_NOT_FOUND", "Reservation not found"};
  case ec::already_cancelled: return {409, "ALREADY_CANCELLED", "Already cancelled reservation"};
  case ec::reservation_expired: return {409, "RESERVATION_EXPIRED", "Reservation has expired"};
  case ec::reservation_pinned:
    return {409, "PAYMENT_IN_PROGRESS", "A payment of this reservation is in progress"};
  case ec::reservation_confirmed: return {409, "RESERVATION_CONFIRMED", "Reservation is confirmed"};
  case ec::idempotency_conflict:
    return {409, "IDEMPOTENCY_CONFLICT", "Idempotency key was used with another request"};
  case ec::event_unknown: return {404, "EVENT_NOT_FOUND", "Event not found"};
  case ec::mail_taken:
    return {409, "REGISTRATION_FAILED", "Registration failed. Please try again or login."};
  case ec::bad_credentials: return {401, "BAD_CREDENTIALS", "Invalid email or password"};
  case ec::not_authenticated: return {401, "AUTHENTICATION_REQUIRED", "Authentication required"};
  case ec::admin_required: return {403, "ADMIN_REQUIRED", "Admin role required"};
  case ec::bad_request: return {400, "BAD_REQUEST", "Malformed request"};
  case ec::route_unknown: return {404, "NOT_FOUND", "Not found"};
  case ec::method_not_allowed: return {405, "METHOD_NOT_ALLOWED", "Method not allowed"};
  case ec::media_type: return {415, "UNSUPPORTED_MEDIA_TYPE", "Unsupported media type"};
  case ec::body_too_large: return {413, "BODY_TOO_LARGE", "Request body is too large"};
  case ec::headers_too_large:
    return {431, "HEADERS_TOO_LARGE", "Request header fields are too large"};
  case ec::origin_forbidden: return {403, "ORIGIN_FORBIDDEN", "Origin is not allowed"};
  case ec::rate_limited: return {429, "RATE_LIMITED", "Rate limit exceeded", 60};
  case ec::entry_token_required: return {403, "ENTRY_TOKEN_REQUIRED", "Queue entry token required"};
  case ec::in_flight:
  case ec::unknown:
    return {503, "OUTCOME_UNKNOWN", "The outcome is not known yet. Please ask again.", 1};
  case ec::busy: return {503, "BUSY", "Too many requests at this moment. Please retry.", 1};
  case ec::unavailable:
    return {503, "UNAVAILABLE", "Service temporarily unavailable. Please retry.", 2};
  case ec::late: return {503, "TIMEOUT", "The request took too long. Please retry.", 1};
  case ec::fenced:
  case ec::moved: return {503, "MOVED", "The service is moving. Please retry.", 1};
  case ec::refresh_missing: return {401, "REFRESH_TOKEN_REQUIRED", "Refresh token is required"};
  case ec::refresh_invalid:
    return {401, "REFRESH_TOKEN_INVALID", "Invalid or expired refresh token"};
  case ec::refresh_reused:
    return {401, "TOKEN_REUSED", "Token reuse detected. All sessions revoked for security."};
  case ec::token_invalid: return {401, "TOKEN_INVALID", "Invalid or expired token"};
  case ec::user_unknown: return {401, "USER_NOT_FOUND", "User not found"};
  case ec::password_wrong: return {400, "PASSWORD_WRONG", "Current password is incorrect"};
  case ec::password_change_required:
    return {403, "PASSWORD_CHANGE_REQUIRED", "The password must be changed first"};
  case ec::google_missing:
    return {400, "GOOGLE_CREDENTIAL_REQUIRED", "Google credential is required"};
  case ec::google_off: return {400, "GOOGLE_NOT_CONFIGURED", "GOOGLE_CLIENT_ID is not configured"};
  case ec::google_invalid: return {400, "GOOGLE_TOKEN_INVALID", "Invalid Google token"};
  case ec::google_payload: return {400, "GOOGLE_PAYLOAD_INVALID", "Invalid Google token payload"};
  case ec::artist_unknown: return {404, "ARTIST_NOT_FOUND", "Artist not found"};
  case ec::ticket_type_unknown: return {404, "TICKET_TYPE_NOT_FOUND", "Ticket type not found"};
  case ec::quantity_short: return {409, "NOT_ENOUGH_TICKETS", "quantity is not enough"};
  case ec::payment_unknown: return {404, "PAYMENT_NOT_FOUND", "Payment not found"};
  case ec::access_denied: return {403, "ACCESS_DENIED", "Access denied"};
  case ec::not_payable: return {400, "RESERVATION_NOT_PENDING", "Reservation is not pending"};
  case ec::hold_over: return {400, "HOLD_EXPIRED", "Reservation has expired"};
  case ec::paid_too_late:
    return {409, "PAYMENT_TOO_LATE", "The reservation is gone. What was paid is given back."};
  case ec::amount_mismatch: return {400, "AMOUNT_MISMATCH", "Amount mismatch"};
  case ec::already_paid: return {400, "ALREADY_PAID", "Payment already confirmed"};
  case ec::payment_declined: return {400, "PAYMENT_DECLINED", "The payment was declined"};
  case ec::payment_attempts:
    return {400, "PAYMENT_ATTEMPTS", "Too many declined payments for this order"};
  case ec::payment_pending:
    return {504, "PAYMENT_PENDING", "Payment is being verified. Do not pay again."};
  case ec::payment_method_unavailable:
    return {400, "PAYMENT_METHOD_UNAVAILABLE", "This payment method is not available"};
  case ec::provider_away:
    return {503, "PAYMENT_PROVIDER_UNAVAILABLE",
            "The payment provider cannot be reached. Nothing was charged; please try again later.",
            30};
  case ec::not_refundable:
    return {400, "NOT_REFUNDABLE", "Only confirmed payments can be cancelled"};
  case ec::not_cancellable: return {400, "NOT_CANCELLABLE", "This payment cannot be cancelled"};
  case ec::ticket_used: return {409, "TICKET_USED", "A ticket of this reservation has been used"};
  case ec::transfer_unknown: return {404, "TRANSFER_NOT_FOUND", "Transfer not found"};
  case ec::membership_unknown: return {404, "MEMBERSHIP_NOT_FOUND", "Membership not found"};
  case ec::queue_full: return {503, "QUEUE_FULL", "The waiting room is full", 30};
  case ec::queue_elsewhere:
    return {409, "ALREADY_IN_QUEUE", "You are already waiting for another event"};
  case ec::gate_token_required: return {403, "VWR_TOKEN_REQUIRED", "Waiting room token required"};
  case ec::gate_closed: return {404, "VWR_NOT_ACTIVE", "VWR is not active for this event"};
  case ec::gate_position_unknown:
    return {404, "VWR_POSITION_NOT_FOUND", "Position not found. Request a new position."};
  case ec::gate_unknown: return {404, "VWR_NOT_FOUND", "VWR not found for this event"};
  case ec::streams_full: return {503, "STREAMS_FULL", "Too many open streams", 15};
  case ec::draw_unknown: return {404, "DRAW_NOT_FOUND", "No draw was made for this event"};
  case ec::queue_in_use:
    return {409, "QUEUE_IN_USE", "Somebody has joined already, or the draw was made"};
  case ec::cancellation_closed:
    return {409, "CANCELLATION_CLOSED", "This reservation can no longer be cancelled"};
  case ec::transfer_gone: return {400, "TRANSFER_NOT_AVAILABLE", "Transfer is no longer available"};
  case ec::own_transfer: return {400, "OWN_TRANSFER", "Cannot buy your own transfer"};
  case ec::buyer_no_member:
    return {403, "MEMBERSHIP_REQUIRED", "Buyer must have active membership for this artist"};
  case ec::membership_foreign: return {403, "NOT_YOUR_MEMBERSHIP", "Not your membership"};
  case ec::membership_not_pending:
    return {400, "MEMBERSHIP_NOT_PENDING", "Membership is not pending payment"};
  case ec::internal: break;
  }
  return {500, "INTERNAL", "Internal server error"};
}

std::string_view to_string(ec x) {
  switch (x) {
  case ec::ok: return "ok";
  case ec::seat_contested: return "seat_contested";
  case ec::seat_held: return "seat_held";
  case ec::seat_sold: return "seat_sold";
  case ec::seat_unknown: return "seat_unknown";
  case ec::sale_closed: return "sale_closed";
  case ec::hold_limit: return "hold_limit";
  case ec::reservation_unknown: return "reservation_unknown";
  case ec::already_cancelled: return "already_cancelled";
  case ec::reservation_expired: return "reservation_expired";
  case ec::reservation_pinned: return "reservation_pinned";
  case ec::reservation_confirmed: return "reservation_confirmed";
  case ec::idempotency_conflict: return "idempotency_conflict";
  case ec::event_unknown: return "event_unknown";
  case ec::mail_taken: return "mail_taken";
  case ec::bad_credentials: return "bad_credentials";
  case ec::not_authenticated: return "not_authenticated";
  case ec::admin_required: return "admin_required";
  case ec::bad_request: return "bad_request";
  case ec::route_unknown: return "route_unknown";
  case ec::method_not_allowed: return "method_not_allowed";
  case ec::media_type: return "media_type";
  case ec::body_too_large: return "body_too_large";
  case ec::headers_too_large: return "headers_too_large";
  case ec::origin_forbidden: return "origin_forbidden";
  case ec::rate_limited: return "rate_limited";
  case ec::entry_token_required: return "entry_token_required";
  case ec::in_flight: return "in_flight";
  case ec::unknown: return "unknown";
  case ec::busy: return "busy";
  case ec::unavailable: return "unavailable";
  case ec::late: return "late";
  case ec::fenced: return "fenced";
  case ec::refresh_missing: return "refresh_missing";
  case ec::refresh_invalid: return "refresh_invalid";
  case ec::refresh_reused: return "refresh_reused";
  case ec::token_invalid: return "token_invalid";
  case ec::user_unknown: return "user_unknown";
  case ec::password_wrong: return "password_wrong";
  case ec::password_change_required: return "password_change_required";
  case ec::google_missing: return "google_missing";
  case ec::google_off: return "google_off";
  case ec::google_invalid: return "google_invalid";
  case ec::google_payload: return "google_payload";
  case ec::artist_unknown: return "artist_unknown";
  case ec::ticket_type_unknown: return "ticket_type_unknown";
  case ec::quantity_short: return "quantity_short";
  case ec::payment_unknown: return "payment_unknown";
  case ec::access_denied: return "access_denied";
  case ec::not_payable: return "not_payable";
  case ec::hold_over: return "hold_over";
  case ec::paid_too_late: return "paid_too_late";
  case ec::amount_mismatch: return "amount_mismatch";
  case ec::already_paid: return "already_paid";
  case ec::payment_declined: return "payment_declined";
  case ec::payment_attempts: return "payment_attempts";
  case ec::payment_pending: return "payment_pending";
  case ec::payment_method_unavailable: return "payment_method_unavailable";
  case ec::provider_away: return "provider_away";
  case ec::not_refundable: return "not_refundable";
  case ec::not_cancellable: return "not_cancellable";
  case ec::ticket_used: return "ticket_used";
  case ec::transfer_unknown: return "transfer_unknown";
  case ec::membership_unknown: return "membership_unknown";
  case ec::queue_full: return "queue_full";
  case ec::queue_elsewhere: return "queue_elsewhere";
  case ec::gate_token_required: return "gate_token_required";
  case ec::gate_closed: return "gate_closed";
  case ec::gate_position_unknown: return "gate_position_unknown";
  case ec::gate_unknown: return "gate_unknown";
  case ec::streams_full: return "streams_full";
  case ec::draw_unknown: return "draw_unknown";
  case ec::queue_in_use: return "queue_in_use";
  case ec::moved: return "moved";
  case ec::cancellation_closed: return "cancellation_closed";
  case ec::transfer_gone: return "transfer_gone";
  case ec::own_transfer: return "own_transfer";
  case ec::buyer_no_member: return "buyer_no_member";
  case ec::membership_foreign: return "membership_foreign";
  case ec::membership_not_pending: return "membership_not_pending";
  case ec::internal: break;
  }
  return "internal";
}

bool retryable(ec x) {
  switch (x) {
  case ec::seat_contested:
  case ec::busy:
  case ec::unavailable:
  case ec::late:
  case ec::fenced:
  case ec::moved:
  case ec::rate_limited: return true;
  default: return false;
  }
}

} // namespace tk
