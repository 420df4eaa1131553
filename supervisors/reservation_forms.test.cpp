#define CAF_SUITE reservation_forms

#include "supervisors/reservation_forms.hpp"

#include <set>

#include "caf/test/dsl.hpp"

#include "tests/support/rig_world.hpp"

using namespace tk;

CAF_TEST(every unit gets a ticket of its own and after a refusal another one) {
  rig::seeded_entropy random{7};
  auto now = from_ms(1'800'000'000'000);
  std::vector<sold_item> items(2);
  items[1].quantity = 3;
  std::set<ticket_id> ids;
  std::set<std::string> numbers;
  for (int round = 1; round <= 2; ++round) {
    number_tickets(items, now, random);
    CAF_CHECK_EQUAL(items[0].tickets.size(), 1u);
    CAF_CHECK_EQUAL(items[1].tickets.size(), 3u);
    for (auto& item : items)
      for (auto& x : item.tickets) {
        ids.insert(x.id);
        numbers.insert(x.number);
      }
    auto made = 4u * static_cast<size_t>(round);
    CAF_CHECK_EQUAL(ids.size(), made);
    CAF_CHECK_EQUAL(numbers.size(), made);
  }
}
