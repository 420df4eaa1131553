// The audit finds what is planted, each by its own rule, and nothing in rows as the ledger makes
// them (H-26).
#define CAF_SUITE audit

#include <algorithm>
#include <string>
#include <vector>

#include <caf/test/dsl.hpp>

#include "persistence/audit/audit.hpp"
#include "tests/integration/hall.hpp"

using namespace tk;
using namespace tk::test;

namespace {

/// A hall where somebody holds, somebody pays just now, somebody paid, and somebody got a refund.
struct fixture {
  hall h{4};
  ledger_driver_pg driver{plain_driver(h.home)};
  ticket_type_id type{0x7e, 1};
  participant owner{5, 1};

  fixture() {
    pg::params p;
    p.add_id(type).add_id(h.event);
    must(h.db,
         "INSERT INTO ticket_types (id, event_id, name, price, total_quantity) "
         "VALUES ($1, $2, 'Standing', 500, 10)",
         p);
    std::vector<create_reservation> orders;
    orders.reserve(h.seats.size());
    for (size_t i = 0; i < h.seats.size(); ++i) orders.push_back(hold(i));
    pin(orders[1]);
    sell(orders[2], pin(orders[2]));
    sell(orders[3], pin(orders[3]));
    cancel_paid back;
    back.refund = make_id<refund_id>(h.source);
    back.reservation = orders[3].id;
    back.checkout = owner;
    for (auto& x : orders[3].items) back.items.push_back({x.seat, x.type, x.quantity, x.block});
    does(back);
    must(h.db, "INSERT INTO users (id, email_cipher, email_lookup, name_cipher) "
               "SELECT user_id, 'x', uuid_send(user_id), 'x' FROM reservations");
    must(h.db, "WITH a AS (INSERT INTO artists (name) VALUES ('Band') RETURNING id) "
               "INSERT INTO artist_memberships (user_id, artist_id, expires_at) "
               "SELECT u.id, a.id, now() FROM a, users u LIMIT 1");
  }

  void does(op x) {
    auto said = driver.execute({{std::make_shared<const op>(std::move(x))}});
    CAF_REQUIRE_EQUAL(first(said), "ok");
  }

  /// A seat and two standing tickets.
  create_reservation hold(size_t seat) {
    auto x = std::get<create_reservation>(*h.reserve(seat));
    x.items.push_back({{}, type, 0, 0, 2, won{500}, owner, 1});
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

  static std::vector<audit_finding> look(pg::connection& db) {
    std::vector<audit_finding> out;
    for (auto* part : {&reference_rules(), &stock_rules(), &money_rules()}) {
      auto found = audit(db, *part, millis{10'000});
      if (!found) CAF_FAIL(found.error());
      out.insert(out.end(), found->begin(), found->end());
    }
    return out;
  }

  /// Plants one row, looks for it by the rule that is meant, and takes it back.
  void finds(const std::string& rule, const std::string& plant) {
    must(h.db, "BEGIN");
    auto planted = must(h.db, plant.c_str()).affected();
    auto found = look(h.db);
    must(h.db, "ROLLBACK");
    auto it = std::ranges::find(found, rule, &audit_finding::text);
    if (planted != 1 || it == found.end() || it->rows != 1 || it->example.empty())
      CAF_ERROR("not found: " << rule << " (" << planted << " planted)");
  }
};

std::string one_of(const std::string& table, const std::string& where) {
  return " WHERE ctid = (SELECT ctid FROM " + table + " WHERE " + where + " LIMIT 1)";
}

} // namespace

CAF_TEST_FIXTURE_SCOPE(audit_cases, fixture)

CAF_TEST(rows as the ledger makes them are clean to the role that audits) {
  auto db = h.home.connect("tiketi_read");
  for (auto& x : look(db)) CAF_ERROR(x.text << ": " << x.rows);
}

CAF_TEST(H26 every reference without a foreign key is looked after) {
  for (auto& rule : reference_rules()) {
    auto dot = rule.text.find('.'), space = rule.text.find(' ');
    auto table = rule.text.substr(0, dot), column = rule.text.substr(dot + 1, space - dot - 1);
    std::string plant = "UPDATE ";
    plant += table;
    plant += " SET " + column + " = gen_random_uuid()";
    plant += one_of(table, column + " IS NOT NULL");
    finds(rule.text, plant);
  }
  CAF_CHECK(reference_rules().size() >= 6);
}

CAF_TEST(stock that contradicts reservations is found) {
  finds("a seat's status is not its reservation's",
        "UPDATE seats SET status = 'reserved'" + one_of("seats", "status = 'locked'"));
  finds("a seat is in two live reservations",
        "INSERT INTO reservation_items (reservation_id, seat_id, quantity, unit_price, subtotal) "
        "SELECT r.id, s.id, 1, 0, 0 FROM reservations r, seats s WHERE r.status = 'confirmed' "
        "AND s.status = 'locked' LIMIT 1");
  finds("a quota does not add up",
        "UPDATE ticket_types SET available_quantity = available_quantity - 1");
  finds("a reservation is not the sum of its items",
        "UPDATE reservations SET total_amount = 1" + one_of("reservations", "true"));
  finds("the history's fold is not the row",
        "UPDATE reservations SET status = 'expired'" + one_of("reservations", "pin_id IS NULL"));
  finds("a step of the history starts where none ended",
        "UPDATE reservation_history SET from_status = 'expired'" +
          one_of("reservation_history", "from_status = 'confirmed'"));
}

CAF_TEST(money that contradicts sales is found) {
  finds("the books of an attempt do not balance",
        "UPDATE books SET amount = amount + 1" + one_of("books", "true"));
  finds("sales are not what is confirmed",
        "UPDATE books SET account = 'owed'" + one_of("books", "account = 'sales'"));
  finds("what is owed is not what is to be refunded",
        "UPDATE refunds SET status = 'done', done_at = now()");
  finds("a live attempt is not its reservation's pin",
        "UPDATE reservations SET pin_id = NULL" +
          one_of("reservations", "status = 'pending' AND pin_id IS NOT NULL"));
  finds("a sale has not exactly one approved attempt with its order",
        "UPDATE payment_attempts SET status = 'late'" +
          one_of("payment_attempts", "status = 'approved'"));
  finds("tickets are not the units that are sold",
        "UPDATE tickets SET status = 'cancelled', voided_at = now()" +
          one_of("tickets", "status = 'valid'"));
}

CAF_TEST_FIXTURE_SCOPE_END()
