#include <caf/all.hpp>

#include "actors/gate/port.hpp"
#include "http/api/audited.hpp"
#include "http/api/gate_schemas.hpp"
#include "http/api/route_group.hpp"
#include "http/api/shop.hpp"
#include "http/api/views.hpp"
#include "http/json.hpp"
#include "supervisors/reply_once.hpp"
#include "supervisors/router.hpp"

/// What organisers do with a gate (contract 2.11). Every change is audited (6.7), refused ones too.
namespace tk::http {

namespace {

constexpr millis gate_budget{5000};

/// A word for a gate, and how its answer is told.
struct steering {
  steer_gate what;
  const char* action = ""; ///< In the audit log; empty: changes nothing.
  json (*view)(const exchange&, const steering&, const gate_report&) = nullptr;
};

std::string event_of(const exchange& x) { return to_string(x.id_param<event_id>("eventId")); }

json opened_json(const exchange& x, const steering&, const gate_report& r) {
  return {{"eventId", event_of(x)},
          {"status", "activated"},
          {"message", r.changed ? "VWR activated" : "VWR was active already"}};
}

json closed_json(const exchange& x, const steering&, const gate_report&) {
  return {{"eventId", event_of(x)}, {"status", "deactivated"}};
}

json report_json(const exchange& x, const steering&, const gate_report& r) {
  if (r.state.activation == 0) return {{"eventId", event_of(x)}, {"status", "not_found"}};
  return {{"eventId", event_of(x)},
          {"isActive", r.state.active},
          {"nextPosition", r.state.told},
          {"servingCounter", r.state.serving},
          {"waiting", r.waiting}};
}

json advanced_json(const exchange& x, const steering& how, const gate_report& r) {
  if (r.changed)
    return {
      {"eventId", event_of(x)}, {"servingCounter", r.state.serving}, {"advanced", how.what.batch}};
  return {{"eventId", event_of(x)},
          {"status", "caught_up"},
          {"message", r.state.active ? "Nobody waits" : "VWR is not active"}};
}

std::string summary_of(const steer_gate& x) {
  return x.verb == gate_verb::advance ? std::to_string(x.batch) : "";
}

void steer(shop& s, const exchange_ptr& x, const steering& how) {
  s.pool.run([&s, x, how](caf::event_based_actor* self) {
    auto event = x->id_param<event_id>("eventId");
    ask<gate_actor>(self, s.node, gate_key(event), std::min(gate_budget, time_for(*x)), how.what)
      .then(
        [&s, self, x, how](const gate_report& r) {
          auto out = r.is == ec::ok ? json_text(how.view(*x, how, r).dump()) : error_answer(r.is);
          answer_audited(s, self, x, {how.action, summary_of(how.what)}, std::move(out));
        },
        [&s, self, x, how](const caf::error& e) {
          // Only those who look at an event that is not known hear what 2.11 has for them.
          if (to_ec(e) == ec::event_unknown && *how.action == 0)
            x->respond(json_text(how.view(*x, how, {}).dump()));
          else
            answer_audited(s, self, x, {how.action, summary_of(how.what)}, error_answer(to_ec(e)));
        });
  });
}

void on_activate(shop& s, const exchange_ptr& x) {
  steer(s, x, {{gate_verb::open, 0}, "ACTIVATE_VWR", opened_json});
}

void on_deactivate(shop& s, const exchange_ptr& x) {
  steer(s, x, {{gate_verb::close, 0}, "DEACTIVATE_VWR", closed_json});
}

void on_status(shop& s, const exchange_ptr& x) {
  steer(s, x, {{gate_verb::report, 0}, "", report_json});
}

void on_advance(shop& s, const exchange_ptr& x) {
  constexpr int64_t usual = 500, most = 1'000'000;
  auto body = read_object(x->req());
  if (!body) {
    x->fail(body.error());
    return;
  }
  fields form{*body};
  auto batch = form.optional_integer("batchSize", 1, most).value_or(usual);
  if (form.failed()) {
    x->fail(*form.failed());
    return;
  }
  steer(s, x, {{gate_verb::advance, static_cast<int32_t>(batch)}, "ADVANCE_VWR", advanced_json});
}

} // namespace

void add_gate_admin_routes(shop& s, std::vector<route>& out) {
  route_group group{s, out, "gate"};
  const std::vector<ec> errors = {ec::event_unknown, ec::busy,    ec::unavailable,
                                  ec::late,          ec::unknown, ec::internal};
  auto closing = errors;
  closing.push_back(ec::gate_unknown);
  group
    .post("/api/admin/vwr/activate/{eventId}", "activateGate",
          "Opens a gate before an event; positions begin at 1. An open one stays as it is.")
    .admin()
    .gives(schemas::gate_activated)
    .fails(errors)
    .runs(on_activate);
  group
    .post("/api/admin/vwr/deactivate/{eventId}", "deactivateGate",
          "Takes the gate away: everybody who waits at it is let through.")
    .admin()
    .gives(schemas::gate_deactivated)
    .fails(closing)
    .runs(on_deactivate);
  group.get("/api/admin/vwr/status/{eventId}", "gateReport", "The counters of a gate.")
    .admin()
    .gives(schemas::gate_report)
    .fails(errors)
    .runs(on_status);
  group
    .post("/api/admin/vwr/advance/{eventId}", "advanceGate", "Lets the next ones through at once.")
    .admin()
    .takes(schemas::gate_advance)
    .gives(schemas::gate_advanced)
    .fails(errors)
    .runs(on_advance);
}

} // namespace tk::http
