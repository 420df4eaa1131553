#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "actors/waiting_room/messages.hpp"

namespace tk::http {

/// Signed tickets of waiting rooms, as a browser carries them in a cookie (C17): whoever shows one
/// has the place, also when nobody has written it down yet. HMAC-SHA-512-256 over event, user and
/// what the ticket says, cut to 16 bytes.
class queue_tickets {
public:
  /// The key is made from `secret`, for this use alone.
  explicit queue_tickets(std::string_view secret);

  [[nodiscard]] std::string sign(event_id event, user_id user, const queue_ticket& x) const;
  /// What the ticket says when it is this user's for this event.
  [[nodiscard]] std::optional<queue_ticket> open(std::string_view text, event_id event,
                                                 user_id user) const;
  /// The cookie's name: a browser may wait for several events.
  static std::string cookie_name(event_id event);

private:
  [[nodiscard]] std::string seal(event_id event, user_id user, std::string_view says) const;
  std::string key_;
};

} // namespace tk::http
