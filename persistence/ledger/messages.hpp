#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "actors/base/ids.hpp"
#include "actors/base/money.hpp"
#include "actors/base/placement.hpp"
#include "actors/base/time.hpp"
#include "persistence/ledger/payment_ops.hpp"
#include "persistence/ledger/queue_ops.hpp"

/// What can be said to the ledger, and its answers. Ops never leave the node: an op commits at its
/// lead block's node, so these structs are plain C++ without a wire form.
namespace tk {

/// A seat or a quantity of a standing ticket type; exactly one of `seat` and `type` is set.
struct create_item {
  seat_id seat;
  ticket_type_id type;
  int32_t version = 0;  ///< Of the seat as the block knows it; the op fails when it moved.
  int64_t fence = 0;    ///< The seat's new token, strictly larger than its last one.
  int32_t quantity = 1; ///< 1 for a seat.
  won price;            ///< Of one unit.
  participant block;    ///< The owner that claimed it.
  int32_t block_no = 0;
};

/// Makes a reservation of all its items or of none. Item 0 belongs to the lead block.
struct create_reservation {
  reservation_id id;
  user_id user;
  event_id event;
  std::string number; ///< `TK<epoch ms>-<8 hex>`, unique.
  won total;
  std::string operation; ///< Scope of the idempotency key, e.g. "seats.reserve".
  std::string key;       ///< Idempotency key; empty = none.
  std::string digest;    ///< Of the request's payload: same key, other digest = conflict.
  int32_t ttl_s = 300;   ///< Life of the hold, from the ledger's own clock.
  instant deadline;      ///< Ledger time after which the op must not commit.
  participant session;
  participant event_owner;
  std::vector<create_item> items;
  request_id request; ///< For history and domain events (correlation).
  /// Of a user whose rows nobody has read: the ledger judges the token and the limit. Nil = they
  /// have been judged.
  instant token_issued_at;
  /// Beside it: what the user may hold of the event already, counted as `holds_in` does.
  int32_t holds_before_max = 0;
  bool presale = false; ///< It opens for this user by the tier of their membership (2.9).
};

enum class release_reason : uint8_t { cancelled = 1, expired };

/// Ends a pending reservation and gives everything back. The item list is judged, not believed.
struct release_reservation {
  reservation_id id;
  release_reason reason = release_reason::cancelled;
  std::vector<release_item> items; ///< Item 0 belongs to the lead block.
  user_id actor;                   ///< Who asked; nil = the system (expiry).
  request_id request;
};

/// Reads seats and ticket types under their row locks, so behind every batch that already holds
/// them. Final when the ledger's clock in the answer is past `deadline`.
struct reread_items {
  std::vector<seat_id> seats;
  instant deadline;
  participant block; ///< Whose they are; picks the lane.
  std::vector<ticket_type_id> types = {};
};

/// Puts a new refresh-token family on record (log-in, registration). A family may be refreshed
/// until it is `life_s` old; each of its tokens lives `ttl_s`.
struct open_family {
  user_id user;
  family_id family;
  std::string token_hash; ///< SHA-256 of the refresh token, lower-case hex.
  int32_t ttl_s = 604'800;
  participant session;
  int32_t life_s = 7'776'000;
  int32_t credentials = 0; ///< `users.credentials` that was verified; 0 = whatever they are.
  family_id ends = {};     ///< A family of the same user that ends with it (S9); nil = none.
  std::string user_agent = {}, address = {}; ///< Of the log-in, for the list of sessions.
};

/// How long the immediate predecessor of a refresh token still works (D13): two tabs, a lost reply.
inline constexpr int32_t refresh_grace_s = 10;

/// Replaces a refresh token by `next_hash`. A token that was used before ends its family and
/// refuses access tokens issued up to now (C31), but for the grace.
struct rotate_token {
  user_id user;
  family_id family;
  std::string token_hash, next_hash;
  int32_t ttl_s = 604'800;
  participant session;
};

/// Ends families of a user for ever and refuses access tokens issued up to now (C1, C32): all of
/// them, all but `keep`, or `only` one. What must not happen without that happens with it.
struct revoke_tokens {
  user_id user;
  participant session;
  family_id keep = {};                      ///< Nil = none.
  family_id only = {};                      ///< Nil = not just one.
  std::string old_hash = {}, new_hash = {}; ///< A change of the password; empty = none.
  bool close = false;                       ///< The account: nobody logs in any more (G07).
};

using op = std::variant<create_reservation, release_reservation, reread_items, open_family,
                        rotate_token, revoke_tokens, open_payment, begin_attempt, complete_payment,
                        fail_attempt, note_asked, claim_refund, cancel_paid, settle_refund,
                        admit_ticket, claim_key, room_turn, gate_turn>;
using op_ptr = std::shared_ptr<const op>;

/// What became of an op. The values up to `lost` are judged by the ledger's statements; those from
/// `busy` on say that nothing happened, with certainty; `unknown` alone says nothing.
enum class outcome : uint8_t {
  ok = 1,
  replayed,    ///< This id, or this user's key, is on record already (`replay_of`).
  conflict,    ///< Same key, other digest.
  in_flight,   ///< An earlier op of the same batch has the key, or ends the same reservation.
  fenced,      ///< A participant's epoch is not the current one.
  late,        ///< The deadline had passed by ledger time, or when the batch was formed.
  closed,      ///< Event cancelled, or outside the sale window.
  moved,       ///< A seat is not free at the version named, or an earlier op asked for it too.
  sold_out,    ///< The quota does not cover this op behind the earlier ones of the batch.
  done,        ///< Has happened already, by this very op.
  not_pending, ///< Unknown reservation, confirmed, or ended otherwise.
  pinned,      ///< A payment is undecided.
  early,       ///< Not expired by ledger time (`expires_at` tells when).
  partial,     ///< The item list is not the reservation's.
  reused,      ///< A refresh token that was used up: its family has ended.
  paid,        ///< The reservation is paid already.
  attempts,    ///< As many orders of it have failed as a hold may have.
  expired,     ///< Past its end by ledger time.
  no_order,    ///< The order is not open.
  amount,      ///< Not the amount that is owed.
  key_used,    ///< The provider's key belongs to another order.
  not_pinned,  ///< Ended, or pinned by another attempt.
  lost,        ///< A seat is not this reservation's with this fence.
  number_used, ///< A ticket's number is taken: nothing was done, make other ones.
  used,        ///< The ticket was let in before, by another scan (`used_at` tells when).
  voided,      ///< The ticket was cancelled or given to somebody else.
  no_ticket,   ///< There is no such ticket.
  revoked,     ///< The user is unknown, or the token was issued before the last revocation.
  over_limit,  ///< The user holds too much of the event already.
  busy,        ///< Bound reached, lock wait, deadlock: repeat.
  unavailable, ///< The database cannot write.
  broken,      ///< The op alone trips the wire: a bug, alerted.
  unknown      ///< May or may not have happened.
};
std::string_view to_string(outcome x);

/// A seat's row as the ledger sees it.
struct seat_row {
  seat_id seat;
  int32_t version = 0;
  int64_t fence = 0;
  char status = 'a'; ///< 'a' available, 'l' locked, 'r' reserved (sold).
  reservation_id reservation;
  user_id holder;
  instant expires_at; ///< Of the holding reservation when locked.
  bool pinned = false;
};

/// A ticket type's row as the ledger sees it.
struct type_row {
  ticket_type_id type;
  int32_t available = 0, total = 0;
};

struct verdict {
  outcome is = outcome::unknown;
  reservation_id replay_of;
  instant expires_at;          ///< create: end of the hold; release/early: the row's.
  instant at;                  ///< Ledger time of the judgement (of tokens: `revoked_before`).
  std::vector<seat_row> rows;  ///< reread_items only.
  std::vector<type_row> types; ///< reread_items only.
  bool final_read = false;     ///< reread_items: the ledger's clock was past the deadline.
  payment_id payment;          ///< open_payment: the open order, made now or before.
  std::string order_id;        ///< Of it.
  won amount;                  ///< open_payment: what it costs; cancel_paid: what goes back.
  instant used_at;             ///< admit_ticket: when the ticket was let in.
  effect_id effect;            ///< claim_key: what the key names.
  std::vector<int32_t> paid;   ///< room_turn: slots that ended so since `paid_since`, by number.
};

/// Asks for a verdict. The ledger drops the op (late) when it has not been sent by `deadline`.
struct submit {
  op_ptr what;
  instant deadline;
};

/// Asks to be told when every op that names `shard` and was admitted before has an outcome.
struct barrier {
  uint16_t shard = 0;
};
struct barrier_passed {
  uint16_t shard = 0;
};

// -- the driver's two messages ------------------------------------------------------------------

/// One transaction's worth of ops, judged together, in this order.
struct batch {
  std::vector<op_ptr> ops;
};

enum class batch_status : uint8_t {
  committed = 1, ///< `verdicts` holds one per op.
  torn,          ///< Tripwire or an unexpected SQL error: nothing was written; halve.
  contended,     ///< Deadlock, lock or statement timeout: nothing was written; once more.
  read_only,     ///< The server cannot write (class 53, 25006).
  not_connected, ///< Nothing was sent: no server to be had.
  lost           ///< The connection broke: unknown whether COMMIT happened.
};
std::string_view to_string(batch_status x);

struct batch_result {
  batch_status is = batch_status::lost;
  std::vector<verdict> verdicts;
  std::string error; ///< SQLSTATE and text, for the log only.
};

/// Executes batches, one at a time, by blocking. The libpq driver and its in-memory model both
/// implement it and pass one contract suite. After `lost`, the next call first makes sure that the
/// old backend has ended (ledger.md section 7), so that sending the same batch again is the
/// look-up.
struct batch_executor {
  virtual ~batch_executor() = default;
  virtual batch_result execute(const batch& what) = 0;
};

struct execute_batch {
  uint64_t ticket = 0;
  std::shared_ptr<const batch> what;
};
struct batch_executed {
  uint64_t ticket = 0;
  std::shared_ptr<const batch_result> result;
};

} // namespace tk
