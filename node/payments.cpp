#include "node/payments.hpp"

#include <algorithm>

#include "gateways/payment/mock.hpp"
#include "gateways/payment/portone.hpp"
#include "gateways/payment/tills.hpp"
#include "gateways/payment/toss.hpp"
#include "gateways/web/worker.hpp"

namespace tk {

namespace {

/// Secrets and money travel over https; a fake on this machine needs none.
bool safe_url(std::string_view url) {
  constexpr std::string_view plain = "http://", tls = "https://";
  if (url.starts_with(tls)) return url.size() > tls.size();
  if (!url.starts_with(plain)) return false;
  auto host = url.substr(plain.size());
  host = host.substr(0, host.find_first_of(":/"));
  return host == "127.0.0.1" || host == "localhost";
}

bool safe_base(const std::string& url) { return safe_url(url) && !url.ends_with('/'); }

bool has(const node_config& x, const char* provider) {
  auto all = x.list("PAYMENT_PROVIDERS");
  return std::ranges::find(all, provider) != all.end();
}

std::string check_toss(const node_config& x) {
  if (x.text("TOSS_SECRET_KEY").empty())
    return "TOSS_SECRET_KEY: is required by PAYMENT_PROVIDERS = toss";
  if (!safe_base(x.text("TOSS_BASE_URL")))
    return "TOSS_BASE_URL: must be https without a slash at its end; plain http only to this "
           "machine";
  return "";
}

std::string check_portone(const node_config& x) {
  for (auto* name :
       {"PORTONE_STORE_ID", "PORTONE_CHANNEL_KEY", "PORTONE_API_SECRET", "PORTONE_WEBHOOK_SECRET"})
    if (x.text(name).empty())
      return std::string{name} + ": is required by PAYMENT_PROVIDERS = portone";
  if (!portone::is_name(x.text("PORTONE_STORE_ID")))
    return "PORTONE_STORE_ID: must be letters, digits, - and _";
  if (!safe_base(x.text("PORTONE_BASE_URL")))
    return "PORTONE_BASE_URL: must be https without a slash at its end; plain http only to this "
           "machine";
  return "";
}

payment_actor spawn_portone(caf::actor_system& system, const node_config& config,
                            const wall_clock& clock) {
  portone::settings own;
  own.base_url = config.text("PORTONE_BASE_URL");
  own.api_secret = config.text("PORTONE_API_SECRET");
  own.store_id = config.text("PORTONE_STORE_ID");
  own.live_only = config.text("TIKETI_ENV") == "production";
  return spawn_portone_payments(system, std::move(own), spawn_web_worker(system, {}), clock);
}

payment_actor spawn_provider(caf::actor_system& system, const std::string& name,
                             const node_config& config, const wall_clock& clock) {
  if (name == "toss")
    return spawn_toss_payments(system,
                               {config.text("TOSS_BASE_URL"), config.text("TOSS_SECRET_KEY")},
                               spawn_web_worker(system, {}), clock);
  if (name == "portone") return spawn_portone(system, config, clock);
  auto mock = spawn_mock_payments(system, {millis{config.number("MOCK_PAYMENT_DELAY_MS")}}, clock,
                                  unknown_refund::trusted);
  return caf::actor_cast<payment_actor>(mock);
}

} // namespace

std::string check_payments(const node_config& x) {
  auto providers = x.list("PAYMENT_PROVIDERS");
  for (auto& name : providers) {
    if (name != "mock" && name != "toss" && name != "portone")
      return "PAYMENT_PROVIDERS: `" + name + "` is none; there are toss, portone and mock";
    if (std::ranges::count(providers, name) > 1)
      return "PAYMENT_PROVIDERS: `" + name + "` is there twice";
  }
  if (has(x, "toss"))
    if (auto wrong = check_toss(x); !wrong.empty()) return wrong;
  return has(x, "portone") ? check_portone(x) : "";
}

int64_t calls_of(const std::map<std::string, payment_probe>& probes) {
  int64_t out = 0;
  for (auto& [name, x] : probes) out += x.calls_open.load(std::memory_order_relaxed);
  return out;
}

payment_desk spawn_payment_desk(caf::actor_system& system, const node_config& config,
                                const wall_clock& clock,
                                std::map<std::string, payment_probe>& probes,
                                const payment_calls_actor& calls) {
  payment_desk out;
  payment_gateway_config bounds;
  bounds.calls = calls;
  std::map<std::string, payment_actor> tills;
  for (auto& name : config.list("PAYMENT_PROVIDERS")) {
    tills[name] = spawn_payment_gateway(system, bounds, spawn_provider(system, name, config, clock),
                                        clock, probes[name]);
    bool real = name != "mock";
    if (real && (out.confirmed_by.empty() || out.confirmed_by == "mock")) out.confirmed_by = name;
    if (!real && out.confirmed_by.empty()) out.confirmed_by = name;
    if (!real) out.instant_by = name;
  }
  bool portone = out.confirmed_by == "portone";
  out.client_key = config.text(portone ? "PORTONE_CHANNEL_KEY" : "TOSS_CLIENT_KEY");
  if (portone) out.store_id = config.text("PORTONE_STORE_ID");
  if (!tills.empty()) out.all = spawn_payment_tills(system, std::move(tills));
  return out;
}

} // namespace tk
