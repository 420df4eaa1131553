#include "actors/checkout/core.hpp"

#include <algorithm>
#include <utility>

namespace tk {

namespace {

using namespace std::chrono_literals;

constexpr millis provider_pause{1000}, provider_pause_max{30'000};
constexpr millis ledger_pause{250}, ledger_pause_max{5000};

pay_decision refuse(ec why) { return {pay_decision::kind::refuse, why, {}, {}, false}; }

/// `effect` as the key has to name it.
pay_decision decide(pay_decision::kind is, payment_id order, effect_id effect,
                    bool repeated = false) {
  return {is, ec::ok, order, effect, repeated};
}

/// Certain that nothing was done, or nobody knows: in both cases the same is asked again.
bool undecided(ec x) {
  switch (x) {
  case ec::unknown:
  case ec::in_flight:
  case ec::internal:
  case ec::busy:
  case ec::unavailable:
  case ec::late:
  case ec::moved:
  case ec::fenced: return true;
  default: return false;
  }
}

template <class Rows, class Id> auto* find_in(Rows& rows, const Id& id) {
  auto i = std::ranges::find(rows, id, [](const auto& x) { return x.id; });
  return i == rows.end() ? nullptr : &*i;
}

} // namespace

ec unknown_subject(payment_subject x) {
  switch (x) {
  case payment_subject::transfer: return ec::transfer_unknown;
  case payment_subject::membership: return ec::membership_unknown;
  case payment_subject::reservation: break;
  }
  return ec::reservation_unknown;
}

ec closed_subject(payment_subject x) {
  switch (x) {
  case payment_subject::transfer: return ec::transfer_gone;
  case payment_subject::membership: return ec::membership_not_pending;
  case payment_subject::reservation: break;
  }
  return ec::not_payable;
}

std::optional<millis> ask_again_after(int32_t asked) {
  switch (asked) {
  case 0: return 1min;
  case 1: return 10min;
  case 2: return 1h;
  case 3: return 24h;
  default: return std::nullopt;
  }
}

int32_t refund_pause_s(int32_t tries) {
  constexpr int32_t longest_s = 3600;
  return tries >= 12 ? longest_s : std::min(longest_s, 1 << tries);
}

/// A live attempt of the rows was perhaps asked for already: it is asked for again under the same
/// key, which takes the money once.
checkout_core::checkout_core(checkout_rows rows, millis resolve_max)
    : rows_(std::move(rows)), resolve_max_(resolve_max) {
  for (auto& x : rows_.attempts) {
    if (x.status != attempt_status::live) continue;
    auto order = find_order(x.payment);
    live_ = live_attempt{
      x, order ? order->order_id : "", {}, attempt_phase::asking, {}, 0, true, {}, {}, {}, {}};
    if (x.amount == won{0}) live_->is = attempt_phase::selling;
    live_->approved_at = x.started_at;
  }
}

// -- looking --------------------------------------------------------------------------------------

const order_row* checkout_core::find_order(payment_id x) const { return find_in(rows_.orders, x); }
order_row* checkout_core::order_at(payment_id x) { return find_in(rows_.orders, x); }

const order_row* checkout_core::find_order(const std::string& order_id) const {
  auto i = std::ranges::find(rows_.orders, order_id, &order_row::order_id);
  return i == rows_.orders.end() ? nullptr : &*i;
}

const order_row* checkout_core::paid_order() const {
  auto confirmed = [](const order_row* x) {
    return x && x->status == order_status::confirmed ? x : nullptr;
  };
  if (rows_.of != payment_subject::reservation) return confirmed(find_order(rows_.subject.paid_by));
  if (auto pin = find_attempt(rows_.pin)) return confirmed(find_order(pin->payment));
  auto i = std::ranges::find(rows_.orders, order_status::confirmed, &order_row::status);
  return i == rows_.orders.end() ? nullptr : &*i;
}

const attempt_row* checkout_core::find_attempt(attempt_id x) const {
  return find_in(rows_.attempts, x);
}

const refund_row* checkout_core::find_refund(refund_id x) const {
  return find_in(rows_.refunds, x);
}

payment_reply checkout_core::told(payment_id order) const {
  payment_reply out;
  out.payment = order;
  if (auto x = find_order(order)) {
    out.order_id = x->order_id;
    out.payment_key = x->payment_key;
    out.method = x->method;
    out.amount = x->amount;
    out.approved_at = x->approved_at;
  }
  return out;
}

payment_reply checkout_core::told_back(refund_id refund) const {
  auto row = find_refund(refund);
  auto attempt = row ? find_attempt(row->attempt) : nullptr;
  auto out = told(attempt ? attempt->payment : payment_id{});
  if (row) out.amount = row->amount;
  return out;
}

bool checkout_core::waiting() const {
  auto owed = [](const refund_row& x) { return !x.done; };
  return live_ || std::ranges::any_of(rows_.refunds, owed);
}

// -- what buyers ask ------------------------------------------------------------------------------

ec checkout_core::why_not(user_id user) const {
  if (!rows_.known) return unknown_subject(rows_.of);
  switch (rows_.of) {
  case payment_subject::transfer: return ec::ok; // Anybody may look at it.
  case payment_subject::membership: return rows_.user == user ? ec::ok : ec::membership_foreign;
  case payment_subject::reservation: break;
  }
  return rows_.user == user ? ec::ok : ec::access_denied;
}

/// Why a listing or a membership cannot be paid for; of a reservation the ledger knows.
ec checkout_core::why_closed(user_id user) const {
  if (rows_.of == payment_subject::reservation) return ec::ok;
  if (!rows_.subject.open) return closed_subject(rows_.of);
  if (rows_.of == payment_subject::membership) return ec::ok;
  if (rows_.user == user) return ec::own_transfer;
  return rows_.subject.member ? ec::ok : ec::buyer_no_member;
}

/// Every buyer of a listing has orders of their own; of others there is one payer.
bool checkout_core::is_whose(const order_row* order, user_id user) const {
  return order && (rows_.of != payment_subject::transfer || order->user == user);
}

const order_row* checkout_core::open_order(user_id user) const {
  auto i = std::ranges::find_if(rows_.orders, [&](const order_row& x) {
    return x.status == order_status::pending && is_whose(&x, user);
  });
  return i == rows_.orders.end() ? nullptr : &*i;
}

void checkout_core::apply_subject(const checkout_rows& x) {
  rows_.known = x.known;
  rows_.user = x.user;
  rows_.total = x.total;
  rows_.subject = x.subject;
}

/// What the attempt that a key names came to. Nothing: it is yet to be made, or the provider was
/// never asked, which may be tried again.
std::optional<pay_decision> checkout_core::decide_again(effect_id named) const {
  using kind = pay_decision::kind;
  auto id = same_id<attempt_id>(named);
  if (live_ && live_->row.id == id) return decide(kind::join, {}, named);
  if (auto x = find_attempt(id)) {
    switch (x->status) {
    case attempt_status::approved: return decide(kind::tell, x->payment, named);
    case attempt_status::declined:
    case attempt_status::voided: return refuse(ec::payment_declined);
    case attempt_status::late: return refuse(ec::paid_too_late);
    case attempt_status::untried:
    case attempt_status::live: break;
    }
  }
  if (auto x = find_order(same_id<payment_id>(named))) // It was told of it, and did nothing.
    return decide(kind::tell, x->id, named, true);
  return std::nullopt;
}

/// An id stands for one attempt.
effect_id checkout_core::unless_spent(effect_id named) const {
  return find_attempt(same_id<attempt_id>(named)) ? effect_id{} : named;
}

pay_decision checkout_core::decide_prepare(const prepare_payment& x, effect_id named) const {
  using kind = pay_decision::kind;
  if (auto why = why_not(x.user); why != ec::ok) return refuse(why);
  if (x.amount != won{} && x.amount != rows_.total) return refuse(ec::amount_mismatch);
  auto tell = [](payment_id id) { return decide(kind::tell, id, same_id<effect_id>(id)); };
  if (auto told = find_order(same_id<payment_id>(named))) return tell(told->id);
  if (is_whose(paid_order(), x.user)) return refuse(ec::already_paid);
  if (live_ && is_whose(find_order(live_->row.payment), x.user)) return tell(live_->row.payment);
  if (auto why = why_closed(x.user); why != ec::ok) return refuse(why);
  auto open = open_order(x.user);
  return decide(kind::open, open ? open->id : payment_id{}, named);
}

pay_decision checkout_core::decide_confirm(const confirm_payment& x, effect_id named) const {
  using kind = pay_decision::kind;
  auto order = find_order(x.order_id);
  if (!order) return refuse(ec::payment_unknown);
  if (auto why = why_not(x.user); why != ec::ok) return refuse(why);
  if (!is_whose(order, x.user)) return refuse(ec::access_denied);
  if (x.amount != order->amount) return refuse(ec::amount_mismatch);
  if (auto again = decide_again(named)) return *again;
  if (is_whose(paid_order(), x.user)) return refuse(ec::already_paid);
  if (live_) {
    bool same = live_->row.payment == order->id && live_->row.payment_key == x.payment_key;
    return decide(same ? kind::join : kind::wait, {}, same_id<effect_id>(live_->row.id));
  }
  if (order->status == order_status::pending) {
    // Who has money for what somebody else has by now has to give it back.
    if (why_closed(x.user) != ec::ok) return refuse(ec::not_payable);
    return decide(kind::begin, order->id, unless_spent(named));
  }
  // Failed at the provider: a second click hears what the first one heard, and a failed order is
  // never paid again (G02). Else its reservation has ended, or was given back (C28).
  auto failed = [&](const attempt_row& a) {
    return a.payment == order->id &&
           (a.status == attempt_status::declined || a.status == attempt_status::voided);
  };
  if (order->status != order_status::failed) return refuse(ec::paid_too_late);
  // Without an attempt that was asked for nothing of it is taken, and nobody asks about it again:
  // whoever knows of money for it (a callback) has to give it back.
  return refuse(std::ranges::any_of(rows_.attempts, failed) ? ec::payment_declined
                                                            : ec::not_payable);
}

pay_decision checkout_core::decide_process(const process_payment& x, effect_id named) const {
  using kind = pay_decision::kind;
  if (auto why = why_not(x.user); why != ec::ok) return refuse(why);
  if (auto again = decide_again(named)) return *again;
  if (auto paid = paid_order(); is_whose(paid, x.user)) // C18
    return decide(kind::tell, paid->id, same_id<effect_id>(paid->id), true);
  if (live_) {
    bool own = is_whose(find_order(live_->row.payment), x.user);
    return decide(own ? kind::join : kind::wait, {}, same_id<effect_id>(live_->row.id));
  }
  if (auto why = why_closed(x.user); why != ec::ok) return refuse(why);
  if (auto open = open_order(x.user)) // C25
    return decide(kind::begin, open->id, unless_spent(named));
  return decide(kind::open, {}, unless_spent(named));
}

pay_decision checkout_core::decide_cancel(const cancel_payment& x, effect_id named) const {
  using kind = pay_decision::kind;
  if (rows_.of != payment_subject::reservation) return refuse(ec::not_cancellable); // D20
  if (auto why = why_not(x.user); why != ec::ok) return refuse(why);
  if (rows_.resold) return refuse(ec::not_cancellable); // What was paid for it was a listing.
  if (auto refund = find_refund(same_id<refund_id>(named)))
    if (auto attempt = find_attempt(refund->attempt))
      return decide(kind::tell, attempt->payment, named);
  if (auto paid = paid_order()) return decide(kind::begin, paid->id, named);
  if (live_) return refuse(ec::reservation_pinned);
  return refuse(ec::not_refundable);
}

ec checkout_core::why_no_recall() const {
  if (!rows_.known) return ec::reservation_unknown;
  if (rows_.of != payment_subject::reservation) return ec::not_refundable;
  if (paid_order()) return ec::ok;
  return live_ ? ec::reservation_pinned : ec::not_refundable;
}

void checkout_core::apply_order(order_row x) {
  if (!order_at(x.id)) rows_.orders.push_back(std::move(x));
}

void checkout_core::begin(attempt_row x, request_id request, instant now) {
  auto order = find_order(x.payment);
  live_ = live_attempt{std::move(x),
                       order ? order->order_id : "",
                       request,
                       attempt_phase::pinning,
                       now,
                       0,
                       false,
                       now,
                       {},
                       {},
                       {}};
  live_->row.started_at = now;
}

void checkout_core::apply_cancel(refund_row x) {
  auto attempt = find_attempt(x.attempt);
  if (auto order = attempt ? order_at(attempt->payment) : nullptr)
    order->status = order_status::refund_pending;
  if (!find_refund(x.id)) rows_.refunds.push_back(x);
}

// -- what is to be done ---------------------------------------------------------------------------

bool checkout_core::out_of_time(instant now) const {
  return now >= live_->row.started_at + resolve_max_;
}

checkout_step checkout_core::next(instant now) const {
  using kind = checkout_step::kind;
  checkout_step out;
  if (!live_) return out;
  out.attempt = live_->row.id;
  out.at = live_->next_at;
  if (live_->next_at > now) return out;
  switch (live_->is) {
  case attempt_phase::pinning: out.is = kind::pin; break;
  case attempt_phase::asking: out.is = out_of_time(now) ? kind::void_order : kind::ask; break;
  case attempt_phase::querying: out.is = out_of_time(now) ? kind::void_order : kind::query; break;
  case attempt_phase::selling: out.is = kind::sell; break;
  case attempt_phase::failing: out.is = kind::fail; break;
  case attempt_phase::claiming: out.is = kind::claim; break;
  }
  return out;
}

checkout_step checkout_core::next_chore(instant now) const {
  using kind = checkout_step::kind;
  checkout_step out;
  auto due = [&](instant at, checkout_step x) {
    if (out.is != kind::wait) return;
    if (at <= now) out = x;
    else out.at = std::min(out.at, at);
  };
  for (auto& x : rows_.refunds)
    if (!x.done) due(x.next_try_at, {kind::refund, x.attempt, x.id, {}});
  for (auto& x : rows_.attempts)
    if (x.next_ask_at != instant{} && x.status != attempt_status::live)
      due(x.next_ask_at, {kind::late, x.id, {}, {}});
  return out;
}

void checkout_core::enter(attempt_phase x, instant at) {
  live_->is = x;
  live_->next_at = at;
  live_->tries = 0;
}

/// The same once more, each time after twice as long.
void checkout_core::again(instant now, millis first, millis most) {
  auto pause = first;
  for (int32_t i = 0; i < live_->tries && pause < most; ++i) pause *= 2;
  ++live_->tries;
  live_->next_at = now + std::min(pause, most);
}

void checkout_core::on_pinned(ec is, instant now) {
  if (is == ec::ok) {
    bool free = live_->row.amount == won{0}; // P-56: nothing to ask a provider for.
    live_->row.status = attempt_status::live;
    return enter(free ? attempt_phase::selling : attempt_phase::asking, now);
  }
  // Perhaps it is on record: asking again under the same id tells. From then on a refusal that
  // nobody has looked at the rows for says nothing about the first try.
  bool tried = live_->tries > 0;
  if (is == ec::unknown || (tried && undecided(is)))
    return again(now, ledger_pause, ledger_pause_max);
  bool others = is == ec::reservation_pinned; // An attempt we do not know of.
  confused_ = confused_ || others || tried;
  result_ = {live_->row.id, {}};
  result_->what.is = others ? ec::payment_pending : is;
  live_.reset();
}

void checkout_core::taken(const provider_said& x, instant now) {
  live_->approved_at = x.approved_at;
  enter(attempt_phase::selling, now);
}

void checkout_core::fail_with(attempt_end end, ec why, const std::string& error, instant now) {
  live_->end = end;
  live_->why = why;
  live_->error = error;
  enter(attempt_phase::failing, now);
}

void checkout_core::on_asked(const provider_said& x, instant now) {
  switch (x.is) {
  case provider_word::taken: return taken(x, now);
  case provider_word::not_taken: return fail_with(attempt_end::declined, x.why, x.error, now);
  case provider_word::untried:
    if (!live_->heard) return fail_with(attempt_end::untried, x.why, x.error, now);
    return again(now, provider_pause, provider_pause_max);
  case provider_word::open:
  case provider_word::unknown: break;
  }
  live_->heard = true;
  enter(attempt_phase::querying, now);
  again(now, provider_pause, provider_pause_max);
}

void checkout_core::on_queried(const provider_said& x, instant now) {
  bool voided = out_of_time(now);
  switch (x.is) {
  case provider_word::taken: return taken(x, now); // Still pinned: the buyer gets what was paid.
  case provider_word::not_taken:
    return voided ? fail_with(attempt_end::voided, ec::payment_declined, x.error, now)
                  : fail_with(attempt_end::declined, ec::payment_declined, x.error, now);
  case provider_word::open: // Asking again takes it once.
    if (!voided) live_->is = attempt_phase::asking;
    break;
  case provider_word::untried:
  case provider_word::unknown: break;
  }
  again(now, provider_pause, provider_pause_max);
}

/// The one place where an attempt ends.
void checkout_core::end_attempt(attempt_status status, ec is, instant now) {
  auto x = live_->row;
  x.status = status;
  x.closed_at = now;
  bool ask = status == attempt_status::declined || status == attempt_status::voided;
  x.next_ask_at = ask ? now + *ask_again_after(0) : instant{};
  if (auto order = order_at(x.payment)) {
    if (status == attempt_status::approved) {
      order->status = order_status::confirmed;
      order->payment_key = x.payment_key;
      order->method = x.method;
      order->approved_at = live_->approved_at;
      rows_.pin = x.id;
      rows_.subject.paid_by = x.payment;
      rows_.subject.open = false;
    } else if (status == attempt_status::late) {
      order->status = order_status::refund_pending;
      order->payment_key = x.payment_key;
    } else if (status != attempt_status::untried) {
      order->status = order_status::failed;
    }
  }
  result_ = {x.id, told(x.payment)};
  result_->what.is = is;
  if (auto old = find_in(rows_.attempts, x.id)) *old = std::move(x);
  else rows_.attempts.push_back(std::move(x));
  live_.reset();
}

void checkout_core::on_sold(ec is, instant now) {
  if (is == ec::ok) return end_attempt(attempt_status::approved, ec::ok, now);
  if (undecided(is)) return again(now, ledger_pause, ledger_pause_max);
  // Nothing was captured for what costs nothing: there is nothing to give back.
  if (live_->row.amount == won{0}) return fail_with(attempt_end::untried, ec::not_payable, "", now);
  enter(attempt_phase::claiming, now); // Paid for what is gone.
}

void checkout_core::on_failed(ec is, instant now) {
  if (is != ec::ok && undecided(is)) return again(now, ledger_pause, ledger_pause_max);
  if (is != ec::ok) confused_ = true; // Not pinned by it: the rows know how it ended.
  auto status = live_->end == attempt_end::declined ? attempt_status::declined
                : live_->end == attempt_end::voided ? attempt_status::voided
                                                    : attempt_status::untried;
  end_attempt(status, live_->why == ec::ok ? ec::payment_declined : live_->why, now);
}

void checkout_core::on_claimed(ec is, refund_row x, instant now) {
  if (is != ec::ok && undecided(is)) return again(now, ledger_pause, ledger_pause_max);
  if (is != ec::ok) confused_ = true;
  else rows_.refunds.push_back(x);
  end_attempt(attempt_status::late, ec::paid_too_late, now);
}

void checkout_core::on_refund(refund_id id, ec is, bool done, instant next_try_at) {
  auto x = find_in(rows_.refunds, id);
  if (!x) return;
  x->next_try_at = next_try_at;
  if (is != ec::ok) return;
  ++x->tries;
  x->done = done;
  auto attempt = find_attempt(x->attempt);
  auto order = attempt ? order_at(attempt->payment) : nullptr;
  if (done && order && order->status == order_status::refund_pending)
    order->status = order_status::refunded;
}

void checkout_core::on_late(attempt_id id, ec is, bool captured, refund_row x, instant again_at) {
  auto attempt = find_in(rows_.attempts, id);
  if (!attempt) return;
  if (is != ec::ok) { // Not on record: the same again.
    attempt->next_ask_at = again_at;
    confused_ = confused_ || !undecided(is);
    return;
  }
  if (!captured) {
    auto after = ask_again_after(++attempt->asked);
    attempt->next_ask_at = after ? attempt->closed_at + *after : instant{};
    return;
  }
  attempt->status = attempt_status::late;
  attempt->next_ask_at = {};
  rows_.refunds.push_back(x);
  auto order = order_at(attempt->payment);
  if (order && order->status == order_status::failed) {
    order->status = order_status::refund_pending;
    order->payment_key = attempt->payment_key;
  }
}

std::optional<attempt_result> checkout_core::take_result() {
  return std::exchange(result_, std::nullopt);
}

} // namespace tk
