#include "persistence/ledger/payment_sql.hpp"

#include <string_view>

namespace tk {

using namespace batch_arrays;

namespace {

bool of_reservation(payment_subject x) { return x == payment_subject::reservation; }

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

payment_columns::payment_columns()
    : open(make_table(i4, id_, str, id_, i4, i8, id_, i4)),
      begin(make_table(i4, id_, id_, id_, i8, str, str, str, i4, i8, i4, i8)),
      complete(make_table(i4, i4, id_, id_, id_, i8, ts, id_, id_, i4, i8, i4, i8, i4, i8, id_, i4,
                          i4, id_, str)),
      fail(make_table(i4, id_, id_, id_, str, str, i4, i8, i4, i8)),
      asked(make_table(i4, id_, id_, i4, i4, i8)),
      claim(make_table(i4, id_, id_, id_, str, i4, i8)),
      cancel(make_table(i4, i4, id_, id_, id_, str, id_, id_, i4, i4, i8, i4, i8, id_, i8, i8, ts)),
      settle(make_table(i4, id_, id_, yes_no, str, i4, i4, i8)),
      admit(make_table(i4, id_, id_, str, id_)),
      open_subject(make_table(i4, id_, str, id_, i4, i8, id_, i4, id_)),
      begin_subject(make_table(i4, id_, id_, id_, i8, str, str, str, i4, i8, i4)),
      fail_subject(make_table(i4, id_, id_, id_, str, str, i4, i8)),
      join(make_table(i4, id_, id_, id_, i8, ts, i4, i8, id_)),
      transfer(make_table(i4, id_, id_, id_, i8, ts, id_, i4, i8, id_, i4, id_, str)) {
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
  open_subject.clear();
  begin_subject.clear();
  fail_subject.clear();
  join.clear();
  transfer.clear();
}

void payment_columns::add(int no, const open_payment& x, lock_columns& locks) {
  locks.shard(x.checkout);
  locks.subject(x.of, x.reservation);
  if (!of_reservation(x.of))
    return open_subject.row(no, x.id, x.order_id, x.reservation, x.checkout, or_null(x.request),
                            static_cast<int32_t>(x.of), x.user);
  open.row(no, x.id, x.order_id, x.reservation, x.checkout, or_null(x.request),
           orders_per_hold_max);
}

void payment_columns::add(int no, const begin_attempt& x, lock_columns& locks) {
  locks.shard(x.checkout);
  locks.subject(x.of, x.reservation);
  if (!of_reservation(x.of))
    return begin_subject.row(no, x.id, x.payment, x.reservation, x.amount, x.provider,
                             x.payment_key, x.method, x.checkout, static_cast<int32_t>(x.of));
  locks.shard(x.block);
  begin.row(no, x.id, x.payment, x.reservation, x.amount, x.provider, x.payment_key, x.method,
            x.checkout, x.block);
}

void payment_columns::add_subject(int no, const complete_payment& x, lock_columns& locks) {
  if (x.of == payment_subject::membership)
    return join.row(no, x.attempt, x.payment, x.reservation, x.amount, x.approved_at, x.checkout,
                    or_null(x.request));
  locks.reservation(x.listed);
  transfer.part<0, 10>(no, x.attempt, x.payment, x.reservation, x.amount, x.approved_at, x.listed,
                       x.checkout, or_null(x.request));
  for (const auto& ticket : x.tickets) transfer.part<10, 3>(no, ticket.id, ticket.number);
}

void payment_columns::add(int no, const complete_payment& x, lock_columns& locks) {
  locks.shard(x.checkout);
  locks.subject(x.of, x.reservation);
  if (!of_reservation(x.of)) return add_subject(no, x, locks);
  int item = 0;
  for (const auto& i : x.items) {
    locks.shard(i.block);
    locks.item(i.seat, {}); // A quota was drawn when it was held: its row does not change.
    complete.part<0, 16>(no, ++item, x.attempt, x.payment, x.reservation, x.amount, x.approved_at,
                         or_null(i.seat), or_null(i.type), i.quantity, i.fence, i.block, x.checkout,
                         or_null(x.request));
    for (const auto& ticket : i.tickets) complete.part<16, 4>(no, item, ticket.id, ticket.number);
  }
}

void payment_columns::add(int no, const fail_attempt& x, lock_columns& locks) {
  locks.shard(x.checkout);
  locks.subject(x.of, x.reservation);
  if (!of_reservation(x.of))
    return fail_subject.row(no, x.attempt, x.payment, x.reservation, text_of(x.how), cut(x.error),
                            x.checkout);
  locks.shard(x.block);
  fail.row(no, x.attempt, x.payment, x.reservation, text_of(x.how), cut(x.error), x.checkout,
           x.block);
}

void payment_columns::add(int no, const note_asked& x, lock_columns& locks) {
  locks.shard(x.checkout);
  locks.subject(x.of, x.reservation);
  asked.row(no, x.attempt, x.reservation, x.asked, x.checkout);
}

void payment_columns::add(int no, const claim_refund& x, lock_columns& locks) {
  locks.shard(x.checkout);
  locks.subject(x.of, x.reservation);
  claim.row(no, x.id, x.attempt, x.reservation, cut(x.reason), x.checkout);
}

void payment_columns::add(int no, const cancel_paid& x, lock_columns& locks) {
  locks.shard(x.checkout);
  locks.reservation(x.reservation);
  int item = 0;
  for (const auto& i : x.items) {
    locks.shard(i.block);
    locks.item(i.seat, i.type);
    cancel.row(no, ++item, x.refund, x.reservation, or_null(x.actor), cut(x.reason),
               or_null(i.seat), or_null(i.type), i.quantity, i.block, x.checkout,
               or_null(x.request), x.fee, x.terms, or_null(x.until));
  }
}

void payment_columns::add(int no, const settle_refund& x, lock_columns& locks) {
  locks.shard(x.checkout);
  locks.subject(x.of, x.reservation);
  settle.row(no, x.refund, x.reservation, x.done, cut(x.error), x.retry_after_s, x.checkout);
}

void payment_columns::add(int no, const admit_ticket& x, lock_columns& locks) {
  locks.reservation(x.reservation);
  admit.row(no, x.ticket, x.reservation, x.key, x.by);
}

} // namespace tk
