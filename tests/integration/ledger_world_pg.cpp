// The real side of the ledger's contract: libpq driver and PostgreSQL.
#include <chrono>
#include <stdexcept>
#include <thread>

#include "persistence/ledger/queue_places.hpp"
#include "persistence/reads/queries.hpp"
#include "tests/integration/ledger_contract.hpp"
#include "tests/integration/pg_fixture.hpp"

namespace tk {

namespace {

using test::must;
using test::number;

reservation_status parse_status(std::string_view x) {
  if (x == "pending") return reservation_status::pending;
  if (x == "confirmed") return reservation_status::confirmed;
  return x == "cancelled" ? reservation_status::cancelled : reservation_status::expired;
}

std::string str(const pg::result& rows, int row, int column) {
  return std::string{rows.text(row, column)};
}

/// `read(i)` of every row.
template <class Row, class Read> std::vector<Row> each(const pg::result& rows, Read read) {
  std::vector<Row> out;
  out.reserve(static_cast<size_t>(rows.rows()));
  for (int i = 0; i < rows.rows(); ++i) out.push_back(read(i));
  return out;
}

struct world_pg final : ledger_world {
  test::test_database& home;
  pg::connection db;
  ledger_driver_pg driver;
  test::counting_entropy source;

  explicit world_pg(test::test_database& x)
      : home(x), db(x.connect()), driver(test::plain_driver(x)) {}

  /// What checkouts, rooms and gates read with, as their pool's role does.
  std::optional<pg::connection> reader;
  pg::connection& as_reader();

  /// A statement with one parameter: whom it is about.
  template <class Id> pg::result about(const Id& x, const char* sql) {
    pg::params p;
    p.add_id(x);
    return must(db, sql, p);
  }

  batch_executor& executor() override { return driver; }
  instant now() override { return must(db, "SELECT clock_timestamp()").time(0, 0); }
  void wait_past(instant x) override {
    while (now() <= x) std::this_thread::sleep_for(millis{5});
  }
  entropy& random() override { return source; }

  int64_t epoch_of(uint16_t shard) override {
    pg::params p;
    p.add_int4(shard);
    return number(db, "SELECT epoch FROM shard_owners WHERE shard = $1", p);
  }
  void set_epoch(uint16_t shard, int64_t epoch) override {
    pg::params p;
    p.add_int4(shard).add_int8(epoch);
    must(db, "UPDATE shard_owners SET epoch = $2 WHERE shard = $1", p);
  }
  void add_user(user_id x) override {
    about(x, "INSERT INTO users (id, email_cipher, email_lookup, name_cipher) "
             "VALUES ($1, 'x', uuid_send($1::uuid), 'x')");
  }
  void add_event(const event_seed& x) override {
    pg::params p;
    p.add_id(x.id).add_text(x.cancelled ? "cancelled" : "on_sale");
    if (x.sale_start == instant{}) p.add_null(pg::oid::timestamptz);
    else p.add_time(x.sale_start);
    if (x.sale_end == instant::max()) p.add_null(pg::oid::timestamptz);
    else p.add_time(x.sale_end);
    must(db,
         "INSERT INTO events (id, title, venue, event_date, status, sale_start_date, sale_end_date)"
         " VALUES ($1, 'Event', 'Hall', now() + interval '30 days', $2, $3, $4)",
         p);
  }
  void add_seat(const seat_seed& x) override {
    pg::params p;
    p.add_id(x.id).add_id(x.event).add_int4(x.block_no).add_int4(x.version).add_int8(x.fence);
    p.add_int8(x.price.amount);
    must(db,
         "INSERT INTO seats (id, event_id, block_no, version, fencing_token, price, section, "
         "row_number, seat_number, seat_label) SELECT $1, $2, $3, $4, $5, $6::bigint, 'A', 1, "
         "n, 'A-1-' || n FROM (SELECT count(*)::int + 1 AS n FROM seats WHERE event_id = $2) x",
         p);
  }
  void add_type(const type_seed& x) override {
    pg::params p;
    p.add_id(x.id).add_id(x.event).add_int4(x.available).add_int4(x.total);
    must(db,
         "INSERT INTO ticket_types (id, event_id, name, price, available_quantity, total_quantity)"
         " VALUES ($1, $2, 'Standing', 1000, $3, $4)",
         p);
  }
  artist_id add_artist(event_id x) override {
    auto id = make_id<artist_id>(source);
    about(id, "INSERT INTO artists (id, name) SELECT x, x::text FROM (SELECT $1::uuid AS x) y");
    pg::params p;
    p.add_id(id).add_id(x);
    must(db, "UPDATE events SET artist_id = $1 WHERE id = $2", p);
    return id;
  }
  void add_membership(user_id x, artist_id of, int32_t points, instant expires_at) override {
    pg::params p;
    p.add_id(x).add_id(of).add_int4(points).add_time(expires_at);
    must(db,
         "INSERT INTO artist_memberships (user_id, artist_id, points, status, expires_at) "
         "VALUES ($1, $2, $3, 'active', $4)",
         p);
  }
  reservation_id add_unpaid(user_id x, artist_id of, won price, int32_t points) override {
    auto id = make_id<reservation_id>(source);
    pg::params p;
    p.add_id(id).add_id(x).add_id(of).add_int4(points);
    must(db,
         "INSERT INTO artist_memberships (id, user_id, artist_id, points, expires_at) "
         "VALUES ($1, $2, $3, $4, now())",
         p);
    pg::params q;
    q.add_id(of).add_int8(price.amount);
    must(db, "UPDATE artists SET membership_price = $2::int8 WHERE id = $1", q);
    return id;
  }
  reservation_id add_listing(reservation_id x, user_id seller, artist_id of, won price) override {
    auto id = make_id<reservation_id>(source);
    pg::params p;
    p.add_id(id).add_id(x).add_id(seller).add_int8(price.amount);
    if (of.nil()) p.add_null(pg::oid::uuid);
    else p.add_id(of);
    must(db,
         "INSERT INTO ticket_transfers (id, reservation_id, seller_id, original_price, "
         "transfer_fee, transfer_fee_percent, total_price, artist_id) "
         "VALUES ($1, $2, $3, $4::int8, 0, 0, $4::int8, $5)",
         p);
    return id;
  }
  void end_listing(reservation_id x) override {
    about(x, "UPDATE ticket_transfers SET status = 'cancelled' WHERE id = $1");
  }
  subject_entry subject(payment_subject of, reservation_id x) override;
  void cancel_event(event_id x) override {
    about(x, "UPDATE events SET status = 'cancelled' WHERE id = $1");
  }
  void pin(reservation_id x) override {
    about(x, "UPDATE reservations SET pin_id = gen_random_uuid() WHERE id = $1");
  }
  void confirm(reservation_id x) override {
    about(x,
          "WITH r AS (UPDATE reservations SET status = 'confirmed', payment_status = 'completed', "
          "pin_id = coalesce(pin_id, gen_random_uuid()) WHERE id = $1 RETURNING id) "
          "UPDATE seats s SET status = 'reserved', version = version + 1 FROM r "
          "WHERE s.reservation_id = r.id");
  }
  void set_expiry(reservation_id x, instant at) override {
    pg::params p;
    p.add_id(x).add_time(at);
    must(db, "UPDATE reservations SET expires_at = $2 WHERE id = $1", p);
  }

  std::optional<seat_row> seat(seat_id x) override;
  std::optional<reservation_row> reservation(reservation_id x) override;
  int shard_of_reservation(reservation_id x) override {
    auto rows = about(x, "SELECT shard FROM reservations WHERE id = $1");
    return rows.rows() == 0 ? -1 : rows.int4(0, 0);
  }
  int32_t available(ticket_type_id x) override {
    return about(x, "SELECT available_quantity FROM ticket_types WHERE id = $1").int4(0, 0);
  }
  std::vector<history_entry> history(reservation_id x) override;
  std::vector<outbox_entry> outbox(reservation_id x) override;
  std::vector<outbox_entry> outbox_of(const std::string& order_id) override;
  std::optional<payment_entry> payment(payment_id x) override;
  std::optional<attempt_entry> attempt(attempt_id x) override;
  std::optional<refund_entry> refund(refund_id x) override;
  std::map<std::string, int64_t> books(attempt_id x) override;
  std::vector<ticket_entry> tickets(reservation_id x) override;
  std::string payment_status(reservation_id x) override {
    auto rows = about(x, "SELECT payment_status FROM reservations WHERE id = $1");
    return str(rows, 0, 0);
  }
  std::vector<family_entry> families(user_id x) override;
  std::optional<family_state> family(family_id x) override;
  void set_password(user_id x, const std::string& hash) override {
    pg::params p;
    p.add_id(x).add_text(hash);
    must(db, "UPDATE users SET password_hash = $2 WHERE id = $1", p);
  }
  credentials_entry credentials(user_id x) override {
    auto rows = about(x, "SELECT coalesce(password_hash, ''), credentials, closed_at IS NOT NULL "
                         "FROM users WHERE id = $1");
    return {str(rows, 0, 0), rows.int4(0, 1), rows.boolean(0, 2)};
  }
  void age_rotation(family_id x, millis by) override {
    pg::params p;
    p.add_id(x).add_int8(by.count());
    must(db,
         "UPDATE refresh_families SET rotated_at = rotated_at - $2 * interval '1 millisecond' "
         "WHERE id = $1",
         p);
  }
  instant revoked_before(user_id x) override {
    return about(x, "SELECT revoked_before FROM users WHERE id = $1").time_or(0, 0, instant{});
  }
  checkout_rows checkout(const load_checkout& x) override;
  room_rows room(event_id x) override;
  gate_rows gate(event_id x) override;
  std::vector<event_id> gates_open() override;
  std::vector<event_id> rooms_alive() override;
  event_inventory inventory(event_id x) override;
  std::vector<admission_entry> admissions(event_id x) override;
  row_counts counts() override {
    return {number(db, "SELECT count(*) FROM reservations"),
            number(db, "SELECT count(*) FROM reservation_items"),
            number(db, "SELECT count(*) FROM reservation_history"),
            number(db, "SELECT count(*) FROM outbox"),
            number(db, "SELECT count(*) FROM refresh_families"),
            number(db, "SELECT count(*) FROM refresh_tokens"),
            number(db, "SELECT count(*) FROM payments"),
            number(db, "SELECT count(*) FROM payment_attempts"),
            number(db, "SELECT count(*) FROM refunds"),
            number(db, "SELECT count(*) FROM books"),
            number(db, "SELECT count(*) FROM tickets"),
            number(db, "SELECT count(*) FROM request_keys"),
            number(db, "SELECT count(*) FROM queue_rooms"),
            number(db, "SELECT count(DISTINCT (event_id, turn)) FROM queue_log"),
            number(db, "SELECT count(*) FROM queue_admissions"),
            number(db, "SELECT count(*) FROM vwr_counters")};
  }
};

std::optional<seat_row> world_pg::seat(seat_id x) {
  auto rows =
    about(x, "SELECT s.version, s.fencing_token, s.status, s.reservation_id, s.locked_by, "
             "r.expires_at, r.pin_id IS NOT NULL FROM seats s "
             "LEFT JOIN reservations r ON r.id = s.reservation_id WHERE s.id = $1");
  if (rows.rows() == 0) return std::nullopt;
  seat_row out;
  out.seat = x;
  out.version = rows.int4(0, 0);
  out.fence = rows.integer(0, 1);
  auto status = rows.text(0, 2);
  out.status = status == "available" ? 'a' : status == "locked" ? 'l' : 'r';
  out.reservation = rows.uuid<reservation_id>(0, 3);
  out.holder = rows.uuid<user_id>(0, 4);
  if (out.status == 'l') out.expires_at = rows.time_or(0, 5, instant{});
  out.pinned = rows.boolean(0, 6);
  return out;
}

std::optional<reservation_row> world_pg::reservation(reservation_id x) {
  auto rows = about(x, "SELECT user_id, event_id, reservation_number, total_amount, status, "
                       "pin_id IS NOT NULL, expires_at, block_no, operation, idempotency_key, "
                       "request_digest FROM reservations WHERE id = $1");
  if (rows.rows() == 0) return std::nullopt;
  reservation_row out;
  out.id = x;
  out.user = rows.uuid<user_id>(0, 0);
  out.event = rows.uuid<event_id>(0, 1);
  out.number = rows.text(0, 2);
  out.total = won{rows.integer(0, 3)};
  out.status = parse_status(rows.text(0, 4));
  out.pinned = rows.boolean(0, 5);
  out.expires_at = rows.time(0, 6);
  out.lead_block = rows.int4(0, 7);
  out.operation = rows.text(0, 8);
  out.key = rows.text(0, 9);
  out.digest = rows.text(0, 10);
  auto items = about(x, "SELECT i.seat_id, i.ticket_type_id, i.quantity, i.unit_price, "
                        "coalesce(s.block_no, r.block_no) FROM reservation_items i "
                        "JOIN reservations r ON r.id = i.reservation_id "
                        "LEFT JOIN seats s ON s.id = i.seat_id WHERE i.reservation_id = $1 "
                        "ORDER BY i.id");
  out.items = each<held_item>(items, [&](int i) {
    return held_item{
      items.uuid<seat_id>(i, 0),        items.int4(i, 4), 0, 0, won{items.integer(i, 3)},
      items.uuid<ticket_type_id>(i, 1), items.int4(i, 2)};
  });
  return out;
}

std::vector<history_entry> world_pg::history(reservation_id x) {
  auto rows =
    about(x, "SELECT from_status, to_status, actor_id, request_id FROM reservation_history "
             "WHERE reservation_id = $1 ORDER BY id");
  return each<history_entry>(rows, [&](int i) {
    return history_entry{str(rows, i, 0), str(rows, i, 1), rows.uuid<user_id>(i, 2),
                         rows.uuid<request_id>(i, 3)};
  });
}

std::vector<outbox_entry> world_pg::outbox(reservation_id x) { return outbox_of(to_string(x)); }

std::vector<outbox_entry> world_pg::outbox_of(const std::string& key) {
  pg::params p;
  p.add_text(key);
  auto rows = must(db, "SELECT shard, topic, type FROM outbox WHERE key = $1 ORDER BY seq", p);
  return each<outbox_entry>(rows, [&](int i) {
    return outbox_entry{static_cast<uint16_t>(rows.integer(i, 0)), str(rows, i, 1),
                        str(rows, i, 2)};
  });
}

std::optional<payment_entry> world_pg::payment(payment_id x) {
  auto rows =
    about(x, "SELECT reservation_id, user_id, order_id, payment_key, method, status, amount, "
             "refund_amount FROM payments WHERE id = $1");
  if (rows.rows() == 0) return std::nullopt;
  return payment_entry{rows.uuid<reservation_id>(0, 0),
                       rows.uuid<user_id>(0, 1),
                       str(rows, 0, 2),
                       str(rows, 0, 3),
                       str(rows, 0, 4),
                       str(rows, 0, 5),
                       won{rows.integer(0, 6)},
                       won{rows.integer(0, 7)}};
}

std::optional<attempt_entry> world_pg::attempt(attempt_id x) {
  auto rows = about(x, "SELECT status, asked::int, started_at, closed_at, next_ask_at "
                       "FROM payment_attempts WHERE id = $1");
  if (rows.rows() == 0) return std::nullopt;
  return attempt_entry{str(rows, 0, 0), rows.int4(0, 1), rows.time(0, 2),
                       rows.time_or(0, 3, instant{}), rows.time_or(0, 4, instant{})};
}

std::optional<refund_entry> world_pg::refund(refund_id x) {
  auto rows =
    about(x, "SELECT attempt_id, amount, status = 'done', tries, next_try_at FROM refunds "
             "WHERE id = $1");
  if (rows.rows() == 0) return std::nullopt;
  return refund_entry{rows.uuid<attempt_id>(0, 0), won{rows.integer(0, 1)}, rows.boolean(0, 2),
                      rows.int4(0, 3), rows.time(0, 4)};
}

std::map<std::string, int64_t> world_pg::books(attempt_id x) {
  auto rows = about(x, "SELECT account, sum(amount)::bigint FROM books WHERE attempt_id = $1 "
                       "GROUP BY account HAVING sum(amount) <> 0");
  std::map<std::string, int64_t> out;
  for (int i = 0; i < rows.rows(); ++i) out[str(rows, i, 0)] = rows.integer(i, 1);
  return out;
}

std::vector<ticket_entry> world_pg::tickets(reservation_id x) {
  auto rows =
    about(x, "SELECT id, ticket_number, status, seat_id, ticket_type_id, event_id, user_id, "
             "price, used_by, used_at FROM tickets WHERE reservation_id = $1 "
             "ORDER BY ticket_number");
  return each<ticket_entry>(rows, [&](int i) {
    return ticket_entry{rows.uuid<ticket_id>(i, 0),
                        str(rows, i, 1),
                        str(rows, i, 2),
                        rows.uuid<seat_id>(i, 3),
                        rows.uuid<ticket_type_id>(i, 4),
                        rows.uuid<event_id>(i, 5),
                        rows.uuid<user_id>(i, 6),
                        won{rows.integer(i, 7)},
                        rows.uuid<user_id>(i, 8),
                        rows.time_or(i, 9, instant{})};
  });
}

pg::connection& world_pg::as_reader() {
  if (reader) return *reader;
  reader = home.connect("tiketi_read");
  if (auto set = reader->run_script(read_settings); !set.ok())
    throw std::runtime_error(set.error());
  for (const auto& statements : {payment_read_statements(), room_read_statements()})
    for (const auto& y : statements)
      if (auto made = reader->prepare(y.name, y.sql); !made.ok())
        throw std::runtime_error(made.error());
  return *reader;
}

subject_entry world_pg::subject(payment_subject of, reservation_id x) {
  auto rows = of == payment_subject::transfer
                ? about(x, "SELECT status, buyer_id, 0, NULL::timestamptz FROM ticket_transfers "
                           "WHERE id = $1")
                : about(x, "SELECT status, user_id, points, expires_at FROM artist_memberships "
                           "WHERE id = $1");
  return {str(rows, 0, 0), rows.null(0, 1) ? user_id{} : rows.uuid<user_id>(0, 1), rows.int4(0, 2),
          rows.time_or(0, 3, instant{})};
}

checkout_rows world_pg::checkout(const load_checkout& x) {
  auto out = read_checkout(as_reader(), x);
  if (!out) throw std::runtime_error(out.error().text);
  return std::move(*out);
}

room_rows world_pg::room(event_id x) {
  auto out = read_room(as_reader(), {x});
  if (!out) throw std::runtime_error(out.error().text);
  return std::move(*out);
}

gate_rows world_pg::gate(event_id x) {
  auto out = read_gate(as_reader(), {x});
  if (!out) throw std::runtime_error(out.error().text);
  return std::move(*out);
}

std::vector<event_id> world_pg::gates_open() {
  auto out = read_open_gates(as_reader());
  if (!out) throw std::runtime_error(out.error().text);
  return std::move(out->rows);
}

std::vector<event_id> world_pg::rooms_alive() {
  auto out = read_live_rooms(as_reader());
  if (!out) throw std::runtime_error(out.error().text);
  return std::move(out->rows);
}

event_inventory world_pg::inventory(event_id x) {
  auto out = read_inventory(as_reader(), {x});
  if (!out) throw std::runtime_error(out.error().text);
  return *out;
}

std::vector<admission_entry> world_pg::admissions(event_id x) {
  auto rows =
    about(x, "SELECT generation, number, user_id, place, admitted_at, hard_end, ended_at, "
             "end_reason FROM queue_admissions WHERE event_id = $1 ORDER BY 1, 2");
  return each<admission_entry>(rows, [&](int i) {
    return admission_entry{rows.int4(i, 0),
                           rows.int4(i, 1),
                           rows.uuid<user_id>(i, 2),
                           rows.null(i, 3) ? 0 : place_of_row(rows.int4(i, 3)),
                           rows.time(i, 4),
                           rows.time(i, 5),
                           rows.time_or(i, 6, instant{}),
                           str(rows, i, 7)};
  });
}

std::vector<family_entry> world_pg::families(user_id x) {
  auto rows = about(x, "SELECT family_id, token_hash, revoked_at IS NOT NULL, expires_at "
                       "FROM refresh_tokens WHERE user_id = $1 ORDER BY family_id, token_hash");
  return each<family_entry>(rows, [&](int i) {
    return family_entry{rows.uuid<family_id>(i, 0), str(rows, i, 1), rows.boolean(i, 2),
                        rows.time(i, 3)};
  });
}

std::optional<family_state> world_pg::family(family_id x) {
  auto rows = about(x, "SELECT generation, revoked_at IS NOT NULL, expires_at, "
                       "coalesce(user_agent, ''), coalesce(address, '') "
                       "FROM refresh_families WHERE id = $1");
  if (rows.rows() == 0) return std::nullopt;
  return family_state{rows.int4(0, 0), rows.boolean(0, 1), rows.time(0, 2), str(rows, 0, 3),
                      str(rows, 0, 4)};
}

} // namespace

std::unique_ptr<ledger_world> make_ledger_world() {
  // One database for all cases: making one takes longer than most of them.
  static test::test_database home;
  return std::make_unique<world_pg>(home);
}

} // namespace tk
