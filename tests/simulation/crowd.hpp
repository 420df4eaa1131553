#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/simulation/oracle.hpp"
#include "tests/simulation/world.hpp"

namespace tk::sim {

/// One person's way through the shop.
struct visit {
  int32_t person = 0;
  dice* luck = nullptr; ///< The person's.
  int32_t left = 0;     ///< Visits of this person after this one.
  int32_t tries = 0;    ///< Of the same wish so far.
  reserve_items wish;
  reservation_id id; ///< Once there is one.
  won price;
  std::string order;
  std::string pay_key;             ///< With which they pay; empty = none.
  std::function<void()> meanwhile; ///< What they do while they pay; empty = nothing.
};
using visit_ptr = std::shared_ptr<visit>;

/// What somebody with a hold does next, drawn by the shares of `habits`.
enum class turn : uint8_t {
  pays = 0,
  pays_twice,
  cancels,
  cancels_paying,
  cancels_paid,
  pays_late,
  abandons
};

/// The people of a sale: they come, want seats, click twice, lose patience, ask again at another
/// node, and hold something. What becomes of that, and what else they do, is up to the pieces of
/// the sale (`workload.hpp`). What each is told goes to the oracle.
class crowd {
public:
  crowd(world& where, oracle& judge);

  /// Who comes, when it is not everybody.
  std::set<int32_t> only;

  // -- for the pieces of a sale -------------------------------------------------------------------
  /// What people do whose turn is `x`, some time `soon` after they were told of their hold. What
  /// nobody has said anything about is done by letting the hold run out.
  void does(turn x, std::function<void(const visit_ptr&, millis soon)> what);
  /// Also happens whenever somebody was told of a hold.
  void when_held(std::function<void(const visit_ptr&)> what);
  /// Also happens at the end of every visit.
  void when_leaving(std::function<void(const visit_ptr&)> what);

  /// Somebody comes, and `more` times again.
  void come(int32_t person, int32_t more);
  /// Draws what they want.
  void choose(visit& v);
  /// `last_word`: the answer decides what this person does next. The first of two clicks does not.
  void wish_for(const visit_ptr& v, bool last_word);
  /// Does what their turn is, as soon as they do it.
  void take(turn x, const visit_ptr& v, millis soon);
  void finish(const visit_ptr& v);
  /// Nobody begins anything new.
  void close() { open_ = false; }

  /// A request of somebody's that must be answered.
  template <class Port, class Message, class Then>
  void ask(int32_t node, const entity_key& key, Message what, millis budget, Then then) {
    ++waiting_;
    where.ask_at<Port>(node, key, std::move(what), budget, [this, then](const auto& x) {
      --waiting_;
      then(x);
    });
  }
  /// Everybody has a stream of their own, so that one less moves nobody else.
  [[nodiscard]] dice& dice_of(int32_t person) {
    return people_[static_cast<size_t>(person)].random;
  }
  [[nodiscard]] std::string new_key(int32_t person);

  /// Requests without an answer.
  [[nodiscard]] int64_t waiting() const { return waiting_; }
  [[nodiscard]] uint64_t visits() const { return visits_; }

  world& where;
  oracle& judge;

private:
  void on_hold(const visit_ptr& v, const reserve_items& wish, instant asked,
               const answer<hold_reply>& x, bool last_word);
  void go_on(const visit_ptr& v);
  struct visitor {
    dice random;
    uint64_t keys = 0;
  };

  std::vector<visitor> people_;
  std::map<turn, std::function<void(const visit_ptr&, millis)>> turns_;
  std::vector<std::function<void(const visit_ptr&)>> when_held_, when_leaving_;
  bool open_ = true;
  int64_t waiting_ = 0;
  uint64_t visits_ = 0;
};

/// How long people wait for an answer that is no payment's.
inline constexpr millis patience{8000};

/// What the ingress makes of a body, so that another body is another digest.
std::string digest_of(const std::vector<wanted_item>& items);

} // namespace tk::sim
