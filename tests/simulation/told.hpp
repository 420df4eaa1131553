#pragma once

#include "tests/simulation/history.hpp"
#include "tests/simulation/world.hpp"

namespace tk::sim {

/// An answer to a wish, whoever was asked, as the history keeps it.
template <class Wish>
told_hold told_of(user_id user, const Wish& wish, instant asked, instant answered,
                  const answer<hold_reply>& x) {
  told_hold out;
  out.user = user;
  out.key = wish.key;
  out.digest = wish.digest;
  out.items = wish.items;
  out.asked = asked;
  out.answered = answered;
  out.is = x.is();
  out.token = wish.token_issued_at;
  out.id = x.value.id;
  out.replayed = x.value.replayed;
  out.pending = x.value.status == static_cast<uint8_t>(reservation_status::pending);
  out.expires_at = x.value.expires_at;
  out.made = x.value.items;
  out.refused = x.value.refused;
  return out;
}

} // namespace tk::sim
