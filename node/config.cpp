#include "node/config.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <fstream>

#include <sodium.h>

#include "actors/waiting_room/pace.hpp"
#include "gateways/traces/export_worker.hpp"
#include "http/api/ticket_codes.hpp"

#include "http/client_address.hpp"
#include "node/cluster.hpp"
#include "node/operators.hpp"
#include "node/payments.hpp"
#include "node/production.hpp"
#include "node/relay.hpp"

namespace tk {

namespace {

using enum option_kind;

constexpr int64_t day_s = 86'400;

/// Names and defaults of contract 1.13, then what is ours.
constexpr std::array options{
  option_spec{"TIKETI_CONFIG_DIR", text, "cluster-config", false, 0, 0, "folder of the profiles"},
  option_spec{"TIKETI_PROFILE", text, "laptop", false, 0, 0,
              "laptop, load, cluster or production: which file is read"},
  option_spec{"PORT", number, "3001", false, 0, 65535, "listen port; 0 picks a free one"},
  option_spec{"BIND_ADDRESS", text, "127.0.0.1", false, 0, 0, "address to listen on"},
  option_spec{
    "OPERATOR_PORT", number, "", false, 0, 65535,
    "the operators' own listener; 0 picks a free port; another one than PORT; empty: there is "
    "none"},
  option_spec{"OPERATOR_ADDRESS", text, "127.0.0.1", false, 0, 0, "address it listens on"},
  option_spec{"OPERATOR_TOKENS", password, "", false, 0, 65'536,
              "who may use it: name:role:SHA-256 of the token, comma list; roles reader, operator"},
  option_spec{"OPERATOR_TOKENS_FILE", text, "", false, 0, 4096, "more of them, one a line"},
  option_spec{"HTTP_THREADS", number, "1", false, 1, 64, "reactor threads of the ingress"},
  option_spec{"HTTP_IN_FLIGHT_MAX", number, "4096", false, 1, 1'000'000, "unanswered requests"},
  option_spec{"STREAM_MAX_PER_NODE", number, "5000", false, 0, 1'000'000,
              "open streams; beyond it 503; 0 = no limit"},
  option_spec{"STREAM_MAX_PER_ADDRESS", number, "200", false, 0, 1'000'000,
              "of one client address; 0 = no limit"},
  option_spec{"WORKER_THREADS", number, "2", false, 1, 256, "threads that run actors"},
  option_spec{"DATABASE_URL", text, "", true, 0, 0,
              "libpq connection string without user; roles are added"},
  option_spec{"TIKETI_ENV", text, "development", false, 0, 0,
              "development or production, which refuses whatever is fake"},
  option_spec{"TIKETI_NODE_ID", text, "", false, 0, 0, "uuid of this node; empty makes one"},
  option_spec{"CLUSTER_LISTEN", text, "", false, 0, 4096,
              "host:port for links of other nodes; empty: this node is alone"},
  option_spec{"CLUSTER_ADDRESS", text, "", false, 0, 4096,
              "host:port where other nodes reach this one; empty: as CLUSTER_LISTEN"},
  option_spec{"CLUSTER_CERTIFICATE", text, "", false, 0, 4096,
              "PEM file of this node; needed where links leave the machine"},
  option_spec{"CLUSTER_KEY", text, "", false, 0, 4096, "PEM file of its private key"},
  option_spec{"CLUSTER_AUTHORITY", text, "", false, 0, 4096,
              "PEM file of the cluster's own authority, the only one that is believed"},
  option_spec{"CLUSTER_NODES_MAX", number, "32", false, 2, 64,
              "nodes of the cluster, at most (2 to 64); the same on all of them"},
  option_spec{"CLUSTER_DRAIN_SECONDS", number, "10", false, 0, 3600,
              "at the end a node has so long to give its shards away; 0: it leaves them behind"},
  option_spec{"CLUSTER_REBALANCE_AFTER_SECONDS", number, "20", false, 0, 86'400,
              "shards move to who has too few when no node came or went for so long; 0: never"},
  option_spec{"JWT_SECRET", secret, "", true, 32, 4096, "key of access and refresh tokens"},
  option_spec{"JWT_EXPIRATION_SECONDS", number, "1800", false, 1, 365 * day_s, "access token"},
  option_spec{"JWT_REFRESH_EXPIRATION_SECONDS", number, "604800", false, 1, 3650 * day_s,
              "refresh token"},
  option_spec{"SESSION_MAX_SECONDS", number, "7776000", false, 1, 3650 * day_s,
              "age at which a session ends, however often it is refreshed"},
  option_spec{"COOKIE_SECURE", flag, "true", false, 0, 0, "Secure on cookies"},
  option_spec{"CORS_ALLOWED_ORIGINS", text, "http://localhost:3000", false, 0, 0, "comma list"},
  option_spec{"TRUSTED_PROXIES", text, "", false, 0, 0,
              "addresses and networks (10.0.0.0/8) whose X-Forwarded-For is believed; comma list"},
  option_spec{"GOOGLE_CLIENT_ID", text, "", false, 0, 4096, "empty: no sign-in with Google"},
  option_spec{"GOOGLE_JWKS_URL", text, "https://www.googleapis.com/oauth2/v3/certs", false, 0, 4096,
              "where the keys of Google's ID tokens are"},
  option_spec{"ACCOUNT_ERASE_AFTER_SECONDS", number, "2592000", false, 0, 3650 * day_s,
              "from leaving to the erasure of personal data"},
  option_spec{"ACCOUNT_UPKEEP_INTERVAL_MS", number, "3600000", false, 100, day_s * 1000,
              "how often what is to be erased is looked for"},
  option_spec{"PASSWORD_HASH_SCHEME", text, "bcrypt", false, 0, 0, "bcrypt or yescrypt"},
  option_spec{"PASSWORD_HASH_COST", number, "12", false, 4, 16, "cost of new hashes"},
  option_spec{"PASSWORD_QUEUE_MAX", number, "64", false, 1, 100'000, "hashes waiting; then 503"},
  option_spec{"LOGIN_FAILURES_MAX", number, "10", false, 0, 1'000'000,
              "wrong passwords for one account from one address in a window; 0 = no limit"},
  option_spec{"LOGIN_FAILURES_WINDOW_SECONDS", number, "900", false, 1, day_s,
              "after this they are forgotten"},
  option_spec{"ENTRY_GATE", flag, "on", false, 0, 0,
              "reserving needs an entry token of the waiting room"},
  option_spec{"QUEUE_ENTRY_TOKEN_SECRET", secret, "", true, 32, 4096, "key of entry tokens"},
  option_spec{"QUEUE_ENTRY_TOKEN_TTL_SECONDS", number, "600", false, 5, 86'400,
              "life of an entry token; it also ends with its slot"},
  option_spec{"QUEUE_THRESHOLD", number, "1000", false, 0, 10'000'000,
              "people inside an event at a time, unless it says otherwise"},
  option_spec{"QUEUE_ACTIVE_TTL_SECONDS", number, "600", false, 5, 86'400,
              "a slot that is not heard of ends after this, any after three times as long"},
  option_spec{"QUEUE_SEEN_TTL_SECONDS", number, "600", false, 5, 86'400,
              "who waits and is not heard of for so long loses the place"},
  option_spec{"QUEUE_ADMISSION_INTERVAL_MS", number, "1000", false, 50, 60'000,
              "between two rounds of admission"},
  option_spec{"QUEUE_ADMISSION_BATCH_SIZE", number, "100", false, 1, admissions_a_round,
              "people let in by a round, 1000 at most, unless an event has a rate of its own"},
  option_spec{"QUEUE_STALE_CLEANUP_INTERVAL_MS", number, "30000", false, 100, 3'600'000,
              "between two looks for who is not heard of any more"},
  option_spec{"QUEUE_CAPACITY", number, "0", false, 0, 100'000'000,
              "who comes when so many wait for an event is refused; 0 = nobody"},
  option_spec{"QUEUE_ALLOW_ANONYMOUS", flag, "off", false, 0, 0,
              "who has not signed in waits too, and cannot buy (D12)"},
  option_spec{"QUEUE_ONE_PER_USER", flag, "off", false, 0, 0,
              "who waits for one event joins no other; the same on every node"},
  option_spec{"VWR_TOKEN_SECRET", secret, "", false, 32, 4096,
              "key of tier-1 tokens and request ids; empty: that of entry tokens"},
  option_spec{"VWR_ADVANCE_BATCH", number, "500", false, 1, 1'000'000,
              "people a gate lets through at a time"},
  option_spec{"VWR_ADVANCE_INTERVAL_MS", number, "10000", false, 50, 3'600'000,
              "how often it does"},
  option_spec{"VWR_BIND_BROWSER", flag, "off", false, 0, 0,
              "a position at a gate is worth nothing in another browser"},
  option_spec{"RESERVATION_TTL_SECONDS", number, "300", false, 1, day_s, "life of a hold"},
  option_spec{"MAX_SEATS_PER_RESERVATION", number, "4", false, 1, 64, "seats in one reservation"},
  option_spec{"MAX_ACTIVE_HOLDS_PER_USER_EVENT", number, "4", false, 0, 10'000,
              "seats and orders of tickets held per user and event; 0 = no limit"},
  option_spec{"PRESALE_ENFORCE", flag, "on", false, 0, 0,
              "an artist's event opens by the tier of one's membership"},
  option_spec{"SEAT_LIST_ROTATION", flag, "off", false, 0, 0,
              "each request's seat list begins elsewhere; for load generators that take the first"},
  option_spec{"RATE_LIMIT_AUTH_RPM", number, "60", false, 0, 1'000'000, "per minute; 0 = off"},
  option_spec{"RATE_LIMIT_QUEUE_RPM", number, "120", false, 0, 1'000'000, "per minute; 0 = off"},
  option_spec{"RATE_LIMIT_BOOKING_RPM", number, "30", false, 0, 1'000'000, "per minute; 0 = off"},
  option_spec{"RATE_LIMIT_GENERAL_RPM", number, "3000", false, 0, 10'000'000,
              "per minute; 0 = off"},
  option_spec{"PAYMENT_PROVIDERS", text, "mock", false, 0, 0,
              "of toss, portone, mock: the first that is real takes what buyers confirm, mock what "
              "is paid at once; empty: nothing can be paid"},
  option_spec{"PAYMENT_RESOLVE_SECONDS", number, "900", false, 1, day_s,
              "a payment without definite outcome is voided after this"},
  option_spec{"RESERVATION_RECONCILIATION_INTERVAL_MS", number, "300000", false, 1000, 86'400'000,
              "how often providers, payments, reservations and books are compared"},
  option_spec{"PAYMENT_CASE_AFTER_SECONDS", number, "300", false, 1, day_s,
              "a payment without outcome for that long is a case for operators"},
  option_spec{"CASE_ALERT_SECONDS", number, "600", false, 1, day_s,
              "a case that is open for that long raises an alert"},
  option_spec{"EVENT_REFUNDS_AT_ONCE", number, "8", false, 1, 64,
              "so many reservations of a cancelled event a node gives back at a time"},
  option_spec{"TOSS_CLIENT_KEY", text, "test_ck_dummy", false, 0, 0,
              "handed to the browser by prepare"},
  option_spec{"TOSS_SECRET_KEY", password, "", false, 8, 4096,
              "signs our calls to Toss Payments; PAYMENT_PROVIDERS = toss needs it"},
  option_spec{"TOSS_WEBHOOK_SECRET", password, "", false, 16, 4096,
              "signs what Toss Payments calls back with; empty: no callback is believed"},
  option_spec{"TOSS_BASE_URL", text, "https://api.tosspayments.com", false, 0, 0,
              "where Toss Payments is; plain http only for a fake on this machine"},
  option_spec{"PORTONE_STORE_ID", text, "", false, 0, 0,
              "our store at PortOne; PAYMENT_PROVIDERS = portone needs it and all of these"},
  option_spec{"PORTONE_CHANNEL_KEY", text, "", false, 0, 0,
              "handed to the browser by prepare; of a channel whose payments we approve"},
  option_spec{"PORTONE_API_SECRET", password, "", false, 8, 4096, "signs our calls to PortOne"},
  option_spec{"PORTONE_WEBHOOK_SECRET", password, "", false, 16, 4096,
              "signs what PortOne calls back with: whsec_ and base64"},
  option_spec{"PORTONE_BASE_URL", text, "https://api.portone.io", false, 0, 0,
              "where PortOne is; plain http only for a fake on this machine"},
  option_spec{"MOCK_PAYMENT_DELAY_MS", number, "0", false, 0, 60'000,
              "how long the mock takes for each answer; for benchmarks"},
  option_spec{"READ_POOL_SIZE", number, "2", false, 1, 32, "connections for reads"},
  option_spec{"STORE_POOL_SIZE", number, "2", false, 1, 32, "connections for plain writes"},
  option_spec{"OUTBOX_RETENTION_DAYS", number, "7", false, 1, 365,
              "told domain events stay in the outbox for so long"},
  option_spec{"KAFKA_BROKERS", text, "", false, 0, 4096,
              "host:port, comma list; empty: domain events stay in this process"},
  option_spec{"KAFKA_SECURITY_PROTOCOL", text, "plaintext", false, 0, 0,
              "plaintext, ssl, sasl_plaintext or sasl_ssl"},
  option_spec{"KAFKA_SASL_MECHANISM", text, "PLAIN", false, 0, 0,
              "PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512; the last two need librdkafka 2.6.1 with "
              "brokers from 4.0 on"},
  option_spec{"KAFKA_SASL_USERNAME", text, "", false, 0, 4096, "who the brokers know"},
  option_spec{"KAFKA_SASL_PASSWORD", password, "", false, 0, 4096, "of that user"},
  option_spec{"KAFKA_CA_FILE", text, "", false, 0, 4096,
              "PEM file of the brokers' authority; empty: the system's"},
  option_spec{"KAFKA_TOPIC_REPLICATION_FACTOR", number, "1", false, 1, 7,
              "copies of each topic that is made; production: at least 3"},
  option_spec{"KAFKA_MIN_INSYNC_REPLICAS", number, "1", false, 1, 7,
              "copies that have an event before it counts as told; production: at least 2"},
  option_spec{"KAFKA_TOPIC_RETENTION_DAYS", number, "7", false, 1, 365,
              "Kafka keeps domain events for so long"},
  option_spec{"KAFKA_DLQ_RETENTION_DAYS", number, "14", false, 1, 365,
              "and those that could not be taken"},
  option_spec{
    "PROCESSED_EVENTS_RETENTION_DAYS", number, "30", false, 1, 3650,
    "a consumer knows for so long what it has had; longer than anybody can tell it again"},
  option_spec{"TIKETI_ADMIN_EMAIL", text, "admin@tiketi.local", false, 0, 0, "seeded admin"},
  option_spec{"TIKETI_ADMIN_PASSWORD", password, "", false, 8, 1024,
              "seeded admin; needed by seed"},
  option_spec{"TIKETI_PII_KEY", secret, "", true, 32, 32, "key of personal data at rest, 32 bytes"},
  option_spec{"TIKETI_PII_KEY_PREVIOUS", secret, "", false, 32, 32,
              "values under it stay readable"},
  option_spec{"TIKETI_PII_LOOKUP_KEY", secret, "", true, 32, 32,
              "key of look-ups by mail, 32 bytes; never changed"},
  option_spec{"TIKETI_TICKET_KEY", secret, "", true, 32, 32, "key that signs tickets, 32 bytes"},
  option_spec{"TIKETI_TICKET_KEYS_PREVIOUS", text, "", false, 0, 0,
              "public keys whose tickets stay good: `x` of GET /api/tickets/keys, comma list"},
  // Of the contract's list (1.13), accepted so that one set of variables serves every release.
  option_spec{"SEAT_LOCK_TTL_SECONDS", text, "", false, 0, 4096,
              "no effect yet: no lock record outside the database exists"},
  option_spec{"EVENT_STATUS_INTERVAL_MS", text, "", false, 0, 4096,
              "no effect yet: a status is derived when it is read"},
  option_spec{"INTERNAL_API_TOKEN", secret, "", false, 0, 4096,
              "no effect yet: internal operations are messages"},
  option_spec{"CLOUDFRONT_SECRET", password, "", false, 16, 4096,
              "whoever sends it as X-CloudFront-Verified needs no entry token"},
  option_spec{"RESERVATION_CLEANUP_INTERVAL_MS", number, "30000", false, 100, 3'600'000,
              "how often overdue holds are looked for; there must be none (C9)"},
  option_spec{"LOG_REQUESTS_PERCENT", number, "100", false, 0, 100,
              "share of the answers below 500 that get a line in the log; the others always do"},
  option_spec{"OTEL_EXPORTER_OTLP_ENDPOINT", text, "", false, 0, 4096,
              "where an OpenTelemetry collector takes OTLP/HTTP; empty: nothing is traced"},
  option_spec{"OTEL_EXPORTER_OTLP_HEADERS", password, "", false, 0, 4096,
              "sent along to it: name=value, comma list; for a token, say"},
  option_spec{"TRACE_SAMPLE_PERCENT", number, "10", false, 0, 100,
              "share of the traces that are kept; what failed always is"},
  option_spec{"LOG_LEVEL", text, "info", false, 0, 0, "trace, debug, info, warn, error"},
};

const option_spec* find_option(std::string_view name) {
  auto i = std::ranges::find(options, name, &option_spec::name);
  return i == options.end() ? nullptr : &*i;
}

std::string file_name(std::string_view option) {
  std::string out{option};
  for (auto& c : out)
    c = c == '_' ? '-' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

const option_spec* find_by_file_name(std::string_view key) {
  auto i = std::ranges::find_if(options, [&](auto& x) { return file_name(x.name) == key; });
  return i == options.end() ? nullptr : &*i;
}

std::string_view trim(std::string_view x) {
  auto first = x.find_first_not_of(" \t\r");
  if (first == std::string_view::npos) return {};
  return x.substr(first, x.find_last_not_of(" \t\r") - first + 1);
}

bool is_true(std::string_view x) { return x == "true" || x == "on" || x == "1" || x == "yes"; }

bool is_false(std::string_view x) { return x == "false" || x == "off" || x == "0" || x == "no"; }

std::string problem(std::string_view name, const std::string& origin, const std::string& what) {
  return std::string{name} + " (" + origin + "): " + what;
}

std::string check_secret(const option_spec& spec, const option_value& value) {
  auto bytes = static_cast<int64_t>(decode_secret(value.text).size());
  if (bytes >= spec.min && bytes <= spec.max) return "";
  auto wanted = std::to_string(spec.min);
  return problem(spec.name, value.origin,
                 (spec.min == spec.max ? "must have exactly " : "must have at least ") + wanted +
                   " bytes; make one with: openssl rand -base64 " + wanted);
}

std::string check_password(const option_spec& spec, const option_value& value) {
  if (static_cast<int64_t>(value.text.size()) >= spec.min) return "";
  return problem(spec.name, value.origin,
                 "must have at least " + std::to_string(spec.min) + " characters");
}

/// Empty when the value is fine.
std::string check(const option_spec& spec, const option_value& value) {
  auto& x = value.text;
  if (x.empty())
    return spec.required
             ? problem(spec.name, value.origin, "is required: " + std::string{spec.meaning})
             : "";
  int64_t n = 0;
  switch (spec.kind) {
  case number: {
    auto [end, error] = std::from_chars(x.data(), x.data() + x.size(), n);
    if (error != std::errc{} || end != x.data() + x.size() || n < spec.min || n > spec.max)
      return problem(spec.name, value.origin,
                     "must be a whole number from " + std::to_string(spec.min) + " to " +
                       std::to_string(spec.max));
    return "";
  }
  case flag:
    return is_true(x) || is_false(x) ? "" : problem(spec.name, value.origin, "must be on or off");
  case secret: return check_secret(spec, value);
  case password: return check_password(spec, value);
  case text: return "";
  }
  return "";
}

/// Lines `key = value`; `#` begins a comment. Unknown and repeated keys stop the start (G45).
std::string read_file(const std::string& path, node_config& out) {
  std::ifstream in{path};
  if (!in)
    return "TIKETI_PROFILE: cannot read " + path +
           "; there are laptop, load, cluster and "
           "production";
  std::string line;
  for (int n = 1; std::getline(in, line); ++n) {
    auto text_part = trim(std::string_view{line}.substr(0, line.find('#')));
    if (text_part.empty()) continue;
    auto at = path + ":" + std::to_string(n);
    auto equals = text_part.find('=');
    if (equals == std::string_view::npos) return at + ": expected `key = value`";
    auto key = trim(text_part.substr(0, equals));
    auto spec = find_by_file_name(key);
    if (!spec)
      return at + ": unknown key `" + std::string{key} + "`; see tiketi-node config --help";
    auto& value = out.values[std::string{spec->name}];
    if (value.origin.starts_with(path))
      return at + ": `" + std::string{key} + "` was set before, at " + value.origin;
    value = {std::string{trim(text_part.substr(equals + 1))}, at};
  }
  return "";
}

std::string read_environment(const environment& env, node_config& out) {
  for (auto& name : env.names()) {
    bool ours = name.starts_with("TIKETI_") || name.starts_with("RATE_LIMIT_") ||
                name.starts_with("CLUSTER_") || name.starts_with("OPERATOR_") ||
                name.starts_with("KAFKA_");
    // Where tests and benchmarks find this program and their database.
    bool for_tests = name.starts_with("TIKETI_TEST_") || name == "TIKETI_NODE";
    if (ours && !find_option(name) && !for_tests)
      return name + " (environment): unknown option; see tiketi-node config --help";
  }
  for (auto& spec : options)
    if (auto value = env.get(spec.name))
      out.values[std::string{spec.name}] = {value, "environment"};
  return "";
}

std::string check_words(const node_config& x) {
  for (auto& origin : x.list("CORS_ALLOWED_ORIGINS")) {
    auto scheme_end = origin.find("://");
    bool whole = scheme_end != std::string::npos && origin.size() > scheme_end + 3 &&
                 origin.find('/', scheme_end + 3) == std::string::npos &&
                 origin.find('*') == std::string::npos;
    if (!whole)
      return "CORS_ALLOWED_ORIGINS: `" + origin +
             "` must be an origin like https://shop.example, without a path; `*` is never one";
  }
  auto& scheme = x.text("PASSWORD_HASH_SCHEME");
  if (scheme != "bcrypt" && scheme != "yescrypt")
    return "PASSWORD_HASH_SCHEME: must be bcrypt or yescrypt";
  for (auto& key : x.list("TIKETI_TICKET_KEYS_PREVIOUS"))
    if (!http::parse_public_key(key))
      return "TIKETI_TICKET_KEYS_PREVIOUS: " + key +
             " is no key; take `x` of GET /api/tickets/keys";
  auto& env = x.text("TIKETI_ENV");
  if (env != "development" && env != "production")
    return "TIKETI_ENV: must be development or production";
  if (auto wrong = check_payments(x); !wrong.empty()) return wrong;
  for (auto& proxy : x.list("TRUSTED_PROXIES"))
    if (!http::network::parse(proxy))
      return "TRUSTED_PROXIES: `" + proxy + "` must be an address or a network like 10.0.0.0/8";
  constexpr int64_t second_ms = 1000;
  if (x.number("QUEUE_ADMISSION_BATCH_SIZE") * second_ms < x.number("QUEUE_ADMISSION_INTERVAL_MS"))
    return "QUEUE_ADMISSION_BATCH_SIZE: rooms let in whole people a second; with this "
           "QUEUE_ADMISSION_INTERVAL_MS it is less than one, and nobody would be let in";
  if (x.number("PORT") != 0 && x.number("PORT") == x.number("OPERATOR_PORT"))
    return "OPERATOR_PORT: must be another one than PORT";
  if (auto wrong = check_relay(x); !wrong.empty()) return wrong;
  if (auto wrong = check_production(x); !wrong.empty()) return wrong;
  auto& collector = x.text("OTEL_EXPORTER_OTLP_ENDPOINT");
  if (!collector.empty() && !collector.starts_with("http://") && !collector.starts_with("https://"))
    return "OTEL_EXPORTER_OTLP_ENDPOINT: must begin with http:// or https://";
  if (!parse_headers(x.text("OTEL_EXPORTER_OTLP_HEADERS")))
    return "OTEL_EXPORTER_OTLP_HEADERS: must be name=value, separated by commas";
  if (auto wrong = check_cluster(x); !wrong.empty()) return wrong;
  constexpr std::array levels{"trace", "debug", "info", "warn", "error"};
  if (std::ranges::find(levels, x.text("LOG_LEVEL")) == levels.end())
    return "LOG_LEVEL: must be trace, debug, info, warn or error";
  return "";
}

} // namespace

std::span<const option_spec> all_options() { return options; }

std::string decode_secret(std::string_view text) {
  std::string out(text.size(), '\0');
  size_t n = 0;
  const char* end = nullptr;
  int failed =
    sodium_base642bin(reinterpret_cast<unsigned char*>(out.data()), out.size(), text.data(),
                      text.size(), nullptr, &n, &end, sodium_base64_VARIANT_ORIGINAL);
  if (failed != 0 || end != text.data() + text.size()) return std::string{text};
  out.resize(n);
  return out;
}

const std::string& node_config::text(std::string_view name) const {
  return values.find(name)->second.text;
}

int64_t node_config::number(std::string_view name) const {
  auto& x = text(name);
  int64_t n = 0;
  std::from_chars(x.data(), x.data() + x.size(), n);
  return n;
}

bool node_config::flag(std::string_view name) const { return is_true(text(name)); }

std::vector<std::string> node_config::list(std::string_view name) const {
  std::vector<std::string> out;
  std::string_view rest = text(name);
  while (!rest.empty()) {
    auto comma = rest.find(',');
    auto one = trim(rest.substr(0, comma));
    if (!one.empty()) out.emplace_back(one);
    rest = comma == std::string_view::npos ? std::string_view{} : rest.substr(comma + 1);
  }
  return out;
}

std::string node_config::secret(std::string_view name) const { return decode_secret(text(name)); }

std::string node_config::describe() const {
  std::string out;
  for (auto& spec : options) {
    auto& value = values.find(spec.name)->second;
    bool hidden = spec.kind >= option_kind::secret && !value.text.empty();
    out += std::string{spec.name} + " = " + (hidden ? "********" : value.text) + "  # " +
           value.origin + "; " + std::string{spec.meaning} + "\n";
  }
  return out;
}

namespace {

node_config defaults() {
  node_config out;
  for (auto& spec : options)
    out.values[std::string{spec.name}] = {std::string{spec.fallback}, "default"};
  return out;
}

} // namespace

tl::expected<node_config, std::string> load_config(const environment& env,
                                                   const std::string& config_dir) {
  auto out = defaults();
  auto profile = env.get("TIKETI_PROFILE");
  auto name = std::string{profile ? profile : "laptop"};
  if (name.find('/') != std::string::npos)
    return tl::unexpected(std::string{"TIKETI_PROFILE: must be a name, not a path"});
  if (auto wrong = read_file(config_dir + "/" + name + ".conf", out); !wrong.empty())
    return tl::unexpected(wrong);
  if (auto wrong = read_environment(env, out); !wrong.empty()) return tl::unexpected(wrong);
  for (auto& spec : options)
    if (auto wrong = check(spec, out.values.find(spec.name)->second); !wrong.empty())
      return tl::unexpected(wrong);
  if (auto wrong = check_words(out); !wrong.empty()) return tl::unexpected(wrong);
  if (auto operators = operators_of(out); !operators) return tl::unexpected(operators.error());
  return out;
}

} // namespace tk
