#include "http/api/brakes.hpp"

#include <algorithm>
#include <memory>
#include <utility>

#include <caf/all.hpp>

#include "http/api/audited.hpp"
#include "http/api/shop.hpp"
#include "http/api/views.hpp"
#include "http/json.hpp"
#include "supervisors/reply_once.hpp"

namespace tk::http {

namespace {

constexpr size_t reason_max = 200, method_max = 50;
constexpr int retry_after_s = 5;

constexpr const char* scope_schema =
  R"({"type":"string","enum":["all","event","payment_method","queue","holds","payments"]})";

std::string request_schema(bool with_reason) {
  std::string out = R"({"type":"object","required":["scope")";
  if (with_reason) out += R"(,"reason")";
  out += R"(],"properties":{"scope":)";
  out.append(scope_schema);
  out += R"(,"eventId":{"type":["string","null"],"format":"uuid"},)"
         R"("method":{"type":["string","null"],"maxLength":50})";
  if (with_reason)
    out += R"(,"reason":{"type":"string","maxLength":200},)"
           R"("operationId":{"type":["string","null"],"format":"uuid"})";
  else out += R"(,"asOf":{"type":["string","null"],"format":"date-time"})";
  return out + "}}";
}

constexpr const char* told_schema =
  R"({"type":"object","required":["stopped","asOf","brakes"],"properties":{)"
  R"("stopped":{"type":"boolean"},"changed":{"type":"boolean"},)"
  R"("asOf":{"type":"string","format":"date-time"},)"
  R"("brakes":{"type":"array","items":{"type":"object","required":["id","scope","eventId",)"
  R"("method","reason","by","since"],"properties":{"id":{"type":"string","format":"uuid"},)"
  R"("scope":{"type":"string"},"eventId":{"type":["string","null"]},)"
  R"("method":{"type":["string","null"]},"reason":{"type":"string"},"by":{"type":"string"},)"
  R"("since":{"type":"string","format":"date-time"}}}}}})";

/// The word of the contract for what a brake is on.
std::string scope_of(const sales_brake& x) {
  if (x.what == brake_on::all) return x.event.nil() ? "all" : "event";
  return x.method.empty() ? std::string{to_string(x.what)} : "payment_method";
}

json brake_json(const sales_brake& x) {
  return {{"id", to_string(x.id)},
          {"scope", scope_of(x)},
          {"eventId", x.event.nil() ? json() : json(to_string(x.event))},
          {"method", x.method.empty() ? json() : json(x.method)},
          {"reason", x.reason},
          {"by", x.by},
          {"since", to_iso_z(x.since)}};
}

json list_json(const std::vector<sales_brake>& rows, instant as_of) {
  json out = {{"stopped", !rows.empty()}, {"asOf", to_iso_z(as_of)}, {"brakes", json::array()}};
  for (auto& x : rows) out["brakes"].push_back(brake_json(x));
  return out;
}

/// Only what the shop knows (2.7) is stopped by name: a slip of the pen would say "done" and stop
/// nothing. What else buyers call a method is counted as `other` and stops with all payments.
std::string names_of_methods(const std::string& looked_for, bool& known) {
  std::string out;
  for (std::string_view x : payment_counts::methods) {
    if (x == "other") continue;
    known = known || x == looked_for;
    out.append(out.empty() ? "" : ", ").append(x);
  }
  return out;
}

void refuse_unknown_method(fields& form, const std::string& method) {
  bool known = method.empty();
  auto names = names_of_methods(method, known);
  if (!known) form.refuse("method must be one of " + names);
}

/// What to stop or to let go on. The first thing that is wrong with it is in the form then.
sales_brake read_scope(fields& form, std::string by) {
  sales_brake out;
  out.by = std::move(by);
  auto scope = form.text("scope", 20);
  out.event = form.optional_uuid<event_id>("eventId").value_or(event_id{});
  out.method = form.optional_text("method", method_max).value_or("");
  if (scope == "event") {
    if (form.missing("eventId")) form.refuse("eventId required");
  } else if (scope == "payment_method") {
    out.what = brake_on::payments;
    if (out.method.empty()) form.refuse("method required");
  } else if (auto what = parse_brake(scope)) {
    out.what = *what;
    if (scope == "all" && !out.event.nil()) form.refuse("scope must be event with an eventId");
  } else {
    form.refuse("scope must be all, event, payment_method, queue, holds or payments");
  }
  // It is named, so it never means all of them.
  if (out.event.nil() && !form.missing("eventId")) form.refuse(ec::event_unknown);
  if (out.what != brake_on::payments && !out.method.empty())
    form.refuse("method is for scope payment_method");
  return out;
}

/// The scope as it was asked for, whether or not there is such a thing.
std::string asked_scope(const nlohmann::json& body) {
  constexpr size_t scope_max = 20;
  auto scope = body.find("scope");
  if (scope == body.end() || !scope->is_string()) return "no scope";
  auto text = scope->get<std::string>();
  auto in_word = [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; };
  return text.size() <= scope_max && std::ranges::all_of(text, in_word) ? text : "no such scope";
}

std::string summary_of(const sales_brake& of, const std::string& scope,
                       const std::string& operation) {
  auto out = of.by + ": " + scope;
  if (!of.method.empty()) out += " " + of.method;
  if (!of.reason.empty()) out += ": " + of.reason;
  return out + " (operation " + operation + ")";
}

/// What is noted of an attempt, but for its status.
note_admin_action note_of(const exchange& x, const char* action, const sales_brake& of,
                          const std::string& scope, const std::string& operation) {
  note_admin_action out;
  out.admin = x.user();
  out.action = action;
  out.resource_type = "sale";
  out.resource = of.event.nil() ? "" : to_string(of.event);
  out.summary = summary_of(of, scope, operation);
  out.address = x.req().client;
  return out;
}

/// What an operation id says that was used before, unless it is so still.
std::optional<answer> refused_repetition(brakes_told::earlier x) {
  switch (x) {
  case brakes_told::earlier::other: return error_answer(ec::idempotency_conflict);
  case brakes_told::earlier::released:
    return error_answer(problem{ec::idempotency_conflict,
                                "This operation was done before, and was taken back since"});
  case brakes_told::earlier::none:
  case brakes_told::earlier::same: break;
  }
  return std::nullopt;
}

/// Sends the change, takes over what is on now, and answers when the attempt is on record.
template <class Change>
void change(brake_desk& desk, const exchange_ptr& x, Change what, note_admin_action note) {
  desk.pool.run(
    [&desk, x, what = std::move(what), note = std::move(note)](caf::event_based_actor* self) {
      self->request(desk.rows, store_budget, what)
        .then(
          [&desk, self, x, note](const brakes_told& told) {
            if (!told.event_known)
              return note_and_answer(desk.store, self, x, note, error_answer(ec::event_unknown));
            desk.list.take(told.rows, told.as_of);
            if (auto why = refused_repetition(told.before))
              return note_and_answer(desk.store, self, x, note, *why);
            auto out = list_json(told.rows, told.as_of);
            out["changed"] = told.changed;
            note_and_answer(desk.store, self, x, note, json_text(out.dump()));
          },
          [&desk, self, x, note](caf::error& e) {
            note_and_answer(desk.store, self, x, note, error_answer(to_ec(e)));
          });
    });
}

void refuse_noted(brake_desk& desk, const exchange_ptr& x, const note_admin_action& note,
                  const problem& why) {
  desk.pool.run([&desk, x, note, why](caf::event_based_actor* self) {
    note_and_answer(desk.store, self, x, note, error_answer(why));
  });
}

/// What an attempt says, as far as it can be read, and how it is noted.
struct attempt {
  sales_brake of;
  note_admin_action note;
  std::optional<problem> refused;
  std::optional<instant> seen; ///< What was set after it stays.
};

attempt read_attempt(audience who, const exchange& x, bool stop) {
  attempt out;
  out.of.by = author_of(who, x);
  auto operation = request_of(x);
  std::string scope = "no scope";
  if (auto body = read_object(x.req())) {
    scope = asked_scope(*body);
    fields form{*body};
    out.of = read_scope(form, out.of.by);
    if (stop) { // One that was set when more was allowed can still be released.
      refuse_unknown_method(form, out.of.method);
      out.of.reason = form.text("reason", reason_max);
      operation = form.optional_uuid<request_id>("operationId").value_or(operation);
    }
    if (!stop) out.seen = form.optional_time("asOf");
    out.refused = form.failed();
  } else {
    out.refused = body.error();
  }
  out.of.id = brake_id{operation.hi, operation.lo};
  if (!out.refused) scope = scope_of(out.of);
  out.note =
    note_of(x, stop ? "STOP_SALES" : "RESUME_SALES", out.of, scope, operation_of(operation));
  return out;
}

void on_stop(brake_desk& desk, audience who, const exchange_ptr& x) {
  auto what = read_attempt(who, *x, true);
  if (what.refused) return refuse_noted(desk, x, what.note, *what.refused);
  change(desk, x, set_brake{std::move(what.of), x->user()}, std::move(what.note));
}

void on_resume(brake_desk& desk, audience who, const exchange_ptr& x) {
  auto what = read_attempt(who, *x, false);
  if (what.refused) return refuse_noted(desk, x, what.note, *what.refused);
  change(desk, x, release_brake{what.of.what, what.of.event, what.of.method, x->user(), what.seen},
         std::move(what.note));
}

void on_list(brake_desk& desk, audience, const exchange_ptr& x) {
  auto rows = desk.list.rows();
  x->respond(json_text(list_json(*rows, desk.list.as_of()).dump()));
}

} // namespace

void add_brake_routes(brake_desk& desk, const std::string& prefix, audience who,
                      std::vector<route>& out) {
  auto add = [&](method verb, const std::string& path, const char* name, const char* summary,
                 void (*run)(brake_desk&, audience, const exchange_ptr&)) -> route& {
    auto& to = out.emplace_back();
    bool looks = verb == method::get && who == audience::operators;
    to.verb = verb;
    to.path = path;
    to.level = looks ? access::user : access::admin;
    to.name = name;
    to.summary = summary;
    to.tag = "sales";
    to.response_schema = told_schema;
    to.run = [&desk, who, run](const exchange_ptr& x) { run(desk, who, x); };
    return to;
  };
  add(method::get, prefix, "listBrakes", "What of the shop is stopped, and why.", on_list);
  auto& stop = add(method::post, prefix + "/stop", "stopSales",
                   "Stops new holds, new payments and admission; what runs goes on.", on_stop);
  stop.request_schema = request_schema(true);
  stop.errors = {ec::event_unknown, ec::idempotency_conflict};
  auto& resume = add(method::post, prefix + "/resume", "resumeSales",
                     "Lets exactly that go on again.", on_resume);
  resume.request_schema = request_schema(false);
  resume.errors = {ec::event_unknown};
}

answer stopped_answer(const sales_brake& why) {
  auto out = error_answer(503, "SALES_STOPPED", "Sales are stopped: " + why.reason);
  out.retry_after_s = retry_after_s;
  return out;
}

bool refuse_stopped_hold(shop& s, const exchange_ptr& x, const event_id& event) {
  if (s.node.brakes == nullptr) return false;
  auto why = s.node.brakes->find(brake_on::holds, event);
  return why && x->respond(stopped_answer(*why));
}

void unless_payment_stopped(shop& s, const exchange_ptr& x, reservation_id reservation,
                            const std::string& method, std::function<void()> then) {
  auto* brakes = s.node.brakes;
  if (brakes == nullptr) return then();
  if (auto why = brakes->find(brake_on::payments, {}, method)) {
    x->respond(stopped_answer(*why));
    return;
  }
  if (!brakes->by_event(brake_on::payments)) return then();
  s.pool.run([&s, x, reservation, method, then = std::move(then)](caf::event_based_actor* self) {
    self->request(s.store, store_budget, read_reservation{x->user(), reservation})
      .then(
        [&s, x, method, then](const found_reservation_view& found) {
          auto event = found.found ? found.row.event : event_id{};
          auto why = s.node.brakes->find(brake_on::payments, event, method);
          if (why) x->respond(stopped_answer(*why));
          else then();
        },
        [x](caf::error& e) { x->fail(to_ec(e)); });
  });
}

} // namespace tk::http
