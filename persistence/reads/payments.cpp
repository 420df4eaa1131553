#include "persistence/reads/queries.hpp"

/// What checkouts load.
namespace tk {

// The columns of every row: kind, id, of, amount, status, n, three texts, at, then, next, who.
#define TK_FENCE                                                                                   \
  " CASE WHEN (SELECT epoch FROM shard_owners WHERE shard = $2::int4)"                             \
  " IS DISTINCT FROM $3::int8 THEN 'fenced' END AS status,"
#define TK_ORDERS                                                                                  \
  "SELECT 2, p.id, NULL, p.amount, p.status, NULL, p.order_id, p.payment_key, p.method,"           \
  " p.created_at, p.approved_at, NULL, p.user_id "
#define TK_ATTEMPTS                                                                                \
  "SELECT 3, a.id, a.payment_id, a.amount, a.status, a.asked, a.provider, a.payment_key, "         \
  "a.method,"                                                                                      \
  " a.started_at, a.closed_at, a.next_ask_at, NULL "
// The attempts of the subject, and every refund that its checkout sees to.
#define TK_MONEY                                                                                   \
  TK_ATTEMPTS "FROM payment_attempts a WHERE a.reservation_id = $1::uuid UNION ALL "               \
              "SELECT 4, id, attempt_id, amount, status, tries, NULL, NULL, NULL, made_at, NULL, " \
              "next_try_at, NULL "                                                                 \
              "FROM refunds WHERE reservation_id = $1::uuid ORDER BY kind, at, id"
#define TK_OWN_ORDERS TK_ORDERS "FROM payments p WHERE p.reference_id = $1::uuid"
#define TK_SUBJECT " NULL::timestamptz AS then, NULL::timestamptz AS next, NULL::uuid AS who "

std::vector<pg_statement> payment_read_statements() {
  return {
    // One statement, so one snapshot and one way there and back: 1 the reservation, 2 orders,
    // 3 attempts, 4 refunds. What its owner has bought of another one was paid for with the
    // listing.
    {"checkout",
     "SELECT 1 AS kind, user_id AS id, event_id AS of, total_amount AS amount," TK_FENCE
     " block_no::int4 AS n, CASE (SELECT subject FROM payment_attempts WHERE id = pin_id)"
     " WHEN 1 THEN 'resold' END AS a, NULL::text AS b, NULL::text AS c, created_at AS at,"
     " NULL::timestamptz AS then, NULL::timestamptz AS next, pin_id AS who "
     "FROM reservations WHERE id = $1::uuid UNION ALL " TK_ORDERS
     "FROM payments p WHERE p.reservation_id = $1::uuid AND p.payment_type = 'reservation' "
     "UNION ALL " TK_ORDERS "FROM payment_attempts a JOIN payments p ON p.id = a.payment_id "
     "WHERE a.id = (SELECT pin_id FROM reservations WHERE id = $1::uuid) AND a.subject = 1 "
     "UNION ALL " TK_ATTEMPTS "FROM payment_attempts a "
     "WHERE a.id = (SELECT pin_id FROM reservations WHERE id = $1::uuid) AND a.subject = 1 "
     "UNION ALL " TK_MONEY},
    // The same of a listing, which is open to whom $4 is while its seller has the reservation and
    // nobody was let in with it.
    {"listing_checkout",
     "SELECT 1 AS kind, l.seller_id AS id, l.reservation_id AS of, l.total_price AS "
     "amount," TK_FENCE " (SELECT count(*) FROM tickets k WHERE k.reservation_id = l.reservation_id"
     " AND k.status = 'valid')::int4 AS n,"
     " CASE WHEN l.status = 'listed' AND r.status = 'confirmed' AND r.user_id = l.seller_id"
     " AND NOT EXISTS (SELECT 1 FROM tickets k WHERE k.reservation_id = l.reservation_id"
     " AND k.status = 'used') THEN 'open' END AS a,"
     " CASE WHEN l.artist_id IS NULL OR EXISTS (SELECT 1 FROM artist_memberships m"
     " WHERE m.user_id = $4::uuid AND m.artist_id = l.artist_id AND m.status = 'active'"
     " AND m.expires_at > statement_timestamp()) THEN 'member' END AS b,"
     " (SELECT p.id::text FROM payments p WHERE p.reference_id = l.id"
     " AND p.payment_type = 'transfer' AND p.status || '' = 'confirmed') AS c,"
     " l.created_at AS at," TK_SUBJECT
     "FROM ticket_transfers l LEFT JOIN reservations r ON r.id = l.reservation_id "
     "WHERE l.id = $1::uuid UNION ALL " TK_OWN_ORDERS " UNION ALL " TK_MONEY},
    {"membership_checkout",
     "SELECT 1 AS kind, m.user_id AS id, NULL::uuid AS of, a.membership_price::int8 AS "
     "amount," TK_FENCE
     " 0 AS n, CASE m.status WHEN 'pending' THEN 'open' END AS a, NULL::text AS b,"
     " CASE m.status WHEN 'active' THEN m.payment_reference_id::text END AS c,"
     " m.created_at AS at," TK_SUBJECT
     "FROM artist_memberships m JOIN artists a ON a.id = m.artist_id "
     "WHERE m.id = $1::uuid UNION ALL " TK_OWN_ORDERS " UNION ALL " TK_MONEY},
    {"open_checkouts",
     "SELECT reservation_id, subject::int4 FROM ("
     "(SELECT reservation_id, subject, next_ask_at AS at FROM payment_attempts "
     "WHERE next_ask_at IS NOT NULL AND next_ask_at <= statement_timestamp() "
     "ORDER BY next_ask_at LIMIT $1::int4) UNION ALL "
     "(SELECT reservation_id, subject, next_try_at FROM refunds WHERE status = 'pending' "
     "AND next_try_at <= statement_timestamp() ORDER BY next_try_at LIMIT $1::int4)) x "
     "GROUP BY reservation_id, subject ORDER BY min(at), reservation_id LIMIT $1::int4"},
  };
}

#undef TK_FENCE
#undef TK_ORDERS
#undef TK_ATTEMPTS
#undef TK_MONEY
#undef TK_OWN_ORDERS
#undef TK_SUBJECT

namespace {

order_status order_status_of(std::string_view x) {
  if (x == "pending") return order_status::pending;
  if (x == "confirmed") return order_status::confirmed;
  if (x == "failed") return order_status::failed;
  return x == "refunded" ? order_status::refunded : order_status::refund_pending;
}

attempt_status attempt_status_of(std::string_view x) {
  if (x == "live") return attempt_status::live;
  if (x == "approved") return attempt_status::approved;
  if (x == "declined") return attempt_status::declined;
  if (x == "voided") return attempt_status::voided;
  return x == "untried" ? attempt_status::untried : attempt_status::late;
}

/// What is paid for.
void note_subject(const pg::result& rows, int i, checkout_rows& out) {
  out.known = true;
  out.fenced = rows.text(i, 4) == "fenced";
  out.user = rows.uuid<user_id>(i, 1);
  out.total = won{rows.integer(i, 3)};
  if (out.of == payment_subject::reservation) {
    out.event = rows.uuid<event_id>(i, 2);
    out.lead_block = rows.int4(i, 5);
    out.resold = rows.text(i, 6) == "resold";
    if (!rows.null(i, 12)) out.pin = rows.uuid<attempt_id>(i, 12);
    return;
  }
  auto& x = out.subject;
  x.open = rows.text(i, 6) == "open";
  x.member = rows.text(i, 7) == "member";
  x.paid_by = parse_id<payment_id>(rows.text(i, 8)).value_or(payment_id{});
  if (!rows.null(i, 2)) x.listed = rows.uuid<reservation_id>(i, 2);
  x.units = rows.int4(i, 5);
}

/// A row of what a checkout loads.
void note(const pg::result& rows, int i, checkout_rows& out) {
  won amount{rows.integer(i, 3)};
  auto text = [&](int column) { return std::string{rows.text(i, column)}; };
  switch (rows.int4(i, 0)) {
  case 1: note_subject(rows, i, out); break;
  case 2:
    out.orders.push_back({rows.uuid<payment_id>(i, 1), text(6), text(7), text(8), amount,
                          order_status_of(rows.text(i, 4)), rows.time_or(i, 10, instant{}),
                          rows.uuid<user_id>(i, 12)});
    break;
  case 3:
    out.attempts.push_back({rows.uuid<attempt_id>(i, 1), rows.uuid<payment_id>(i, 2), text(6),
                            text(7), text(8), amount, attempt_status_of(rows.text(i, 4)),
                            rows.int4(i, 5), rows.time(i, 9), rows.time_or(i, 10, instant{}),
                            rows.time_or(i, 11, instant{})});
    break;
  default:
    out.refunds.push_back({rows.uuid<refund_id>(i, 1), rows.uuid<attempt_id>(i, 2), amount,
                           rows.text(i, 4) == "done", rows.int4(i, 5), rows.time(i, 11)});
  }
}

const char* statement_of(payment_subject x) {
  switch (x) {
  case payment_subject::transfer: return "listing_checkout";
  case payment_subject::membership: return "membership_checkout";
  case payment_subject::reservation: break;
  }
  return "checkout";
}

} // namespace

pg_result<checkout_rows> read_checkout(pg::connection& db, const load_checkout& x) {
  pg::params values;
  values.add_id(x.reservation).add_int4(x.self.shard).add_int8(x.self.epoch);
  if (x.of == payment_subject::transfer) values.add_id(x.asker);
  auto rows = db.exec(statement_of(x.of), values);
  if (!rows.ok()) return read_failed(rows);
  checkout_rows out;
  out.of = x.of;
  for (int i = 0; i < rows.rows(); ++i) note(rows, i, out);
  return out;
}

pg_result<open_checkouts> read_open_checkouts(pg::connection& db, const find_open_checkouts& x) {
  auto rows = db.exec("open_checkouts", pg::params{}.add_int4(x.limit));
  if (!rows.ok()) return read_failed(rows);
  open_checkouts out;
  for (int i = 0; i < rows.rows(); ++i)
    out.rows.push_back(
      key_of(static_cast<payment_subject>(rows.int4(i, 1)), rows.uuid<reservation_id>(i, 0)));
  return out;
}

} // namespace tk
