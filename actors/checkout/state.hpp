#pragma once

#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include <caf/all.hpp>

#include "actors/checkout/core.hpp"
#include "actors/checkout/port.hpp"
#include "supervisors/mailbox.hpp"
#include "supervisors/no_timer.hpp"
#include "supervisors/node_context.hpp"
#include "supervisors/reply_once.hpp"

/// Private to the checkout's shell: its state, shared by the files that implement its clauses.
namespace tk::checkout {

/// Who waits for the outcome of an attempt, and until when.
struct waiter {
  attempt_id attempt;
  reply_ptr<payment_reply> reply;
  instant until;
  std::function<void()> go_on; ///< What to do then; empty: the outcome is the answer.
};

/// Who cancels.
struct canceller {
  reply_ptr<payment_reply> reply;
  refund_id as;     ///< The refund that is being made.
  bool own = false; ///< It is this one's, not that of somebody who was faster.
};

using order_done = std::function<void(const verdict&)>;

struct state {
  static inline const char* name = "tk.checkout";
  node_context* node = nullptr;
  payment_subject of = payment_subject::reservation;
  reservation_id reservation; ///< Or the listing or membership that it is the checkout of.
  participant address;
  std::unique_ptr<checkout_core> core;
  std::list<waiter> waiters;
  /// Who waits for the order that is being opened; of a listing each buyer for their own.
  std::map<user_id, std::vector<order_done>> opening;
  std::vector<canceller> cancelling; ///< The first one asked; the others joined.
  bool working = false;              ///< A step of the live attempt is under way.
  bool on_chore = false;             ///< A refund or a late question is under way.
  bool reloading = false; ///< The rows are being read again: nothing is decided meanwhile.
  int open_requests = 0;  ///< No passivation meanwhile.
  std::optional<instant> timer_at;
  uint64_t endings =
    0; ///< Attempts that have ended: what was read before one is not true any more.
  uint64_t timer_no = 0; ///< Of the armed timer; an older one changes nothing.
  trace_context trace;   ///< Of who asked for the live attempt last.
  ~state() {
    if (node) node->probe.checkouts_active--;
  }
  [[nodiscard]] instant now() const { return node->clock->now(); }
  /// Whose orders are opened one at a time.
  [[nodiscard]] user_id buyer(user_id x) const {
    return of == payment_subject::transfer ? x : user_id{};
  }
  /// The memory is known to be wrong: nothing is decided from it.
  [[nodiscard]] bool uncertain() const { return reloading || core->confused(); }
};

using self_actor = checkout_actor::extend<
  caf::reacts_to<atom::tick, uint64_t>, caf::replies_to<count_mailbox>::with<mailbox_counted>,
  caf::replies_to<confirm_payment, trace_context>::with<payment_reply>,
  caf::replies_to<process_payment, trace_context>::with<payment_reply>,
  caf::replies_to<once<confirm_payment>, trace_context>::with<payment_reply>,
  caf::replies_to<once<process_payment>, trace_context>::with<payment_reply>>;
using pointer = self_actor::stateful_pointer<state>;

inline constexpr millis block_budget{4000};
inline constexpr millis ledger_budget{1500};
inline constexpr millis reads_budget{2000};
inline constexpr millis again_after{500};

/// Answers those whose time is up, does what is due and arms the timer for the rest. To be called
/// after every change.
void run(pointer self);
/// Submits an op to the ledger; `done` hears `unknown` for whatever went wrong.
void submit_op(pointer self, op what, std::function<void(const verdict&)> done);
/// Somebody who asked, under a key or not, and how often the key has moved meanwhile.
struct wish {
  reply_ptr<payment_reply> reply;
  request_key key;
  int32_t rounds = 0;
};
wish wish_of(pointer self, const request_key& key);
payment_reply refusal(ec why);
/// What the key is to name: what was decided, or something new.
effect_id effect_of(pointer self, const pay_decision& x);
/// Puts on record that the wish's key names `effect`, or hears what it names, then goes on with
/// `again`: by then it may have to be decided differently.
void name_effect(pointer self, user_id user, const wish& x, effect_id effect,
                 std::function<void(const wish&)> again);
/// The lead block of the reservation.
entity_key lead_block(pointer self);
/// Whether nobody knows what came of a call, for traces.
template <class Reply> bool is_unknown(const Reply& x) {
  return x.is == std::remove_cvref_t<decltype(x.is)>::unknown;
}

/// Asks the provider with a question that has a deadline; `done` hears a default reply when no
/// answer came, which means unknown. In a trace it is a span.
template <class Reply, class Question>
void ask_provider(pointer self, Question what, std::function<void(const Reply&)> done,
                  const trace_context& trace = {}) {
  auto& st = self->state;
  what.deadline = st.now() + payment_call_max;
  if (!st.node->payments) return done(Reply{});
  ++st.open_requests;
  auto span = child_span(st.node->traces, trace, "provider", span_kind::client);
  self->request(st.node->payments, always_answered, std::move(what))
    .then(
      [=](const Reply& x) {
        --self->state.open_requests;
        end_span(span, is_unknown(x));
        done(x);
      },
      [=](caf::error&) {
        --self->state.open_requests;
        end_span(span, true);
        done(Reply{});
      });
}

// -- subjects.cpp -------------------------------------------------------------------------------
/// Goes on with how the listing or the membership stands now, as `asker` sees it: others than its
/// checkout change it. A reservation is as the memory knows it.
void look_at_subject(pointer self, user_id asker, const wish& x, std::function<void()> then);
/// The steps of an attempt that a lead block takes for a reservation. The row is its own pin.
void pin_subject(pointer self, const live_attempt& x, std::function<void(ec)> then);
void sell_subject(pointer self, const live_attempt& x, std::function<void(ec)> then);
void unpin_subject(pointer self, const live_attempt& x, std::function<void(ec)> then);

// -- paying.cpp ---------------------------------------------------------------------------------
/// Carries out a step of the live attempt.
void work(pointer self, const checkout_step& x);

// -- cancelling.cpp -----------------------------------------------------------------------------
caf::result<payment_reply> on_cancel(pointer self, const cancel_payment& cmd,
                                     const request_key& key = {});
caf::result<payment_reply> on_recall(pointer self, const recall_sale& cmd);

// -- giving_back.cpp ----------------------------------------------------------------------------
/// Carries out a chore.
void do_chore(pointer self, const checkout_step& x);

} // namespace tk::checkout
