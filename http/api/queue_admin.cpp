#include <algorithm>
#include <cmath>
#include <functional>

#include <caf/all.hpp>

#include "actors/waiting_room/pace.hpp"
#include "actors/waiting_room/port.hpp"
#include "http/api/audited.hpp"
#include "http/api/queue_schemas.hpp"
#include "http/api/route_group.hpp"
#include "http/api/shop.hpp"
#include "http/api/views.hpp"
#include "http/json.hpp"
#include "supervisors/reply_once.hpp"
#include "supervisors/router.hpp"

/// What organisers do with a waiting room (contract 2.8, G17). Every change is audited (6.7),
/// refused ones too.
namespace tk::http {

namespace {

constexpr millis room_budget{5000};

/// A word for a room, and how its answer is told.
struct steering {
  steer_queue what;
  const char* action = ""; ///< In the audit log; empty: changes nothing.
  std::function<json(event_id, const queue_report&)> view;
};

/// Of the last minute; an idle room does not renew its board.
admission_pace pace_of(const shop& s, event_id event) {
  constexpr millis minute{60'000};
  auto board = s.node.boards->find_room(event);
  bool recent = board && s.node.clock->now() - board->made_at < minute;
  return recent ? board->pace : admission_pace{};
}

/// People a second, in hundredths.
double throughput_of(const admission_pace& x) {
  constexpr double second_ms = 1000, hundredths = 100;
  const auto over = std::max(static_cast<double>(x.over.count()), second_ms);
  return std::round(x.admitted * second_ms / over * hundredths) / hundredths;
}

/// Seconds until so many are inside, at this pace. Null: at this pace never.
json drain_json(const admission_pace& x, uint32_t waiting) {
  if (waiting == 0) return 0;
  return x.admitted == 0 ? json() : json(estimated_wait_s(x, waiting));
}

json report_json(event_id event, const queue_report& x, const admission_pace& pace) {
  return {{"eventId", to_string(event)},
          {"queueSize", x.waiting},
          {"currentUsers", x.active},
          {"threshold", x.threshold},
          {"available", x.threshold > x.active ? x.threshold - x.active : 0},
          {"perSecond", x.per_second},
          {"throughput", throughput_of(pace)},
          {"drainTime", drain_json(pace, x.waiting)},
          {"paused", x.paused},
          {"preQueue", x.draw.wanted()},
          {"followInventory", x.follow_inventory}};
}

json cleared_json(event_id, const queue_report&) { return {{"message", "Queue cleared"}}; }

json threshold_json(event_id event, const queue_report& x) {
  return {{"eventId", to_string(event)}, {"threshold", x.threshold}};
}

json rate_json(event_id event, const queue_report& x) {
  return {{"eventId", to_string(event)}, {"perSecond", x.per_second}};
}

json paused_json(event_id event, const queue_report& x) {
  return {{"eventId", to_string(event)}, {"paused", x.paused}};
}

json pre_queue_json(event_id event, const queue_report& x) {
  bool wanted = x.draw.wanted();
  return {{"eventId", to_string(event)},
          {"preQueue", wanted},
          {"opensAt", wanted ? json(to_iso_z(x.draw.opens_at)) : json()},
          {"commitment", wanted ? json(to_hex(x.draw.commitment)) : json()}};
}

json follow_json(event_id event, const queue_report& x) {
  return {{"eventId", to_string(event)}, {"followInventory", x.follow_inventory}};
}

std::string summary_of(const steer_queue& x) {
  if (x.verb == queue_verb::set_pre_queue) return to_iso_z(x.at);
  bool has_value = x.verb == queue_verb::set_threshold || x.verb == queue_verb::set_rate;
  return has_value ? std::to_string(x.value) : "";
}

void steer(shop& s, const exchange_ptr& x, const steering& how) {
  s.pool.run([&s, x, how](caf::event_based_actor* self) {
    auto event = x->id_param<event_id>("eventId");
    ask<waiting_room_actor>(self, s.node, room_key(event), std::min(room_budget, time_for(*x)),
                            how.what)
      .then(
        [&s, self, x, how, event](const queue_report& r) {
          auto out = r.is == ec::ok ? json_text(how.view(event, r).dump()) : error_answer(r.is);
          answer_audited(s, self, x, {how.action, summary_of(how.what)}, std::move(out));
        },
        [&s, self, x, how](const caf::error& e) {
          answer_audited(s, self, x, {how.action, summary_of(how.what)}, error_answer(to_ec(e)));
        });
  });
}

/// The value of a required query parameter, or nothing: then it has been refused.
std::optional<int32_t> required_number(const exchange_ptr& x, const char* name,
                                       int64_t most = 10'000'000) {
  auto text = x->req().query(name);
  auto value = read_integer_query(x->req(), name, -1, -1, most);
  if (value && *value >= 0) return static_cast<int32_t>(*value);
  if (!value) x->fail(value.error());
  else if (!text || text->empty()) x->fail({ec::bad_request, std::string(name) + " required"});
  else x->fail({ec::bad_request, std::string(name) + " must be greater than or equal to 0"});
  return std::nullopt;
}

void on_report(shop& s, const exchange_ptr& x) {
  auto view = [&s](event_id event, const queue_report& r) {
    return report_json(event, r, pace_of(s, event));
  };
  steer(s, x, {{queue_verb::report, 0, {}}, "", view});
}

void on_clear(shop& s, const exchange_ptr& x) {
  steer(s, x, {{queue_verb::clear, 0, {}}, "CLEAR_QUEUE", cleared_json});
}

void on_threshold(shop& s, const exchange_ptr& x) {
  if (auto n = required_number(x, "threshold"))
    steer(s, x, {{queue_verb::set_threshold, *n, {}}, "SET_QUEUE_THRESHOLD", threshold_json});
}

/// More than rounds can keep is not promised: the answer says what is set.
void on_rate(shop& s, const exchange_ptr& x) {
  constexpr int64_t second_ms = 1000;
  const auto most = admissions_a_round * second_ms / s.node.queue.round_every.count();
  if (auto n = required_number(x, "perSecond", most))
    steer(s, x, {{queue_verb::set_rate, *n, {}}, "SET_QUEUE_RATE", rate_json});
}

void on_pause(shop& s, const exchange_ptr& x) {
  steer(s, x, {{queue_verb::pause, 0, {}}, "PAUSE_QUEUE", paused_json});
}

void on_resume(shop& s, const exchange_ptr& x) {
  steer(s, x, {{queue_verb::resume, 0, {}}, "RESUME_QUEUE", paused_json});
}

/// Query parameter `enabled`; refused when it is neither `true` nor `false`.
std::optional<bool> enabled_of(const exchange_ptr& x) {
  auto text = x->req().query("enabled").value_or("true");
  if (text == "true" || text == "false") return text == "true";
  x->fail({ec::bad_request, "enabled must be true or false"});
  return std::nullopt;
}

/// Begins the pre-queue at `opensAt`, or, without it, at the start of the sale.
void on_pre_queue(shop& s, const exchange_ptr& x) {
  auto enabled = enabled_of(x);
  if (!enabled) return;
  if (!*enabled)
    return steer(s, x, {{queue_verb::drop_pre_queue, 0, {}}, "DROP_PRE_QUEUE", pre_queue_json});
  auto begin = [&s, x](instant at) {
    if (at <= s.node.clock->now()) x->fail({ec::bad_request, "opensAt must be in the future"});
    else steer(s, x, {{queue_verb::set_pre_queue, 0, at}, "SET_PRE_QUEUE", pre_queue_json});
  };
  if (auto text = x->req().query("opensAt")) {
    auto at = parse_iso(*text);
    if (at) begin(*at);
    else x->fail({ec::bad_request, "opensAt must be an ISO 8601 time"});
    return;
  }
  auto event = x->id_param<event_id>("eventId");
  s.pool.run([&s, x, event, begin](caf::event_based_actor* self) {
    self->request(s.store, store_budget, read_event{event})
      .then(
        [x, begin](const found_event& found) {
          if (!found.found) x->fail(ec::event_unknown);
          else if (!found.event.has_sale_start) x->fail({ec::bad_request, "opensAt required"});
          else begin(found.event.sale_start);
        },
        [x](caf::error& e) { x->fail(to_ec(e)); });
  });
}

void on_follow(shop& s, const exchange_ptr& x) {
  auto enabled = enabled_of(x);
  if (!enabled) return;
  auto verb = *enabled ? queue_verb::follow_inventory : queue_verb::ignore_inventory;
  steer(s, x, {{verb, 0, {}}, *enabled ? "FOLLOW_INVENTORY" : "IGNORE_INVENTORY", follow_json});
}

} // namespace

void add_queue_admin_routes(shop& s, std::vector<route>& out) {
  route_group group{s, out, "queue"};
  const std::vector<ec> errors = {ec::event_unknown, ec::busy,    ec::unavailable,
                                  ec::late,          ec::unknown, ec::internal};
  auto changes = errors;
  changes.push_back(ec::bad_request);
  const char* count = R"({"type":"integer","minimum":0})";
  group.get("/api/queue/admin/{eventId}", "queueReport", "How many wait and are inside.")
    .admin()
    .gives(schemas::queue_report)
    .fails(errors)
    .runs(on_report);
  group
    .post("/api/queue/admin/clear/{eventId}", "clearQueue",
          "Ends waiting and active alike; passes and tickets are worthless from then on.")
    .admin()
    .gives(schemas::queue_message)
    .fails(errors)
    .runs(on_clear);
  group
    .post("/api/queue/admin/threshold/{eventId}", "setQueueThreshold",
          "How many may be inside at a time.")
    .admin()
    .gives(schemas::queue_threshold)
    .query("threshold", count, "Slots; required.")
    .fails(changes)
    .runs(on_threshold);
  group.post("/api/queue/admin/rate/{eventId}", "setQueueRate", "How many are let in a second.")
    .admin()
    .gives(schemas::queue_rate)
    .query("perSecond", count, "Admissions; required.")
    .fails(changes)
    .runs(on_rate);
  group.post("/api/queue/admin/pause/{eventId}", "pauseQueue", "Lets nobody in until resumed.")
    .admin()
    .gives(schemas::queue_paused)
    .fails(errors)
    .runs(on_pause);
  auto switches = changes;
  switches.push_back(ec::queue_in_use);
  const char* yes_no = R"({"type":"string","enum":["true","false"],"default":"true"})";
  group
    .post("/api/queue/admin/pre-queue/{eventId}", "setPreQueue",
          "Everybody who comes before the opening is shuffled then; or back to arrival order.")
    .admin()
    .gives(schemas::queue_pre_queue)
    .query("enabled", yes_no, "Only before the draw.")
    .query("opensAt", R"({"type":"string","format":"date-time"})",
           "The opening; without it the start of the sale.")
    .fails(switches)
    .runs(on_pre_queue);
  group
    .post("/api/queue/admin/follow-inventory/{eventId}", "followInventory",
          "Lets nobody in for whom there will be no seat, and tells the rest their outlook.")
    .admin()
    .gives(schemas::queue_follow)
    .query("enabled", yes_no, "Whether it does.")
    .fails(changes)
    .runs(on_follow);
  group.post("/api/queue/admin/resume/{eventId}", "resumeQueue", "Goes on letting people in.")
    .admin()
    .gives(schemas::queue_paused)
    .fails(errors)
    .runs(on_resume);
}

} // namespace tk::http
