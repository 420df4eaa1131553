#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "actors/base/ids.hpp"
#include "actors/base/time.hpp"

namespace tk::http {

/// Request ids of gates: uuids (version 4 in form) that say position and minute, sealed with 82
/// bits over event, activation, position and minute, and masked, so that they look like any other.
/// Nobody has to keep them, and nobody can make one. They are good for 24 hours in the activation
/// they were made in.
class gate_ids {
public:
  /// The key is made from `secret`, for this use alone.
  explicit gate_ids(std::string_view secret);

  [[nodiscard]] request_id make(event_id event, int32_t activation, int64_t position,
                                instant now) const;
  /// The position when the id is of this event and activation and not too old.
  [[nodiscard]] std::optional<int64_t> open(request_id x, event_id event, int32_t activation,
                                            instant now) const;

  /// What a browser keeps to show that it was given `x` (G48), and as whom.
  [[nodiscard]] std::string proof(event_id event, request_id x, std::string_view user) const;
  /// The request id of which `proof` is one; nullopt when it is forged or of another event.
  [[nodiscard]] std::optional<request_id> proven(std::string_view proof, event_id event) const;
  /// The same, when it was given to `user`.
  [[nodiscard]] std::optional<request_id> proven(std::string_view proof, event_id event,
                                                 std::string_view user) const;
  /// The cookie's name: a browser may wait for several events.
  static std::string cookie_name(event_id event);

private:
  struct sealed {
    uint64_t high = 0, low = 0; ///< 20 and 62 bits.
  };
  [[nodiscard]] sealed seal(event_id event, int32_t activation, int64_t position,
                            int64_t minute) const;
  [[nodiscard]] uint64_t mask(event_id event, const sealed& x) const;
  [[nodiscard]] std::string sign(std::string_view use, event_id event, request_id x,
                                 std::string_view more) const;
  std::string key_;
};

} // namespace tk::http
