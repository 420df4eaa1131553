#include "gateways/payment/mock_core.hpp"

#include <algorithm>
#include <charconv>

namespace tk {

namespace {

constexpr const char* method = "mock";

bool take(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

/// `<prefix><number>-`.
std::optional<int> take_number(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return std::nullopt;
  auto rest = text.substr(prefix.size());
  int n = 0;
  auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), n);
  auto digits = static_cast<size_t>(end - rest.data());
  if (error != std::errc{} || n < 0 || digits == rest.size() || rest[digits] != '-')
    return std::nullopt;
  text = rest.substr(digits + 1);
  return n;
}

payment_approval declined(const char* code, const char* text) {
  payment_approval out;
  out.is = approval_outcome::declined;
  out.code = code;
  out.text = text;
  return out;
}

payment_refund refused(const char* code, const char* text) {
  payment_refund out;
  out.is = refund_outcome::refused;
  out.code = code;
  out.text = text;
  return out;
}

payment_refund done(instant at) {
  payment_refund out;
  out.is = refund_outcome::done;
  out.refunded_at = at;
  return out;
}

/// The deadline is not part of what is asked for.
bool same(const approve_payment& a, const approve_payment& b) {
  return a.order_id == b.order_id && a.payment_key == b.payment_key && a.amount == b.amount;
}

} // namespace

mock_script script_of(std::string_view key) {
  mock_script out;
  for (bool more = true; more;) {
    if (auto slow = take_number(key, "slow-")) out.slow = millis{*slow};
    else if (auto late = take_number(key, "late-")) out.late = millis{*late};
    else if (auto n = take_number(key, "refuse-refund-")) out.refunds_refused = *n;
    else if (auto m = take_number(key, "lost-refund-")) out.refund_answers_lost = *m;
    else if (take(key, "lost-")) out.answer_lost = true;
    else if (take(key, "away-")) out.away = true;
    else more = false;
  }
  out.declines = key.starts_with("fail");
  return out;
}

won mock_books::captured() const {
  won sum;
  for (auto& x : captures) sum += x.amount;
  return sum;
}

won mock_books::refunded() const {
  won sum;
  for (auto& x : refunds) sum += x.amount;
  return sum;
}

won mock_provider::order::refunded() const {
  won sum;
  for (auto& [key, x] : refunds) sum += x.second.amount;
  return sum;
}

mock_provider::order& mock_provider::order_of(const std::string& id, instant now) {
  auto [i, is_new] = orders_.try_emplace(id);
  if (is_new) {
    i->second.id = id;
    i->second.lapses_at = now + settings_.order_life;
    oldest_first_.push_back(id);
    if (oldest_first_.size() > settings_.orders_max) forget_oldest();
  }
  return orders_.find(id)->second;
}

void mock_provider::forget_oldest() {
  auto i = orders_.find(oldest_first_.front());
  oldest_first_.pop_front();
  for (auto& [key, x] : i->second.attempts) order_of_attempt_.erase(key);
  if (i->second.capture) order_of_key_.erase(i->second.capture->payment_key);
  orders_.erase(i);
}

mock_provider::order* mock_provider::find_by_key(const std::string& payment_key) {
  auto i = order_of_key_.find(payment_key);
  return i == order_of_key_.end() ? nullptr : &orders_.find(i->second)->second;
}

void mock_provider::hear_of(const std::string& order_id, instant now) { order_of(order_id, now); }

payment_approval mock_provider::approve(const approve_payment& x, instant now,
                                        bool although_ended) {
  if (auto i = order_of_attempt_.find(x.idempotency_key); i != order_of_attempt_.end()) {
    auto& first = orders_.find(i->second)->second.attempts.find(x.idempotency_key)->second;
    return same(first.asked, x)
             ? first.answer
             : declined("IDEMPOTENCY_CONFLICT", "This key was used for something else.");
  }
  auto& o = order_of(x.order_id, now);
  auto answer = decide(o, x, now, although_ended);
  o.attempts[x.idempotency_key] = {x, answer};
  order_of_attempt_[x.idempotency_key] = x.order_id;
  return answer;
}

payment_approval mock_provider::decide(order& o, const approve_payment& x, instant now,
                                       bool although_ended) {
  if (x.amount.amount <= 0) return declined("INVALID_AMOUNT", "The amount must be positive.");
  if (o.capture) return declined("ALREADY_PROCESSED_PAYMENT", "This order was paid before.");
  if (o.ended(now) && !although_ended)
    return declined("ORDER_ENDED", "The order was cancelled or has lapsed.");
  if (order_of_key_.contains(x.payment_key))
    return declined("PAYMENT_KEY_USED", "This key has paid another order.");
  if (script_of(x.payment_key).declines)
    return declined("REJECT_CARD_PAYMENT", "The card was declined.");
  o.capture = {x.order_id, x.payment_key, x.idempotency_key, x.amount, now};
  o.captured_no = ++moves_;
  order_of_key_[x.payment_key] = x.order_id;
  payment_approval out;
  out.is = approval_outcome::approved;
  out.payment_key = x.payment_key;
  out.method = method;
  out.approved_at = now;
  return out;
}

payment_report mock_provider::report(const order& o, instant now) const {
  payment_report out;
  out.order_id = o.id;
  if (o.capture) {
    out.is = payment_state::captured;
    out.payment_key = o.capture->payment_key;
    out.method = method;
    out.amount = o.capture->amount;
    out.refunded = o.refunded();
    out.approved_at = o.capture->at;
  } else {
    out.is = o.ended(now) ? payment_state::not_found : payment_state::pending;
  }
  return out;
}

payment_report mock_provider::query(const query_payment& x, instant now) {
  if (!x.order_id.empty()) return report(order_of(x.order_id, now), now);
  auto i = order_of_attempt_.find(x.idempotency_key);
  if (i == order_of_attempt_.end()) {
    payment_report never_heard; // It may be on its way still.
    never_heard.is = payment_state::pending;
    return never_heard;
  }
  auto& o = orders_.find(i->second)->second;
  auto out = report(o, now);
  bool another_paid = o.capture && o.capture->idempotency_key != x.idempotency_key;
  if (!o.capture || another_paid) { // An attempt that was declined stays declined.
    out = {};
    out.order_id = o.id;
    out.is = payment_state::not_found;
  }
  return out;
}

payment_report mock_provider::void_order(const void_payment& x, instant now) {
  auto& o = order_of(x.order_id, now);
  if (!o.capture) o.voided = true;
  return report(o, now);
}

payment_refund mock_provider::refund(const refund_payment& x, instant now) {
  auto* o = find_by_key(x.payment_key);
  if (!o) return refused("NOT_FOUND_PAYMENT", "There is no such payment.");
  if (auto i = o->refunds.find(x.idempotency_key); i != o->refunds.end())
    return i->second.second.amount == x.amount
             ? done(i->second.second.at)
             : refused("IDEMPOTENCY_CONFLICT", "This key was used for something else.");
  if (x.amount.amount <= 0 || x.amount > won{o->capture->amount.amount - o->refunded().amount})
    return refused("NOT_CANCELABLE_AMOUNT", "More than is left of the payment.");
  if (o->refunds_refused < script_of(x.payment_key).refunds_refused) {
    ++o->refunds_refused;
    return refused("PROVIDER_ERROR", "The refund failed.");
  }
  mock_refund made{x.payment_key, x.idempotency_key, x.amount, now};
  o->refunds[x.idempotency_key] = {++moves_, made};
  return done(now);
}

bool mock_provider::can_take(const std::string& order_id, const std::string& attempt_key,
                             instant now) const {
  auto i = orders_.find(order_id);
  bool open = i != orders_.end() && !i->second.capture && !i->second.ended(now);
  return open && !order_of_attempt_.contains(attempt_key);
}

std::string mock_provider::paid_with(const std::string& order_id) const {
  auto i = orders_.find(order_id);
  return i == orders_.end() || !i->second.capture ? std::string{} : i->second.capture->payment_key;
}

bool mock_provider::knows(const std::string& payment_key) const {
  return order_of_key_.contains(payment_key);
}

void mock_provider::enter_capture(const std::string& payment_key, won amount, instant now) {
  auto& o = order_of("before-" + payment_key, now);
  o.capture = {o.id, payment_key, o.id, amount, now};
  o.captured_no = ++moves_;
  order_of_key_[payment_key] = o.id;
}

bool mock_provider::loses_refund_answer(const std::string& payment_key) {
  auto* o = find_by_key(payment_key);
  if (!o || o->refund_answers_lost >= script_of(payment_key).refund_answers_lost) return false;
  ++o->refund_answers_lost;
  return true;
}

mock_books mock_provider::books() const {
  std::map<uint64_t, const mock_capture*> captures;
  std::map<uint64_t, const mock_refund*> refunds;
  for (auto& [id, o] : orders_) {
    if (o.capture) captures[o.captured_no] = &*o.capture;
    for (auto& [key, x] : o.refunds) refunds[x.first] = &x.second;
  }
  mock_books out;
  for (auto& [no, x] : captures) out.captures.push_back(*x);
  for (auto& [no, x] : refunds) out.refunds.push_back(*x);
  return out;
}

} // namespace tk
