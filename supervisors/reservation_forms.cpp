#include "supervisors/reservation_forms.hpp"

#include <array>
#include <cstdio>

#include "actors/base/ticket_number.hpp"

namespace tk {

std::string reservation_number(const char* prefix, instant now, entropy& random) {
  std::array<char, 48> text;
  int n = std::snprintf(text.data(), text.size(), "%s%lld-%08X", prefix,
                        static_cast<long long>(to_ms(now)),
                        static_cast<unsigned>(random.next() & 0xffffffffu));
  return {text.data(), static_cast<size_t>(n)};
}

void number_tickets(std::vector<sold_item>& items, instant now, entropy& random) {
  for (auto& x : items) {
    x.tickets.resize(static_cast<size_t>(x.quantity));
    for (auto& ticket : x.tickets)
      ticket = {make_id<ticket_id>(random), ticket_number(now, random)};
  }
}

hold_reply to_reply(const reservation_row& row) {
  hold_reply out;
  out.id = row.id;
  out.number = row.number;
  out.total = row.total;
  out.status = static_cast<uint8_t>(row.status);
  out.expires_at = row.expires_at;
  // The seats of an ended reservation may be somebody else's by now: they are not its own now.
  bool its_own =
    row.status == reservation_status::pending || row.status == reservation_status::confirmed;
  out.items = row.items;
  if (!its_own)
    for (auto& x : out.items) x.version = 0, x.fence = 0;
  return out;
}

ec to_ec(outcome x) {
  switch (x) {
  case outcome::ok:
  case outcome::done:
  case outcome::replayed: return ec::ok;
  case outcome::conflict: return ec::idempotency_conflict;
  case outcome::in_flight: return ec::in_flight;
  case outcome::fenced: return ec::fenced;
  case outcome::late: return ec::late;
  case outcome::closed: return ec::sale_closed;
  case outcome::moved: return ec::seat_contested;
  case outcome::sold_out: return ec::quantity_short;
  case outcome::revoked: return ec::not_authenticated;
  case outcome::over_limit: return ec::hold_limit;
  case outcome::not_pending: return ec::reservation_unknown;
  case outcome::pinned: return ec::reservation_pinned;
  case outcome::reused: return ec::refresh_reused;
  case outcome::early:
  case outcome::partial:
  case outcome::broken: return ec::internal;
  case outcome::paid: return ec::already_paid;
  case outcome::attempts: return ec::payment_attempts;
  case outcome::expired: return ec::hold_over;
  case outcome::no_order: return ec::not_payable;
  case outcome::amount: return ec::amount_mismatch;
  case outcome::key_used: return ec::idempotency_conflict;
  case outcome::not_pinned:
  case outcome::lost: return ec::paid_too_late;
  case outcome::used: return ec::ticket_used;
  case outcome::number_used:
  case outcome::voided:
  case outcome::no_ticket: return ec::internal;
  case outcome::busy: return ec::busy;
  case outcome::unavailable: return ec::unavailable;
  case outcome::unknown: return ec::unknown;
  }
  return ec::unknown;
}

} // namespace tk
