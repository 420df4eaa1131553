#include "persistence/ledger/payment_sql.hpp"

#include <string_view>

namespace tk {

using namespace batch_arrays;

namespace {

std::string_view text_of(attempt_end x) {
  switch (x) {
  case attempt_end::declined: return "declined";
  case attempt_end::voided: return "voided";
  case attempt_end::untried: break;
  }
  return "untried";
}

/// What the columns of names and reasons take; the rest of a provider's prose is for its own log.
std::string_view cut(std::string_view x) {
  constexpr size_t bytes_max = 200;
  auto end = std::min(x.size(), bytes_max);
  while (end < x.size() && end > 0 && (static_cast<unsigned char>(x[end]) & 0xc0) == 0x80) --end;
  return x.substr(0, end);
}

} // namespace

void lock_columns::clear() {
  shards.clear();
  reservations.clear();
  seats.clear();
  types.clear();
  users.clear();
}

void lock_columns::item(seat_id seat, ticket_type_id type) {
  if (!seat.nil()) seats.at[0].push_id(seat);
  if (!type.nil()) types.at[0].push_id(type);
}

payment_columns::payment_columns()
    : open(make_table(i4, id_, str, id_, i4, i8, id_, i4)),
      begin(make_table(i4, id_, id_, id_, i8, str, str, str, i4, i8, i4, i8)),
      complete(make_table(i4, i4, id_, id_, id_, i8, ts, id_, id_, i4, i8, i4, i8, i4, i8, id_, i4,
                          i4, id_, str)),
      fail(make_table(i4, id_, id_, id_, str, str, i4, i8, i4, i8)),
      asked(make_table(i4, id_, id_, i4, i4, i8)),
      claim(make_table(i4, id_, id_, id_, str, i4, i8)),
      cancel(make_table(i4, i4, id_, id_, id_, str, id_, id_, i4, i4, i8, i4, i8, id_)),
      settle(make_table(i4, id_, id_, yes_no, str, i4, i4, i8)),
      admit(make_table(i4, id_, id_, str, id_)) {
  // nop
}

void payment_columns::clear() {
  open.clear();
  begin.clear();
  complete.clear();
  fail.clear();
  asked.clear();
  claim.clear();
  cancel.clear();
  settle.clear();
  admit.clear();
}

void payment_columns::add(int no, const open_payment& x, lock_columns& locks) {
  locks.shard(x.checkout);
  locks.reservations.at[0].push_id(x.reservation);
  auto& c = open.at;
  c[0].push_int(no);
  c[1].push_id(x.id);
  c[2].push_text(x.order_id);
  c[3].push_id(x.reservation);
  c[4].push_int(x.checkout.shard);
  c[5].push_int(x.checkout.epoch);
  c[6].push_id_or_null(x.request);
  c[7].push_int(orders_per_hold_max);
}

void payment_columns::add(int no, const begin_attempt& x, lock_columns& locks) {
  locks.shard(x.checkout);
  locks.shard(x.block);
  locks.reservations.at[0].push_id(x.reservation);
  auto& c = begin.at;
  c[0].push_int(no);
  c[1].push_id(x.id);
  c[2].push_id(x.payment);
  c[3].push_id(x.reservation);
  c[4].push_int(x.amount.amount);
  c[5].push_text(x.provider);
  c[6].push_text(x.payment_key);
  c[7].push_text(x.method);
  c[8].push_int(x.checkout.shard);
  c[9].push_int(x.checkout.epoch);
  c[10].push_int(x.block.shard);
  c[11].push_int(x.block.epoch);
}

void payment_columns::add(int no, const complete_payment& x, lock_columns& locks) {
  locks.shard(x.checkout);
  locks.reservations.at[0].push_id(x.reservation);
  int item = 0;
  for (const auto& i : x.items) {
    locks.shard(i.block);
    locks.item(i.seat, {}); // A quota was drawn when it was held: its row does not change.
    auto& c = complete.at;
    c[0].push_int(no);
    c[1].push_int(++item);
    c[2].push_id(x.attempt);
    c[3].push_id(x.payment);
    c[4].push_id(x.reservation);
    c[5].push_int(x.amount.amount);
    c[6].push_time(x.approved_at);
    c[7].push_id_or_null(i.seat);
    c[8].push_id_or_null(i.type);
    c[9].push_int(i.quantity);
    c[10].push_int(i.fence);
    c[11].push_int(i.block.shard);
    c[12].push_int(i.block.epoch);
    c[13].push_int(x.checkout.shard);
    c[14].push_int(x.checkout.epoch);
    c[15].push_id_or_null(x.request);
    for (const auto& ticket : i.tickets) {
      c[16].push_int(no);
      c[17].push_int(item);
      c[18].push_id(ticket.id);
      c[19].push_text(ticket.number);
    }
  }
}

void payment_columns::add(int no, const fail_attempt& x, lock_columns& locks) {
  locks.shard(x.checkout);
  locks.shard(x.block);
  locks.reservations.at[0].push_id(x.reservation);
  auto& c = fail.at;
  c[0].push_int(no);
  c[1].push_id(x.attempt);
  c[2].push_id(x.payment);
  c[3].push_id(x.reservation);
  c[4].push_text(text_of(x.how));
  c[5].push_text(cut(x.error));
  c[6].push_int(x.checkout.shard);
  c[7].push_int(x.checkout.epoch);
  c[8].push_int(x.block.shard);
  c[9].push_int(x.block.epoch);
}

void payment_columns::add(int no, const note_asked& x, lock_columns& locks) {
  locks.shard(x.checkout);
  locks.reservations.at[0].push_id(x.reservation);
  auto& c = asked.at;
  c[0].push_int(no);
  c[1].push_id(x.attempt);
  c[2].push_id(x.reservation);
  c[3].push_int(x.asked);
  c[4].push_int(x.checkout.shard);
  c[5].push_int(x.checkout.epoch);
}

void payment_columns::add(int no, const claim_refund& x, lock_columns& locks) {
  locks.shard(x.checkout);
  locks.reservations.at[0].push_id(x.reservation);
  auto& c = claim.at;
  c[0].push_int(no);
  c[1].push_id(x.id);
  c[2].push_id(x.attempt);
  c[3].push_id(x.reservation);
  c[4].push_text(cut(x.reason));
  c[5].push_int(x.checkout.shard);
  c[6].push_int(x.checkout.epoch);
}

void payment_columns::add(int no, const cancel_paid& x, lock_columns& locks) {
  locks.shard(x.checkout);
  locks.reservations.at[0].push_id(x.reservation);
  int item = 0;
  for (const auto& i : x.items) {
    locks.shard(i.block);
    locks.item(i.seat, i.type);
    auto& c = cancel.at;
    c[0].push_int(no);
    c[1].push_int(++item);
    c[2].push_id(x.refund);
    c[3].push_id(x.reservation);
    c[4].push_id_or_null(x.actor);
    c[5].push_text(cut(x.reason));
    c[6].push_id_or_null(i.seat);
    c[7].push_id_or_null(i.type);
    c[8].push_int(i.quantity);
    c[9].push_int(i.block.shard);
    c[10].push_int(i.block.epoch);
    c[11].push_int(x.checkout.shard);
    c[12].push_int(x.checkout.epoch);
    c[13].push_id_or_null(x.request);
  }
}

void payment_columns::add(int no, const settle_refund& x, lock_columns& locks) {
  locks.shard(x.checkout);
  locks.reservations.at[0].push_id(x.reservation);
  auto& c = settle.at;
  c[0].push_int(no);
  c[1].push_id(x.refund);
  c[2].push_id(x.reservation);
  c[3].push_bool(x.done);
  c[4].push_text(cut(x.error));
  c[5].push_int(x.retry_after_s);
  c[6].push_int(x.checkout.shard);
  c[7].push_int(x.checkout.epoch);
}

void payment_columns::add(int no, const admit_ticket& x, lock_columns& locks) {
  locks.reservations.at[0].push_id(x.reservation);
  auto& c = admit.at;
  c[0].push_int(no);
  c[1].push_id(x.ticket);
  c[2].push_id(x.reservation);
  c[3].push_text(x.key);
  c[4].push_id(x.by);
}

} // namespace tk
