#include "gateways/payment/call_record.hpp"

#include "gateways/payment/kept_text.hpp"

namespace tk {

namespace {

constexpr size_t digits_max = 5;

bool is_digit(char x) { return x >= '0' && x <= '9'; }
/// What people put between the digits of a card.
bool joins(char x) { return x == ' ' || x == '-' || x == '.' || x == '*'; }
bool of_mail(char x) {
  return is_digit(x) || (x >= 'a' && x <= 'z') || (x >= 'A' && x <= 'Z') || x == '.' || x == '_' ||
         x == '-' || x == '+' || x == '%';
}

/// Where the run of digits that begins at `from` ends, behind its last digit.
size_t run_end(std::string_view x, size_t from, size_t& digits) {
  auto end = from;
  digits = 0;
  for (auto i = from; i < x.size() && (is_digit(x[i]) || joins(x[i])); ++i) {
    if (!is_digit(x[i])) continue;
    ++digits;
    end = i + 1;
  }
  return end;
}

void mask_digits(std::string& x) {
  for (size_t i = 0; i < x.size(); ++i) {
    if (!is_digit(x[i])) continue;
    size_t digits = 0;
    auto end = run_end(x, i, digits);
    if (digits > digits_max)
      for (auto j = i; j < end; ++j)
        if (is_digit(x[j])) x[j] = '*';
    i = end;
  }
}

void mask_mails(std::string& x) {
  for (auto at = x.find('@'); at != std::string::npos; at = x.find('@', at + 1)) {
    for (auto i = at; i > 0 && of_mail(x[i - 1]); --i) x[i - 1] = '*';
    for (auto i = at + 1; i < x.size() && of_mail(x[i]); ++i) x[i] = '*';
  }
}

payment_call begun(const char* call, const std::string& provider, const std::string& order,
                   const std::string& subject) {
  payment_call out;
  out.call = call;
  out.provider = provider;
  out.order_id = shortened(order);
  out.subject = subject;
  return out;
}

/// Why nobody was asked.
void note_error(payment_call& to, ec error) {
  to.outcome = "not_asked";
  if (error != ec::ok) to.code = to_string(error);
}

void note_report(payment_call& to, const payment_report& y) {
  switch (y.is) {
  case payment_state::unknown: to.outcome = "unknown"; return;
  case payment_state::not_asked: note_error(to, y.error); return;
  case payment_state::captured:
    to.outcome = "captured";
    to.amount = y.amount;
    if (y.refunded > won{0}) to.says = "given back: " + std::to_string(y.refunded.amount);
    return;
  case payment_state::pending: to.outcome = "pending"; return;
  case payment_state::not_found: to.outcome = "not_found";
  }
}

} // namespace

std::string masked(std::string_view text) {
  std::string out{text};
  mask_digits(out);
  mask_mails(out);
  return shortened(std::move(out));
}

payment_call record_of(const approve_payment& x, const payment_approval& y) {
  auto out = begun("approve", x.provider, x.order_id, x.idempotency_key);
  out.amount = x.amount;
  switch (y.is) {
  case approval_outcome::unknown: out.outcome = "unknown"; break;
  case approval_outcome::not_asked: note_error(out, y.error); break;
  case approval_outcome::approved: out.outcome = "approved"; break;
  case approval_outcome::declined:
    out.outcome = "declined";
    out.code = masked(y.code);
    out.says = masked(y.text);
  }
  return out;
}

payment_call record_of(const query_payment& x, const payment_report& y) {
  auto out = begun("query", x.provider, x.order_id, x.idempotency_key);
  note_report(out, y);
  return out;
}

payment_call record_of(const void_payment& x, const payment_report& y) {
  auto out = begun("void", x.provider, x.order_id, "");
  note_report(out, y);
  return out;
}

payment_call record_of(const refund_payment& x, const payment_refund& y) {
  auto out = begun("refund", x.provider, x.order_id, x.idempotency_key);
  out.amount = x.amount;
  switch (y.is) {
  case refund_outcome::unknown: out.outcome = "unknown"; break;
  case refund_outcome::not_asked: note_error(out, y.error); break;
  case refund_outcome::done: out.outcome = "done"; break;
  case refund_outcome::refused:
    out.outcome = "refused";
    out.code = masked(y.code);
    out.says = masked(y.text);
  }
  return out;
}

} // namespace tk
