#define CAF_SUITE reconciliation_judge
#include "persistence/reconciliation/judge.hpp"

#include <caf/test/dsl.hpp>

using namespace tk;

namespace {

using standing = provider_view::standing;

money_row paid(const char* status) {
  money_row out;
  out.attempt = {0xa, 1};
  out.payment = {0xb, 1};
  out.reservation = {0xc, 1};
  out.order_id = "ORD_1";
  out.provider = "toss";
  out.status = status;
  out.amount = won{1000};
  return out;
}

money_row refunded(int64_t amount, bool done, int32_t tries = 0) {
  auto out = paid("approved");
  out.refund = {0xd, 1};
  out.refund_amount = won{amount};
  out.refund_done = done;
  out.refund_tries = tries;
  out.refund_error = "NOPE";
  return out;
}

provider_view taken(int64_t amount = 1000, int64_t back = 0) {
  return {standing::captured, won{amount}, won{back}};
}
provider_view said(standing x) { return {x, {}, {}}; }

bool agrees(const money_row& x, const provider_view& there) {
  auto out = judge(x, there, false);
  CAF_CHECK(!out.agrees || (!out.found && !out.ask_again)); // Never both.
  return out.agrees;
}

case_kind kind(const money_row& x, const provider_view& there) {
  auto out = judge(x, there, false);
  CAF_REQUIRE(out.found);
  CAF_CHECK_EQUAL(out.found->subject, "attempt " + to_string(x.attempt));
  CAF_CHECK(out.found->reservation == x.reservation && out.found->payment == x.payment);
  CAF_CHECK(!out.found->next_step.empty() && !out.found->says.empty());
  CAF_CHECK(!out.found->against.empty());
  return out.found->kind;
}

} // namespace

CAF_TEST(what was sold has to be with the provider whole) {
  auto sold = paid("approved");
  CAF_CHECK(agrees(sold, taken()));
  CAF_CHECK(kind(sold, taken(999)) == case_kind::provider_difference);
  CAF_CHECK(kind(sold, taken(1000, 1)) == case_kind::provider_difference);
  CAF_CHECK(kind(sold, said(standing::not_taken)) == case_kind::provider_difference);
  CAF_CHECK(kind(sold, said(standing::open)) == case_kind::provider_difference);
  CAF_CHECK(!judge(sold, taken(999), false).ask_again); // The checkout decides nothing of it anew.
}

CAF_TEST(silence says nothing about what is decided) {
  for (auto& x : {paid("approved"), paid("late"), paid("declined"), refunded(1000, true)}) {
    auto out = judge(x, {}, false);
    CAF_CHECK(!out.agrees);
    CAF_CHECK(!out.found);
    CAF_CHECK(!out.ask_again);
  }
}

CAF_TEST(a provider that forgets is believed only what it remembers) {
  auto sold = paid("approved");
  for (auto there : {standing::not_taken, standing::open, standing::silent}) {
    auto out = judge(sold, said(there), true);
    CAF_CHECK(!out.agrees);
    CAF_CHECK(!out.found);
  }
  CAF_CHECK(judge(sold, taken(), true).agrees);
  CAF_CHECK(judge(sold, taken(1000, 1000), true).found);
}

CAF_TEST(what is to go back may be back already or not) {
  CAF_CHECK(agrees(refunded(1000, false), taken()));
  CAF_CHECK(agrees(refunded(1000, false), taken(1000, 1000)));
  CAF_CHECK(agrees(refunded(700, false), taken(1000, 700)));
  CAF_CHECK(kind(refunded(700, false), taken(1000, 1000)) == case_kind::provider_difference);
  CAF_CHECK(kind(refunded(700, false), said(standing::not_taken)) ==
            case_kind::provider_difference);
}

CAF_TEST(what went back is gone there too and no more than that) {
  CAF_CHECK(agrees(refunded(1000, true), taken(1000, 1000)));
  CAF_CHECK(agrees(refunded(1000, true), said(standing::not_taken)));
  CAF_CHECK(agrees(refunded(700, true), taken(1000, 700)));
  CAF_CHECK(kind(refunded(1000, true), taken(1000, 0)) == case_kind::provider_difference);
  CAF_CHECK(kind(refunded(1000, true), taken(1000, 999)) == case_kind::provider_difference);
  CAF_CHECK(kind(refunded(700, true), taken(1000, 1000)) == case_kind::provider_difference);
  CAF_CHECK(kind(refunded(700, true), said(standing::not_taken)) ==
            case_kind::provider_difference);
}

CAF_TEST(money for a failed attempt goes back through its checkout) {
  for (auto* status : {"declined", "voided"}) {
    auto x = paid(status);
    CAF_CHECK(kind(x, taken()) == case_kind::paid_incomplete);
    CAF_CHECK(judge(x, taken(), false).ask_again);
    CAF_CHECK(judge(x, taken(999), true).ask_again); // What it remembers is true.
    CAF_CHECK(agrees(x, taken(1000, 1000)));         // By hand, at the provider.
    CAF_CHECK(agrees(x, said(standing::not_taken)));
    CAF_CHECK(agrees(x, said(standing::open)));
  }
  CAF_CHECK(kind(paid("untried"), taken()) == case_kind::paid_incomplete);
  CAF_CHECK(!judge(paid("untried"), taken(), false).ask_again); // Its checkout never asks of it.
}

CAF_TEST(what nobody knows for long is a case whatever is said) {
  auto live = paid("live");
  for (auto there : {standing::silent, standing::open, standing::not_taken})
    CAF_CHECK(kind(live, said(there)) == case_kind::payment_unresolved);
  CAF_CHECK(kind(live, taken()) == case_kind::paid_incomplete);
  CAF_CHECK(kind(live, taken(999)) == case_kind::provider_difference); // It will never be sold.
  CAF_CHECK(kind(live, taken(1000, 1000)) == case_kind::payment_unresolved);
  CAF_CHECK(!judge(live, taken(), false).ask_again); // It asks all the time.
}

CAF_TEST(a refund that was refused five times is a case and four times is not) {
  CAF_CHECK(agrees(refunded(1000, false, 4), taken()));
  auto x = judge(refunded(1000, false, 5), taken(), false);
  CAF_REQUIRE(x.found);
  CAF_CHECK(x.found->kind == case_kind::refund_failed);
  CAF_CHECK_EQUAL(x.found->attempts, 5);
  CAF_CHECK(x.found->next_step.find("NOPE") != std::string::npos);
  CAF_CHECK(kind(refunded(1000, false, 9), {}) == case_kind::refund_failed);
}
