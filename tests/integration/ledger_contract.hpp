#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "actors/base/entropy.hpp"
#include "persistence/ledger/messages.hpp"
#include "persistence/reads/messages.hpp"

/// The contract of the ledger's executors. `ledger_contract_*.cpp` hold the cases and are linked
/// into one test program per implementation; each program defines `make_ledger_world`.
///
/// What the ops that ledger.md has no table for promise:
/// - open_family: `done` (this family is on record) | `fenced` | `not_pending` (nobody, or a closed
///   account) | `moved` (other credentials by now) | `ok`.
/// - rotate_token: `done` (the next one is on record) | `fenced` | `not_pending` (not on record,
///   ended, over) | `reused` (its family ends, in a batch that commits) | `ok`; `at` is the user's
///   `revoked_before` always.
/// - revoke_tokens: `done` (this password, that family or the account was dealt with) | `fenced` |
///   `not_pending` (nobody, no such family) | `moved` (another password by now) | `ok` with `at` =
///   the new `revoked_before`, which never falls and is not before the statement's clock. Ending
///   everything again is `ok` again.
/// - reread_items: `ok` with one row per *existing* seat or type, by id, `at` = ledger time read
///   before the locks, `final_read` = `at` is past the deadline.
/// - claim_key: `not_pending` (nobody) | `conflict` | `replayed` | `ok`; `effect` is what the key
///   names. In a batch the first op with a key makes or moves the row.
/// - The ops about money: see ledger_contract_payments.cpp.
/// - room_turn: `done` (this turn of this owner is on record) | `fenced` | `in_flight` (an earlier
///   op of the batch is a turn of the room) | `ok`; a gap, slots out of order and an end of nothing
///   are torn.
/// - gate_turn: the same of a gate; a gap and whatever falls within an activation are torn.
/// Kinds of a batch are judged in the order release, money, create, open_family, rotate, revoke,
/// claim_key, room_turn, gate_turn, reread; within a kind in op order. Verdicts stand in the order
/// of the batch's ops.
namespace tk {

struct event_seed {
  event_id id;
  bool cancelled = false;
  instant sale_start;                ///< Epoch = none: not open yet.
  instant sale_end = instant::max(); ///< `instant::max()` = open end.
};

struct seat_seed {
  seat_id id;
  event_id event;
  int32_t block_no = 0;
  int32_t version = 0;
  int64_t fence = 0;
  won price;
};

struct type_seed {
  ticket_type_id id;
  event_id event;
  int32_t available = 0;
  int32_t total = 0;
};

/// A row of `reservation_history` (G20). Statuses as in the reservations' column; empty = none.
struct history_entry {
  std::string from, to;
  user_id actor; ///< Nil = the system.
  request_id request;
};

/// A row of the outbox whose key is the reservation.
struct outbox_entry {
  uint16_t shard = 0;
  std::string topic, type;
};

/// A refresh token; `revoked` also when it was used up.
struct family_entry {
  family_id id;
  std::string token_hash;
  bool revoked = false;
  instant expires_at;
};

/// An order, an attempt or a refund; statuses as in the tables' columns.
struct payment_entry {
  reservation_id reservation;
  user_id user;
  std::string order_id, key, method, status;
  won amount, refunded;
};
struct attempt_entry {
  std::string status;
  int32_t asked = 0;
  instant started_at, closed_at, next_ask_at; ///< Epoch = none.
};
struct refund_entry {
  attempt_id attempt;
  won amount;
  bool done = false;
  int32_t tries = 0;
  instant next_try_at;
};

/// A listing or a membership; status as in the table's column.
struct subject_entry {
  std::string status;
  user_id owner; ///< Of a listing the buyer.
  int32_t points = 0;
  instant expires_at;
};

/// What is on record of a family as a whole.
struct family_state {
  int32_t generation = 0;
  bool revoked = false;
  instant expires_at;
  std::string user_agent, address;
};

struct credentials_entry {
  std::string password_hash;
  int32_t number = 0;
  bool closed = false;
};

/// A ticket; status as in the table's column.
struct ticket_entry {
  ticket_id id;
  std::string number, status;
  seat_id seat;
  ticket_type_id type;
  event_id event;
  user_id user;
  won price;
  user_id used_by;
  instant used_at; ///< Epoch = never.
};

/// A slot, whether it is open or not.
struct admission_entry {
  int32_t generation = 0, number = 0;
  user_id user;
  uint32_t place = 0;
  instant admitted_at, hard_end, ended_at; ///< Epoch = has not ended.
  std::string why;
};

/// Counts of all rows that a refused op must leave alone.
struct row_counts {
  int64_t reservations = 0, items = 0, history = 0, outbox = 0, families = 0, tokens = 0;
  int64_t payments = 0, attempts = 0, refunds = 0, books = 0, tickets = 0, keys = 0;
  int64_t rooms = 0, room_log = 0, admissions = 0, gates = 0;
  auto operator<=>(const row_counts&) const = default;
};

/// One implementation: where the rows are, and who executes batches. Every case uses ids of its
/// own, so worlds may share a database; nobody else writes while a case runs.
struct ledger_world {
  virtual ~ledger_world() = default;

  virtual batch_executor& executor() = 0;
  /// Ledger time now.
  virtual instant now() = 0;
  /// Returns when ledger time is past `x`: a model sets its clock, a real server sleeps. Cases
  /// never ask for more than two seconds.
  virtual void wait_past(instant x) = 0;
  virtual entropy& random() = 0;

  // -- seeding ----------------------------------------------------------------------------------
  virtual int64_t epoch_of(uint16_t shard) = 0;
  virtual void set_epoch(uint16_t shard, int64_t epoch) = 0;
  virtual void add_user(user_id x) = 0;
  virtual void add_event(const event_seed& x) = 0;
  virtual void add_seat(const seat_seed& x) = 0;
  virtual void add_type(const type_seed& x) = 0;
  /// Gives the event an artist of its own: whom memberships are of.
  virtual artist_id add_artist(event_id x) = 0;
  virtual void add_membership(user_id x, artist_id of, int32_t points, instant expires_at) = 0;
  /// A membership that is to be paid for, with the artist's price. Its id as a subject.
  virtual reservation_id add_unpaid(user_id x, artist_id of, won price, int32_t points) = 0;
  /// Offers a reservation; of an artist, whose members alone may buy it, unless that is nil.
  virtual reservation_id add_listing(reservation_id x, user_id seller, artist_id of, won price) = 0;
  virtual void end_listing(reservation_id x) = 0;
  virtual void cancel_event(event_id x) = 0;
  /// Sets a live payment attempt as the pin.
  virtual void pin(reservation_id x) = 0;
  /// Turns a pending reservation and its seats into sold ones.
  virtual void confirm(reservation_id x) = 0;
  virtual void set_expiry(reservation_id x, instant at) = 0;
  virtual void set_password(user_id x, const std::string& hash) = 0;
  /// Moves the last rotation of a family so far into the past.
  virtual void age_rotation(family_id x, millis by) = 0;

  // -- reading ----------------------------------------------------------------------------------
  virtual std::optional<seat_row> seat(seat_id x) = 0;
  virtual std::optional<reservation_row> reservation(reservation_id x) = 0;
  /// Shard of the lead block as recorded with the reservation; -1 when there is no row.
  virtual int shard_of_reservation(reservation_id x) = 0;
  virtual int32_t available(ticket_type_id x) = 0;
  virtual std::vector<history_entry> history(reservation_id x) = 0; ///< Oldest first.
  virtual std::vector<outbox_entry> outbox(reservation_id x) = 0;   ///< Oldest first.
  virtual std::vector<outbox_entry> outbox_of(const std::string& order_id) = 0;
  virtual std::optional<payment_entry> payment(payment_id x) = 0;
  virtual std::optional<attempt_entry> attempt(attempt_id x) = 0;
  virtual std::optional<refund_entry> refund(refund_id x) = 0;
  /// Sums of an attempt's entries by account; accounts that sum to zero are left out.
  virtual std::map<std::string, int64_t> books(attempt_id x) = 0;
  virtual subject_entry subject(payment_subject of, reservation_id x) = 0;
  virtual std::string payment_status(reservation_id x) = 0;
  virtual std::vector<ticket_entry> tickets(reservation_id x) = 0; ///< By number.
  virtual std::vector<family_entry> families(user_id x) = 0;       ///< By id, then hash.
  virtual std::optional<family_state> family(family_id x) = 0;
  virtual instant revoked_before(user_id x) = 0; ///< Epoch = never revoked.
  virtual credentials_entry credentials(user_id x) = 0;
  virtual checkout_rows checkout(const load_checkout& x) = 0;
  virtual room_rows room(event_id x) = 0;
  virtual event_inventory inventory(event_id x) = 0;
  virtual std::vector<admission_entry> admissions(event_id x) = 0; ///< By generation and number.
  virtual gate_rows gate(event_id x) = 0;
  virtual std::vector<event_id> gates_open() = 0;
  virtual std::vector<event_id> rooms_alive() = 0;
  virtual row_counts counts() = 0;
};

/// A world of the implementation under test; defined once per test program.
std::unique_ptr<ledger_world> make_ledger_world();

} // namespace tk
