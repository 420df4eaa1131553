#include "node/seeding.hpp"

#include <algorithm>

#include "gateways/password/hasher.hpp"
#include "node/app.hpp"
#include "node/keys.hpp"
#include "node/system_entropy.hpp"
#include "persistence/seed/seed.hpp"
#include "supervisors/node_clock.hpp"

namespace tk {

namespace {

using problem = tl::unexpected<std::string>;

/// The load account of the contract's load scenarios; it exists in the load profile only.
constexpr char load_password[] = "LoadTest123!";

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return text;
}

} // namespace

tl::expected<std::string, std::string> seed_database(const node_config& config) {
  const auto& password = config.text("TIKETI_ADMIN_PASSWORD");
  if (password.empty())
    return problem("TIKETI_ADMIN_PASSWORD (default): is required by seed: the admin's password");
  auto vault = make_vault(config);
  if (!vault) return problem(vault.error());
  system_entropy random;
  password_settings settings;
  settings.bcrypt_cost = static_cast<int>(config.number("PASSWORD_HASH_COST"));
  if (config.text("PASSWORD_HASH_SCHEME") == "yescrypt")
    settings.scheme = password_scheme::yescrypt;
  password_hasher hasher{settings, random};
  auto admin_hash = hasher.hash(password);
  if (!admin_hash) return problem("PASSWORD_HASH_COST: libxcrypt refuses these settings");
  seed_options options;
  options.admin_email = lower(config.text("TIKETI_ADMIN_EMAIL"));
  options.admin_password_hash = *admin_hash;
  options.admin_password_due = config.text("TIKETI_ENV") == "production";
  options.now = node_clock::machine_now();
  options.random = &random;
  options.vault = vault->get();
  if (config.text("TIKETI_PROFILE") == "load") {
    options.profile = seed_profile::load;
    options.load_password_hash = hasher.hash(load_password).value_or("");
  }
  auto made = seed(conninfo_for(config, "tiketi_migrate"), options);
  if (!made)
    return problem("DATABASE_URL: cannot seed (" + made.error() +
                   "); has `tiketi-node migrate` run?");
  if (made->events == 0) return std::string{"nothing to seed: the shop is filled"};
  return "seeded " + std::to_string(made->events) + " events with " + std::to_string(made->seats) +
         " seats";
}

} // namespace tk
