#pragma once

#include <string>

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/replies_to.hpp>
#include <caf/typed_actor.hpp>

#include "actors/base/errors.hpp"
#include "actors/base/time.hpp"

namespace tk {

/// `patience` is how long the asker waits for the answer. What would come later is not begun.
struct hash_password {
  std::string password;
  millis patience;
};
/// `hash` is set when `error` is `ec::ok`. `ec::busy`: the pool is full, or the turn came too late;
/// nothing was done.
struct hashed_password {
  ec error = ec::ok;
  std::string hash;
};

/// `stored` is empty for an unknown account or one without password: same work, no match (P-9).
struct verify_password {
  std::string password, stored;
  millis patience;
};
/// As `password_match`; `error` as in `hashed_password`.
struct password_verified {
  ec error = ec::ok;
  bool matches = false;
  bool needs_rehash = false;
};

} // namespace tk

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::hash_password)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::hashed_password)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::verify_password)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::password_verified)

namespace tk {

/// PASSWORDS: makes and checks hashes on threads of its own. These messages never leave the node.
using password_actor = caf::typed_actor<
  /// A new hash under the current settings.
  caf::replies_to<hash_password>::with<hashed_password>,
  /// Compares a password with a stored hash.
  caf::replies_to<verify_password>::with<password_verified>>;

} // namespace tk
