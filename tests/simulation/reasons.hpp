#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "persistence/ledger/model_driver.hpp"
#include "tests/simulation/agenda.hpp"
#include "tests/simulation/history.hpp"
#include "tests/simulation/sale_plan.hpp"

namespace tk::sim {

/// Somebody wants to pay, and what they are told.
struct told_wish_to_pay {
  user_id user;
  reservation_id reservation;
  std::string provider_key; ///< Empty = they only prepare.
  request_key key;
  won amount;
  instant asked, answered;
  ec is = ec::unknown;
};

/// Demands a reason for whatever people are refused (I5): what they or others did, or what the rows
/// said meanwhile, must be able to explain it. It hears what people ask and are told, sees the rows
/// after every commit, and shares no code with the actors. Where several things may have happened
/// it takes the most that can have: a bound that even that does not reach was not reached.
class reasons {
public:
  reasons(const agenda& time, const ledger_model& model, int32_t holds_max, const fault_mix& faults)
      : time_(time), model_(model), holds_max_(holds_max), faults_(faults) {
    // nop
  }

  /// Rows may have changed.
  void committed();

  // -- what people do -----------------------------------------------------------------------------
  void asked(user_id user, const std::string& digest, const std::vector<wanted_item>& items);
  void asked_to_pay(const told_wish_to_pay& x);
  void asked_to_sign_out(user_id user);

  // -- what they are told: what is wrong with it, or empty ----------------------------------------
  /// @param old as long may a refusal be behind the time.
  std::string heard(const told_hold& x, millis old);
  [[nodiscard]] std::string heard_of_payment(const told_wish_to_pay& x) const;
  [[nodiscard]] std::string heard_cancel(const told_change& x) const;
  [[nodiscard]] std::string heard_refund(const told_change& x, millis old) const;
  [[nodiscard]] std::string heard_sign_out(user_id user, ec is) const;

private:
  struct period {
    instant from, until;
    [[nodiscard]] bool meets(const period& x) const { return from <= x.until && x.from <= until; }
  };
  /// A wish for seats or tickets; after `until` it takes nothing more.
  struct wish {
    user_id user;
    std::string digest;
    std::vector<wanted_item> items;
    instant asked, until;
    bool open = true;
    [[nodiscard]] period when() const { return {asked, until}; }
  };
  /// What became of a reservation, and when; `max` = it did not.
  struct life {
    user_id user;
    int64_t holds = 0;
    instant made, runs_out;
    instant sold = instant::max(), ended = instant::max();
  };
  /// D-27.
  static constexpr int64_t attempts_max = 3;

  [[nodiscard]] int64_t copies(bool answered) const;
  [[nodiscard]] int64_t may_be_taken(ticket_type_id type, const period& when,
                                     const wish* but) const;
  [[nodiscard]] int64_t may_be_held(user_id user, const period& when, const wish* but) const;
  [[nodiscard]] bool has_reason(const told_hold& x, const wish& of, const period& when) const;
  [[nodiscard]] bool has_reason(const told_wish_to_pay& x, const life& of) const;
  /// What says that something is away, slow, or busy: never in a quiet world.
  [[nodiscard]] bool broken(ec x) const;
  /// Whether a sale of `x` may be cancelled no more at `at`, by some node's clock.
  [[nodiscard]] bool too_late_to_cancel(reservation_id x, instant at) const;
  [[nodiscard]] bool twins() const {
    return faults_.duplicate_ppm > 0 || faults_.old_frames_ppm > 0;
  }
  [[nodiscard]] bool signed_out(user_id user, instant token) const;
  [[nodiscard]] bool key_used_otherwise(user_id user, const std::string& key,
                                        const std::string& digest) const;
  [[nodiscard]] bool others_pay(const told_wish_to_pay& x) const;
  [[nodiscard]] int64_t tries_of(reservation_id x) const;
  [[nodiscard]] bool may_be_declined(reservation_id x, instant by) const;
  [[nodiscard]] bool may_be_paid(reservation_id x) const;
  [[nodiscard]] bool may_be_closed(const period& when) const;
  [[nodiscard]] bool has_run_out(const life& x) const;
  [[nodiscard]] won price_of(reservation_id x) const;

  const agenda& time_;
  const ledger_model& model_;
  int32_t holds_max_;
  const fault_mix& faults_;
  std::vector<wish> wishes_;
  std::map<reservation_id, life> lives_;
  /// By type: how many were taken on record, from when on.
  std::map<ticket_type_id, std::vector<std::pair<instant, int64_t>>> taken_;
  std::map<std::pair<user_id, std::string>, std::set<std::string>> digests_; ///< Of used keys.
  std::map<reservation_id, std::vector<told_wish_to_pay>> payments_;
  std::map<user_id, int32_t> sign_outs_; ///< How often they were asked for.
};

} // namespace tk::sim
