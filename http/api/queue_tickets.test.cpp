#define CAF_SUITE queue_tickets

#include "http/api/queue_tickets.hpp"

#include "caf/test/dsl.hpp"

using namespace tk;
using namespace tk::http;

namespace {

struct fixture {
  queue_tickets tickets{std::string(32, 'k')};
  event_id event{1, 2};
  user_id user{3, 4};
  queue_ticket ticket{{true, 4711}, 3, 17};
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(queue_ticket_tests, fixture)

CAF_TEST(a ticket says what was signed) {
  for (auto x : {ticket, queue_ticket{{false, 1}, 1, 9'000'000'000'000}}) {
    auto text = tickets.sign(event, user, x);
    CAF_CHECK(text.size() < 64);
    CAF_CHECK(tickets.open(text, event, user) == x);
  }
}

CAF_TEST(a ticket is of one user for one event) {
  auto text = tickets.sign(event, user, ticket);
  CAF_CHECK(!tickets.open(text, {1, 3}, user));
  CAF_CHECK(!tickets.open(text, event, {3, 5}));
  queue_tickets other{std::string(32, 'x')};
  CAF_CHECK(!other.open(text, event, user));
}

CAF_TEST(a ticket that was changed is none) {
  auto text = tickets.sign(event, user, ticket);
  for (size_t i = 0; i < text.size(); ++i) {
    auto changed = text;
    changed[i] = changed[i] == '1' ? '2' : '1';
    CAF_CHECK(!tickets.open(changed, event, user));
    CAF_CHECK(!tickets.open(text.substr(0, i), event, user));
  }
  for (auto bad : {"", ".", "...", "1.2.3.", "a.b.c.d"}) CAF_CHECK(!tickets.open(bad, event, user));
  CAF_CHECK(!tickets.open(std::string(10'000, '1'), event, user));
}

CAF_TEST_FIXTURE_SCOPE_END()
