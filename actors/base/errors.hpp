#pragma once

#include <cstdint>
#include <string_view>

namespace tk {

/// Why something was not done. One enum for all contexts and one table (`answer_to`), so that the
/// compiler finds the value somebody forgot. Values travel in replies: append only.
enum class ec : uint8_t {
  ok = 0,
  // -- seats and reservations -------------------------------------------------------------------
  seat_contested,        // A tentative claim of somebody else: ask again at once.
  seat_held,             // Somebody else's hold: may come back when it ends.
  seat_sold,             // Sold: does not come back by waiting.
  seat_unknown,          // No such seat in this event.
  sale_closed,           // Outside the sale window, or the event is cancelled or over.
  hold_limit,            // The user holds as many seats of this event as allowed.
  reservation_unknown,   // No such reservation, or not the caller's.
  already_cancelled,     // Cancel of a cancelled reservation.
  reservation_expired,   // Cancel of an expired one.
  reservation_pinned,    // A payment of it is undecided.
  reservation_confirmed, // Paid: cancelling it is a refund, which checkout decides.
  idempotency_conflict,  // Same key, other payload.
  event_unknown,
  // -- accounts ---------------------------------------------------------------------------------
  mail_taken,
  bad_credentials,
  not_authenticated, // No token, a bad one, or one issued before the user's last revocation.
  admin_required,
  // -- requests ---------------------------------------------------------------------------------
  bad_request, // Malformed JSON, uuid, number; the text tells which.
  route_unknown,
  method_not_allowed,
  media_type,
  body_too_large,
  headers_too_large,
  origin_forbidden,
  rate_limited,
  entry_token_required,
  // -- the system -------------------------------------------------------------------------------
  in_flight,   // This very request is being decided.
  unknown,     // The outcome is not known yet: repeat with the same key.
  busy,        // Refused before anything was done: a bound was reached.
  unavailable, // Refused before anything was done: a dependency is away.
  late,        // Refused before anything was done: its time was up.
  fenced,      // Refused: the shard has a new owner.
  internal,    // A bug; the log knows more.
  // -- signing in --------------------------------------------------------------------------------
  refresh_missing,          // A refresh without a token.
  refresh_invalid,          // Bad, over, or not on record.
  refresh_reused,           // Its family is revoked.
  token_invalid,            // An access token given to be verified.
  user_unknown,             // A good token of somebody who is gone.
  password_wrong,           // To change it or to leave.
  password_change_required, // The configured admin's first log-in (G07).
  google_missing,
  google_off,
  google_invalid, // Signature, issuer, audience or time.
  google_payload, // No subject, or no verified mail.
  // -- catalogue and standing tickets ------------------------------------------------------------
  artist_unknown,
  ticket_type_unknown,
  quantity_short, // Fewer left of a type than wanted.
  // -- payments ----------------------------------------------------------------------------------
  payment_unknown,
  access_denied, // Somebody else's payment or subject.
  not_payable,
  hold_over,     // Too late to begin paying.
  paid_too_late, // Paid, but the seat is gone: refunded (C28).
  amount_mismatch,
  already_paid,               // Clients look for this text.
  payment_declined,           // By the provider, definitely.
  payment_attempts,           // D-27: three a hold.
  payment_pending,            // G02: no definite answer yet.
  payment_method_unavailable, // G04.
  provider_away,              // Refused before anything was asked of it.
  not_refundable,
  not_cancellable, // A membership's or a transfer's payment (D20).
  ticket_used,     // A ticket of it was let in at the door: it stays paid.
  transfer_unknown,
  membership_unknown,
  // -- waiting room ------------------------------------------------------------------------------
  queue_full,            // As many wait as may (C8).
  queue_elsewhere,       // One queue at a time (C8).
  gate_token_required,   // A tier-1 token, while the event has a gate (D33).
  gate_closed,           // The event has no gate now.
  gate_position_unknown, // Clients take a new position.
  gate_unknown,          // The event never had one.
  streams_full,          // As many listen as may (G05).
  draw_unknown,          // No draw was made for this event (C5).
  queue_in_use,          // Somebody has joined, or the draw was made: a pre-queue is not changed.
  // -- the cluster -------------------------------------------------------------------------------
  moved, // Refused before anything was done: another node has it. Routers ask there; nobody else
         // hears of it unless their time runs out.
  // -- cancelling ------------------------------------------------------------------------------
  cancellation_closed, // The event's policy allows no cancellation (any more).
  // -- listings and memberships ----------------------------------------------------------------
  transfer_gone, // Sold, or taken back.
  own_transfer,
  buyer_no_member, // The artist's members only.
  membership_foreign,
  membership_not_pending
};

/// What a client is told. Body: {"error": text, "message": text, "code": code} (contract 1.5).
struct client_answer {
  int status;
  std::string_view code;
  std::string_view text;
  /// Seconds for `Retry-After`; 0 = no such header.
  int retry_after_s = 0;
};

/// The one table from errors to the wire (R5). Texts are the contract's.
client_answer answer_to(ec x);

/// Stable snake_case name, for logs and metrics.
std::string_view to_string(ec x);

/// True when it is certain that nothing happened and a repeat may succeed.
bool retryable(ec x);

} // namespace tk
