#include <caf/all.hpp>

#include "http/api/schemas.hpp"
#include "http/api/shop.hpp"
#include "http/api/views.hpp"
#include "supervisors/node.hpp"

/// Time, health, metrics (contract 2.18).
namespace tk::http {

namespace {

void on_time(const shop& s, const exchange_ptr& x) {
  x->respond(json_text("{\"time\":\"" + to_iso_z(s.node.clock->now()) + "\"}"));
}

void on_health(const shop& s, const exchange_ptr& x) {
  bool away = suspended(s.node);
  json out = {{"service", "tiketi"},
              {"status", away ? "degraded" : "ok"},
              {"dependencies", {{"database", away ? "error: no heartbeat" : "ok"}}}};
  x->respond(json_text(out.dump(), away ? 503 : 200));
}

void on_actuator_health(const shop& s, const exchange_ptr& x) {
  bool away = suspended(s.node);
  auto word = away ? "DOWN" : "UP";
  json out = {{"status", word}, {"components", {{"database", {{"status", word}}}}}};
  x->respond(json_text(out.dump(), away ? 503 : 200));
}

route system_route(std::string path, std::string name, std::string summary) {
  route out;
  out.path = std::move(path);
  out.rate = rate_category::exempt;
  out.name = std::move(name);
  out.summary = std::move(summary);
  out.tag = "system";
  return out;
}

} // namespace

void add_system_routes(shop& s, std::vector<route>& out) {
  auto time = system_route("/api/time", "time", "The time that decides: the ledger's.");
  time.rate = rate_category::general;
  time.run = [&s](const exchange_ptr& x) { on_time(s, x); };
  time.response_schema = schemas::time_response;
  out.push_back(std::move(time));

  auto health = system_route("/health", "health", "The node and what it depends on.");
  health.run = [&s](const exchange_ptr& x) { on_health(s, x); };
  health.response_schema = schemas::health;
  health.errors = {ec::unavailable};
  out.push_back(std::move(health));

  for (auto [path, name] : {std::pair{"/actuator/health", "actuatorHealth"},
                            std::pair{"/actuator/health/readiness", "actuatorReadiness"}}) {
    auto ready = system_route(path, name, "Can this node serve?");
    ready.run = [&s](const exchange_ptr& x) { on_actuator_health(s, x); };
    ready.response_schema = schemas::actuator_health;
    ready.errors = {ec::unavailable};
    out.push_back(std::move(ready));
  }

  auto alive = system_route("/actuator/health/liveness", "actuatorLiveness", "Is it running?");
  alive.run = [](const exchange_ptr& x) { x->respond(json_text(R"({"status":"UP"})")); };
  alive.response_schema = schemas::actuator_health;
  out.push_back(std::move(alive));

  auto info = system_route("/actuator/info", "actuatorInfo", "What is running.");
  info.run = [](const exchange_ptr& x) {
    x->respond(json_text(R"({"app":{"name":"tiketi","version":"0.1.0"}})"));
  };
  out.push_back(std::move(info));

  auto prometheus = system_route("/actuator/prometheus", "metrics", "Metrics in text form.");
  prometheus.run = [&s](const exchange_ptr& x) {
    answer page;
    page.body = s.meters.render();
    page.content_type = "text/plain; version=0.0.4; charset=utf-8";
    x->respond(std::move(page));
  };
  out.push_back(std::move(prometheus));
}

} // namespace tk::http
