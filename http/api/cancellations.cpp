#include <caf/all.hpp>

#include "actors/event/port.hpp"
#include "http/api/audited.hpp"
#include "http/api/route_group.hpp"
#include "http/api/schemas.hpp"
#include "http/api/shop.hpp"
#include "http/api/views.hpp"
#include "http/json.hpp"
#include "supervisors/reply_once.hpp"
#include "supervisors/router.hpp"

/// What organisers say of cancelling (contract 2.16): what buyers may do, event by event, and that
/// an event does not take place. Every change is audited (6.7), refused ones too.
namespace tk::http {

namespace {

json answer_of(event_id event, const cancellation_policy& x) {
  return {{"eventId", to_string(event)}, {"cancellationPolicy", policy_json(x)}};
}

/// The fees of a body; what is none of them is refused.
std::vector<fee_step> read_fees(fields& form, const nlohmann::json& body) {
  std::vector<fee_step> out;
  if (form.missing("fees")) return out;
  auto& list = body.at("fees");
  if (!list.is_array() || list.size() > fee_steps_max) {
    form.refuse("fees must be an array of at most 16 fees");
    return out;
  }
  for (auto& x : list) {
    if (!x.is_object()) {
      form.refuse("fees must be objects");
      return out;
    }
    fields step{x};
    auto days = step.integer("daysBefore", 0, fee_days_max);
    auto percent = step.integer("percent", 0, 100);
    if (step.failed()) form.refuse(*step.failed());
    out.push_back({static_cast<int32_t>(days), static_cast<int32_t>(percent)});
  }
  return out;
}

checked<cancellation_policy> read_policy(const request& x) {
  auto body = read_object(x);
  if (!body) return tl::unexpected(body.error());
  fields form{*body};
  cancellation_policy out;
  if (auto hours = form.optional_integer("untilHours", 0, cancel_hours_max))
    out.until_hours = static_cast<int32_t>(*hours);
  out.show_day = form.optional_bool("showDay").value_or(true);
  out.fees = read_fees(form, *body);
  if (auto wrong = wrong_with(out); !wrong.empty()) form.refuse(wrong);
  if (form.failed()) return tl::unexpected(*form.failed());
  return out;
}

std::string summary_of(const cancellation_policy& x) {
  std::string out = x.until_hours ? "until " + std::to_string(*x.until_hours) + " h before" : "";
  if (!x.show_day) out += (out.empty() ? "" : ", ") + std::string{"not on its day"};
  if (!x.fees.empty()) out += (out.empty() ? "fees " : ", fees ") + to_text(x.fees);
  return out.empty() ? "free" : out;
}

void on_policy(shop& s, const exchange_ptr& x) {
  s.pool.run([&s, x](caf::event_based_actor* self) {
    auto event = x->id_param<event_id>("eventId");
    self->request(s.store, store_budget, read_event{event})
      .then(
        [x, event](const found_event& found) {
          if (!found.found) x->fail(ec::event_unknown);
          else x->respond(json_text(answer_of(event, found.event.cancellation).dump()));
        },
        [x](caf::error& e) { x->fail(to_ec(e)); });
  });
}

void on_set_policy(shop& s, const exchange_ptr& x) {
  auto policy = read_policy(x->req());
  if (!policy) {
    x->fail(policy.error());
    return;
  }
  s.pool.run([&s, x, policy = *policy](caf::event_based_actor* self) {
    auto event = x->id_param<event_id>("eventId");
    auto told = [&s, self, x, policy](answer out) {
      answer_audited(s, self, x, {"SET_CANCELLATION_POLICY", summary_of(policy)}, std::move(out));
    };
    self->request(s.store, store_budget, set_cancellation_policy{event, policy})
      .then(
        [told, event, policy](const policy_set& done) {
          told(done.found ? json_text(answer_of(event, policy).dump())
                          : error_answer(ec::event_unknown));
        },
        [told](caf::error& e) { told(error_answer(to_ec(e))); });
  });
}

// -- events that do not take place ----------------------------------------------------------------

std::string_view stage_of(const event_cancellation_view& x) {
  if (x.ended_at == instant{}) return "cancelling";
  return x.refunds_open > 0 ? "refunding" : "done";
}

json progress_json(const event_cancellation_view& x) {
  return {
    {"status", stage_of(x)},
    {"reason", x.reason},
    {"cancelledAt", to_iso(x.cancelled_at)},
    {"reservations", {{"total", x.concerned}, {"pending", x.pending}, {"confirmed", x.confirmed}}},
    {"refunds",
     {{"open", x.refunds_open},
      {"done", x.refunds_done},
      {"failing", x.refunds_failing},
      {"amountOpen", x.amount_open.amount},
      {"amountDone", x.amount_done.amount}}}};
}

void on_progress(shop& s, const exchange_ptr& x) {
  s.pool.run([&s, x](caf::event_based_actor* self) {
    auto event = x->id_param<event_id>("eventId");
    self->request(s.store, store_budget, read_event_cancellation{event})
      .then(
        [x, event](const event_cancellation_view& found) {
          if (!found.found) {
            x->fail(problem{ec::event_unknown, "Event not found or not cancelled"});
            return;
          }
          json out = {{"eventId", to_string(event)}, {"cancellation", progress_json(found)}};
          x->respond(json_text(out.dump()));
        },
        [x](caf::error& e) { x->fail(to_ec(e)); });
  });
}

/// It is cancelled: whoever sells hears of it at once, and the organiser how much there is to do.
void tell_cancelled(shop& s, caf::event_based_actor* self, const exchange_ptr& x,
                    const event_cancellation_view& how, std::function<void(answer)> told) {
  auto event = x->id_param<event_id>("eventId");
  auto tell = [&s, self, event, how, told = std::move(told)] {
    self->request(s.store, store_budget, read_event{event})
      .then(
        [told, how](const found_event& found) {
          json out = {{"message", "Event cancelled; what was paid is being refunded"},
                      {"event", event_list_row(found.event)},
                      {"cancelledReservations", how.concerned},
                      {"cancellation", progress_json(how)}};
          told(json_text(out.dump()));
        },
        [told](caf::error& e) { told(error_answer(to_ec(e))); });
  };
  constexpr millis board_budget{2000};
  ask<event_actor>(self, s.node, key_of(event), board_budget, look_at_event{})
    .then([tell](const event_board&) { tell(); },
          [tell](const caf::error&) { tell(); }); // The ledger refuses all the same.
}

void on_cancel_event(shop& s, const exchange_ptr& x) {
  auto body = read_object(x->req());
  if (!body) {
    x->fail(body.error());
    return;
  }
  fields form{*body};
  constexpr size_t reason_max = 200;
  auto reason = form.optional_text("reason", reason_max).value_or("");
  if (form.failed()) {
    x->fail(*form.failed());
    return;
  }
  s.pool.run([&s, x, reason](caf::event_based_actor* self) {
    auto event = x->id_param<event_id>("eventId");
    std::function<void(answer)> told = [&s, self, x, reason](answer out) {
      answer_audited(s, self, x, {"CANCEL_EVENT", reason}, std::move(out));
    };
    cancel_event what{event, shard_of(key_of(event)), x->user(), reason};
    self->request(s.store, store_budget, what)
      .then(
        [&s, self, x, told](const event_cancellation_view& how) {
          if (how.first) tell_cancelled(s, self, x, how, told);
          else
            told(error_answer(problem{ec::event_unknown, "Event not found or already cancelled"}));
        },
        [told](caf::error& e) { told(error_answer(to_ec(e))); });
  });
}

constexpr char progress_schema[] = R"({"type":"object",
 "required":["status","reason","cancelledAt","reservations","refunds"],"properties":{
 "status":{"type":"string","enum":["cancelling","refunding","done"]},
 "reason":{"type":"string"},"cancelledAt":{"type":"string","format":"date-time"},
 "reservations":{"type":"object","required":["total","pending","confirmed"],
  "description":"All that were concerned, and those that are left.",
  "additionalProperties":{"type":"integer"}},
 "refunds":{"type":"object","required":["open","done","failing","amountOpen","amountDone"],
  "description":"Failing are those of the open ones that were tried five times.",
  "additionalProperties":{"type":"integer"}}}})";

const std::string progress_answer =
  R"({"type":"object","required":["eventId","cancellation"],
 "properties":{"eventId":{"type":"string","format":"uuid"},"cancellation":)" +
  std::string{progress_schema} + "}}";

const std::string cancel_event_answer =
  R"({"type":"object","required":["message","event","cancelledReservations","cancellation"],
 "properties":{"message":{"type":"string"},"cancelledReservations":{"type":"integer"},"event":)" +
  schemas::event_schema("", "") + R"(,"cancellation":)" + progress_schema + "}}";

constexpr char cancel_event_request[] = R"({"type":"object","properties":{
 "reason":{"type":["string","null"],"maxLength":200}}})";

const std::string policy_answer = R"({"type":"object","required":["eventId","cancellationPolicy"],
 "properties":{"eventId":{"type":"string","format":"uuid"},"cancellationPolicy":)" +
                                  std::string{schemas::cancellation_policy} + "}}";

constexpr char policy_request[] = R"({"type":"object","properties":{
 "untilHours":{"type":["integer","null"],"minimum":0,"maximum":8760},
 "showDay":{"type":["boolean","null"],"default":true},
 "fees":{"type":["array","null"],"maxItems":16,"items":{"type":"object",
  "required":["daysBefore","percent"],"properties":{
  "daysBefore":{"type":"integer","minimum":0,"maximum":365},
  "percent":{"type":"integer","minimum":0,"maximum":100}}}}}})";

} // namespace

void add_cancellation_routes(shop& s, std::vector<route>& out) {
  route_group group{s, out, "admin"};
  const std::vector<ec> errors = {ec::event_unknown, ec::busy, ec::unavailable, ec::unknown,
                                  ec::internal};
  group
    .get("/api/admin/events/{eventId}/cancellation-policy", "cancellationPolicy",
         "What an event allows buyers who cancel.")
    .admin()
    .gives(policy_answer)
    .fails(errors)
    .runs(on_policy);
  group
    .put("/api/admin/events/{eventId}/cancellation-policy", "setCancellationPolicy",
         "Says what an event allows buyers who cancel: until when, and for which fees.")
    .admin()
    .takes(policy_request)
    .gives(policy_answer)
    .fails(errors)
    .runs(on_set_policy);
  group
    .post("/api/admin/events/{eventId}/cancel", "cancelEvent",
          "Cancels an event for ever: nothing of it is sold any more, and all that was paid goes "
          "back, one reservation after the other.")
    .admin()
    .takes(cancel_event_request)
    .gives(cancel_event_answer)
    .fails(errors)
    .runs(on_cancel_event);
  group
    .get("/api/admin/events/{eventId}/cancellation", "eventCancellation",
         "How far the cancellation of an event has come.")
    .admin()
    .gives(progress_answer)
    .fails(errors)
    .runs(on_progress);
}

} // namespace tk::http
