#define CAF_SUITE payment_call_record
#include "gateways/payment/call_record.hpp"

#include <caf/test/dsl.hpp>

using namespace tk;

CAF_TEST(cards and accounts and mails are masked and amounts stay) {
  CAF_CHECK_EQUAL(masked("card 4330-1234 5678 9012 refused"), "card ****-**** **** **** refused");
  CAF_CHECK_EQUAL(masked("limit of 50000 won"), "limit of 50000 won");
  CAF_CHECK_EQUAL(masked("123456"), "******");
  CAF_CHECK_EQUAL(masked("12345"), "12345");
  CAF_CHECK_EQUAL(masked("ask ann.b@shop.example now"), "ask *****@************ now");
  CAF_CHECK_EQUAL(masked("010-1234-5678"), "***-****-****");
  CAF_CHECK_EQUAL(masked("@"), "@");
  CAF_CHECK_EQUAL(masked(""), "");
}

CAF_TEST(long words are cut between characters) {
  std::string text;
  for (int i = 0; i < 100; ++i) text += "한";
  auto out = masked(text);
  CAF_CHECK(out.size() <= 200);
  CAF_CHECK_EQUAL(out.size() % 3, 0u);
  CAF_CHECK_EQUAL(masked(std::string{"a\0b", 3} + text.substr(0, 4)), "a b" + text.substr(0, 3));
}

CAF_TEST(what was asked and said is kept without keys) {
  payment_approval no;
  no.is = approval_outcome::declined;
  no.code = "REJECT_CARD";
  no.text = "4330123456789012";
  auto x = record_of(approve_payment{"ORD_1", "secret", won{7}, "a1", {}, "toss"}, no);
  CAF_CHECK_EQUAL(x.call, "approve");
  CAF_CHECK_EQUAL(x.provider, "toss");
  CAF_CHECK_EQUAL(x.order_id, "ORD_1");
  CAF_CHECK_EQUAL(x.subject, "a1");
  CAF_CHECK_EQUAL(x.amount.amount, 7);
  CAF_CHECK_EQUAL(x.outcome, "declined");
  CAF_CHECK_EQUAL(x.code, "REJECT_CARD");
  CAF_CHECK_EQUAL(x.says, "****************");
}

CAF_TEST(what nobody heard is unknown and what was not sent says why) {
  auto lost = record_of(refund_payment{"k", won{7}, "r1", {}, "toss", "ORD_1"}, payment_refund{});
  CAF_CHECK_EQUAL(lost.outcome, "unknown");
  payment_report away;
  away.is = payment_state::not_asked;
  away.error = ec::provider_away;
  auto x = record_of(void_payment{"ORD_1", {}, "toss"}, away);
  CAF_CHECK_EQUAL(x.outcome, "not_asked");
  CAF_CHECK_EQUAL(x.code, std::string{to_string(ec::provider_away)});
  payment_report taken;
  taken.is = payment_state::captured;
  taken.amount = won{9};
  taken.refunded = won{4};
  auto y = record_of(query_payment{"ORD_1", "a1", {}, "toss"}, taken);
  CAF_CHECK_EQUAL(y.amount.amount, 9);
  CAF_CHECK_EQUAL(y.says, "given back: 4");
}
