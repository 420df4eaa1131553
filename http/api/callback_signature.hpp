#pragma once

#include <string>
#include <string_view>

#include "actors/base/time.hpp"

/// Who has sent a callback: providers sign them with a secret that only they and we know. Pure.
namespace tk::http {

/// A callback that was signed longer ago, or will be later than this, may be a copy (G04).
constexpr std::chrono::minutes callback_window{5};

/// The headers and body that Toss Payments signs.
struct toss_callback {
  std::string_view body;      ///< As received.
  std::string_view signature; ///< `tosspayments-webhook-signature`
  std::string_view sent_at;   ///< `tosspayments-webhook-transmission-time`
};

/// True when one of the signatures is HMAC-SHA256 of `body:sent_at` by `key`, and `sent_at` is in
/// the window around `now`. An empty key signs nothing.
bool is_signed(const toss_callback& x, std::string_view key, instant now);

/// What Standard Webhooks signs, which PortOne speaks (D-05).
struct standard_callback {
  std::string_view body;      ///< As received.
  std::string_view id;        ///< `webhook-id`
  std::string_view sent_at;   ///< `webhook-timestamp`, in seconds.
  std::string_view signature; ///< `webhook-signature`: `v1,<base64>`, several by blanks.
};

/// True when one of the signatures is HMAC-SHA256 of `id.sent_at.body` by `key`, and `sent_at` is
/// in the window around `now`. An empty key signs nothing.
bool is_signed(const standard_callback& x, std::string_view key, instant now);

/// The key in a secret of the form `whsec_<base64>`; of anything else the text itself.
std::string standard_webhook_key(std::string_view secret);

} // namespace tk::http
