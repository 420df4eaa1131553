#include "node/production.hpp"

#include <algorithm>

#include "node/loopback.hpp"
#include "persistence/pg/conninfo.hpp"

namespace tk {

namespace {

/// A Unix socket (also an abstract one), or an address that leads back to this machine. Nothing
/// is libpq's default: a socket.
bool stays_here(const std::string& host) {
  return host.empty() || host.front() == '/' || host.front() == '@' || is_loopback(host);
}

/// Whether the way to PostgreSQL is on this machine, or TLS with the server's name checked (S29).
std::string check_database(const node_config& x) {
  auto to = pg::read_conninfo(x.text("DATABASE_URL"));
  if (!to) return "DATABASE_URL: " + to.error();
  if (to->sslmode == "verify-full") return "";
  if (!to->service.empty())
    return "DATABASE_URL: production wants to see where it leads: name host and sslmode instead of "
           "a service";
  for (auto* part : {&to->hosts, &to->addresses})
    if (!std::ranges::all_of(*part, stays_here))
      return "DATABASE_URL: production reaches another machine over TLS only, and checks its name: "
             "add sslmode=verify-full and sslrootcert";
  return "";
}

/// Their listener speaks plain HTTP, and whoever hears a token has it.
std::string check_operators(const node_config& x) {
  if (x.text("OPERATOR_PORT").empty() || is_loopback(x.text("OPERATOR_ADDRESS"))) return "";
  return "OPERATOR_ADDRESS: the operators' listener speaks plain HTTP; in production it is on the "
         "loopback, and operators come by a tunnel or proxy that ends TLS";
}

/// Whoever starts again under another name takes over nothing of his own, and operators' wishes are
/// about somebody who is gone.
std::string check_name(const node_config& x) {
  if (x.text("CLUSTER_LISTEN").empty() || !x.text("TIKETI_NODE_ID").empty()) return "";
  return "TIKETI_NODE_ID: a node of a cluster in production keeps its id over restarts: give it a "
         "uuid of its own";
}

std::string check_money(const node_config& x) {
  auto providers = x.list("PAYMENT_PROVIDERS");
  if (std::ranges::find(providers, "mock") != providers.end())
    return "PAYMENT_PROVIDERS: mock moves no real money; production refuses it";
  auto& key = x.values.find("TOSS_CLIENT_KEY")->second;
  bool toss = std::ranges::find(providers, "toss") != providers.end();
  bool used = toss || key.origin != "default";
  if (used && key.text.starts_with("test_"))
    return "TOSS_CLIENT_KEY: production refuses keys for tests";
  if (toss && x.text("TOSS_SECRET_KEY").starts_with("test_"))
    return "TOSS_SECRET_KEY: production refuses keys for tests";
  if (toss && !x.text("TOSS_BASE_URL").starts_with("https://"))
    return "TOSS_BASE_URL: production pays over https only";
  bool portone = std::ranges::find(providers, "portone") != providers.end();
  if (portone && x.text("PORTONE_API_SECRET").starts_with("test_"))
    return "PORTONE_API_SECRET: production refuses keys for tests";
  if (portone && !x.text("PORTONE_BASE_URL").starts_with("https://"))
    return "PORTONE_BASE_URL: production pays over https only";
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

/// What is told survives any one broker, and nobody on the way hears it (G38).
std::string check_kafka(const node_config& x) {
  if (x.text("KAFKA_BROKERS").empty()) return "";
  if (x.text("KAFKA_SECURITY_PROTOCOL") != "sasl_ssl")
    return "KAFKA_SECURITY_PROTOCOL: production reaches brokers over TLS, and says who it is: "
           "sasl_ssl";
  constexpr int64_t copies_min = 3, insync_min = 2;
  if (x.number("KAFKA_TOPIC_REPLICATION_FACTOR") < copies_min)
    return "KAFKA_TOPIC_REPLICATION_FACTOR: production keeps at least 3 copies";
  if (x.number("KAFKA_MIN_INSYNC_REPLICAS") < insync_min)
    return "KAFKA_MIN_INSYNC_REPLICAS: in production at least 2 copies have what is told";
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
  for (auto* part : {check_money, check_browsers, check_limits, check_operators, check_name,
                     check_database, check_kafka})
    if (auto wrong = part(config); !wrong.empty()) return wrong;
  return "";
}

} // namespace tk
