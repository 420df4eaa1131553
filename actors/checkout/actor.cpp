#include "actors/checkout/actor.hpp"

#include <array>
#include <cstdio>
#include <utility>

#include "actors/base/mutants.hpp"
#include "actors/checkout/state.hpp"
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

/// Takes out those for whom `over` holds. They are answered afterwards: what they do then may add
/// and remove others.
template <class Over> std::list<waiter> take_waiters(state& st, Over over) {
  std::list<waiter> out;
  for (auto i = st.waiters.begin(); i != st.waiters.end();) {
    auto at = i++;
    if (over(*at)) out.splice(out.end(), st.waiters, at);
  }
  return out;
}

/// Those who wait for the attempt hear how it ended, or go on.
void answer_waiters(pointer self, const attempt_result& x) {
  auto& st = self->state;
  ++st.endings;
  count(st.node->probe, *st.core, x);
  auto mine = [&](const waiter& y) { return y.attempt == x.attempt; };
  for (auto& y : take_waiters(st, mine)) {
    if (y.go_on) y.go_on();
    else y.reply->deliver(x.what);
  }
}

/// G02: whoever has waited long enough hears that nobody knows yet. The attempt goes on.
void answer_impatient(pointer self) {
  auto& st = self->state;
  auto now = st.now();
  auto live = st.core->live();
  bool asked = live && live->is != attempt_phase::pinning;
  for (auto& x : take_waiters(st, [now](const waiter& y) { return y.until <= now; })) {
    st.node->probe.payments_unknown++;
    x.reply->deliver(refusal(asked ? ec::payment_pending : ec::unknown));
  }
}

/// The rows are not what the memory says: they are right.
void reload(pointer self) {
  auto& st = self->state;
  st.reloading = true;
  ++st.open_requests;
  auto again = [=] { self->delayed_send(self, again_after, atom::tick_v, uint64_t{0}); };
  self->request(st.node->reads, reads_budget, load_checkout{st.reservation, st.address, st.of})
    .then(
      [=](const checkout_rows& rows) {
        auto& s = self->state;
        --s.open_requests;
        if (rows.fenced) return again(); // Another's rows; the region is about to end this one.
        s.reloading = false;
        s.core = std::make_unique<checkout_core>(rows, s.node->sale.payment_resolve_max);
        run(self);
      },
      [=](caf::error&) {
        --self->state.open_requests;
        again();
      });
}

void arm(pointer self, instant when) {
  auto& st = self->state;
  if (when == instant::max() || (st.timer_at && *st.timer_at <= when)) return;
  if (mutant("waits_without_timer") && st.core->waiting() && st.timer_no > 0) return;
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

/// Opens an order of `user`, as `id` when there is none; `done` hears the verdict after it was
/// applied. One at a time.
void open_order(pointer self, payment_id id, user_id user, request_id request, order_done done) {
  auto& st = self->state;
  auto& waiting = st.opening[st.buyer(user)];
  waiting.push_back(std::move(done));
  if (waiting.size() > 1) return;
  open_payment what;
  what.id = id;
  what.order_id = "ORD_" + std::to_string(to_ms(st.now())) + "_" + hex_of(st.node->random->next());
  what.reservation = st.reservation;
  what.checkout = st.address;
  what.request = request;
  what.of = st.of;
  what.user = user;
  submit_op(self, std::move(what), [=](const verdict& v) {
    auto& s = self->state;
    // Mutant: the buyer hears of an order that the memory does not have.
    bool made = v.is == outcome::ok || v.is == outcome::replayed;
    if (made && !mutant("forgets_orders"))
      s.core->apply_order(
        {v.payment, v.order_id, "", "", v.amount, order_status::pending, {}, user});
    if (v.is == outcome::unknown) s.core->doubt(); // Perhaps it is there: the rows know.
    auto all = s.opening.extract(s.buyer(user));
    for (auto& x : all.mapped()) x(v);
    run(self);
  });
}

ec why_no_order(outcome x) {
  if (x == outcome::closed) return ec::buyer_no_member;
  return x == outcome::not_pending ? ec::not_payable : to_ec(x);
}

void prepare(pointer self, const prepare_payment& cmd, const wish& x);

void prepare_now(pointer self, const prepare_payment& cmd, const wish& x) {
  auto& st = self->state;
  if (st.uncertain()) return x.reply->deliver(refusal(ec::busy));
  auto again = [=](const wish& y) { prepare(self, cmd, y); };
  auto tell = [=](payment_id order) {
    auto effect = same_id<effect_id>(order);
    if (x.key.must_name(effect)) return name_effect(self, cmd.user, x, effect, again);
    x.reply->deliver(self->state.core->told(order));
  };
  auto what = st.core->decide_prepare(cmd, x.key.effect);
  if (what.is == pay_decision::kind::refuse) return x.reply->deliver(refusal(what.why));
  if (what.is == pay_decision::kind::tell) return tell(what.order);
  // Of an order that is open the ledger says whether it can be paid still: nothing is made then.
  auto effect = effect_of(self, what);
  bool makes_one = what.order.nil() && !st.opening.contains(st.buyer(cmd.user));
  if (makes_one && x.key.must_name(effect)) return name_effect(self, cmd.user, x, effect, again);
  auto id = makes_one ? same_id<payment_id>(effect) : make_id<payment_id>(*st.node->random);
  open_order(self, id, cmd.user, cmd.request, [=](const verdict& v) {
    auto is = why_no_order(v.is);
    if (is == ec::ok) tell(v.payment);
    else x.reply->deliver(refusal(is));
  });
}

void prepare(pointer self, const prepare_payment& cmd, const wish& x) {
  look_at_subject(self, cmd.user, x, [=] { prepare_now(self, cmd, x); });
}

// -- paying -------------------------------------------------------------------------------------

/// How a wish to pay is carried out.
struct means {
  std::string provider; ///< Empty: there is none for this.
  std::string payment_key, method;
  instant until;
  request_id request;
};

/// False: there are too many already, and `x` was refused.
bool wait_for(pointer self, attempt_id attempt, const wish& x, instant until,
              std::function<void()> go_on = nullptr) {
  auto& st = self->state;
  constexpr size_t waiters_max = 64;
  bool room = st.waiters.size() < waiters_max;
  if (room) st.waiters.push_back({attempt, x.reply, until, std::move(go_on)});
  else x.reply->deliver(refusal(ec::busy));
  return room;
}

void join(pointer self, attempt_id attempt, const wish& x, instant until,
          std::function<void()> go_on = nullptr) {
  if (wait_for(self, attempt, x, until, std::move(go_on))) run(self);
}

void begin(pointer self, payment_id order, attempt_id id, const means& by, const wish& x) {
  auto& st = self->state;
  auto amount = st.core->find_order(order)->amount;
  bool free = amount == won{0};
  bool possible = st.node->payments && !by.provider.empty();
  if (!free && !possible) return x.reply->deliver(refusal(ec::payment_method_unavailable));
  attempt_row row;
  row.id = id;
  row.payment = order;
  row.provider = free ? "none" : by.provider;
  row.payment_key = by.payment_key;
  row.method = by.method;
  row.amount = amount;
  if (!wait_for(self, id, x, by.until)) return;
  st.core->begin(std::move(row), by.request, st.now());
  run(self);
}

confirm_payment at_price(confirm_payment x, won price) {
  x.amount = price;
  return x;
}

void confirm(pointer self, const confirm_payment& cmd, const means& by, const wish& x);

void confirm_now(pointer self, const confirm_payment& cmd, const means& by, const wish& x) {
  using kind = pay_decision::kind;
  auto& st = self->state;
  if (st.uncertain()) return x.reply->deliver(refusal(ec::busy));
  if (cmd.amount > won{55'000} && mutant("refuses_much_money"))
    return x.reply->deliver(refusal(ec::payment_declined)); // The provider was never asked.
  auto order = st.core->find_order(cmd.order_id);
  if (order && cmd.amount != order->amount && mutant("takes_any_amount"))
    return confirm_now(self, at_price(cmd, order->amount), by, x); // Who says less, pays as much.
  auto what = st.core->decide_confirm(cmd, x.key.effect);
  if (what.is == kind::refuse) return x.reply->deliver(refusal(what.why));
  if (what.is == kind::wait) // Somebody else's attempt: what is true of this one is known after it.
    return join(self, st.core->live()->row.id, x, by.until, [=] {
      if (self->state.now() < by.until) confirm(self, cmd, by, x);
      else x.reply->deliver(refusal(ec::payment_pending)); // Nobody waits for another attempt.
    });
  auto effect = effect_of(self, what);
  if (x.key.must_name(effect))
    return name_effect(self, cmd.user, x, effect,
                       [=](const wish& y) { confirm(self, cmd, by, y); });
  if (what.is == kind::tell) return x.reply->deliver(st.core->told(what.order));
  auto attempt = same_id<attempt_id>(effect);
  if (what.is == kind::join) join(self, attempt, x, by.until);
  else begin(self, what.order, attempt, by, x);
}

void confirm(pointer self, const confirm_payment& cmd, const means& by, const wish& x) {
  look_at_subject(self, cmd.user, x, [=] { confirm_now(self, cmd, by, x); });
}

void process(pointer self, const process_payment& cmd, const means& by, const wish& x,
             bool opened = false);

void process_now(pointer self, const process_payment& cmd, const means& by, const wish& x,
                 bool opened) {
  using kind = pay_decision::kind;
  auto& st = self->state;
  if (st.uncertain()) return x.reply->deliver(refusal(ec::busy));
  auto what = st.core->decide_process(cmd, x.key.effect);
  if (what.is == kind::refuse) return x.reply->deliver(refusal(what.why));
  if (what.is == kind::wait) // Another buyer of the listing is faster, or fails.
    return join(self, st.core->live()->row.id, x, by.until, [=] {
      if (self->state.now() < by.until) process(self, cmd, by, x, opened);
      else x.reply->deliver(refusal(ec::payment_pending));
    });
  auto effect = effect_of(self, what);
  if (x.key.must_name(effect))
    return name_effect(self, cmd.user, x, effect,
                       [=](const wish& y) { process(self, cmd, by, y, opened); });
  if (what.is == kind::tell) {
    auto paid = st.core->told(what.order);
    paid.repeated = what.repeated;
    return x.reply->deliver(paid);
  }
  auto attempt = same_id<attempt_id>(effect);
  if (what.is == kind::join) return join(self, attempt, x, by.until);
  if (what.is == kind::begin) return begin(self, what.order, attempt, by, x);
  if (opened) return x.reply->deliver(refusal(ec::busy)); // It was closed in between.
  auto id = make_id<payment_id>(*st.node->random);
  open_order(self, id, cmd.user, cmd.request, [=](const verdict& v) {
    auto is = why_no_order(v.is);
    if (is == ec::ok) process(self, cmd, by, x, true);
    else x.reply->deliver(refusal(is));
  });
}

void process(pointer self, const process_payment& cmd, const means& by, const wish& x,
             bool opened) {
  look_at_subject(self, cmd.user, x, [=] { process_now(self, cmd, by, x, opened); });
}

// -- clauses ------------------------------------------------------------------------------------

caf::result<payment_reply> on_prepare(pointer self, const prepare_payment& cmd,
                                      const request_key& key = {}) {
  auto x = wish_of(self, key);
  auto out = x.reply->rp;
  prepare(self, cmd, x);
  return out;
}

/// The span of whoever asks; the provider and the block are asked in it.
void trace_wish(pointer self, const wish& x, const trace_context& trace) {
  auto& st = self->state;
  x.reply->span = open_span::child(st.node->traces, trace, "checkout");
  st.trace = x.reply->span.context();
}

caf::result<payment_reply> on_confirm(pointer self, const confirm_payment& cmd,
                                      const request_key& key = {},
                                      const trace_context& trace = {}) {
  auto x = wish_of(self, key);
  trace_wish(self, x, trace);
  auto out = x.reply->rp;
  auto until = self->state.now() + cmd.patience;
  auto& provider = self->state.node->payment_provider;
  auto method = provider == "portone" ? "portone" : "toss";
  confirm(self, cmd, {provider, cmd.payment_key, method, until, cmd.request}, x);
  return out;
}

caf::result<payment_reply> on_process(pointer self, const process_payment& cmd,
                                      const request_key& key = {},
                                      const trace_context& trace = {}) {
  auto x = wish_of(self, key);
  trace_wish(self, x, trace);
  auto out = x.reply->rp;
  // P-54: a key of our own, so that it can be cancelled like any other.
  auto own = "tk_" + to_string(make_id<request_id>(*self->state.node->random));
  auto until = self->state.now() + cmd.patience;
  auto& provider = self->state.node->instant_provider;
  process(self, cmd, {provider, own, cmd.method, until, cmd.request}, x);
  return out;
}

// -- life ---------------------------------------------------------------------------------------

passivation on_passivate(pointer self) {
  auto& st = self->state;
  bool idle = st.open_requests == 0 && st.waiters.empty() && st.opening.empty() &&
              st.cancelling.empty() && !st.reloading && !st.core->waiting();
  if (idle) self->quit(); // What is due later is in the rows: the sweep wakes it.
  return {idle};
}

/// What is undecided is on record, and whoever owns it next asks on.
passivation on_leave(pointer self) {
  auto& st = self->state;
  bool may = st.open_requests == 0 && st.waiters.empty() && st.opening.empty() &&
             st.cancelling.empty() && !st.reloading;
  if (mutant("leaves_who_pays")) may = true; // Planted: the money may be taken, and nobody told.
  if (may) self->quit();
  return {may};
}

self_actor::behavior_type behave(pointer self, node_context* node, reservation_id reservation,
                                 participant address, const checkout_rows& rows) {
  auto& st = self->state;
  st.node = node;
  st.of = rows.of;
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
    [=](const recall_sale& x) { return on_recall(self, x); },
    [=](const once<prepare_payment>& x) { return on_prepare(self, x.what, x.key); },
    [=](const once<confirm_payment>& x) { return on_confirm(self, x.what, x.key); },
    [=](const once<process_payment>& x) { return on_process(self, x.what, x.key); },
    [=](const once<cancel_payment>& x) { return on_cancel(self, x.what, x.key); },
    [=](const confirm_payment& x, const trace_context& t) { return on_confirm(self, x, {}, t); },
    [=](const process_payment& x, const trace_context& t) { return on_process(self, x, {}, t); },
    [=](const once<confirm_payment>& x, const trace_context& t) {
      return on_confirm(self, x.what, x.key, t);
    },
    [=](const once<process_payment>& x, const trace_context& t) {
      return on_process(self, x.what, x.key, t);
    },
    [=](const wake_checkout&) {
      auto& core = *self->state.core;
      // Its rows are due: a memory that has nothing to do is wrong about them.
      if (!core.waiting() && core.next_chore(instant::max()).is == checkout_step::kind::wait)
        core.doubt();
      run(self);
      return checkout_awake{self->state.core->waiting()};
    },
    [=](passivate) { return on_passivate(self); },
    [=](leave) { return on_leave(self); },
    [=](count_mailbox x) { return mailbox_of(self, x); },
    [=](atom::tick, uint64_t timer_no) { on_tick(self, timer_no); },
  };
}

} // namespace

payment_reply refusal(ec why) {
  payment_reply out;
  out.is = why;
  return out;
}

wish wish_of(pointer self, const request_key& key) {
  return {promise_reply<payment_reply>(self), key, 0};
}

void name_effect(pointer self, user_id user, const wish& x, effect_id effect,
                 std::function<void(const wish&)> again) {
  constexpr int32_t rounds_max = 4;
  if (x.rounds == rounds_max) return x.reply->deliver(refusal(ec::busy));
  claim_key what{user, x.key.operation, x.key.key, x.key.digest, effect, x.key.effect};
  submit_op(self, std::move(what), [=](const verdict& v) {
    bool named = v.is == outcome::ok || v.is == outcome::replayed;
    // Mutant: whatever comes with a known key is taken for the same request.
    named = named || (v.is == outcome::conflict && mutant("pays_another_body"));
    if (!named) return x.reply->deliver(refusal(to_ec(v.is)));
    auto next = x;
    next.key.effect = v.effect;
    ++next.rounds;
    again(next);
  });
}

effect_id effect_of(pointer self, const pay_decision& x) {
  return x.effect.nil() ? make_id<effect_id>(*self->state.node->random) : x.effect;
}

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
