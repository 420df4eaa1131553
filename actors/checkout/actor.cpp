#include "actors/checkout/actor.hpp"

#include <array>
#include <cstdio>
#include <utility>

#include "actors/checkout/state.hpp"
#include "actors/seat_block/port.hpp"
#include "supervisors/reservation_forms.hpp"
#include "supervisors/router.hpp"

namespace tk {

namespace checkout {

namespace {

std::string hex_of(uint64_t x) {
  std::array<char, 20> text;
  int n = std::snprintf(text.data(), text.size(), "%08X", static_cast<unsigned>(x & 0xffffffffu));
  return {text.data(), static_cast<size_t>(n)};
}

payment_reply refusal(ec why) {
  payment_reply out;
  out.is = why;
  return out;
}

// -- the engine ---------------------------------------------------------------------------------

void count(sales_probe& probe, const checkout_core& core, const attempt_result& x) {
  auto row = core.find_attempt(x.attempt);
  if (!row) return;
  auto& counts = row->amount == won{0} ? probe.free_payments : probe.payments;
  switch (row->status) {
  case attempt_status::approved: counts.count_sale(row->method); break;
  case attempt_status::declined: counts.declined++; break;
  case attempt_status::voided: counts.voided++; break;
  case attempt_status::untried: counts.untried++; break;
  case attempt_status::late: counts.late++; break;
  case attempt_status::live: break;
  }
}

/// Those who wait for the attempt hear how it ended.
void answer_waiters(pointer self, const attempt_result& x) {
  auto& st = self->state;
  count(st.node->probe, *st.core, x);
  for (auto i = st.waiters.begin(); i != st.waiters.end();) {
    if (i->attempt != x.attempt) {
      ++i;
      continue;
    }
    auto reply = std::move(i->reply);
    i = st.waiters.erase(i);
    reply->deliver(x.what);
  }
}

/// G02: whoever has waited long enough hears that nobody knows yet. The attempt goes on.
void answer_impatient(pointer self) {
  auto& st = self->state;
  auto now = st.now();
  auto live = st.core->live();
  bool asked = live && live->is != attempt_phase::pinning;
  for (auto i = st.waiters.begin(); i != st.waiters.end();) {
    if (i->until > now) {
      ++i;
      continue;
    }
    auto reply = std::move(i->reply);
    i = st.waiters.erase(i);
    st.node->probe.payments_unknown++;
    reply->deliver(refusal(asked ? ec::payment_pending : ec::unknown));
  }
}

/// The rows are not what the memory says: they are right.
void reload(pointer self) {
  auto& st = self->state;
  st.reloading = true;
  ++st.open_requests;
  self->request(st.node->reads, reads_budget, load_checkout{st.reservation})
    .then(
      [=](const checkout_rows& rows) {
        auto& s = self->state;
        --s.open_requests;
        s.reloading = false;
        s.core = std::make_unique<checkout_core>(rows, s.node->sale.payment_resolve_max);
        run(self);
      },
      [=](caf::error&) {
        --self->state.open_requests;
        self->delayed_send(self, again_after, atom::tick_v, uint64_t{0});
      });
}

void arm(pointer self, instant when) {
  auto& st = self->state;
  if (when == instant::max() || (st.timer_at && *st.timer_at <= when)) return;
  st.timer_at = when;
  self->delayed_send(self, std::max(millis{1}, when - st.now()), atom::tick_v, ++st.timer_no);
}

void on_tick(pointer self, uint64_t timer_no) {
  auto& st = self->state;
  if (timer_no == 0) return st.reloading ? reload(self) : run(self);
  if (timer_no != st.timer_no) return;
  st.timer_at.reset();
  run(self);
}

// -- orders -------------------------------------------------------------------------------------

/// Opens an order; `done` hears the verdict after it was applied. One at a time.
void open_order(pointer self, request_id request, order_done done) {
  auto& st = self->state;
  st.opening.push_back(std::move(done));
  if (st.opening.size() > 1) return;
  open_payment what;
  what.id = make_id<payment_id>(*st.node->random);
  what.order_id = "ORD_" + std::to_string(to_ms(st.now())) + "_" + hex_of(st.node->random->next());
  what.reservation = st.reservation;
  what.checkout = st.address;
  what.request = request;
  submit_op(self, std::move(what), [=](const verdict& v) {
    auto& s = self->state;
    if (v.is == outcome::ok || v.is == outcome::replayed)
      s.core->apply_order({v.payment, v.order_id, "", "", v.amount, order_status::pending, {}});
    for (auto& x : std::exchange(s.opening, {})) x(v);
    run(self);
  });
}

ec why_no_order(outcome x) { return x == outcome::not_pending ? ec::not_payable : to_ec(x); }

caf::result<payment_reply> on_prepare(pointer self, const prepare_payment& cmd) {
  auto& st = self->state;
  if (st.uncertain()) return refusal(ec::busy);
  auto what = st.core->decide_prepare(cmd);
  if (what.is == pay_decision::kind::refuse) return refusal(what.why);
  if (what.is == pay_decision::kind::tell) return st.core->told(what.order);
  auto reply = promise_reply<payment_reply>(self);
  open_order(self, cmd.request, [=](const verdict& v) {
    auto is = why_no_order(v.is);
    reply->deliver(is == ec::ok ? self->state.core->told(v.payment) : refusal(is));
  });
  return reply->rp;
}

// -- paying -------------------------------------------------------------------------------------

/// A wish to pay, on its way to its attempt.
struct wish {
  std::string payment_key, method;
  millis patience;
  request_id request;
  reply_ptr<payment_reply> reply;
};

void wait_for(pointer self, attempt_id attempt, const wish& x) {
  auto& st = self->state;
  constexpr size_t waiters_max = 64;
  if (st.waiters.size() >= waiters_max) return x.reply->deliver(refusal(ec::busy));
  st.waiters.push_back({attempt, x.reply, st.now() + x.patience});
}

void begin(pointer self, payment_id order, const wish& x) {
  auto& st = self->state;
  auto amount = st.core->find_order(order)->amount;
  bool free = amount == won{0};
  if (!free && !st.node->payments) return x.reply->deliver(refusal(ec::payment_method_unavailable));
  attempt_row row;
  row.id = make_id<attempt_id>(*st.node->random);
  row.payment = order;
  row.provider = free ? "none" : st.node->payment_provider;
  row.payment_key = x.payment_key;
  row.method = x.method;
  row.amount = amount;
  wait_for(self, row.id, x);
  st.core->begin(std::move(row), x.request, st.now());
  run(self);
}

caf::result<payment_reply> on_confirm(pointer self, const confirm_payment& cmd) {
  auto& st = self->state;
  if (st.uncertain()) return refusal(ec::busy);
  auto what = st.core->decide_confirm(cmd);
  if (what.is == pay_decision::kind::refuse) return refusal(what.why);
  wish x{cmd.payment_key, "toss", cmd.patience, cmd.request, promise_reply<payment_reply>(self)};
  auto out = x.reply->rp;
  if (what.is == pay_decision::kind::join) {
    wait_for(self, st.core->live()->row.id, x);
    run(self);
  } else {
    begin(self, what.order, x);
  }
  return out;
}

void process(pointer self, const process_payment& cmd, const wish& x, bool opened) {
  auto& st = self->state;
  if (st.uncertain()) return x.reply->deliver(refusal(ec::busy));
  auto what = st.core->decide_process(cmd);
  switch (what.is) {
  case pay_decision::kind::refuse: return x.reply->deliver(refusal(what.why));
  case pay_decision::kind::begin: return begin(self, what.order, x);
  case pay_decision::kind::tell: {
    auto paid = st.core->told(what.order);
    paid.repeated = true;
    return x.reply->deliver(paid);
  }
  case pay_decision::kind::join: wait_for(self, st.core->live()->row.id, x); return run(self);
  case pay_decision::kind::open: break;
  }
  if (opened) return x.reply->deliver(refusal(ec::busy)); // It was closed in between.
  open_order(self, cmd.request, [=](const verdict& v) {
    auto is = why_no_order(v.is);
    if (is == ec::ok) process(self, cmd, x, true);
    else x.reply->deliver(refusal(is));
  });
}

caf::result<payment_reply> on_process(pointer self, const process_payment& cmd) {
  // P-54: a key of our own, so that it can be cancelled like any other.
  auto key = "tk_" + to_string(make_id<request_id>(*self->state.node->random));
  wish x{key, cmd.method, cmd.patience, cmd.request, promise_reply<payment_reply>(self)};
  auto out = x.reply->rp;
  process(self, cmd, x, false);
  return out;
}

// -- cancelling ---------------------------------------------------------------------------------

/// The first asker hears how it went; those who joined come second.
void answer_cancels(pointer self, payment_reply first) {
  auto waiting = std::exchange(self->state.cancelling, {});
  for (size_t i = 0; i < waiting.size(); ++i) {
    waiting[i]->deliver(first);
    if (first.is == ec::ok) first.repeated = true;
  }
}

void on_cancelled(pointer self, ec is, payment_id order, const refund_row& row) {
  auto& st = self->state;
  if (is == ec::ok) {
    st.core->apply_cancel(row);
    answer_cancels(self, st.core->told(order));
    return run(self);
  }
  answer_cancels(self, refusal(is == ec::not_payable ? ec::not_refundable : is));
  // Perhaps it has happened, or the memory is wrong about it: the rows know.
  if (is != ec::ticket_used) st.core->doubt();
  run(self);
}

caf::result<payment_reply> on_cancel(pointer self, const cancel_payment& cmd) {
  auto& st = self->state;
  if (st.uncertain()) return refusal(ec::busy);
  auto what = st.core->decide_cancel(cmd);
  if (what.is == pay_decision::kind::refuse) return refusal(what.why);
  auto reply = promise_reply<payment_reply>(self);
  st.cancelling.push_back(reply);
  if (st.cancelling.size() > 1) return reply->rp;
  auto attempt =
    std::ranges::find(st.core->rows().attempts, attempt_status::approved, &attempt_row::status);
  refund_row row;
  row.id = make_id<refund_id>(*st.node->random);
  row.attempt = attempt->id;
  row.amount = attempt->amount;
  row.next_try_at = st.now();
  cancel_sold out{st.reservation, row.id, cmd.user, cmd.reason, st.address, cmd.request};
  ++st.open_requests;
  auto order = what.order;
  ask<seat_block_actor>(self, *st.node, lead_block(self), block_budget, std::move(out))
    .then(
      [=](const hold_changed& x) {
        --self->state.open_requests;
        on_cancelled(self, x.is, order, row);
      },
      [=](const caf::error& e) {
        --self->state.open_requests;
        on_cancelled(self, to_ec(e), order, row);
      });
  return reply->rp;
}

// -- life ---------------------------------------------------------------------------------------

passivation on_passivate(pointer self) {
  auto& st = self->state;
  bool idle = st.open_requests == 0 && st.waiters.empty() && st.opening.empty() &&
              st.cancelling.empty() && !st.reloading && !st.core->waiting();
  if (idle) self->quit(); // What is due later is in the rows: the sweep wakes it.
  return {idle};
}

self_actor::behavior_type behave(pointer self, node_context* node, reservation_id reservation,
                                 participant address, const checkout_rows& rows) {
  auto& st = self->state;
  st.node = node;
  st.reservation = reservation;
  st.address = address;
  st.core = std::make_unique<checkout_core>(rows, node->sale.payment_resolve_max);
  node->probe.checkouts_active++;
  run(self);
  return {
    [=](const prepare_payment& x) { return on_prepare(self, x); },
    [=](const confirm_payment& x) { return on_confirm(self, x); },
    [=](const process_payment& x) { return on_process(self, x); },
    [=](const cancel_payment& x) { return on_cancel(self, x); },
    [=](const wake_checkout&) {
      auto& core = *self->state.core;
      // Its rows are due: a memory that has nothing to do is wrong about them.
      if (!core.waiting() && core.next_chore(instant::max()).is == checkout_step::kind::wait)
        core.doubt();
      run(self);
      return checkout_awake{self->state.core->waiting()};
    },
    [=](passivate) { return on_passivate(self); },
    [=](atom::tick, uint64_t timer_no) { on_tick(self, timer_no); },
  };
}

} // namespace

entity_key lead_block(pointer self) {
  auto& rows = self->state.core->rows();
  return key_of(rows.event, rows.lead_block);
}

void submit_op(pointer self, op what, std::function<void(const verdict&)> done) {
  auto& st = self->state;
  ++st.open_requests;
  self
    ->request(st.node->ledger, always_answered,
              submit{std::make_shared<const op>(std::move(what)), st.now() + ledger_budget})
    .then(
      [=](const verdict& v) {
        --self->state.open_requests;
        done(v);
      },
      [=](caf::error&) {
        --self->state.open_requests;
        done(verdict{});
      });
}

void run(pointer self) {
  auto& st = self->state;
  if (st.reloading) return;
  if (auto ended = st.core->take_result()) answer_waiters(self, *ended);
  answer_impatient(self);
  for (auto& x : st.waiters) arm(self, x.until);
  if (st.core->confused()) { // Nothing new begins; what is under way ends first.
    if (!st.working && !st.on_chore && st.cancelling.empty()) reload(self);
    return;
  }
  auto now = st.now();
  if (!st.working) {
    auto step = st.core->next(now);
    if (step.is == checkout_step::kind::wait) arm(self, step.at);
    else work(self, step);
  }
  if (!st.on_chore) {
    auto chore = st.core->next_chore(now);
    if (chore.is == checkout_step::kind::wait) arm(self, chore.at);
    else do_chore(self, chore);
  }
}

} // namespace checkout

checkout_actor spawn_checkout(node_context& node, reservation_id reservation, participant self,
                              const checkout_rows& rows) {
  return node.system->spawn(checkout::behave, &node, reservation, self, rows);
}

} // namespace tk
