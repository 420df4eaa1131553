#pragma once

#include <cstdint>
#include <string>

#include <tl/expected.hpp>

#include "actors/base/entropy.hpp"
#include "actors/base/time.hpp"
#include "persistence/pii/vault.hpp"

namespace tk {

enum class seed_profile : uint8_t { laptop = 1, load };

struct seed_options {
  seed_profile profile = seed_profile::laptop;
  bool admin_password_due = false; ///< The admin must change it before anything else (G07).
  std::string admin_email;         ///< `TIKETI_ADMIN_EMAIL`, lower-case and trimmed.
  std::string admin_password_hash; ///< As `password_hasher` makes it.
  std::string load_password_hash;  ///< Of the load account; load profile only.
  instant now;                     ///< Dates are relative to its day in Asia/Seoul (+09:00).
  entropy* random = nullptr;       ///< For ids.
  const pii_vault* vault = nullptr;
};

struct seeded {
  int32_t events = 0, seats = 0; ///< Made by this call; 0 when everything was there.
};

/// Fills an empty shop with the data of contract section 7, in one transaction. What is there
/// stays: a second call does nothing, and the load profile's part is added to a laptop's shop.
/// @param conninfo of the role that owns the database; its schema is migrated.
tl::expected<seeded, std::string> seed(const std::string& conninfo, const seed_options& options);

} // namespace tk
