#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "actors/checkout/port.hpp"
#include "tests/simulation/oracle.hpp"
#include "tests/simulation/world.hpp"

namespace tk::sim {

/// The people of a sale: they come, want popular seats, click twice, lose patience, ask again at
/// another node, pay in time, late or twice, change their minds, and leave. What each is told goes
/// to the oracle.
class crowd {
public:
  crowd(world& where, oracle& judge);

  /// Who comes, when it is not everybody.
  std::set<int32_t> only;

  /// Lets everybody come some time within the sale.
  void start();
  /// Nobody begins anything new.
  void close() { open_ = false; }
  /// Somebody new for each party of seats that nobody has, and for all that is left of a quota.
  void ask_for_what_is_left();
  /// What was refused of that, and why; empty = nothing.
  [[nodiscard]] std::string refused_at_the_end() const { return refused_; }
  /// Requests without an answer.
  [[nodiscard]] int64_t waiting() const { return waiting_; }
  [[nodiscard]] uint64_t visits() const { return visits_; }

private:
  struct visit {
    int32_t person = 0;
    dice* luck = nullptr; ///< The person's.
    int32_t left = 0;     ///< Visits of this person after this one.
    int32_t tries = 0;    ///< Of the same wish so far.
    reserve_items wish;
    reservation_id id; ///< Once there is one.
    won price;
    std::string order;
    std::string pay_key; ///< With which they pay; empty = none.
  };
  using visit_ptr = std::shared_ptr<visit>;

  void ask_for_the_rest(std::vector<wanted_item> items);
  void begin(int32_t person, int32_t left);
  void finish(const visit_ptr& v);
  /// Everybody has a stream of their own, so that one less moves nobody else.
  struct visitor {
    dice random;
    uint64_t keys = 0;
  };
  [[nodiscard]] dice& dice_of(int32_t person) {
    return people_[static_cast<size_t>(person)].random;
  }
  [[nodiscard]] std::string new_key(int32_t person);
  [[nodiscard]] std::vector<wanted_item> choose(dice& d);
  void wish_for(const visit_ptr& v, bool last_word);
  void on_hold(const visit_ptr& v, const reserve_items& wish, instant asked,
               const answer<hold_reply>& x, bool last_word);
  void other_body(const visit_ptr& v);
  void go_on(const visit_ptr& v);
  void cancel(const visit_ptr& v);
  void prepare(const visit_ptr& v, bool twice, bool cancel_meanwhile);
  /// One way to pay, as often as it is tried.
  struct payment {
    std::string key; ///< The provider's.
    bool last_word = false;
    int32_t tries = 0;
  };
  void confirm(const visit_ptr& v, const payment& by);
  void on_paid(const visit_ptr& v, const payment& by, const request_key& key, instant asked,
               const answer<payment_reply>& x);
  [[nodiscard]] request_key key_of_payment(const visit_ptr& v, const payment& by) const;
  void cancel_paid(const visit_ptr& v);
  void sign_out(const visit_ptr& v);
  void use_old_token(const visit_ptr& v);

  world& world_;
  oracle& oracle_;
  std::vector<visitor> people_;
  int32_t late_comers_ = 0;
  std::string refused_, last_refusal_;
  bool open_ = true;
  int64_t waiting_ = 0;
  uint64_t visits_ = 0;
};

} // namespace tk::sim
