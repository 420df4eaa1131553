#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "actors/checkout/messages.hpp"
#include "persistence/ledger/messages.hpp"
#include "persistence/reads/messages.hpp"

namespace tk {

/// Where the one live attempt stands. Money may have moved from `asking` on.
enum class attempt_phase : uint8_t {
  pinning,  ///< The lead block is asked to pin and record it.
  asking,   ///< The provider is asked to take the money.
  querying, ///< Its answer was lost: what became of it? After too long: end it there.
  selling,  ///< Taken: the lead block sells.
  failing,  ///< Not taken: the lead block unpins.
  claiming  ///< Taken, but it cannot be sold: put the refund on record.
};

struct live_attempt {
  attempt_row row;
  std::string order_id;
  request_id request;
  attempt_phase is = attempt_phase::pinning;
  instant next_at;     ///< Nothing is done about it before.
  int32_t tries = 0;   ///< In this phase.
  bool heard = false;  ///< The provider may have heard of it.
  instant approved_at; ///< From `selling` on.
  attempt_end end = attempt_end::declined;
  ec why = ec::ok;   ///< What the buyer is told, of a failed one.
  std::string error; ///< In the provider's words.
};

/// What the provider said, whatever was asked.
enum class provider_word : uint8_t {
  unknown = 1,
  untried,  ///< It was not reached: certainly nothing happened just now.
  taken,    ///< It has the money.
  open,     ///< It has not, but still may.
  not_taken ///< It has not, and never will.
};
struct provider_said {
  provider_word is = provider_word::unknown;
  instant approved_at; ///< Of `taken`.
  ec why = ec::ok;     ///< Of `untried` and `not_taken`: what the buyer is told.
  std::string error;   ///< In the provider's words.
};

/// The next thing to do, or when to look again.
struct checkout_step {
  enum class kind : uint8_t { wait, pin, ask, query, void_order, sell, fail, claim, refund, late };
  kind is = kind::wait;
  attempt_id attempt; ///< Of `late`: the failed attempt to ask about again.
  refund_id refund;
  instant at = instant::max(); ///< Of `wait`.
};

/// How an attempt ended, for those who wait for it.
struct attempt_result {
  attempt_id attempt;
  payment_reply what;
};

struct pay_decision {
  enum class kind : uint8_t {
    refuse, ///< `why`.
    tell,   ///< `order` as it stands.
    join,   ///< Wait for the live attempt: its outcome is the answer.
    wait,   ///< Wait for the live attempt, then decide again.
    open,   ///< An order first; `order` is open, unless its reservation is over by now.
    begin   ///< A new attempt on `order`; of cancelling: the refund of it.
  };
  kind is = kind::refuse;
  ec why = ec::ok;
  payment_id order;
  /// What a key has to name before this is done (C4). Nil, of `open` and `begin`: a fresh one.
  effect_id effect;
  bool repeated = false; ///< Of `tell`: it was so before the key was used.
};

/// The rules of a checkout: pure. Whatever is durable is in the rows it starts from; what it knows
/// beyond them may be forgotten at any time without harm, because a step that is done again is done
/// under the same id.
class checkout_core {
public:
  checkout_core(checkout_rows rows, millis resolve_max);

  // -- what buyers ask --------------------------------------------------------------------------
  // `named` is what the request's key names, nil without one: what came of that is told again, and
  // what is yet to be made is made under that id.
  [[nodiscard]] pay_decision decide_prepare(const prepare_payment& x, effect_id named = {}) const;
  [[nodiscard]] pay_decision decide_confirm(const confirm_payment& x, effect_id named = {}) const;
  [[nodiscard]] pay_decision decide_process(const process_payment& x, effect_id named = {}) const;
  /// Of the confirmed order, when there is one to cancel.
  [[nodiscard]] pay_decision decide_cancel(const cancel_payment& x, effect_id named = {}) const;

  /// How the listing or the membership stands by now, as read for who asks next.
  void apply_subject(const checkout_rows& x);

  /// Whether the house can take the sale back now: why not, or ok.
  [[nodiscard]] ec why_no_recall() const;

  void apply_order(order_row x);
  /// Starts an attempt: from here on it is the live one.
  void begin(attempt_row x, request_id request, instant now);
  void apply_cancel(refund_row x);

  // -- what is to be done -----------------------------------------------------------------------
  /// About the live attempt.
  [[nodiscard]] checkout_step next(instant now) const;
  /// About earlier ones: money on its way back, and failed attempts to ask about again.
  [[nodiscard]] checkout_step next_chore(instant now) const;

  void on_pinned(ec is, instant now);
  void on_asked(const provider_said& x, instant now);   ///< `ask`.
  void on_queried(const provider_said& x, instant now); ///< `query` and `void_order`.
  void on_sold(ec is, instant now);
  void on_failed(ec is, instant now);
  void on_claimed(ec is, refund_row x, instant now);
  /// A refund was asked for and the answer put on record (`is` = ok), or not.
  void on_refund(refund_id x, ec is, bool done, instant next_try_at);
  /// A failed attempt was asked about; `captured`: its refund `x` is on record.
  void on_late(attempt_id attempt, ec is, bool captured, refund_row x, instant again_at);

  /// The attempt that ended last, once.
  std::optional<attempt_result> take_result();
  /// The rows are not what the memory says: load them again.
  [[nodiscard]] bool confused() const { return confused_; }
  void doubt() { confused_ = true; }

  // -- looking ----------------------------------------------------------------------------------
  [[nodiscard]] const live_attempt* live() const { return live_ ? &*live_ : nullptr; }
  [[nodiscard]] const order_row* find_order(payment_id x) const;
  [[nodiscard]] const order_row* find_order(const std::string& order_id) const;
  /// The one that the subject is had by.
  [[nodiscard]] const order_row* paid_order() const;
  [[nodiscard]] const attempt_row* find_attempt(attempt_id x) const;
  [[nodiscard]] const refund_row* find_refund(refund_id x) const;
  [[nodiscard]] const checkout_rows& rows() const { return rows_; }
  [[nodiscard]] payment_reply told(payment_id order) const;
  /// The order of a refund, and what goes back of it.
  [[nodiscard]] payment_reply told_back(refund_id refund) const;
  /// Something is undecided or owed: it must not sleep.
  [[nodiscard]] bool waiting() const;

private:
  [[nodiscard]] ec why_not(user_id user) const;
  [[nodiscard]] ec why_closed(user_id user) const;
  [[nodiscard]] bool is_whose(const order_row* order, user_id user) const;
  [[nodiscard]] const order_row* open_order(user_id user) const;
  [[nodiscard]] std::optional<pay_decision> decide_again(effect_id named) const;
  [[nodiscard]] effect_id unless_spent(effect_id named) const;
  [[nodiscard]] bool out_of_time(instant now) const;
  order_row* order_at(payment_id x);
  void enter(attempt_phase x, instant at);
  void again(instant now, millis first, millis most);
  void fail_with(attempt_end end, ec why, const std::string& error, instant now);
  void taken(const provider_said& x, instant now);
  void end_attempt(attempt_status status, ec is, instant now);

  checkout_rows rows_;
  millis resolve_max_;
  std::optional<live_attempt> live_;
  std::optional<attempt_result> result_;
  bool confused_ = false;
};

/// There is no such subject.
ec unknown_subject(payment_subject x);
/// It is there, but nobody can pay for it (any more).
ec closed_subject(payment_subject x);

/// After how long a failed attempt is asked about again, counted from its end; nullopt = never.
std::optional<millis> ask_again_after(int32_t asked);
/// Before a refund is asked for once more.
int32_t refund_pause_s(int32_t tries);

} // namespace tk
