#include "tests/simulation/hall.hpp"

#include <array>

#include "tests/simulation/names.hpp"

namespace tk::sim {

int64_t hall::capacity() const {
  int64_t out = 0;
  for (auto& x : blocks) out += x.seats;
  for (auto& x : areas) out += x.quota;
  return out;
}

hall hall_of(const sale_plan& plan) {
  hall out;
  for (int32_t b = 0; b < plan.blocks; ++b)
    out.blocks.push_back({plan.seats_per_block, won{50'000 + 1000 * b}});
  out.opens = millis{1000} * plan.opens_s;
  out.closes = millis{1000} * plan.closes_s;
  out.cancel_keeps = plan.cancel_keeps;
  out.cancel_ends = millis{1000} * plan.cancel_ends_s;
  for (auto quota : plan.standing) out.areas.push_back({quota, won{30'000}});
  return out;
}

void build(const hall& what, ledger_model& model) {
  auto& rows = model.rows;
  event_row event;
  event.id = sale_event;
  event.known = true;
  event.sale_start = model.now() + (what.opens > millis{0} ? what.opens : millis{-3'600'000});
  event.sale_end = what.closes > millis{0} ? model.now() + what.closes : instant::max();
  event.event_date = model.now() + millis{30LL * 86'400'000};
  if (what.cancel_keeps > 0) event.cancellation.fees.push_back({fee_days_max, what.cancel_keeps});
  if (what.cancel_ends > millis{0}) { // Whole hours before the show.
    event.cancellation.until_hours = 30 * 24;
    event.event_date += what.cancel_ends;
  }
  for (size_t b = 0; b < what.blocks.size(); ++b) {
    auto no = static_cast<int32_t>(b);
    event.blocks.push_back(no);
    for (int32_t n = 1; n <= what.blocks[b].seats; ++n) {
      auto& seat = rows.seats[seat_of(no, n)];
      seat.event = sale_event;
      seat.block_no = no;
      seat.price = what.blocks[b].price;
    }
  }
  for (size_t n = 0; n < what.areas.size(); ++n) {
    auto no = static_cast<int32_t>(n);
    auto& type = rows.types[type_of(no)];
    type.event = sale_event;
    type.available = type.total = what.areas[n].quota;
    type.block_no = first_quota_block + no;
    type.price = what.areas[n].price;
    event.blocks.push_back(type.block_no);
  }
  rows.events[sale_event] = event;
}

void register_people(int32_t people, ledger_model& model) {
  for (int32_t n = 0; n < people; ++n) model.rows.users[user_of(n)] = instant{};
}

std::string compare(const seat_board& shown, const ledger_model& model) {
  static constexpr std::array<const char*, 4> states = {"free", "held", "sold", "nothing"};
  for (size_t i = 0; i < shown.seat_count; ++i) {
    auto n = static_cast<int32_t>(i) + 1;
    auto is = static_cast<size_t>((shown.bits[i / 4] >> (2 * (i % 4))) & 3);
    auto row = model.rows.seats.at(seat_of(shown.block_no, n)).status;
    auto should = row == 'a' ? size_t{0} : row == 'l' ? size_t{1} : size_t{2};
    if (is != should)
      return "I15: block " + std::to_string(shown.block_no) + " remembers seat " +
             std::to_string(n) + " as " + states[is] + ", its row says " + states[should];
  }
  return {};
}

tickets_now count_tickets(const ledger_model& model) {
  tickets_now out;
  for (auto& [id, x] : model.rows.reservations) {
    auto status = x.row.status;
    for (auto& item : x.row.items) {
      if (status == reservation_status::confirmed) out.sold += item.quantity;
      if (status == reservation_status::pending) out.held += item.quantity;
    }
  }
  for (auto& [id, x] : model.rows.seats)
    if (x.status == 'a') ++out.free;
  for (auto& [id, x] : model.rows.types) out.free += x.available;
  return out;
}

} // namespace tk::sim
