#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "actors/base/placement.hpp"
#include "persistence/ledger/messages.hpp"
#include "persistence/reads/messages.hpp"

/// PostgreSQL as far as the ledger sees it, in memory: the driver of the simulation and of tests
/// (ledger.md section 11). It passes the contract suite that the libpq driver passes.
namespace tk {

struct model_seat {
  event_id event;
  int32_t block_no = 0;
  won price;
  int32_t version = 0;
  int64_t fence = 0;
  char status = 'a';
  reservation_id reservation;
  user_id holder;
};

struct model_type {
  event_id event;
  int32_t available = 0, total = 0;
  int32_t block_no = first_quota_block;
  won price = {};
};

struct model_reservation {
  reservation_row row;
  uint16_t shard = 0; ///< Of the lead block.
  attempt_id pin;
  std::string payment_status = "pending", payment_method;
};

struct model_payment {
  reservation_id reservation; ///< Or what else it is for.
  user_id user;
  std::string order_id, key, method;
  won amount, refunded;
  std::string status = "pending";
  instant approved_at;
  request_id request;
  payment_subject of = payment_subject::reservation;
};

struct model_attempt {
  payment_id payment;
  reservation_id reservation;
  std::string provider, key, method;
  won amount;
  std::string status = "live";
  int32_t asked = 0;
  instant started_at, closed_at;
  instant next_ask_at; ///< Epoch = never.
  payment_subject of = payment_subject::reservation;
};

struct model_refund {
  attempt_id attempt;
  payment_id payment;
  reservation_id reservation;
  won amount;
  std::string reason;
  bool done = false;
  int32_t tries = 0;
  instant next_try_at;
  won fee; ///< Kept of what was paid.
  payment_subject of = payment_subject::reservation;
};

struct model_ticket {
  std::string number;
  reservation_id reservation;
  seat_id seat;
  ticket_type_id type;
  event_id event;
  user_id user;
  won price;
  std::string status = "valid", admission_key;
  user_id used_by;
  instant used_at; ///< Epoch = never.
};

struct model_key {
  std::string digest;
  effect_id effect;
};

struct model_entry {
  attempt_id attempt;
  std::string account;
  won amount;
};

struct model_history {
  reservation_id reservation;
  std::string from, to;
  user_id actor;
  request_id request;
  std::string payment_from, payment_to;
  instant at = {};
};

struct model_outbox {
  uint16_t shard = 0;
  std::string key;
  std::string topic, type;
};

struct model_family {
  user_id user;
  int32_t generation = 1;
  instant rotated_at, expires_at;
  bool revoked = false;
  std::string user_agent, address;
};

struct model_token {
  user_id user;
  family_id family;
  int32_t generation = 1;
  instant expires_at;
  bool revoked = false; ///< Or used up.
};

/// Of a user, as far as the ledger writes it. Users without one have the first credentials.
struct model_credentials {
  std::string password_hash;
  int32_t number = 1;
  bool closed = false;
};

/// A membership of an artist.
struct model_membership {
  int32_t points = 0;
  instant expires_at = instant::max();
  reservation_id id; ///< As a subject of payments.
  won price;
  std::string status = "active";
  payment_id paid_by;
};

/// A reservation that is for sale.
struct model_listing {
  reservation_id reservation;
  user_id seller, buyer;
  artist_id artist; ///< Whose members alone may buy; nil = anybody.
  won price;
  std::string status = "listed";
};

/// Points of a membership: what for, how many, and by what.
struct model_points {
  reservation_id membership;
  std::string action;
  int32_t points = 0;
  reservation_id reference;
};

/// A slot; epoch = it has not ended.
struct model_slot {
  user_id user;
  uint32_t place = 0;
  instant admitted_at, hard_end, ended_at;
  slot_end why = slot_end::left;
};

/// What one turn of a room says of places.
struct model_room_log {
  int32_t generation = 0;
  std::vector<room_join> joins;
  std::vector<uint32_t> leavers;
};

struct model_room {
  struct state {
    int64_t turn = 0, epoch = 0;
    int32_t generation = 0;
    int64_t reserved_to = 1;
    int32_t admitted = 0;
    room_control control;
    instant written_at;
  } now;
  std::vector<model_room_log> log;
  std::map<std::pair<int32_t, int32_t>, model_slot> slots; ///< By generation and number.
};

struct model_gate {
  int64_t turn = 0, epoch = 0;
  gate_state state;
};

/// The tables. Tests and worlds write them directly, as a migration or an operator would.
struct model_rows {
  std::map<event_id, event_row> events;
  std::map<seat_id, model_seat> seats;
  std::map<ticket_type_id, model_type> types;
  std::map<reservation_id, model_reservation> reservations;
  std::map<std::tuple<user_id, std::string, std::string>, reservation_id> keys;
  std::set<std::string> numbers;
  std::vector<model_history> history;
  std::vector<model_outbox> outbox;
  std::map<payment_id, model_payment> payments;
  std::map<attempt_id, model_attempt> attempts;
  std::map<refund_id, model_refund> refunds;
  std::map<ticket_id, model_ticket> tickets;
  std::vector<model_entry> books;
  std::map<event_id, artist_id> artists; ///< Of events that have one.
  std::map<std::pair<user_id, artist_id>, model_membership> memberships;
  std::map<reservation_id, model_listing> listings;
  std::vector<model_points> points;
  std::map<user_id, instant> users; ///< With the moment of the last revocation.
  std::map<user_id, model_credentials> credentials;
  std::map<family_id, model_family> families;
  std::map<std::string, model_token> tokens; ///< By hash.
  /// By user, operation and key.
  std::map<std::tuple<user_id, std::string, std::string>, model_key> request_keys;
  std::map<event_id, model_room> rooms;
  std::map<event_id, model_gate> gates;
  std::array<int64_t, shard_count> epochs{};
};

/// What goes wrong with one execution.
enum class model_fault : uint8_t {
  none = 0,
  lose_before_commit, ///< `lost`; nothing is written.
  lose_after_commit,  ///< `lost`; everything is written.
  lose_commit_later,  ///< `lost`; the old backend commits just before the next execution.
  torn,
  contended,
  read_only,
  not_connected
};

/// One database. Not thread-safe: the simulation runs on one thread.
class ledger_model : public batch_executor {
public:
  explicit ledger_model(instant start);

  batch_result execute(const batch& what) override;

  [[nodiscard]] instant now() const { return now_; }
  /// Ledger time never goes back.
  void set_now(instant x);

  // -- faults -----------------------------------------------------------------------------------
  /// The next execution without a fault of its own meets `x`; faults queue up.
  void meet_next(model_fault x) { faults_.push_back(x); }
  /// Every execution meets `x` until it is `none`; injected faults go first.
  void meet_always(model_fault x) { always_ = x; }
  /// A batch with this op is torn, whatever its neighbours are.
  void poison(const op_ptr& x) { poisoned_.insert(x.get()); }
  /// Executions so far, refused ones included.
  [[nodiscard]] uint64_t executions() const { return executions_; }
  /// Ops of all batches executed so far.
  [[nodiscard]] uint64_t ops_executed() const { return ops_executed_; }

  // -- rows -------------------------------------------------------------------------------------
  model_rows rows;
  /// A seat's row with what its reservation says of it; nullopt for an unknown seat.
  [[nodiscard]] std::optional<seat_row> seat(seat_id x) const;
  /// A reservation as a read tells it: its items with their seats' versions and fences.
  reservation_row told(const reservation_row& row) const;

  // -- the reads port ---------------------------------------------------------------------------
  [[nodiscard]] session_rows read(const load_session& x) const;
  [[nodiscard]] block_rows read(const load_block& x) const;
  [[nodiscard]] event_row read(const load_event& x) const;
  [[nodiscard]] found_reservation read(const load_reservation& x) const;
  [[nodiscard]] overdue_rows read(const find_overdue& x) const;
  [[nodiscard]] live_blocks read(const find_live_blocks& x) const;
  /// Every seat of the event in order of id, one section without a name.
  [[nodiscard]] plan_rows read(const load_plan& x) const;
  [[nodiscard]] checkout_rows read(const load_checkout& x) const;
  [[nodiscard]] open_checkouts read(const find_open_checkouts& x) const;
  [[nodiscard]] room_rows read(const load_room& x) const;
  [[nodiscard]] gate_rows read(const load_gate& x) const;
  [[nodiscard]] live_rooms read(const find_live_rooms& x) const;
  [[nodiscard]] open_gates read(const find_open_gates& x) const;
  [[nodiscard]] event_inventory read(const load_inventory& x) const;

private:
  [[nodiscard]] block_rows read_quota(const load_block& x) const;
  using undo_log = std::vector<std::function<void()>>;

  model_fault next_fault();
  batch_result run(const batch& what);
  [[nodiscard]] bool fenced(const participant& x) const;
  bool release_all(const batch& what, std::vector<verdict>& out, undo_log& undo);
  bool create_all(const batch& what, std::vector<verdict>& out, undo_log& undo);
  void account_ops(const batch& what, std::vector<verdict>& out, undo_log& undo);
  void reread_all(const batch& what, std::vector<verdict>& out) const;

  [[nodiscard]] verdict judge(const release_reservation& x) const;
  void apply(const release_reservation& x, undo_log& undo);
  [[nodiscard]] verdict judge(const create_reservation& x) const;
  [[nodiscard]] bool revoked(const create_reservation& x) const;
  [[nodiscard]] bool over_limit(const create_reservation& x) const;
  [[nodiscard]] millis presale_wait(const create_reservation& x) const;
  [[nodiscard]] bool seat_moved(const create_item& x) const;
  [[nodiscard]] bool violates(const create_reservation& x) const;
  void apply(const create_reservation& x, undo_log& undo);

  [[nodiscard]] outcome judge(const open_family& x) const;
  void apply(const open_family& x, verdict& out, undo_log& undo);
  [[nodiscard]] outcome judge(const rotate_token& x) const;
  /// Judged by the rows as they were before the first one was applied, as the statement does.
  void rotate_all(const batch& what, std::vector<verdict>& out, undo_log& undo);
  void apply(const rotate_token& x, verdict& out, undo_log& undo);
  [[nodiscard]] outcome judge(const revoke_tokens& x) const;
  void apply(const revoke_tokens& x, undo_log& undo);
  void claim_all(const batch& what, std::vector<verdict>& out, undo_log& undo);
  /// Of several with one key the first of the batch may move it.
  verdict claim(const claim_key& x, bool first, undo_log& undo);
  /// Ends a family with its tokens.
  void end_family(family_id x, undo_log& undo);
  /// Refuses the access tokens of a user up to now.
  void refuse_tokens(user_id x, undo_log& undo);
  [[nodiscard]] instant revoked_before(user_id x) const;
  [[nodiscard]] model_credentials credentials_of(user_id x) const;

  // model_payments.cpp: one kind after the other, as the statements do.
  bool money_ops(const batch& what, std::vector<verdict>& out, undo_log& undo);
  template <class Op> bool each(const batch& what, std::vector<verdict>& out, undo_log& undo);
  // model_subjects.cpp: the same ops of listings and memberships.
  [[nodiscard]] const model_membership* membership(reservation_id x) const;
  [[nodiscard]] bool is_member(user_id x, artist_id of) const;
  [[nodiscard]] outcome standing(payment_subject of, reservation_id x, user_id payer) const;
  [[nodiscard]] won price_of(payment_subject of, reservation_id x) const;
  [[nodiscard]] verdict judge_subject(const open_payment& x) const;
  [[nodiscard]] verdict judge_subject(const begin_attempt& x) const;
  [[nodiscard]] verdict judge_subject(const complete_payment& x) const;
  bool apply_membership(const complete_payment& x, undo_log& undo);
  bool apply_transfer(const complete_payment& x, undo_log& undo);
  void approve(const complete_payment& x, undo_log& undo);
  void award(user_id user, artist_id of, const char* action, int32_t points, reservation_id by,
             undo_log& undo);
  void read_subject(const load_checkout& x, checkout_rows& out) const;

  verdict judge(const open_payment& x) const;
  verdict judge(const begin_attempt& x) const;
  verdict judge(const complete_payment& x) const;
  verdict judge(const fail_attempt& x) const;
  verdict judge(const note_asked& x) const;
  verdict judge(const claim_refund& x) const;
  verdict judge(const cancel_paid& x) const;
  verdict judge(const settle_refund& x) const;
  [[nodiscard]] bool number_used(const complete_payment& x) const;
  bool apply(const open_payment& x, verdict& v, undo_log& undo);
  bool apply(const begin_attempt& x, verdict& v, undo_log& undo);
  bool apply(const complete_payment& x, verdict& v, undo_log& undo);
  bool apply(const fail_attempt& x, verdict& v, undo_log& undo);
  bool apply(const note_asked& x, verdict& v, undo_log& undo);
  bool apply(const claim_refund& x, verdict& v, undo_log& undo);
  bool apply(const cancel_paid& x, verdict& v, undo_log& undo);
  bool apply(const settle_refund& x, verdict& v, undo_log& undo);
  bool issue(const complete_payment& x, undo_log& undo);
  void void_tickets(reservation_id x, undo_log& undo);
  bool admit_all(const batch& what, std::vector<verdict>& out, undo_log& undo);
  verdict admit(const admit_ticket& x, undo_log& undo);
  void book(attempt_id attempt, const char* from, const char* to, won amount, undo_log& undo);
  void note(const model_reservation& x, const std::string& from, const std::string& payment_from,
            user_id actor, request_id request, undo_log& undo);
  void tell(uint16_t shard, std::string key, const char* topic, const char* type, undo_log& undo);

  void tell(const reservation_row& x, uint16_t shard, const std::string& from, const char* to,
            user_id actor, request_id request, const char* type, undo_log& undo);

  // model_queue.cpp
  bool room_turns(const batch& what, std::vector<verdict>& out, undo_log& undo);
  [[nodiscard]] outcome judge(const room_turn& x, bool twin) const;
  [[nodiscard]] bool violates(const room_turn& x) const;
  void apply(const room_turn& x, undo_log& undo);
  void look_at_slots(const room_turn& x, int32_t generation_before, undo_log& undo);
  [[nodiscard]] std::map<user_id, instant> paid_for(event_id x, instant since) const;
  [[nodiscard]] std::vector<int32_t> paid_slots(const room_turn& x) const;

  // model_gate.cpp
  bool gate_turns(const batch& what, std::vector<verdict>& out, undo_log& undo);
  [[nodiscard]] outcome judge(const gate_turn& x, bool twin) const;
  [[nodiscard]] bool violates(const gate_turn& x) const;

  instant now_;
  std::deque<model_fault> faults_;
  model_fault always_ = model_fault::none;
  std::set<const op*> poisoned_;
  std::optional<batch> still_running_;
  uint64_t executions_ = 0, ops_executed_ = 0;
};

} // namespace tk
