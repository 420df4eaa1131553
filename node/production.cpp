#include "node/production.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>
#include <vector>

namespace tk {

namespace {

/// The value of a key of libpq's `key = value` form; empty when it is not named.
std::string_view libpq_value(std::string_view conninfo, std::string_view key) {
  size_t at = 0;
  constexpr std::string_view blanks = " \t\r\n";
  while ((at = conninfo.find(key, at)) != std::string_view::npos) {
    auto begins = at == 0 || blanks.find(conninfo[at - 1]) != std::string_view::npos;
    auto equals = conninfo.find_first_not_of(blanks, at + key.size());
    at += key.size();
    if (!begins || equals == std::string_view::npos || conninfo[equals] != '=') continue;
    auto from = conninfo.find_first_not_of(blanks, equals + 1);
    if (from == std::string_view::npos) return {};
    auto value = conninfo.substr(from, conninfo.find_first_of(blanks, from) - from);
    if (value.size() >= 2 && value.front() == '\'' && value.back() == '\'')
      value = value.substr(1, value.size() - 2);
    return value;
  }
  return {};
}

/// A Unix socket, or an address that leads back to this machine.
bool stays_here(std::string_view host) {
  return host.empty() || host.front() == '/' || host.front() == '@' || host == "localhost" ||
         host == "::1" || host.starts_with("127.");
}

/// Whether the way to PostgreSQL is on this machine, or TLS with the server's name checked (S29).
bool database_is_safe(std::string_view url) {
  if (url.find("://") != std::string_view::npos)
    return url.find("sslmode=verify-full") != std::string_view::npos;
  if (libpq_value(url, "sslmode") == "verify-full") return true;
  for (auto* key : {"host", "hostaddr"}) {
    auto hosts = libpq_value(url, key);
    while (!hosts.empty()) {
      auto comma = hosts.find(',');
      if (!stays_here(hosts.substr(0, comma))) return false;
      hosts = comma == std::string_view::npos ? std::string_view{} : hosts.substr(comma + 1);
    }
  }
  return true;
}

std::string check_money(const node_config& x) {
  auto providers = x.list("PAYMENT_PROVIDERS");
  if (std::ranges::find(providers, "mock") != providers.end())
    return "PAYMENT_PROVIDERS: mock moves no real money; production refuses it";
  auto& key = x.values.find("TOSS_CLIENT_KEY")->second;
  bool used = !providers.empty() || key.origin != "default";
  if (used && key.text.starts_with("test_"))
    return "TOSS_CLIENT_KEY: production refuses keys for tests";
  return "";
}

std::string check_browsers(const node_config& x) {
  if (!x.flag("COOKIE_SECURE"))
    return "COOKIE_SECURE: production serves over https, and its cookies go nowhere else";
  for (auto& origin : x.list("CORS_ALLOWED_ORIGINS"))
    if (!origin.starts_with("https://"))
      return "CORS_ALLOWED_ORIGINS: production lets in pages that came over https only, not `" +
             origin + "`; empty: none but its own";
  bool safe = x.text("GOOGLE_JWKS_URL").starts_with("https://");
  if (!x.text("GOOGLE_CLIENT_ID").empty() && !safe)
    return "GOOGLE_JWKS_URL: production takes keys over https only";
  return "";
}

std::string check_limits(const node_config& x) {
  for (auto* name : {"RATE_LIMIT_AUTH_RPM", "RATE_LIMIT_BOOKING_RPM", "RATE_LIMIT_GENERAL_RPM",
                     "LOGIN_FAILURES_MAX"})
    if (x.number(name) == 0)
      return std::string{name} + ": in production logging in and paying are never without a limit";
  constexpr int64_t bcrypt_cost_min = 10;
  if (x.number("PASSWORD_HASH_COST") < bcrypt_cost_min)
    return "PASSWORD_HASH_COST: production hashes with a cost of at least 10";
  for (auto* name : {"QUEUE_ALLOW_ANONYMOUS", "SEAT_LIST_ROTATION"})
    if (x.flag(name)) return std::string{name} + ": is for load generators; production refuses it";
  return "";
}

} // namespace

std::string check_production(const node_config& config) {
  if (config.text("TIKETI_ENV") != "production")
    return config.text("TIKETI_PROFILE") == "production"
             ? "TIKETI_ENV: the profile production is for production"
             : "";
  for (auto* part : {check_money, check_browsers, check_limits})
    if (auto wrong = part(config); !wrong.empty()) return wrong;
  if (!database_is_safe(config.text("DATABASE_URL")))
    return "DATABASE_URL: production reaches another machine over TLS only, and checks its name: "
           "add sslmode=verify-full and sslrootcert";
  return "";
}

} // namespace tk
