#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "actors/checkout/port.hpp"
#include "actors/session/messages.hpp"
#include "tests/simulation/evening.hpp"
#include "tests/simulation/oracle.hpp"
#include "tests/simulation/workload.hpp"
#include "tests/simulation/world.hpp"

namespace tk::sim {

/// How a visit ended. Every visitor has exactly one end.
enum class ending : uint8_t {
  bought = 0,
  changed_mind,   ///< Cancelled the hold.
  abandoned,      ///< Let the hold run out.
  payment_failed, ///< Refused by the provider as often as one may try.
  too_late,       ///< The hold had ended before it was paid.
  undecided,      ///< Left without knowing whether they had paid.
  nothing_left,   ///< No place for their party when their patience ended.
  outrun,         ///< Somebody else was faster, again and again.
  unanswered      ///< Nothing definite was heard before their patience ended.
};
inline constexpr std::array<const char*, 9> ending_names = {
  "bought",    "changed their mind", "abandoned",   "payment refused",   "paid too late",
  "undecided", "found nothing left", "were outrun", "gave up unanswered"};

/// A wish from its first sending to a definite answer, repeats included.
struct waited {
  instant from;
  millis took{0};
};

/// One visitor, from coming to leaving.
struct guest {
  int32_t no = 0;
  int32_t party = 1;
  instant came, patience_ends, wished, left;
  std::optional<instant> held, paid; ///< First hold; ticket in hand.
  std::optional<ending> end;
  reserve_items wish;
  reservation_id id;
  won price;
  instant hold_ends;
  std::string order, payment_key;
  int32_t keys = 0, refusals = 0, tries_to_pay = 0, asked_again = 0;
};
using guest_ptr = std::shared_ptr<guest>;

/// What the evening's requests came to.
struct door_figures {
  std::map<std::string, uint64_t> refusals; ///< Of wishes, by reason.
  std::vector<waited> wishes, payments;
  std::map<int32_t, uint64_t> wishes_of_block, refusals_of_block, requests_of_node;
  uint64_t requests = 0, unanswered = 0;
  std::vector<instant> lost;        ///< When requests were given up on.
  std::vector<instant> turned_away; ///< When nobody could take one.
};

/// The people of an evening: they come along a curve, look at the map, choose good seats near the
/// front, click some seconds later, try again while they have patience, and pay. Who gets no answer
/// asks again with the same key.
class audience final : public workload {
public:
  audience(world& where, const evening& plan, oracle& judge, instant opening);

  void setup() override;
  void start() override;
  /// Every visitor has come to an end.
  std::string check() override;

  [[nodiscard]] int64_t present() const { return present_; }
  [[nodiscard]] const std::vector<guest_ptr>& guests() const { return guests_; }
  [[nodiscard]] const door_figures& figures() const { return figures_; }

private:
  [[nodiscard]] millis arrival_time();
  void look(const guest_ptr& g);
  [[nodiscard]] std::vector<wanted_item> choose(int32_t party);
  [[nodiscard]] std::vector<wanted_item> in_section(size_t section, int32_t party);
  [[nodiscard]] std::vector<wanted_item> seats_in(int32_t first, const section& where,
                                                  int32_t party);
  void wish_for(const guest_ptr& g, bool last_word);
  void on_hold(const guest_ptr& g, const answer<hold_reply>& x);
  void go_on(const guest_ptr& g);
  /// Tells the oracle what somebody is about to ask for, and later what came of it.
  told_wish_to_pay wish_to_pay(const guest_ptr& g, const std::string& provider_key);
  void hear(told_wish_to_pay x, ec is);
  void prepare(const guest_ptr& g);
  void confirm(const guest_ptr& g);
  void on_paid(const guest_ptr& g, const answer<payment_reply>& x);
  void cancel(const guest_ptr& g);
  void leave(const guest_ptr& g, ending how);
  void note(int32_t node, ec is);
  void later(millis low, millis high, std::function<void()> what);

  world& world_;
  const evening& plan_;
  oracle& oracle_;
  dice dice_;
  std::vector<guest_ptr> guests_;
  door_figures figures_;
  int64_t present_ = 0;
};

} // namespace tk::sim
