#define CAF_SUITE small

#include <set>

#include <caf/test/dsl.hpp>

#include "tests/simulation/small.hpp"

using namespace tk;
using namespace tk::sim;

namespace {

/// Two clients whose steps send nothing: every order of them is one of the steps alone.
small::model steps_only(std::set<std::string>& seen) {
  auto order = std::make_shared<std::string>();
  small::model out;
  out.name = "steps";
  out.nodes = 1;
  out.set_up = [order](small::stage& on) {
    order->clear();
    for (auto pair : {"ab", "xy"}) {
      char first = pair[0], second = pair[1];
      on.client({{"first", [order, first] { *order += first; }},
                 {"second", [order, second] { *order += second; }}});
    }
  };
  out.check = [order, &seen](small::stage&) {
    return seen.insert(*order).second ? std::string{} : "an order came twice: " + *order;
  };
  return out;
}

} // namespace

CAF_TEST(every order is played once) {
  std::set<std::string> seen;
  auto x = small::explore(steps_only(seen), 1000);
  CAF_CHECK(x.wrong.empty());
  CAF_CHECK(x.all);
  CAF_CHECK_EQUAL(x.orders, 6u);
  CAF_CHECK(seen == (std::set<std::string>{"abxy", "axby", "axyb", "xaby", "xayb", "xyab"}));
}

CAF_TEST(what is left out is said) {
  std::set<std::string> seen;
  auto x = small::explore(steps_only(seen), 2);
  CAF_CHECK(!x.all);
  CAF_CHECK_EQUAL(x.orders, 2u);
}

CAF_TEST(an order in which something fails is told) {
  small::model what;
  what.nodes = 1;
  what.set_up = [](small::stage& on) {
    for (int32_t user : {1, 2})
      on.client({{"asks", [&on, user] { on.hold(0, user, {wanted_item{seat_of(0, 1), 0}}); }}});
  };
  // True in about half of all orders.
  what.check = [](small::stage& on) {
    return on.granted(2) ? std::string{"the second one was the first"} : std::string{};
  };
  auto x = small::explore(what, 1000);
  CAF_CHECK(x.wrong == "the second one was the first");
  CAF_CHECK_GREATER_OR_EQUAL(x.steps.size(), 5u);
}
