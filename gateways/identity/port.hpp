#pragma once

#include <string>

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/replies_to.hpp>
#include <caf/typed_actor.hpp>

#include "actors/base/errors.hpp"

namespace tk {

/// What an identity provider says of somebody, after its signature was verified.
struct provider_identity {
  std::string subject; ///< The provider's own id of the person; never changes.
  std::string email;   ///< As given, not folded.
  bool email_verified = false;
  std::string name, picture; ///< May be empty.
  bool operator==(const provider_identity&) const = default;
};

struct verify_identity {
  std::string credential; ///< An ID token (OpenID Connect).
};
/// `who` is set when `error` is `ec::ok`. `ec::google_invalid`: not a good token of the provider
/// for us; `ec::google_payload`: it is, but does not say who; `ec::busy`, `ec::unavailable`: not
/// decided, because too many wait or the provider's keys are not to be had.
struct identity_verified {
  ec error = ec::ok;
  provider_identity who;
};

} // namespace tk

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::verify_identity)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::identity_verified)

namespace tk {

/// IDENTITY: checks the ID tokens of a provider. These messages never leave the node.
using identity_actor = caf::typed_actor<
  /// Verifies a token by the provider's published keys.
  caf::replies_to<verify_identity>::with<identity_verified>>;

} // namespace tk
