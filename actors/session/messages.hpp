#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "actors/base/request_key.hpp"
#include "actors/seat_block/messages.hpp"
#include "actors/waiting_room/messages.hpp"

/// What can be said to a user's session, and its answers. The user is the session's key.
namespace tk {

/// Holds 1..n seats of one event, or quantities of its ticket types; never both. `token_issued_at`
/// is when the caller's access token was issued.
struct reserve_items {
  event_id event;
  /// Distinct; blocks filled in by the ingress from the plan. With an `unplaced` one nothing is
  /// held: it is only asked whether the key was used for something else.
  std::vector<wanted_item> items;
  std::string key, digest; ///< Idempotency; `key` empty = none.
  instant token_issued_at;
  request_id request;
  bool operator==(const reserve_items&) const = default;
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

/// The same with what a list of sessions shows, and with what must still be true of the user.
struct start_family_v2 {
  family_id family;
  std::string token_hash; ///< SHA-256, lower-case hex.
  int32_t ttl_s = 604'800;
  int32_t life_s = 7'776'000; ///< However often it is refreshed.
  int32_t credentials = 0;    ///< Those that were verified; 0 = none were.
  family_id ends;             ///< The family presented at this log-in, if it is the user's (S9).
  std::string user_agent, address;
  bool operator==(const start_family_v2&) const = default;
};
struct family_started_v2 {
  ec is = ec::ok;
  instant revoked_before; ///< Access tokens made for the answer must be younger.
  bool operator==(const family_started_v2&) const = default;
};

/// Replaces a refresh token by another one of its family (S7, D13).
struct rotate_family {
  family_id family;
  std::string token_hash, next_hash;
  int32_t ttl_s = 604'800;
  bool operator==(const rotate_family&) const = default;
};
struct family_rotated {
  ec is = ec::ok;
  instant revoked_before; ///< Access tokens made for the answer must be younger.
  bool operator==(const family_rotated&) const = default;
};

/// Ends sessions of the user, their access tokens included: all but `keep`, or `only` one.
struct end_sessions {
  instant token_issued_at;
  family_id keep, only;           ///< Nil = none.
  std::string old_hash, new_hash; ///< With a change of the password; empty = none.
  bool close = false;             ///< With the account.
  bool operator==(const end_sessions&) const = default;
};
struct sessions_ended {
  ec is = ec::ok;
  instant revoked_before;
  bool operator==(const sessions_ended&) const = default;
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

/// Asks the waiting room of an event for the user, as `check_queue`, where one person may wait for
/// one event at a time (C8): `queue_elsewhere` for whoever would join while they wait for another.
struct join_queue {
  event_id event;
  uint32_t gate_number = 0;
  queue_ticket ticket;
  bool join = true;
  bool operator==(const join_queue&) const = default;
};

template <class F> wire<F> inspect(F& f, reserve_items& x) {
  return f(x.event, x.items, x.key, x.digest, x.token_issued_at, x.request);
}
template <class F> wire<F> inspect(F& f, cancel_reservation& x) {
  return f(x.id, x.token_issued_at, x.request);
}
template <class F> wire<F> inspect(F& f, start_family& x) {
  return f(x.family, x.token_hash, x.ttl_s);
}
template <class F> wire<F> inspect(F& f, family_started& x) { return f(x.is); }
template <class F> wire<F> inspect(F& f, start_family_v2& x) {
  return f(x.family, x.token_hash, x.ttl_s, x.life_s, x.credentials, x.ends, x.user_agent,
           x.address);
}
template <class F> wire<F> inspect(F& f, family_started_v2& x) { return f(x.is, x.revoked_before); }
template <class F> wire<F> inspect(F& f, rotate_family& x) {
  return f(x.family, x.token_hash, x.next_hash, x.ttl_s);
}
template <class F> wire<F> inspect(F& f, family_rotated& x) { return f(x.is, x.revoked_before); }
template <class F> wire<F> inspect(F& f, end_sessions& x) {
  return f(x.token_issued_at, x.keep, x.only, x.old_hash, x.new_hash, x.close);
}
template <class F> wire<F> inspect(F& f, sessions_ended& x) { return f(x.is, x.revoked_before); }
template <class F> wire<F> inspect(F& f, revoke_all& x) { return f(x.token_issued_at); }
template <class F> wire<F> inspect(F& f, join_queue& x) {
  return f(x.event, x.gate_number, x.ticket, x.join);
}
template <class F> wire<F> inspect(F& f, all_revoked& x) { return f(x.is); }

} // namespace tk
