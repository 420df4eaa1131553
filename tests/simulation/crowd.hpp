#pragma once

#include <cstdint>
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

  /// Lets everybody come some time within the sale.
  void start();
  /// Nobody begins anything new.
  void close() { open_ = false; }
  /// Requests without an answer.
  [[nodiscard]] int64_t waiting() const { return waiting_; }
  [[nodiscard]] uint64_t visits() const { return visits_; }

private:
  struct visit {
    int32_t person = 0;
    int32_t left = 0;  ///< Visits of this person after this one.
    int32_t tries = 0; ///< Of the same wish so far.
    reserve_items wish;
    reservation_id id; ///< Once there is one.
    won price;
    std::string order;
  };
  using visit_ptr = std::shared_ptr<visit>;

  void begin(int32_t person, int32_t left);
  void finish(const visit_ptr& v);
  [[nodiscard]] std::vector<wanted_item> choose();
  void wish_for(const visit_ptr& v, bool last_word);
  void on_hold(const visit_ptr& v, const reserve_items& wish, instant asked,
               const answer<hold_reply>& x, bool last_word);
  void other_body(const visit_ptr& v);
  void go_on(const visit_ptr& v);
  void cancel(const visit_ptr& v);
  void prepare(const visit_ptr& v, bool twice, bool cancel_meanwhile);
  void confirm(const visit_ptr& v, const std::string& payment_key, bool last_word);
  void on_paid(const visit_ptr& v, const answer<payment_reply>& x, bool last_word);
  void cancel_paid(const visit_ptr& v);
  void sign_out(const visit_ptr& v);

  world& world_;
  oracle& oracle_;
  dice dice_;
  bool open_ = true;
  int64_t waiting_ = 0;
  uint64_t visits_ = 0, keys_ = 0;
};

} // namespace tk::sim
