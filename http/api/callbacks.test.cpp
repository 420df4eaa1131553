#define CAF_SUITE callbacks

#include "http/api/callbacks.hpp"

#include "tests/support/till.hpp"

using namespace tk;
using namespace tk::rig;

namespace {

/// A buyer pays on the provider's page, and the provider calls back.
struct page : till {
  std::vector<http::callback_end> ends;

  void pay_on_page() { bank.core.approve({order_id, "page", price(), "page", {}}, now()); }
  void call_back() {
    auto& [payment, row] = *model.rows.payments.begin();
    http::called_payment what;
    what.provider = "mock";
    what.row.id = payment;
    what.row.order_id = row.order_id;
    what.row.status = row.status;
    what.row.type = "reservation";
    what.row.amount = row.amount;
    what.row.reservation = row.reservation;
    what.row.user = row.user;
    auto caller = [this, what](caf::event_based_actor* self, int) {
      http::follow_callback(self, node, what, [this](http::callback_end x) { ends.push_back(x); });
    };
    sys.spawn(caller, 0);
    run();
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(callback_tests, page)

CAF_TEST(what was paid after the hold goes back) {
  hold_and_prepare({want(0, 1)});
  later(301s, 7s);
  sweep();
  pay_on_page();
  call_back();
  CAF_REQUIRE_EQUAL(ends.size(), 1u);
  CAF_CHECK(ends[0] == http::callback_end::taken);
  CAF_CHECK_EQUAL(bank.core.books().refunds.size(), 1u);
  rest();
  CAF_CHECK(wrong() == "");
}

// That attempt may end without the provider having been asked, and nobody asks about it again.
CAF_TEST(a callback that meets another attempt comes again) {
  hold_and_prepare({want(0, 1)});
  bank.holding = true;
  confirm("card");
  pay_on_page();
  call_back();
  later(6s, 500ms);
  CAF_REQUIRE_EQUAL(ends.size(), 1u);
  CAF_CHECK(ends[0] == http::callback_end::later);
  bank.away = true;
  answer_late();
  CAF_CHECK(model.rows.attempts.begin()->second.status == "untried");
  bank.away = false;
  call_back();
  CAF_REQUIRE_EQUAL(ends.size(), 2u);
  CAF_CHECK(ends[1] == http::callback_end::taken);
  rest();
  CAF_CHECK(wrong() == "");
}

CAF_TEST_FIXTURE_SCOPE_END()
