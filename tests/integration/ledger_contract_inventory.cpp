#define CAF_SUITE ledger_contract_inventory

#include <vector>

#include "tests/integration/ledger_fixture.hpp"

using namespace tk;

namespace {

using numbers64 = std::vector<int64_t>;

} // namespace

CAF_TEST_FIXTURE_SCOPE(ledger_contract_inventory_cases, test::payment_fixture)

CAF_TEST(what is left of an event counts seats and standing tickets) {
  event = fresh<event_id>();
  open_event();
  held_seat = seat();
  held_type = type(10);
  auto left = [&] {
    const auto x = world->inventory(event);
    CAF_CHECK(x.known);
    return numbers64{x.free, x.held, x.total};
  };
  CAF_CHECK_EQUAL(left(), (numbers64{11, 0, 101}));
  order = hold(wanted());
  CAF_CHECK_EQUAL(left(), (numbers64{8, 3, 101}));
  sold();
  CAF_CHECK_EQUAL(left(), (numbers64{8, 0, 101}));
  CAF_CHECK(!world->inventory(fresh<event_id>()).known);
}

CAF_TEST_FIXTURE_SCOPE_END()
