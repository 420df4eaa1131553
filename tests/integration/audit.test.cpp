// The audit finds what is planted, each by its own rule, and nothing in rows as the ledger makes
// them (H-26). Every rule has a line in the table of what is planted.
#define CAF_SUITE audit

#include <algorithm>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include <caf/test/dsl.hpp>

#include "persistence/audit/audit.hpp"
#include "tests/integration/hall.hpp"

using namespace tk;
using namespace tk::test;

namespace {

/// A hall where somebody holds, somebody pays just now, somebody paid, and somebody got a refund.
struct fixture {
  hall h{7};
  ledger_driver_pg driver{plain_driver(h.home)};
  ticket_type_id type{0x7e, 1};
  participant owner{5, 1};

  fixture() {
    pg::params p;
    p.add_id(type).add_id(h.event);
    must(h.db,
         "INSERT INTO ticket_types (id, event_id, name, price, total_quantity) "
         "VALUES ($1, $2, 'Standing', 500, 20)",
         p);
    std::vector<create_reservation> orders;
    orders.reserve(h.seats.size());
    for (size_t i = 0; i < h.seats.size(); ++i) orders.push_back(hold(i));
    pin(orders[1]);
    sell(orders[2], pin(orders[2]));
    sell(orders[3], pin(orders[3]));
    give_back(orders[3]);
    sell(orders[4], pin(orders[4]));
    settle(give_back(orders[4]), orders[4]);
    refuse(orders[5], pin(orders[5]));
    add_people();
    fill_room();
    fill_gate();
    must(h.db, "ALTER TABLE books DISABLE TRIGGER books_stay"); // To plant what cannot be.
  }

  /// Around the orders: users, a member, a ticket for sale, a node.
  void add_people() {
    must(h.db, "INSERT INTO users (id, email_cipher, email_lookup, name_cipher) "
               "SELECT user_id, 'x', uuid_send(user_id), 'x' FROM reservations");
    must(h.db, "INSERT INTO request_keys (user_id, operation, key, digest, effect_id) "
               "SELECT user_id, 'payments.prepare', 'k', 'd', id FROM payments ORDER BY created_at "
               "LIMIT 1");
    must(h.db, "WITH a AS (INSERT INTO artists (name) VALUES ('Band') RETURNING id) "
               "INSERT INTO artist_memberships (user_id, artist_id, expires_at) "
               "SELECT u.id, a.id, now() FROM a, users u LIMIT 1");
    must(h.db, "INSERT INTO ticket_transfers (reservation_id, seller_id, buyer_id, "
               "original_price, transfer_fee, transfer_fee_percent, total_price) "
               "SELECT id, user_id, user_id, 1, 0, 0, 1 FROM reservations LIMIT 1");
    must(h.db, "WITH n AS (INSERT INTO nodes (node) VALUES (gen_random_uuid()) RETURNING node) "
               "UPDATE shard_owners SET node = n.node FROM n WHERE shard = 5");
    must(h.db, "WITH e AS (INSERT INTO events (title, venue, event_date) "
               "VALUES ('Other', 'Hall', now()) RETURNING id) "
               "INSERT INTO seats (event_id, block_no, section, row_number, seat_number, "
               "seat_label, price) SELECT id, 1, 'A', 1, 1, 'A-1-1', 1000 FROM e");
  }

  /// A waiting room of two generations, with people who wait, left, came in and went.
  void fill_room() {
    auto direct = [](uint32_t n) { return n | 0x80000000u; };
    room_turn x;
    x.event = h.event;
    x.room = owner;
    x.turn = 1;
    x.reserved_to = 100;
    x.control.threshold = 10;
    for (uint32_t n = 1; n <= 8; ++n)
      x.joins.push_back({n > 6 ? n : direct(n), make_id<user_id>(h.source)});
    x.leavers = {direct(3)};
    for (int32_t n = 1; n <= 2; ++n) {
      const auto& who = x.joins.at(static_cast<size_t>(n) + 2);
      x.admissions.push_back({n, who.user, who.place});
    }
    x.admissions.push_back({3, make_id<user_id>(h.source), 0});
    does(x);
    room_turn y;
    y.event = x.event;
    y.room = owner;
    y.reserved_to = 100;
    y.control = x.control;
    y.turn = 2;
    y.ends = {{1, slot_end::left}};
    does(y);
    y.turn = 3;
    y.generation = 2;
    y.ends.clear();
    y.joins = {{direct(30), make_id<user_id>(h.source)}};
    for (int32_t n = 1; n <= 2; ++n) y.admissions.push_back({n, make_id<user_id>(h.source), 0});
    does(y);
  }

  /// The gate that gave two of them their numbers.
  void fill_gate() {
    gate_turn x;
    x.event = h.event;
    x.gate = owner;
    x.turn = 1;
    x.state = {1, true, 0, 20, 100, 8, {{10, 12}, {12, 15}}};
    does(x);
  }

  void does(op x) {
    auto said = driver.execute({{std::make_shared<const op>(std::move(x))}});
    CAF_REQUIRE_EQUAL(first(said), "ok");
  }

  /// A seat and two standing tickets.
  create_reservation hold(size_t seat) {
    auto x = std::get<create_reservation>(*h.reserve(seat));
    x.items.push_back({{}, type, 0, 0, 2, won{500}, owner, 1'000'000});
    x.total += won{1000};
    does(x);
    return x;
  }

  begin_attempt pin(const create_reservation& x) {
    open_payment order;
    order.id = make_id<payment_id>(h.source);
    order.order_id = "ORD_" + to_string(order.id);
    order.reservation = x.id;
    order.checkout = owner;
    does(order);
    begin_attempt y;
    y.id = make_id<attempt_id>(h.source);
    y.payment = order.id;
    y.reservation = x.id;
    y.amount = x.total;
    y.provider = y.method = "mock";
    y.payment_key = to_string(y.id);
    y.checkout = y.block = owner;
    does(y);
    return y;
  }

  void sell(const create_reservation& x, const begin_attempt& by) {
    complete_payment y;
    y.attempt = by.id;
    y.payment = by.payment;
    y.reservation = x.id;
    y.amount = x.total;
    y.approved_at = from_ms(1'790'000'000'000);
    y.checkout = owner;
    for (auto& item : x.items) {
      sold_item sold{item.seat, item.type, item.quantity, item.fence, item.block, {}};
      for (int32_t n = 0; n < item.quantity; ++n) {
        auto id = make_id<ticket_id>(h.source);
        sold.tickets.push_back({id, to_string(id).substr(20)});
      }
      y.items.push_back(std::move(sold));
    }
    does(y);
  }

  refund_id give_back(const create_reservation& x) {
    cancel_paid back;
    back.refund = make_id<refund_id>(h.source);
    back.reservation = x.id;
    back.checkout = owner;
    for (auto& item : x.items)
      back.items.push_back({item.seat, item.type, item.quantity, item.block});
    does(back);
    return back.refund;
  }

  void settle(refund_id refund, const create_reservation& x) {
    settle_refund y;
    y.refund = refund;
    y.reservation = x.id;
    y.done = true;
    y.checkout = owner;
    does(y);
  }

  void refuse(const create_reservation& x, const begin_attempt& by) {
    fail_attempt y;
    y.attempt = by.id;
    y.payment = by.payment;
    y.reservation = x.id;
    y.how = attempt_end::declined;
    y.checkout = y.block = owner;
    does(y);
  }

  static std::vector<audit_finding> look(pg::connection& db, audit_part part,
                                         const audit_limits& limits = {}) {
    auto found = audit(db, rules_of(part), limits);
    if (!found) CAF_FAIL(found.error());
    return *found;
  }

  static std::vector<audit_finding> look(pg::connection& db) {
    std::vector<audit_finding> out;
    for (auto part : all_audit_parts)
      for (auto& x : look(db, part)) out.push_back(x);
    return out;
  }

  /// Plants one contradiction, looks for it by the rule that is meant, and takes it back. The rows
  /// listed must have two values each, and not the same.
  void finds(audit_part part, const std::string& rule, const std::string& plant) {
    must(h.db, "BEGIN");
    // What only constraints would refuse may be planted, too: not every table ever had them.
    must(h.db, "SET LOCAL session_replication_role = replica");
    auto planted = must(h.db, plant.c_str()).affected();
    auto found = look(h.db, part);
    must(h.db, "ROLLBACK");
    auto it = std::ranges::find(found, rule, &audit_finding::rule);
    if (planted < 1 || it == found.end()) {
      CAF_ERROR("not found: " << rule << " (" << planted << " planted)");
      return;
    }
    // A cancelled event has all its reservations.
    if (it->rows != 1 && rule != "cancelled_event") CAF_ERROR(rule << ": " << it->rows << " rows");
    for (auto& x : it->sample)
      if (x.row.empty() || x.says.empty() || x.against.empty() || x.says == x.against)
        CAF_ERROR(rule << ": " << x.row << ": " << x.says << " - " << x.against);
  }
};

std::string one_of(const std::string& table, const std::string& where) {
  return " WHERE ctid = (SELECT ctid FROM " + table + " WHERE " + where + " LIMIT 1)";
}

std::string change(const std::string& table, const std::string& what, const std::string& where) {
  return "UPDATE " + table + " SET " + what + one_of(table, where);
}

using plant_table = std::map<std::string, std::string>;

plant_table plants_of_orders() {
  return {
    {"seat_status", change("seats", "status = 'reserved'", "status = 'locked'")},
    {"seat_unlisted", "DELETE FROM reservation_items" +
                        one_of("reservation_items", "seat_id IN (SELECT id FROM seats WHERE "
                                                    "status = 'locked')")},
    {"item_not_held",
     change("seats", "status = 'available', reservation_id = NULL, locked_by = NULL",
            "status = 'locked'")},
    {"seat_twice", "INSERT INTO reservation_items (reservation_id, seat_id, quantity, unit_price, "
                   "subtotal) SELECT r.id, s.id, 1, 0, 0 FROM reservations r, seats s "
                   "WHERE r.status = 'confirmed' AND s.status = 'locked' LIMIT 1"},
    {"seat_owner", change("seats", "locked_by = gen_random_uuid()", "status = 'locked'")},
    {"seat_fence", change("seats", "fencing_token = 9", "status = 'locked'")},
    {"fence_back", change("seats", "fencing_token = 0", "status = 'available' AND version > 0")},
    {"fence_twice",
     "INSERT INTO reservation_items (reservation_id, seat_id, quantity, unit_price, subtotal, "
     "fencing_token) SELECT reservation_id, seat_id, 1, 0, 0, fencing_token FROM "
     "reservation_items WHERE seat_id IS NOT NULL LIMIT 1"},
    {"seat_version", change("seats", "version = version + 1", "status = 'reserved'")},
    {"quota", "UPDATE ticket_types SET available_quantity = available_quantity - 1"},
    {"order_total", change("reservations", "total_amount = 1", "status = 'pending'")},
    {"order_elsewhere", change("reservation_items",
                               "seat_id = (SELECT s.id FROM seats s JOIN events e ON "
                               "e.id = s.event_id WHERE e.title = 'Other')",
                               "seat_id IS NOT NULL")},
    {"lead_block", change("reservations", "block_no = 7", "status = 'pending'")},
    {"order_paid", change("reservations", "payment_status = 'completed'", "status = 'pending'")},
    {"ended_early",
     change("reservation_history", "to_status = 'expired'", "to_status = 'pending'")},
    {"pinned_late",
     change("payment_attempts", "started_at = now() + interval '1 day'", "status = 'live'")},
    {"history_fold", change("reservations", "status = 'expired'", "pin_id IS NULL")},
    {"history_gap",
     change("reservation_history", "from_status = 'expired'", "from_status = 'confirmed'")},
    {"history_step",
     change("reservation_history", "from_status = 'expired'", "from_status = 'confirmed'")},
  };
}

/// A list of which nothing is booked.
std::string settle(const std::string& attempt, const std::string& of) {
  return "WITH s AS (INSERT INTO settlements (id, provider, from_at, to_at, settled_on, taken_by) "
         "VALUES (gen_random_uuid(), 'mock', now() - interval '1 day', now(), current_date, "
         "gen_random_uuid()) RETURNING id) INSERT INTO settled_payments (settlement_id, order_id, "
         "attempt_id, amount, refunded, fee) SELECT s.id, p.order_id, " +
         attempt +
         ", a.amount, 0, 1 FROM s, payment_attempts a JOIN payments p ON p.id = "
         "a.payment_id WHERE " +
         of + " LIMIT 1";
}

plant_table plants_of_money() {
  return {
    {"books_balance", change("books", "amount = amount + 1", "true")},
    {"books_account", change("books", "account = 'owed'", "account = 'provider'")},
    {"sales_sold", "UPDATE books SET account = 'owed' WHERE account = 'sales' AND attempt_id IN "
                   "(SELECT pin_id FROM reservations WHERE status = 'confirmed')"},
    {"books_payment", change("books",
                             "payment_id = (SELECT id FROM payments WHERE id <> "
                             "books.payment_id LIMIT 1)",
                             "account = 'provider'")},
    {"books_settled", settle("a.id", "a.status = 'approved'")},
    {"settled_captured", settle("gen_random_uuid()", "true")},
    {"attempt_pin",
     change("reservations", "pin_id = NULL", "status = 'pending' AND pin_id IS NOT NULL")},
    {"pin_unknown", change("reservations", "pin_id = gen_random_uuid()", "pin_id IS NOT NULL")},
    {"attempt_order", change("payment_attempts", "amount = amount + 1", "status = 'declined'")},
    {"order_whose", change("payments", "user_id = gen_random_uuid()", "true")},
    {"order_status", change("payments", "status = 'failed'", "status = 'confirmed'")},
    {"refund_taken", change("refunds", "amount = amount + 1", "true")},
    {"recall_left",
     "WITH c AS (INSERT INTO event_cancellations (event_id, cancelled_by, reason, filled_at, "
     "ended_at) SELECT DISTINCT event_id, gen_random_uuid(), 'ill', now(), now() FROM reservations "
     "WHERE status = 'confirmed' LIMIT 1 RETURNING event_id) INSERT INTO event_recalls "
     "SELECT r.id, r.event_id, r.shard, r.block_no FROM reservations r JOIN c USING (event_id) "
     "WHERE r.status = 'confirmed'"},
    {"refund_whole", change("refunds", "fee = fee + 1", "true")},
    {"refund_order", change("refunds", "payment_id = gen_random_uuid()", "true")},
    {"refund_told",
     change("reservations", "payment_status = 'refunded'", "payment_status = 'refund_requested'")},
    {"payment_back", change("payments", "refund_amount = 1", "status = 'refunded'")},
    {"sold_once", change("payment_attempts", "status = 'late'", "status = 'approved'")},
    {"key_twice", "UPDATE payment_attempts SET payment_key = 'k' WHERE id IN (SELECT id FROM "
                  "payment_attempts ORDER BY id LIMIT 2)"},
    {"key_whose", "UPDATE request_keys SET effect_id = (SELECT id FROM refunds LIMIT 1)"},
    {"order_subject", "INSERT INTO payments (id, user_id, order_id, amount, payment_type, "
                      "reference_id) SELECT gen_random_uuid(), id, 'O', 1, 'transfer', id "
                      "FROM users LIMIT 1"},
    {"listing_paid", "UPDATE ticket_transfers SET status = 'completed'"},
    {"listing_owner",
     "UPDATE ticket_transfers SET status = 'completed', buyer_id = gen_random_uuid()"},
    {"membership_paid", "UPDATE artist_memberships SET payment_reference_id = id"},
    {"membership_points",
     "INSERT INTO membership_point_logs (membership_id, action_type, points, reference_id) "
     "SELECT id, 'MEMBERSHIP_JOIN', 200, id FROM artist_memberships"},
    {"ticket_units", change("tickets", "status = 'cancelled', voided_at = now()",
                            "status = 'valid' AND seat_id IS NOT NULL")},
    {"ticket_item", change("tickets", "price = price + 1", "true")},
    {"ticket_event", change("tickets", "event_id = gen_random_uuid()", "true")},
  };
}

plant_table plants_of_ledger() {
  return {
    {"event_id_twice", "UPDATE outbox SET id = '00000000-0000-4000-8000-000000000001' WHERE seq "
                       "IN (SELECT seq FROM outbox ORDER BY seq LIMIT 2)"},
    {"events_of_order", "DELETE FROM outbox WHERE seq = (SELECT min(seq) FROM outbox)"},
    {"events_of_payment", "DELETE FROM outbox WHERE seq = (SELECT min(seq) FROM outbox WHERE "
                          "type = 'PAYMENT_CONFIRMED')"},
    {"event_of_nothing", "UPDATE outbox SET key = gen_random_uuid() WHERE seq = (SELECT min(seq) "
                         "FROM outbox WHERE type = 'PAYMENT_REFUNDED')"},
    {"events_of_subject",
     "INSERT INTO payment_attempts (id, payment_id, reservation_id, provider, payment_key, method, "
     "amount, status, closed_at, subject) SELECT gen_random_uuid(), p.id, l.id, 'mock', 'k', 'm', "
     "1, 'approved', now(), 1 FROM ticket_transfers l, payments p LIMIT 1"},
    {"event_body", "UPDATE outbox SET body = body || '{\"totalAmount\": 1}' WHERE seq = "
                   "(SELECT min(seq) FROM outbox WHERE topic = 'reservation-events')"},
    {"shard_rows", "DELETE FROM relay_cursor WHERE shard = 9"},
    {"shard_node", "UPDATE shard_owners SET node = gen_random_uuid() WHERE shard = 9"},
    {"block_shard", change("reservations", "shard = 9", "status = 'pending'")},
    {"search_row", change("event_search", "ticket_type_count = 9", "true")},
    {"hold_overdue", change("reservations", "expires_at = now() - interval '1 hour'",
                            "status = 'pending' AND pin_id IS NULL")},
    {"asking_overdue",
     change("payment_attempts", "next_ask_at = now() - interval '1 hour'", "status = 'declined'")},
    {"refund_overdue",
     change("refunds", "next_try_at = now() - interval '1 hour'", "status = 'pending'")},
    {"cancelled_event", "UPDATE events SET status = 'cancelled', updated_at = now() - "
                        "interval '1 hour' WHERE title = 'Event'"},
  };
}

/// The room has a draw: opening, cut-off and turn.
std::string drawn(const std::string& opens, int cutoff, int turn) {
  return "UPDATE queue_rooms SET draw_opens_at = " + opens +
         ", draw_seed = repeat('0', 64), draw_list = repeat('0', 64), draw_from = 1, "
         "draw_cutoff = " +
         std::to_string(cutoff) + ", draw_turn = " + std::to_string(turn);
}

plant_table plants_of_queue() {
  const std::string slots = "queue_admissions",
                    old = "generation = 1 AND number = ", now = "generation = 2 AND number = ";
  return {
    {"room_unknown", "INSERT INTO queue_admissions SELECT gen_random_uuid(), generation, number, "
                     "user_id, NULL, admitted_at, hard_end FROM queue_admissions LIMIT 1"},
    {"room_ahead", "UPDATE queue_rooms SET turn = 2"},
    {"slot_gap", change(slots, "number = 9", old + "3")},
    {"slot_count", "DELETE FROM queue_admissions WHERE generation = 2"},
    {"slot_twice",
     change(slots, "user_id = (SELECT user_id FROM queue_admissions WHERE " + now + "1)",
            now + "2")},
    {"draw_ahead", drawn("now() - interval '1 hour'", 40, 77)},
    {"slot_undrawn", drawn("now() + interval '1 hour'", 0, 0)},
    {"slots_over", "UPDATE queue_rooms SET threshold = 1"},
    {"slot_cleared", change(slots, "ended_at = NULL, end_reason = NULL", old + "2")},
    {"slot_late", change(slots, "ended_at = hard_end + interval '1 second'", old + "2")},
    {"place_admitted_twice",
     change(slots, "place = (SELECT place FROM queue_admissions WHERE " + old + "1)", old + "3")},
    {"place_admitted_left", change(slots, "place = 3", old + "3")},
    {"place_not_joined", change(slots, "place = 77", old + "2")},
    {"place_twice", "INSERT INTO queue_log SELECT event_id, generation, 2, kind, places, users, at "
                    "FROM queue_log WHERE turn = 3"},
    {"place_not_reserved", "UPDATE queue_rooms SET reserved_to = 30"},
    {"gate_number", "UPDATE vwr_counters SET next_position = 0, reserved_to = 7"},
    {"gate_holes", "UPDATE vwr_counters SET holes_to = '{13,15}'"},
  };
}

/// A contradiction for every rule that is not about a reference.
const plant_table& plants() {
  static const auto all = [] {
    auto out = plants_of_orders();
    out.merge(plants_of_money());
    out.merge(plants_of_ledger());
    out.merge(plants_of_queue());
    return out;
  }();
  return all;
}

std::string plant_for(const audit_rule& rule) {
  if (rule.name.find('.') == std::string::npos) {
    auto known = plants().find(rule.name);
    return known == plants().end() ? "" : known->second;
  }
  auto column = rule.name.substr(rule.name.find('.') + 1);
  return change(rule.table, column + " = gen_random_uuid()", column + " IS NOT NULL");
}

} // namespace

CAF_TEST_FIXTURE_SCOPE(audit_cases, fixture)

CAF_TEST(rows as the ledger makes them are clean to the role that audits) {
  auto db = h.home.connect("tiketi_audit");
  auditor one{{all_audit_parts.begin(), all_audit_parts.end()}, {}};
  for (int round = 0; round < 3; ++round) {
    auto seen = one.look(db, [] { return false; });
    CAF_REQUIRE(seen);
    for (auto& x : seen->findings)
      CAF_ERROR(x.rule << ": " << x.sample.front().says << " - " << x.sample.front().against);
    CAF_CHECK(seen->rules > 60);
    CAF_CHECK(!seen->standby);
    CAF_CHECK(seen->age >= millis{0} && seen->age < millis{60'000});
  }
}

CAF_TEST(every rule finds what it is for) {
  for (auto part : all_audit_parts)
    for (auto& rule : rules_of(part)) {
      auto plant = plant_for(rule);
      if (plant.empty()) CAF_ERROR("nothing is planted for " << rule.name);
      else finds(part, rule.name, plant);
    }
}

CAF_TEST(few rows are listed and all are counted) {
  must(h.db, "BEGIN");
  must(h.db, "UPDATE reservations SET total_amount = total_amount + 1");
  auto found = look(h.db, audit_part::orders, {millis{10'000}, 2});
  auto none = look(h.db, audit_part::orders, {millis{10'000}, 0});
  must(h.db, "ROLLBACK");
  auto it = std::ranges::find(found, "order_total", &audit_finding::rule);
  CAF_REQUIRE(it != found.end());
  CAF_CHECK_EQUAL(it->rows, 7);
  CAF_CHECK_EQUAL(it->sample.size(), 2u);
  CAF_CHECK(it->sample.front().row < it->sample.back().row);
  it = std::ranges::find(none, "order_total", &audit_finding::rule);
  CAF_REQUIRE(it != none.end());
  CAF_CHECK_EQUAL(it->rows, 7);
  CAF_CHECK(it->sample.empty());
}

CAF_TEST(I7 an epoch that goes back between two looks is found) {
  auto db = h.home.connect("tiketi_audit");
  auto go_on = [] { return false; };
  auditor one{{audit_part::shards}, {}};
  must(h.db, "UPDATE shard_owners SET epoch = 7 WHERE shard = 9");
  CAF_REQUIRE(one.look(db, go_on)->findings.empty());
  must(h.db, "UPDATE shard_owners SET epoch = 6 WHERE shard = 9");
  auto found = one.look(db, go_on)->findings;
  CAF_REQUIRE_EQUAL(found.size(), 1u);
  const contradiction expected{"9", "epoch 6", "epoch 7 was seen before"};
  CAF_CHECK_EQUAL(found.front().rule, "epoch_back");
  CAF_CHECK(found.front().sample.front() == expected);
}

CAF_TEST(all rules see one moment) {
  auto db = h.home.connect("tiketi_audit");
  auditor one{{all_audit_parts.begin(), all_audit_parts.end()}, {}};
  bool first = true;
  auto spoil = [&] {
    if (std::exchange(first, false)) must(h.db, "UPDATE reservations SET total_amount = 1");
    return false;
  };
  CAF_CHECK(one.look(db, spoil)->findings.empty());
  CAF_CHECK(!one.look(db, spoil)->findings.empty());
}

CAF_TEST(nothing is locked between two rules) {
  auto db = h.home.connect("tiketi_audit");
  pg::params pid;
  pid.add_int4(db.backend_pid());
  int asked = 0;
  auto locks_nothing = [&] {
    ++asked;
    CAF_CHECK_EQUAL(number(h.db,
                           "SELECT count(*) FROM pg_locks l JOIN pg_class c ON c.oid = l.relation "
                           "WHERE l.pid = $1 AND c.relnamespace = 'public'::regnamespace",
                           pid),
                    0);
    return false;
  };
  auditor one{{all_audit_parts.begin(), all_audit_parts.end()}, {}};
  CAF_CHECK(one.look(db, locks_nothing).has_value());
  CAF_CHECK(asked > 60);
}

CAF_TEST(who makes the partitions of the outbox does not wait for who reads it) {
  auto db = h.home.connect("tiketi_audit");
  const std::vector<audit_rule> slow = {
    {"slow", "outbox", "", "SELECT id::text, '', pg_sleep(1)::text FROM {outbox} o LIMIT 3"}};
  must(db, "BEGIN READ ONLY");
  std::thread reader{[&] { CAF_CHECK(audit(db, slow).has_value()); }};
  while (number(h.db, "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'") == 0)
    std::this_thread::sleep_for(millis{5});
  // Gives up after a second of waiting for a lock, and keeps every sale waiting meanwhile.
  CAF_CHECK_EQUAL(number(h.db, "SELECT ensure_outbox_partitions(9)"), 2);
  CAF_CHECK_EQUAL(
    number(h.db, "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"), 1);
  reader.join();
  must(db, "ROLLBACK");
}

CAF_TEST(rows in the default partition of the outbox count like others) {
  must(h.db, "UPDATE outbox SET made_at = now() + interval '400 days'");
  CAF_CHECK_EQUAL(number(h.db, "SELECT count(*) FROM outbox_default"),
                  number(h.db, "SELECT count(*) FROM outbox"));
  must(h.db, "BEGIN");
  auto found = look(h.db);
  must(h.db, "ROLLBACK");
  CAF_CHECK(found.empty());
}

CAF_TEST(events of days that are gone are not missed) {
  auto count = number(h.db, "SELECT count(*) FROM reservations");
  must(h.db, "UPDATE reservations SET created_at = created_at - interval '1 day'");
  must(h.db, "UPDATE payments SET created_at = created_at - interval '1 day'");
  must(h.db, "DELETE FROM outbox");
  must(h.db, "BEGIN");
  auto found = look(h.db);
  must(h.db, "ROLLBACK");
  CAF_CHECK(found.empty());
  must(h.db, "UPDATE reservations SET created_at = now()");
  must(h.db, "BEGIN");
  found = look(h.db);
  must(h.db, "ROLLBACK");
  CAF_REQUIRE_EQUAL(found.size(), 1u);
  CAF_CHECK_EQUAL(found.front().rule, "events_of_order");
  CAF_CHECK_EQUAL(found.front().rows, count);
}

CAF_TEST(what takes too long is given up and the next look goes on) {
  auto db = h.home.connect("tiketi_audit");
  const std::vector<audit_rule> slow = {{"slow", "seats", "", "SELECT '', '', pg_sleep(30)::text"}};
  must(db, "BEGIN READ ONLY");
  auto found = audit(db, slow, {millis{200}, 1});
  CAF_REQUIRE(!found);
  CAF_CHECK(found.error().starts_with("slow: 57014"));
  must(db, "ROLLBACK");
  auditor one{{audit_part::seats}, {}};
  int asked = 0;
  auto stopped = one.look(db, [&] { return ++asked > 2; });
  CAF_REQUIRE(!stopped);
  CAF_CHECK_EQUAL(stopped.error(), auditor::was_stopped);
  CAF_CHECK(one.look(db, [] { return false; }).has_value());
}

CAF_TEST(a database of another release is not looked at) {
  must(h.db, "INSERT INTO schema_migrations VALUES (9999, '9999_future.sql', 'x')");
  auto db = h.home.connect("tiketi_audit");
  auditor one{{audit_part::seats}, {}};
  CAF_CHECK(!one.look(db, [] { return false; }).has_value());
}

CAF_TEST_FIXTURE_SCOPE_END()
