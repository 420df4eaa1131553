#include <caf/all.hpp>

#include "http/api/route_group.hpp"
#include "http/api/schemas.hpp"
#include "http/api/shop.hpp"
#include "http/api/views.hpp"
#include "supervisors/node.hpp"

/// Time, health, metrics (contract 2.18).
namespace tk::http {

namespace {

void on_time(shop& s, const exchange_ptr& x) {
  x->respond(json_text("{\"time\":\"" + to_iso_z(s.node.clock->now()) + "\"}"));
}

void on_health(shop& s, const exchange_ptr& x) {
  bool away = suspended(s.node);
  json out = {{"service", "tiketi"},
              {"status", away ? "degraded" : "ok"},
              {"dependencies", {{"database", away ? "error: no heartbeat" : "ok"}}}};
  x->respond(json_text(out.dump(), away ? 503 : 200));
}

void on_actuator_health(shop& s, const exchange_ptr& x) {
  bool away = suspended(s.node);
  auto word = away ? "DOWN" : "UP";
  json out = {{"status", word}, {"components", {{"database", {{"status", word}}}}}};
  x->respond(json_text(out.dump(), away ? 503 : 200));
}

void on_alive(shop&, const exchange_ptr& x) { x->respond(json_text(R"({"status":"UP"})")); }

void on_info(shop&, const exchange_ptr& x) {
  x->respond(json_text(R"({"app":{"name":"tiketi","version":"0.1.0"}})"));
}

void on_metrics(shop& s, const exchange_ptr& x) {
  answer page;
  page.body = s.meters.render();
  page.content_type = "text/plain; version=0.0.4; charset=utf-8";
  x->respond(std::move(page));
}

} // namespace

void add_system_routes(shop& s, std::vector<route>& out) {
  route_group group{s, out, "system"};
  group.get("/api/time", "time", "The time that decides: the ledger's.")
    .gives(schemas::time_response)
    .runs(on_time);
  group.get("/health", "health", "The node and what it depends on.")
    .gives(schemas::health)
    .or_gives(503, schemas::health, "Degraded: a dependency is away")
    .runs(on_health);
  for (auto [path, name] : {std::pair{"/actuator/health", "actuatorHealth"},
                            std::pair{"/actuator/health/readiness", "actuatorReadiness"}})
    group.get(path, name, "Can this node serve?")
      .gives(schemas::actuator_health)
      .or_gives(503, schemas::actuator_health, "It cannot")
      .runs(on_actuator_health);
  group.get("/actuator/health/liveness", "actuatorLiveness", "Is it running?")
    .gives(schemas::actuator_health)
    .runs(on_alive);
  group.get("/actuator/info", "actuatorInfo", "What is running.")
    .gives(schemas::actuator_info)
    .runs(on_info);
  group.get("/actuator/prometheus", "metrics", "Metrics in text form.")
    .gives(R"({"type":"string"})")
    .in("text/plain")
    .runs(on_metrics);
}

} // namespace tk::http
