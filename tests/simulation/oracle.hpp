#pragma once

#include <array>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "actors/base/errors.hpp"
#include "gateways/payment/mock_core.hpp"
#include "tests/simulation/database.hpp"
#include "tests/simulation/history.hpp"
#include "tests/simulation/reasons.hpp"

namespace tk::sim {

/// What somebody was told about a payment.
struct told_payment : told_change {
  user_id user;
  request_key key;  ///< With which it was asked; empty = none.
  payment_id order; ///< That was told to be paid.
};

/// Sees every committed batch and every answer to a client, and knows nothing of the actors. Each
/// rule is named after its invariant (docs/simulation.md).
class oracle final : public commit_listener {
public:
  oracle(const agenda& time, const ledger_model& model, const mock_provider& provider,
         int32_t holds_max, const fault_mix& faults, millis hold_ttl)
      : time_(time),
        model_(model),
        provider_(provider),
        holds_max_(holds_max),
        faults_(faults),
        why_(time, model, holds_max, faults_),
        told_(hold_ttl) {
    told_.twins = faults.duplicate_ppm > 0 || faults.old_frames_ppm > 0;
  }

  void committed(int32_t node, const batch& what, const batch_result& said) override;
  void wrote_after_loss() override;
  void stopped_without_loss() override;
  void lost() override;
  /// Somebody is about to ask for something.
  void asked(user_id x, const std::string& digest, const std::vector<wanted_item>& items);
  void heard(const told_hold& x);
  void heard_payment(const told_payment& x);
  /// The provider has called about an order: it may be sold for that.
  void called_back(const told_change& x) { told_.heard_payment(x); }
  void heard_cancel(const told_change& x);
  void heard_refund(const told_change& x);
  /// The house has cancelled its event: nothing of it is sold any more, and all of it goes back.
  void event_cancelled() { cancelled_at_ = time_.now(); }
  /// Somebody looked at a map.
  void saw(const told_map& x);
  /// Somebody is about to end all their sessions.
  void asked_to_sign_out(user_id x) { why_.asked_to_sign_out(x); }
  /// What became of it; they had asked for it at `asked`.
  void heard_sign_out(user_id x, instant asked, ec is);
  /// Somebody is about to prepare a payment, or to pay.
  void asked_to_pay(const told_wish_to_pay& x) { why_.asked_to_pay(x); }
  void heard_wish_to_pay(const told_wish_to_pay& x);

  /// Whether the provider may still take an attempt's money, for all that it has been asked.
  std::function<bool(const std::string& order_id, const std::string& attempt)> may_still_take;

  /// As long may a refusal be behind the time: less in a world without faults.
  millis refusals_may_be_old{65'000};

  /// What was told may be gone, and so may what was remembered.
  [[nodiscard]] bool loss() const { return loss_; }

  /// What is wrong so far; empty = nothing.
  [[nodiscard]] const std::string& wrong() const { return wrong_; }
  /// What must hold when all faults have ended and everything has come to rest.
  void check_rest();
  /// True when nothing of that is missing yet.
  [[nodiscard]] bool at_rest();
  /// Everything that clients were told is explained (I5); costs more than the other checks.
  void check_history();

  [[nodiscard]] uint64_t commits() const { return commits_; }
  /// Acknowledged, by what it was: for the report.
  [[nodiscard]] const std::map<std::string, uint64_t>& answers() const { return answers_; }

private:
  struct seat_change {
    instant at;
    char status = 'a';
  };
  void fail(const std::string& invariant, const std::string& what);
  /// A refusal, and what is wrong with its reason; empty = nothing.
  void explain(const std::string& missing);
  void check_fences(const batch& what, const batch_result& said);
  void check_writers(int32_t node, const batch& what, const batch_result& said);
  void check_pin(const begin_attempt& x);
  void check_creation(const create_reservation& x);
  void check_end(const fail_attempt& x);
  void check_token(const told_hold& x);
  void check_sold(const told_hold& x);
  void check_contested(const told_hold& x);
  void check_refusal(const told_hold& x);
  void check_seats();
  void check_quotas();
  void check_limits();
  void check_reservations();
  void check_epochs();
  void check_books();
  void check_timers();
  void check_money_at_rest();
  void check_terms();
  void check_tickets();
  void check_stories();
  void check_key(const told_payment& x);

  const agenda& time_;
  const ledger_model& model_;
  const mock_provider& provider_;
  int32_t holds_max_;
  fault_mix faults_; ///< What cannot be demanded when something goes wrong.
  reasons why_;
  std::string wrong_;
  std::optional<instant> cancelled_at_; ///< The event, by the house.
  bool loss_ = false;                   ///< What was told may be gone; the loss is known.
  uint64_t commits_ = 0;
  std::map<std::string, uint64_t> answers_;
  std::map<seat_id, std::vector<seat_change>> seats_;
  std::map<reservation_id, reservation_status> statuses_;
  std::map<reservation_id, instant> made_at_;
  std::map<std::tuple<user_id, std::string, std::string>, reservation_id> by_key_;
  std::map<std::pair<user_id, std::string>, payment_id> paid_by_key_;
  std::map<std::pair<user_id, std::string>, int64_t> wishes_; ///< Open ones: asked less made.
  std::set<user_id> askers_;
  struct interest {
    int64_t open = 0; ///< Requests for it without an answer.
    instant ended;    ///< When the last one was answered.
  };
  std::map<seat_id, interest> interests_;
  struct sign_out {
    instant asked, heard;
  };
  std::map<user_id, sign_out> signed_out_;
  std::array<int64_t, shard_count> epochs_{};
  std::map<std::pair<uint16_t, int64_t>, int32_t> writers_; ///< By shard and epoch: its node.
  history told_;
  size_t books_seen_ = 0;
  std::map<std::string, int64_t> sums_;
};

} // namespace tk::sim
