#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "actors/seat_block/messages.hpp"

/// What can be said to a user's session, and its answers. The user is the session's key.
namespace tk {

/// Holds 1..n seats of one event. `token_issued_at` is when the caller's access token was issued.
struct reserve_seats {
  event_id event;
  std::vector<wanted_seat> seats; ///< Distinct; blocks filled in by the ingress from the seat plan.
  std::string key, digest;        ///< Idempotency; `key` empty = none.
  instant token_issued_at;
  request_id request;
  bool operator==(const reserve_seats&) const = default;
};

/// Cancels one of the user's reservations.
struct cancel_reservation {
  reservation_id id;
  instant token_issued_at;
  request_id request;
  bool operator==(const cancel_reservation&) const = default;
};

/// Puts the refresh token of a fresh log-in on record, before anybody hears of it (P-2).
struct start_family {
  family_id family;
  std::string token_hash; ///< SHA-256, lower-case hex.
  int32_t ttl_s = 604800;
  bool operator==(const start_family&) const = default;
};
struct family_started {
  ec is = ec::ok;
  bool operator==(const family_started&) const = default;
};

/// Ends every session of the user: refresh tokens and access tokens issued up to now.
struct revoke_all {
  instant token_issued_at;
  bool operator==(const revoke_all&) const = default;
};
struct all_revoked {
  ec is = ec::ok;
  bool operator==(const all_revoked&) const = default;
};

template <class F> wire<F> inspect(F& f, reserve_seats& x) {
  return f(x.event, x.seats, x.key, x.digest, x.token_issued_at, x.request);
}
template <class F> wire<F> inspect(F& f, cancel_reservation& x) {
  return f(x.id, x.token_issued_at, x.request);
}
template <class F> wire<F> inspect(F& f, start_family& x) {
  return f(x.family, x.token_hash, x.ttl_s);
}
template <class F> wire<F> inspect(F& f, family_started& x) { return f(x.is); }
template <class F> wire<F> inspect(F& f, revoke_all& x) { return f(x.token_issued_at); }
template <class F> wire<F> inspect(F& f, all_revoked& x) { return f(x.is); }

} // namespace tk
