#include "persistence/ledger/batch_sql.hpp"

#include <string_view>
#include <utility>

#include "persistence/ledger/payment_sql.hpp"
#include "persistence/ledger/queue_sql.hpp"

namespace tk {

using namespace batch_arrays;

namespace {

std::string_view reason_text(release_reason x) {
  return x == release_reason::expired ? "expired" : "cancelled";
}

/// Only what statements return.
bool parse(std::string_view text, outcome& x) {
  constexpr std::pair<std::string_view, outcome> known[] = {
    {"ok", outcome::ok},
    {"moved", outcome::moved},
    {"sold_out", outcome::sold_out},
    {"replayed", outcome::replayed},
    {"conflict", outcome::conflict},
    {"in_flight", outcome::in_flight},
    {"fenced", outcome::fenced},
    {"late", outcome::late},
    {"busy", outcome::busy},
    {"closed", outcome::closed},
    {"done", outcome::done},
    {"not_pending", outcome::not_pending},
    {"pinned", outcome::pinned},
    {"early", outcome::early},
    {"partial", outcome::partial},
    {"paid", outcome::paid},
    {"attempts", outcome::attempts},
    {"expired", outcome::expired},
    {"no_order", outcome::no_order},
    {"amount", outcome::amount},
    {"key_used", outcome::key_used},
    {"not_pinned", outcome::not_pinned},
    {"lost", outcome::lost},
    {"reused", outcome::reused},
    {"number_used", outcome::number_used},
    {"used", outcome::used},
    {"voided", outcome::voided},
    {"no_ticket", outcome::no_ticket},
    {"revoked", outcome::revoked},
    {"over_limit", outcome::over_limit},
  };
  for (auto& [name, value] : known) {
    if (text == name) {
      x = value;
      return true;
    }
  }
  return false;
}

} // namespace

struct batch_sql::columns {
  lock_columns locks;
  payment_columns payments;
  queue_columns rooms;
  table<29> create = make_table(i4, i4, id_, id_, id_, str, i8, str, str, i4, ts, i4, i8, id_, i4,
                                i8, id_, i4, i8, i4, i8, i4, i8, str, i4, id_, ts, i4, i4);
  table<11> release = make_table(i4, i4, id_, str, id_, id_, i4, i4, i8, id_, id_);
  table<12> families = make_table(i4, id_, id_, str, i4, i4, i8, i4, i4, id_, str, str);
  table<8> rotate = make_table(i4, id_, id_, str, str, i4, i4, i8);
  table<9> revoke = make_table(i4, id_, i4, i8, id_, id_, str, str, i4);
  table<3> reread = make_table(i4, id_, ts);
  table<3> reread_types = make_table(i4, id_, ts);
  table<7> keys = make_table(i4, id_, str, str, str, id_, id_);
  pg::params nothing;

  void clear() {
    locks.clear();
    payments.clear();
    rooms.clear();
    create.clear();
    release.clear();
    families.clear();
    rotate.clear();
    revoke.clear();
    reread.clear();
    reread_types.clear();
    keys.clear();
  }

  void add(int no, const create_reservation& x);
  void add(int no, const release_reservation& x);
  void add(int no, const open_family& x);
  void add(int no, const rotate_token& x);
  void add(int no, const revoke_tokens& x);
  void add(int no, const reread_items& x);
  void add(int no, const claim_key& x);
  void add(int no, const room_turn& x) { rooms.add(no, x, locks); }
  void add(int no, const gate_turn& x) { rooms.add(no, x, locks); }
  /// Whatever else there is, is about money and tickets.
  template <class Op> void add(int no, const Op& x) { payments.add(no, x, locks); }
};

void batch_sql::columns::add(int no, const create_reservation& x) {
  locks.shard(x.session);
  locks.shard(x.event_owner);
  int item = 0;
  for (auto& i : x.items) {
    locks.shard(i.block);
    locks.item(i.seat, i.type);
    create.row(no, ++item, x.id, x.user, x.event, x.number, x.total, x.operation, or_null(x.key),
               x.ttl_s, x.deadline, x.session, or_null(i.seat), i.version, i.fence, or_null(i.type),
               i.quantity, i.price, i.block, x.event_owner, or_null(x.digest),
               x.items.front().block_no, or_null(x.request), or_null(x.token_issued_at),
               x.holds_before_max, x.presale ? 1 : 0);
  }
}

void batch_sql::columns::add(int no, const release_reservation& x) {
  locks.reservation(x.id);
  int item = 0;
  for (auto& i : x.items) {
    locks.shard(i.block);
    locks.item(i.seat, i.type);
    release.row(no, ++item, x.id, reason_text(x.reason), or_null(i.seat), or_null(i.type),
                i.quantity, i.block, or_null(x.actor), or_null(x.request));
  }
}

void batch_sql::columns::add(int no, const open_family& x) {
  locks.shard(x.session);
  families.row(no, x.user, x.family, x.token_hash, x.ttl_s, x.session, x.life_s, x.credentials,
               or_null(x.ends), or_null(x.user_agent), or_null(x.address));
}

void batch_sql::columns::add(int no, const rotate_token& x) {
  locks.shard(x.session);
  locks.user(x.user);
  rotate.row(no, x.user, x.family, x.token_hash, x.next_hash, x.ttl_s, x.session);
}

void batch_sql::columns::add(int no, const revoke_tokens& x) {
  locks.shard(x.session);
  locks.user(x.user);
  revoke.row(no, x.user, x.session, or_null(x.keep), or_null(x.only), or_null(x.old_hash),
             or_null(x.new_hash), x.close ? 1 : 0);
}

void batch_sql::columns::add(int no, const reread_items& x) {
  for (auto& seat : x.seats) {
    locks.item(seat, {});
    reread.row(no, seat, x.deadline);
  }
  for (auto& type : x.types) {
    locks.item({}, type);
    reread_types.row(no, type, x.deadline);
  }
}

void batch_sql::columns::add(int no, const claim_key& x) {
  keys.row(no, x.user, x.operation, x.key, x.digest, x.effect, or_null(x.instead_of));
}

batch_sql::batch_sql() : columns_(std::make_unique<columns>()) {}
batch_sql::~batch_sql() = default;

const std::vector<batch_sql::step>& batch_sql::form(const batch& what,
                                                    const ledger_sabotage& sabotage) {
  auto& c = *columns_;
  c.clear();
  steps_.clear();
  int no = 0;
  for (auto& x : what.ops) {
    std::visit([&](const auto& y) { c.add(no, y); }, *x);
    ++no;
  }
  auto put = [&](const char* name, auto& from) {
    if (from.empty()) return;
    from.bind();
    steps_.push_back({name, &from.values});
  };
  if (!sabotage.no_fence && !sabotage.fence_with_epochs) put("fence", c.locks.shards);
  if (!sabotage.no_row_locks) {
    put("lock_reservations", c.locks.reservations);
    put("lock_seats", c.locks.seats);
    put("lock_types", c.locks.types);
    put("lock_users", c.locks.users);
    put("lock_rooms", c.locks.rooms);
    put("lock_gates", c.locks.gates);
    put("lock_listings", c.locks.listings);
    put("lock_memberships", c.locks.memberships);
  }
  put("release", c.release);
  put("begin_attempts", c.payments.begin);
  put("begin_subject_attempts", c.payments.begin_subject);
  put("complete_payments", c.payments.complete);
  put("complete_memberships", c.payments.join);
  put("complete_transfers", c.payments.transfer);
  put("fail_attempts", c.payments.fail);
  put("fail_subject_attempts", c.payments.fail_subject);
  put("note_asked", c.payments.asked);
  put("claim_refunds", c.payments.claim);
  put("cancel_paid", c.payments.cancel);
  put("settle_refunds", c.payments.settle);
  put("open_payments", c.payments.open);
  put("open_subject_payments", c.payments.open_subject);
  put("admit_tickets", c.payments.admit);
  put("create", c.create);
  put("open_families", c.families);
  put("rotate", c.rotate);
  put("revoke", c.revoke);
  put("claim_keys", c.keys);
  put("room_turns", c.rooms.turns);
  put("gate_turns", c.rooms.gates);
  put("reread", c.reread);
  put("reread_types", c.reread_types);
  if (steps_.empty()) steps_.push_back({"probe", &c.nothing});
  return steps_;
}

namespace {

/// The clock is read once per row: the earliest reading counts, and all must be past the deadline.
void note_reading(instant at, bool is_final, verdict& out) {
  bool first = out.is != outcome::ok;
  if (first) out.at = at;
  out.final_read = is_final && (first || out.final_read);
  out.is = outcome::ok;
}

/// A row of `reread_types`: one per type asked for, without a type when there is none.
void read_type(const pg::result& rows, int i, verdict& out) {
  note_reading(rows.time(i, 4), rows.boolean(i, 5), out);
  if (!rows.null(i, 1))
    out.types.push_back({rows.uuid<ticket_type_id>(i, 1), rows.int4(i, 2), rows.int4(i, 3)});
}

/// A row of `reread`: one per seat asked for, without a seat when there is none.
void read_seat(const pg::result& rows, int i, verdict& out) {
  note_reading(rows.time(i, 9), rows.boolean(i, 10), out);
  if (rows.null(i, 1)) return;
  auto status = rows.text(i, 4);
  seat_row row;
  row.seat = rows.uuid<seat_id>(i, 1);
  row.version = rows.int4(i, 2);
  row.fence = rows.integer(i, 3);
  row.status = status == "available" ? 'a' : status == "locked" ? 'l' : 'r';
  row.reservation = rows.uuid<reservation_id>(i, 5);
  row.holder = rows.uuid<user_id>(i, 6);
  row.expires_at = rows.time_or(i, 7, instant{});
  row.pinned = rows.boolean(i, 8);
  out.rows.push_back(row);
}

} // namespace

bool batch_sql::read(const step& from, const pg::result& rows, std::vector<verdict>& verdicts) {
  std::string_view name{from.name};
  if (name == "fence" || name.starts_with("lock_") || name == "probe") return true;
  bool creates = name == "create";
  bool rereads = name == "reread", rereads_types = name == "reread_types";
  bool opens = name == "open_payments" || name == "open_subject_payments";
  bool admits = name == "admit_tickets", claims_keys = name == "claim_keys";
  bool turns = name == "room_turns";
  for (int i = 0; i < rows.rows(); ++i) {
    auto no = rows.integer(i, 0);
    if (no < 0 || no >= static_cast<int64_t>(verdicts.size())) return false;
    auto& out = verdicts[static_cast<size_t>(no)];
    if (rereads) {
      read_seat(rows, i, out);
      continue;
    }
    if (rereads_types) {
      read_type(rows, i, out);
      continue;
    }
    if (!parse(rows.text(i, 1), out.is)) return false;
    out.at = rows.time_or(i, 2, instant{});
    (admits ? out.used_at : out.expires_at) = rows.time_or(i, 3, instant{});
    if (creates) out.replay_of = rows.uuid<reservation_id>(i, 4);
    if (claims_keys && !rows.null(i, 4)) out.effect = rows.uuid<effect_id>(i, 4);
    if (turns && !rows.null(i, 4)) out.paid.push_back(rows.int4(i, 4));
    if (!opens || rows.null(i, 4)) continue;
    out.payment = rows.uuid<payment_id>(i, 4);
    out.order_id = rows.text(i, 5);
    out.amount = {rows.integer(i, 6)};
  }
  return true;
}

} // namespace tk
