#define CAF_SUITE ledger_contract_tickets

#include "tests/integration/ledger_fixture.hpp"

using namespace tk;
using namespace std::chrono_literals;

namespace {

struct fixture : test::payment_fixture {
  admit_ticket scanning(ticket_id x, const std::string& key) {
    return {x, order.id, key, user_id{0xad, 1}};
  }

  /// Pays, and tells the first of the tickets.
  ticket_entry bought() {
    sold();
    return world->tickets(order.id).front();
  }

  std::vector<std::string> statuses() {
    std::vector<std::string> out;
    for (const auto& x : world->tickets(order.id)) out.push_back(x.status);
    return out;
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(ledger_contract_tickets_cases, fixture)

CAF_TEST(complete makes one ticket per seat or unit) {
  const auto x = pinned();
  const auto y = completing(x);
  CAF_CHECK(world->tickets(order.id).empty());
  does(y);
  const auto made = world->tickets(order.id);
  CAF_REQUIRE_EQUAL(made.size(), 3u);
  for (const auto& t : made) {
    CAF_CHECK_EQUAL(t.status, "valid");
    CAF_CHECK(t.event == event && t.user == user);
    CAF_CHECK(t.used_at == instant{});
  }
  CAF_CHECK(made[0].id == y.items[0].tickets[0].id);
  CAF_CHECK_EQUAL(made[0].number, y.items[0].tickets[0].number);
  CAF_CHECK(made[0].seat == held_seat && made[0].type.nil());
  CAF_CHECK(made[0].price == won{110'000});
  CAF_CHECK(made[2].seat.nil() && made[2].type == held_type);
  CAF_CHECK(made[2].price == won{50'000});
}

CAF_TEST(sending a completion again makes no further tickets) {
  const auto x = pinned();
  does(completing(x));
  refused(completing(x), outcome::done);
  CAF_CHECK_EQUAL(world->tickets(order.id).size(), 3u);
}

CAF_TEST(a number that is taken refuses the whole completion and another one sells) {
  const auto first = completing(pinned());
  does(first);
  const auto taken = first.items[1].tickets[1].number;
  does(cancelling()); // A number is used once, whatever became of its ticket.
  hold_again();
  auto again = completing(pinned());
  again.items[1].tickets[0].number = taken;
  refused(again, outcome::number_used);
  CAF_CHECK(is_pinned());
  again.items[1].tickets[0] = ticket();
  does(again);
  CAF_CHECK_EQUAL(world->tickets(order.id).size(), 3u);
}

CAF_TEST(a number drawn twice in one batch sells once) {
  const auto first = completing(pinned());
  const auto first_order = order.id;
  order = hold({of(held_type, 2)});
  auto second = completing(pinned());
  second.items.erase(second.items.begin());
  second.items[0].tickets[1].number = first.items[1].tickets[0].number;
  const auto said = judge({first, second});
  CAF_CHECK_EQUAL(said[0].is, outcome::ok);
  CAF_CHECK_EQUAL(said[1].is, outcome::number_used);
  CAF_CHECK_EQUAL(world->tickets(first_order).size(), 3u);
  CAF_CHECK(is_pinned());
  second.items[0].tickets = {ticket(), ticket()};
  does(second);
}

CAF_TEST(a unit without a ticket trips the wire) {
  auto x = completing(pinned());
  x.items[1].tickets.pop_back();
  const auto before = world->counts();
  CAF_CHECK(run({x}).is == batch_status::torn);
  CAF_CHECK(world->counts() == before);
  CAF_CHECK(status() == reservation_status::pending);
}

CAF_TEST(cancelling voids every ticket and sold again the seat gets another one) {
  sold();
  does(cancelling());
  CAF_CHECK(statuses() == (std::vector<std::string>(3, "cancelled")));
  hold_again();
  auto again = completing(pinned());
  does(again);
  CAF_CHECK(statuses() == (std::vector<std::string>(3, "valid")));
}

CAF_TEST(admit: once and the same scan hears it again) {
  const auto it = bought();
  const auto v = judge({scanning(it.id, "scan-1")}).front();
  CAF_CHECK_EQUAL(v.is, outcome::ok);
  const auto row = world->tickets(order.id).front();
  CAF_CHECK_EQUAL(row.status, "used");
  CAF_CHECK(row.used_at == v.used_at && v.used_at != instant{});
  CAF_CHECK(row.used_by == scanning(it.id, "").by);
  for (const auto& [key, expected] :
       {std::pair{"scan-1", outcome::done}, std::pair{"scan-2", outcome::used}}) {
    const auto w = judge({scanning(it.id, key)}).front();
    CAF_CHECK_EQUAL(w.is, expected);
    CAF_CHECK(w.used_at == v.used_at);
  }
  CAF_CHECK(world->tickets(order.id).front().used_at == v.used_at);
  CAF_CHECK(statuses() == (std::vector<std::string>{"used", "valid", "valid"}));
}

CAF_TEST(admit: of many scans in one batch the first is let in) {
  const auto it = bought();
  std::vector<op> scans;
  scans.reserve(51);
  for (int i = 0; i < 50; ++i) scans.emplace_back(scanning(it.id, "scan-" + std::to_string(i)));
  scans.emplace_back(scanning(it.id, "scan-0")); // Sent twice by its scanner.
  const auto v = judge(std::move(scans));
  CAF_CHECK_EQUAL(v[0].is, outcome::ok);
  for (size_t i = 1; i < 50; ++i) {
    CAF_CHECK_EQUAL(v[i].is, outcome::used);
    CAF_CHECK(v[i].used_at == v[0].used_at);
  }
  CAF_CHECK_EQUAL(v[50].is, outcome::done);
}

CAF_TEST(admit: unknown and cancelled tickets are not let in) {
  refused(scanning(fresh<ticket_id>(), "scan"), outcome::no_ticket);
  const auto it = bought();
  auto elsewhere = scanning(it.id, "scan");
  elsewhere.reservation = fresh<reservation_id>();
  refused(elsewhere, outcome::no_ticket);
  does(cancelling());
  refused(scanning(it.id, "scan"), outcome::voided);
  const auto after = world->tickets(order.id).front();
  CAF_CHECK_EQUAL(after.status, "cancelled");
}

CAF_TEST(who was let in gets no money back by asking but the house may give it) {
  const auto it = bought();
  does(scanning(it.id, "scan"));
  refused(cancelling(), outcome::used);
  CAF_CHECK(status() == reservation_status::confirmed);
  auto by_the_house = cancelling();
  by_the_house.actor = {};
  does(by_the_house);
  CAF_CHECK(statuses() == (std::vector<std::string>(3, "cancelled")));
  refused(scanning(it.id, "scan"), outcome::voided); // Not even the scan that let it in before.
}

CAF_TEST_FIXTURE_SCOPE_END()
