#include "node/settings.hpp"

#include <utility>

namespace tk {

std::optional<export_settings> export_settings_of(const node_config& config, std::string node,
                                                  std::string release) {
  auto url = config.text("OTEL_EXPORTER_OTLP_ENDPOINT");
  if (url.empty()) return std::nullopt;
  while (url.ends_with('/')) url.pop_back();
  export_settings out;
  out.url = url + "/v1/traces";
  out.origin = {std::move(node), std::move(release)};
  out.headers = parse_headers(config.text("OTEL_EXPORTER_OTLP_HEADERS")).value_or(out.headers);
  out.sample_percent = static_cast<int>(config.number("TRACE_SAMPLE_PERCENT"));
  return out;
}

http::server_options server_options_of(const node_config& config) {
  http::server_options out;
  out.bind_address = config.text("BIND_ADDRESS");
  out.port = static_cast<uint16_t>(config.number("PORT"));
  out.threads = static_cast<int>(config.number("HTTP_THREADS"));
  out.allowed_origins = config.list("CORS_ALLOWED_ORIGINS");
  for (auto& x : config.list("TRUSTED_PROXIES"))
    if (auto proxies = http::network::parse(x)) out.trusted_proxies.push_back(*proxies);
  out.https = config.flag("COOKIE_SECURE");
  out.log_share_percent = static_cast<int>(config.number("LOG_REQUESTS_PERCENT"));
  out.in_flight_max = static_cast<size_t>(config.number("HTTP_IN_FLIGHT_MAX"));
  out.streams.per_node = static_cast<size_t>(config.number("STREAM_MAX_PER_NODE"));
  out.streams.per_address = static_cast<size_t>(config.number("STREAM_MAX_PER_ADDRESS"));
  out.limits.auth = static_cast<uint32_t>(config.number("RATE_LIMIT_AUTH_RPM"));
  out.limits.queue = static_cast<uint32_t>(config.number("RATE_LIMIT_QUEUE_RPM"));
  out.limits.booking = static_cast<uint32_t>(config.number("RATE_LIMIT_BOOKING_RPM"));
  out.limits.general = static_cast<uint32_t>(config.number("RATE_LIMIT_GENERAL_RPM"));
  return out;
}

sale_settings sale_settings_of(const node_config& config) {
  sale_settings out;
  out.reservation_ttl_s = static_cast<int32_t>(config.number("RESERVATION_TTL_SECONDS"));
  out.seats_per_reservation_max = static_cast<int32_t>(config.number("MAX_SEATS_PER_RESERVATION"));
  out.holds_per_user_event_max =
    static_cast<int32_t>(config.number("MAX_ACTIVE_HOLDS_PER_USER_EVENT"));
  out.presale_enforce = config.flag("PRESALE_ENFORCE");
  out.payment_resolve_max = std::chrono::seconds{config.number("PAYMENT_RESOLVE_SECONDS")};
  return out;
}

queue_settings queue_settings_of(const node_config& config) {
  queue_settings out;
  out.round_every = millis{config.number("QUEUE_ADMISSION_INTERVAL_MS")};
  constexpr int64_t second_ms = 1000;
  auto batch = config.number("QUEUE_ADMISSION_BATCH_SIZE");
  out.per_second = static_cast<int32_t>(batch * second_ms / out.round_every.count());
  out.threshold = static_cast<int32_t>(config.number("QUEUE_THRESHOLD"));
  out.capacity = static_cast<int32_t>(config.number("QUEUE_CAPACITY"));
  out.slot = std::chrono::seconds{config.number("QUEUE_ACTIVE_TTL_SECONDS")};
  out.slot_max = 3 * out.slot; // D32: 1800 s.
  out.stale_after = std::chrono::seconds{config.number("QUEUE_SEEN_TTL_SECONDS")};
  out.sweep_every = millis{config.number("QUEUE_STALE_CLEANUP_INTERVAL_MS")};
  return out;
}

http::queue_desk_settings queue_desk_settings_of(const node_config& config) {
  http::queue_desk_settings out;
  out.pass_key = config.secret("QUEUE_ENTRY_TOKEN_SECRET");
  out.pass_life = std::chrono::seconds{config.number("QUEUE_ENTRY_TOKEN_TTL_SECONDS")};
  out.anonymous = config.flag("QUEUE_ALLOW_ANONYMOUS");
  out.one_per_user = config.flag("QUEUE_ONE_PER_USER");
  return out;
}

gate_settings gate_settings_of(const node_config& config) {
  gate_settings out;
  out.advance_batch = static_cast<int32_t>(config.number("VWR_ADVANCE_BATCH"));
  out.advance_every = millis{config.number("VWR_ADVANCE_INTERVAL_MS")};
  return out;
}

http::gate_desk_settings gate_desk_settings_of(const node_config& config) {
  http::gate_desk_settings out;
  out.token_key = config.secret("VWR_TOKEN_SECRET");
  if (out.token_key.empty()) out.token_key = config.secret("QUEUE_ENTRY_TOKEN_SECRET");
  out.bind_browser = config.flag("VWR_BIND_BROWSER");
  return out;
}

password_settings password_settings_of(const node_config& config) {
  password_settings out;
  out.bcrypt_cost = static_cast<int>(config.number("PASSWORD_HASH_COST"));
  if (config.text("PASSWORD_HASH_SCHEME") == "yescrypt") out.scheme = password_scheme::yescrypt;
  return out;
}

http::token_settings token_settings_of(const node_config& config) {
  return {config.secret("JWT_SECRET"), config.number("JWT_EXPIRATION_SECONDS"),
          config.number("JWT_REFRESH_EXPIRATION_SECONDS"), config.number("SESSION_MAX_SECONDS")};
}

http::login_limits login_limits_of(const node_config& config) {
  http::login_limits out;
  out.failures_max = static_cast<uint32_t>(config.number("LOGIN_FAILURES_MAX"));
  out.window = std::chrono::seconds{config.number("LOGIN_FAILURES_WINDOW_SECONDS")};
  return out;
}

http::entry_gate entry_gate_of(const node_config& config, const board_store& boards) {
  if (!config.flag("ENTRY_GATE")) return {};
  return http::make_entry_gate(config.secret("QUEUE_ENTRY_TOKEN_SECRET"),
                               config.text("CLOUDFRONT_SECRET"), boards);
}

} // namespace tk
