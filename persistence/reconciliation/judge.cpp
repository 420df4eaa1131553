#include "persistence/reconciliation/judge.hpp"

namespace tk {

namespace {

using standing = provider_view::standing;

std::string told(const provider_view& x) {
  switch (x.is) {
  case standing::captured: {
    auto out = "the provider took " + std::to_string(x.amount.amount);
    if (x.refunded != won{}) out += " and gave back " + std::to_string(x.refunded.amount);
    return out;
  }
  case standing::open: return "the provider has not taken it, but still may";
  case standing::not_taken: return "the provider did not take it";
  case standing::silent: break;
  }
  return "the provider does not say what became of it";
}

std::string recorded(const money_row& x) {
  auto out =
    "attempt to pay " + std::to_string(x.amount.amount) + " by " + x.provider + " is " + x.status;
  if (x.refund.nil()) return out;
  return out + ", its refund of " + std::to_string(x.refund_amount.amount) +
         (x.refund_done ? " is done" : " is pending");
}

found_case about(case_kind kind, const money_row& x, const provider_view& there,
                 std::string next_step) {
  found_case out;
  out.kind = kind;
  out.subject = subject_of(x);
  out.reservation = x.reservation;
  out.payment = x.payment;
  out.attempt = x.attempt;
  out.says = recorded(x);
  out.against = told(there);
  out.next_step = std::move(next_step);
  return out;
}

judgement differs(const money_row& x, const provider_view& there) {
  return {false, false,
          about(case_kind::provider_difference, x, there,
                "compare order " + x.order_id +
                  " with the provider's own records, and put right there what is wrong there")};
}

/// Nobody knows for long: the checkout asks on by itself, and ends it when its time is up.
judgement of_live(const money_row& x, const provider_view& there) {
  bool taken = there.is == standing::captured && there.refunded < there.amount;
  if (taken && there.amount != x.amount) return differs(x, there);
  if (taken)
    return {false, false,
            about(case_kind::paid_incomplete, x, there,
                  "the checkout sells what was paid, or gives it back; when it does not, look at "
                  "`tiketi-inspect reservation` of it")};
  return {false, false,
          about(case_kind::payment_unresolved, x, there,
                "the checkout asks on and cancels the order when its time is up; if the provider "
                "stays silent, ask it about order " +
                  x.order_id)};
}

/// Taken after it had been given up: the checkout gives it back, from a durable row.
judgement of_failed(const money_row& x, const provider_view& there) {
  bool taken = there.is == standing::captured && there.refunded < there.amount;
  if (!taken) return {there.is != standing::silent, false, std::nullopt};
  return {false, x.status != "untried",
          about(case_kind::paid_incomplete, x, there,
                "the checkout was told to ask again: it gives the money back by itself")};
}

judgement of_refused_refund(const money_row& x, const provider_view& there) {
  auto out = about(case_kind::refund_failed, x, there,
                   "the checkout tries on; the provider refuses with `" + x.refund_error +
                     "`: give it back there by hand if it has to be, under order " + x.order_id);
  out.attempts = x.refund_tries;
  return {false, false, std::move(out)};
}

/// Nothing is left of it there: taken and wholly given back, or never taken.
bool nothing_left(const provider_view& x) {
  return x.is == standing::not_taken || (x.is == standing::captured && x.refunded >= x.amount);
}

bool agrees(const money_row& x, const provider_view& there) {
  if (x.refund.nil())
    return there.is == standing::captured && there.amount == x.amount && there.refunded == won{};
  if (!x.refund_done) // On its way: before, or just after.
    return there.is == standing::captured && there.amount == x.amount &&
           there.refunded <= x.refund_amount;
  if (x.refund_amount == x.amount && nothing_left(there)) return true;
  return there.is == standing::captured && there.amount == x.amount &&
         there.refunded == x.refund_amount;
}

} // namespace

std::string subject_of(const money_row& x) { return "attempt " + to_string(x.attempt); }

judgement judge(const money_row& x, const provider_view& there, bool forgets) {
  constexpr int32_t refund_tries_max = 5;
  if (x.status == "live") return of_live(x, there);
  if (!x.refund.nil() && !x.refund_done && x.refund_tries >= refund_tries_max)
    return of_refused_refund(x, there);
  if (x.status != "approved" && x.status != "late") return of_failed(x, there);
  if (there.is == standing::silent) return {};
  if (forgets && there.is != standing::captured) return {};
  if (agrees(x, there)) return {true, false, std::nullopt};
  return differs(x, there);
}

} // namespace tk
