#include "tests/simulation/small.hpp"

namespace tk::sim::small {

namespace {

wanted_item seat(int32_t block, int32_t n) { return {seat_of(block, n), block}; }

// -- who is first ---------------------------------------------------------------------------------

void one_seat(stage& on) {
  for (int32_t user : {1, 2, 3})
    on.client({{"user " + std::to_string(user) + " asks",
                [&on, user] { on.hold(0, user, {seat(0, 1)}); }}});
}

std::string one_winner(stage& on) {
  int winners = 0;
  for (int32_t user : {1, 2, 3}) {
    auto is = on.said(user);
    winners += is == ec::ok ? 1 : 0;
    if (is != ec::ok && is != ec::seat_held && is != ec::seat_contested)
      return "H-22e: a loser was told " + std::string{to_string(is)};
  }
  return winners == 1 ? "" : "one of three buyers must have the seat";
}

void overlapping_pairs(stage& on) {
  on.client({{"A asks",
              [&on] {
                on.hold(0, 1, {seat(0, 1), seat(1, 1)});
              }},
             {"A asks again", [&on] {
                if (on.said(1) == ec::seat_contested) on.hold(0, 1, {seat(0, 1), seat(1, 1)});
              }}});
  on.client({{"B asks", [&on] { on.hold(0, 2, {seat(1, 1), seat(2, 1)}); }}});
}

std::string one_pair_at_least(stage& on) {
  auto a = on.said(1), b = on.said(2);
  if (a == ec::ok && b == ec::ok) return "both have the seat that they share";
  // Each is refused only for the other one's sake; who comes again may still come too early.
  if (a == ec::ok || b == ec::ok) return "";
  return a == ec::seat_contested || b == ec::seat_contested ? "" : "nobody was told to come again";
}

// -- the end of a hold ----------------------------------------------------------------------------

void pay_at_the_end(stage& on, const std::vector<wanted_item>& items) {
  on.hold(0, 1, items);
  on.settle();
  on.pass(millis{9'990});
  on.settle();
  on.client({{"the buyer pays", [&on] { on.pin(0, 1); }},
             {"the money has come", [&on] { on.sell(0, 1); }}});
  on.client({{"the hold runs out", [&on] { on.pass(millis{20}); }}});
}

void expiry_and_pin(stage& on) {
  pay_at_the_end(on, {seat(0, 1)});
  on.client({{"another one asks", [&on] { on.hold(0, 2, {seat(0, 1)}); }}});
}

void expiry_and_pin_of_two(stage& on) { pay_at_the_end(on, {seat(0, 1), seat(1, 1)}); }

std::string sold_or_free(stage& on) {
  auto status = on.rows().rows.reservations.at(on.held_by(1)).row.status;
  bool sold = status == reservation_status::confirmed;
  if ((on.paid(1) == ec::ok) != sold) return "what the buyer was told is not on record";
  if (sold && on.granted(2)) return "a seat that was paid for was given away";
  return sold || status == reservation_status::expired ? "" : "the hold did not come to an end";
}

void pay_and_cancel(stage& on, const std::vector<wanted_item>& items) {
  on.hold(0, 1, items);
  on.settle();
  on.client({{"the buyer pays", [&on] { on.pin(0, 1); }},
             {"the money has come", [&on] { on.sell(0, 1); }}});
  on.client({{"the buyer cancels", [&on] { on.cancel(0, 1); }}});
}

void cancel_and_confirm(stage& on) {
  pay_and_cancel(on, {seat(0, 1)});
  on.client({{"another one asks", [&on] { on.hold(0, 2, {seat(0, 1)}); }}});
}

void cancel_and_confirm_of_two(stage& on) { pay_and_cancel(on, {seat(0, 1), seat(1, 1)}); }

std::string one_end(stage& on) {
  auto status = on.rows().rows.reservations.at(on.held_by(1)).row.status;
  bool sold = on.paid(1) == ec::ok, cancelled = on.said(1) == ec::ok;
  if (sold == cancelled) return "the order was sold and cancelled, or neither";
  if (sold != (status == reservation_status::confirmed)) return "what was told is not on record";
  if (sold && on.granted(2)) return "a seat that was paid for was given away";
  return "";
}

// -- a new owner ----------------------------------------------------------------------------------

void takeover_and_commit(stage& on) {
  on.client({{"A asks the old owner", [&on] { on.hold(0, 1, {seat(0, 1)}); }}});
  on.client({{"node 2 takes over", [&on] { on.take_over(0, 1); }},
             {"B asks the new owner", [&on] { on.hold(1, 2, {seat(0, 1)}); }}});
}

std::string at_most_one(stage& on) {
  if (on.said(1) == ec::ok && on.said(2) == ec::ok) return "two owners gave the same seat away";
  return "";
}

void takeover_of_a_part(stage& on) {
  on.client({{"A asks", [&on] { on.hold(0, 1, {seat(0, 1), seat(1, 1)}); }}});
  on.client({{"node 2 takes the second block over", [&on] { on.take_over(1, 1); }},
             {"B asks the new owner", [&on] { on.hold(1, 2, {seat(1, 1)}); }}});
}

} // namespace

const std::vector<model>& models() {
  static const std::vector<model> all = {
    {"reserve-reserve", "three buyers and one seat", 1, one_seat, one_winner},
    {"overlapping-pairs", "two pairs over three blocks that share a seat", 1, overlapping_pairs,
     one_pair_at_least},
    {"expiry-pin", "a hold runs out while it is paid for and another one wants its seat", 1,
     expiry_and_pin, sold_or_free},
    {"expiry-pin-of-two", "a hold of two blocks runs out while it is paid for", 1,
     expiry_and_pin_of_two, sold_or_free},
    {"cancel-confirm", "an order is cancelled while it is paid for and another one wants its seat",
     1, cancel_and_confirm, one_end},
    {"cancel-confirm-of-two", "an order of two blocks is cancelled while it is paid for", 1,
     cancel_and_confirm_of_two, one_end},
    {"takeover-commit", "a block gets a new owner while the old one commits", 2,
     takeover_and_commit, at_most_one},
    {"takeover-part", "the other block of an order gets a new owner meanwhile", 2,
     takeover_of_a_part, at_most_one},
  };
  return all;
}

} // namespace tk::sim::small
