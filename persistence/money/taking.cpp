#include <algorithm>

#include "actors/base/digest.hpp"
#include "persistence/money/actor.hpp"
#include "persistence/money/balance.hpp"

/// Taking a settlement list.
namespace tk {

namespace {

/// One list for each provider and time, whoever sends it.
settlement_id id_of(const settlement_list& x) {
  auto digest =
    sha256("settlement/" + x.provider + '/' + to_iso_z(*x.from) + '/' + to_iso_z(*x.to));
  settlement_id out;
  for (size_t i = 0; i < 8; ++i) {
    out.hi = out.hi << 8 | digest[i];
    out.lo = out.lo << 8 | digest[i + 8];
  }
  return out;
}

settlement_sums sums_of(const std::vector<settled_payment>& rows) {
  settlement_sums out;
  out.payments = static_cast<int64_t>(rows.size());
  for (auto& x : rows) {
    out.amount += x.amount;
    out.refunded += x.refunded;
    out.fees += x.fee;
  }
  return out;
}

/// What is changed of the rows on record, and all captures that it is about.
pg_result<bool> store_rows(pg::connection& db, settlement_id id, const settlement_list& list) {
  pg::array orders{pg::oid::text}, amounts{pg::oid::int8}, back{pg::oid::int8}, fees{pg::oid::int8};
  for (auto& x : list.payments) {
    orders.push_text(x.order_id);
    amounts.push_int(x.amount);
    back.push_int(x.refunded);
    fees.push_int(x.fee);
  }
  // Also of captures that are on the list no more: their entries are taken back.
  pg::params rows;
  rows.add_id(id).add(orders).add(amounts).add(back).add(fees).add_text(list.provider);
  auto changed = db.exec("settlement_rows", rows);
  if (!changed.ok()) return read_failed(changed);
  if (changed.rows() == 0) return false;
  pg::array attempts{pg::oid::uuid};
  for (int i = 0; i < changed.rows(); ++i)
    for (int column : {0, 1})
      if (!changed.null(i, column)) attempts.push_id(changed.uuid<attempt_id>(i, column));
  auto booked = db.exec("settlement_book", pg::params{}.add(attempts));
  if (!booked.ok()) return read_failed(booked);
  return true;
}

pg_result<settlement_taken> take_inside(pg::connection& db, settlement_taken out,
                                        std::vector<settled_payment> rows, user_id by) {
  auto locked = db.exec("settlement_lock", pg::params{}.add_text(out.list.provider));
  if (!locked.ok()) return read_failed(locked);
  pg::params head;
  head.add_id(out.id).add_text(out.list.provider).add_time(*out.list.from).add_time(*out.list.to);
  head.add_text_or_null(out.settled_on).add_id(by);
  auto made = db.exec("settlement_head", head);
  if (!made.ok()) return read_failed(made);
  out.settled_on = made.text(0, 0);
  auto list = out.list;
  list.payments = std::move(rows);
  auto changed = store_rows(db, out.id, list);
  if (!changed) return tl::unexpected(changed.error());
  out.changed = *changed || made.boolean(0, 1);
  constexpr millis looked_max{8000};
  auto ours = captures_of(db, list, looked_max);
  if (!ours) return tl::unexpected(pg_failure{ec::unavailable, ours.error()});
  out.differences = compare_settlement(std::move(*ours), std::move(list.payments));
  return out;
}

} // namespace

std::vector<pg_statement> settlement_statements() {
  return {
    {"settlement_lock", "SELECT pg_advisory_xact_lock(7432, hashtext($1::text))"},
    // Said again without a day it keeps the one that it has.
    {"settlement_head",
     "WITH old AS (SELECT settled_on FROM settlements WHERE id = $1::uuid), "
     "made AS (INSERT INTO settlements AS s (id, provider, from_at, to_at, settled_on, taken_by) "
     "VALUES ($1::uuid, $2::text, $3::timestamptz, $4::timestamptz, coalesce($5::text::date, "
     "(SELECT settled_on FROM old), (clock_timestamp() AT TIME ZONE 'Asia/Seoul')::date), "
     "$6::uuid) ON CONFLICT (id) DO UPDATE SET settled_on = EXCLUDED.settled_on, "
     "taken_by = EXCLUDED.taken_by, taken_at = clock_timestamp() RETURNING s.settled_on) "
     "SELECT made.settled_on::text, made.settled_on IS DISTINCT FROM (SELECT settled_on FROM old) "
     "FROM made"},
    // One row per change: the capture that it was about, and the one that it is about now.
    {"settlement_rows",
     "WITH told AS MATERIALIZED (SELECT i.order_id, i.amount, i.refunded, i.fee, "
     "(SELECT a.id FROM payments p JOIN payment_attempts a ON a.payment_id = p.id "
     "WHERE p.order_id = i.order_id AND a.status IN ('approved', 'late') "
     "AND a.provider = $6::text ORDER BY a.status = 'approved' DESC, a.closed_at, a.id LIMIT 1) "
     "AS attempt_id FROM unnest($2::text[], $3::bigint[], $4::bigint[], $5::bigint[]) "
     "AS i(order_id, amount, refunded, fee)), "
     "old AS MATERIALIZED (SELECT order_id, attempt_id, amount, refunded, fee "
     "FROM settled_payments WHERE settlement_id = $1::uuid), "
     "gone AS (DELETE FROM settled_payments s WHERE s.settlement_id = $1::uuid "
     "AND NOT EXISTS (SELECT 1 FROM told t WHERE t.order_id = s.order_id) RETURNING s.order_id), "
     "made AS (INSERT INTO settled_payments AS s (settlement_id, order_id, attempt_id, amount, "
     "refunded, fee) SELECT $1::uuid, t.order_id, t.attempt_id, t.amount, t.refunded, t.fee "
     "FROM told t LEFT JOIN old o ON o.order_id = t.order_id WHERE o.order_id IS NULL "
     "OR (o.attempt_id, o.amount, o.refunded, o.fee) IS DISTINCT FROM "
     "(t.attempt_id, t.amount, t.refunded, t.fee) ON CONFLICT (settlement_id, order_id) "
     "DO UPDATE SET attempt_id = EXCLUDED.attempt_id, amount = EXCLUDED.amount, "
     "refunded = EXCLUDED.refunded, fee = EXCLUDED.fee RETURNING s.order_id) "
     "SELECT o.attempt_id, t.attempt_id FROM (SELECT order_id FROM gone UNION ALL "
     "SELECT order_id FROM made) c LEFT JOIN old o ON o.order_id = c.order_id "
     "LEFT JOIN told t ON t.order_id = c.order_id"},
    {"settlement_book", "SELECT book_settled($1::uuid[])"},
  };
}

pg_result<settlement_taken> store_settlement(pg::connection& db, const take_settlement& x) {
  settlement_taken out;
  auto read = read_settlement(x.text);
  if (!read) {
    out.refused = read.error();
    return out;
  }
  out.list = std::move(read->list);
  out.settled_on = std::move(read->settled_on);
  auto rows = add_up(std::move(out.list.payments));
  out.list.payments.clear();
  out.id = id_of(out.list);
  out.sums = sums_of(rows);
  if (auto begun = db.run_script("BEGIN"); !begun.ok()) return read_failed(begun);
  auto taken = take_inside(db, std::move(out), std::move(rows), x.by);
  if (!taken) {
    // A connection that cannot even end its transaction is of no use for another one.
    if (auto undone = db.run_script("ROLLBACK"); !undone.ok()) db.close();
    return taken;
  }
  auto ended = db.run_script("COMMIT");
  if (!ended.ok()) return write_failed(ended);
  if (ended.command_tag() != "COMMIT")
    return tl::unexpected(pg_failure{ec::unavailable, "a settlement was not committed"});
  return taken;
}

} // namespace tk
