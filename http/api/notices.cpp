#include "http/api/notices.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include <caf/all.hpp>

#include "http/api/shop.hpp"
#include "http/api/views.hpp"
#include "http/json.hpp"
#include "supervisors/reply_once.hpp"

namespace tk::http {

namespace {

/// Caches on the way may answer for so long: with a page that looks every 5 s and a node that looks
/// every second that is less than the 10 s of G08.
constexpr std::string_view for_two_seconds = "public, max-age=2";
constexpr size_t summary_text_max = 120;

/// The members of a notice, for answers.
constexpr const char* notice_fields =
  R"("id":{"type":"string","format":"uuid"},)"
  R"("level":{"type":"string","enum":["info","warning","incident"]},)"
  R"("text":{"type":"object","required":["ko","en"],"properties":{)"
  R"("ko":{"type":"string"},"en":{"type":"string"}}},)"
  R"("event_id":{"type":["string","null"],"format":"uuid"},)"
  R"("starts_at":{"type":"string","format":"date-time"},)"
  R"("ends_at":{"type":["string","null"],"format":"date-time"})";

std::string public_schema() {
  constexpr const char* head =
    R"({"type":"object","required":["notices","as_of","age_ms"],"properties":{)"
    R"("as_of":{"type":"string","format":"date-time"},"age_ms":{"type":"integer","minimum":0},)"
    R"("notices":{"type":"array","items":{"type":"object",)"
    R"("required":["id","level","text","event_id","starts_at","ends_at"],"properties":{)";
  return std::string{head} + notice_fields + "}}}}}";
}

std::string told_schema() {
  constexpr const char* head =
    R"({"type":"object","required":["as_of","notices"],"properties":{)"
    R"("changed":{"type":"boolean"},"id":{"type":"string","format":"uuid"},)"
    R"("as_of":{"type":"string","format":"date-time"},)"
    R"("notices":{"type":"array","items":{"type":"object",)"
    R"("required":["id","level","text","event_id","starts_at","ends_at","by","since"],)"
    R"("properties":{)";
  constexpr const char* tail =
    R"(,"by":{"type":"string"},"since":{"type":"string","format":"date-time"}}}}}})";
  return std::string{head} + notice_fields + tail;
}

constexpr const char* content_schema =
  R"({"type":"object","required":["level","text"],"properties":{)"
  R"("level":{"type":"string","enum":["info","warning","incident"]},)"
  R"("text":{"type":"object","required":["ko","en"],"properties":{)"
  R"("ko":{"type":"string","maxLength":500},"en":{"type":"string","maxLength":500}}},)"
  R"("eventId":{"type":["string","null"],"format":"uuid"},)"
  R"("startsAt":{"type":["string","null"],"format":"date-time"},)"
  R"("endsAt":{"type":["string","null"],"format":"date-time"},)"
  R"("operationId":{"type":["string","null"],"format":"uuid"}}})";

json notice_json(const notice& x) {
  return {{"id", to_string(x.id)},
          {"level", to_string(x.level)},
          {"text", {{"ko", x.ko}, {"en", x.en}}},
          {"event_id", x.event.nil() ? json() : json(to_string(x.event))},
          {"starts_at", to_iso(x.starts_at)},
          {"ends_at", x.ends_at ? json(to_iso(*x.ends_at)) : json()},
          {"by", x.by},
          {"since", to_iso(x.since)}};
}

json list_json(const std::vector<notice>& rows, instant as_of) {
  json out = {{"as_of", to_iso_z(as_of)}, {"notices", json::array()}};
  for (auto& x : rows) out["notices"].push_back(notice_json(x));
  return out;
}

/// What an attempt says, as far as it can be read, and how it is noted.
struct attempt {
  notice of;
  bool keep_start = false;
  note_admin_action note;
  std::optional<problem> refused;
};

/// The first so many bytes, whole characters.
std::string beginning(const std::string& text) {
  if (text.size() <= summary_text_max) return text;
  auto end = summary_text_max;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0u) == 0x80u) --end;
  return text.substr(0, end) + "...";
}

void note(attempt& to, const exchange& x, const char* action, const std::string& operation) {
  to.note.admin = x.user();
  to.note.action = action;
  to.note.resource_type = "notice";
  to.note.resource = to.of.id.nil() ? "" : to_string(to.of.id);
  to.note.summary = to.of.by;
  if (!to.of.en.empty())
    to.note.summary += ": " + std::string{to_string(to.of.level)} + ": " + beginning(to.of.en);
  to.note.summary += " (operation " + operation + ")";
  to.note.address = x.req().client;
}

/// What it is to tell. The first thing that is wrong with it is in the form then.
void read_content(fields& form, const nlohmann::json& body, attempt& to, instant now) {
  auto& x = to.of;
  auto level = parse_notice_level(form.text("level", 20));
  if (!level) form.refuse("level must be info, warning or incident");
  x.level = level.value_or(notice_level::info);
  auto text = body.find("text");
  if (text == body.end() || !text->is_object()) {
    form.refuse("text must have ko and en");
  } else {
    fields words{*text};
    x.ko = words.text("ko", notice_text_max);
    x.en = words.text("en", notice_text_max);
    if (words.failed()) form.refuse(*words.failed());
  }
  x.event = form.optional_uuid<event_id>("eventId").value_or(event_id{});
  to.keep_start = form.missing("startsAt");
  x.starts_at = form.optional_time("startsAt").value_or(now);
  x.ends_at = form.optional_time("endsAt");
  if (x.ends_at && !to.keep_start && *x.ends_at <= x.starts_at)
    form.refuse("endsAt must be later than startsAt");
}

/// `id` nil: the operation names it.
attempt read_attempt(const notice_desk& desk, audience who, const exchange& x, const char* action,
                     notice_id id) {
  attempt out;
  out.of.by = author_of(who, x);
  auto operation = request_of(x);
  if (auto body = read_object(x.req())) {
    fields form{*body};
    read_content(form, *body, out, desk.clock.now());
    operation = form.optional_uuid<request_id>("operationId").value_or(operation);
    // A new one begins now.
    bool ended =
      id.nil() && out.keep_start && out.of.ends_at && *out.of.ends_at <= out.of.starts_at;
    if (ended) form.refuse("endsAt must be later than startsAt");
    out.refused = form.failed();
  } else {
    out.refused = body.error();
  }
  out.of.id = id.nil() ? notice_id{operation.hi, operation.lo} : id;
  note(out, x, action, operation_of(operation));
  return out;
}

answer change_answer(const notices_told& told, const notice_id& id, bool makes) {
  switch (told.is) {
  case notice_end::unknown: return error_answer(404, "NOTICE_UNKNOWN", "Notice not found");
  case notice_end::event_unknown: return error_answer(ec::event_unknown);
  case notice_end::ends_too_early:
    return error_answer(ec::bad_request, "endsAt must be later than startsAt");
  case notice_end::full:
    return error_answer(409, "NOTICES_FULL",
                        "At most " + std::to_string(notices_max) + " notices may stand at once");
  case notice_end::done:
  case notice_end::nothing: break;
  }
  bool changed = told.is == notice_end::done;
  auto out = list_json(told.rows, told.as_of);
  out["changed"] = changed;
  out["id"] = to_string(id);
  return json_text(out.dump(-1, ' ', false, json::error_handler_t::replace),
                   makes && changed ? 201 : 200);
}

/// Sends the change, takes over what stands now, and answers when the attempt is on record.
template <class Change>
void send(notice_desk& desk, const exchange_ptr& x, Change what, const attempt& of, bool makes) {
  desk.pool.run([&desk, x, what = std::move(what), id = of.of.id, noted = of.note,
                 makes](caf::event_based_actor* self) {
    self->request(desk.rows, store_budget, what)
      .then(
        [&desk, self, x, id, noted, makes](const notices_told& told) {
          desk.board.take(told.rows, told.as_of);
          note_and_answer(desk.store, self, x, noted, change_answer(told, id, makes));
        },
        [&desk, self, x, noted](caf::error& e) {
          note_and_answer(desk.store, self, x, noted, error_answer(to_ec(e)));
        });
  });
}

void refuse_noted(notice_desk& desk, const exchange_ptr& x, const attempt& of) {
  desk.pool.run([&desk, x, noted = of.note, why = *of.refused](caf::event_based_actor* self) {
    note_and_answer(desk.store, self, x, noted, error_answer(why));
  });
}

void on_set(notice_desk& desk, audience who, const exchange_ptr& x) {
  auto what = read_attempt(desk, who, *x, "CREATE_NOTICE", {});
  if (what.refused) return refuse_noted(desk, x, what);
  send(desk, x, set_notice{what.of, x->user()}, what, true);
}

void on_change(notice_desk& desk, audience who, const exchange_ptr& x) {
  auto what = read_attempt(desk, who, *x, "UPDATE_NOTICE", x->id_param<notice_id>("id"));
  if (what.refused) return refuse_noted(desk, x, what);
  send(desk, x, change_notice{what.of, what.keep_start, x->user()}, what, false);
}

void on_remove(notice_desk& desk, audience who, const exchange_ptr& x) {
  attempt what;
  what.of.id = x->id_param<notice_id>("id");
  what.of.by = author_of(who, *x);
  note(what, *x, "DELETE_NOTICE", to_string(request_of(*x)));
  send(desk, x, remove_notice{what.of.id, x->user()}, what, false);
}

void on_list(notice_desk& desk, audience, const exchange_ptr& x) {
  auto rows = desk.board.rows();
  x->respond(json_text(
    list_json(*rows, desk.board.as_of()).dump(-1, ' ', false, json::error_handler_t::replace)));
}

} // namespace

void add_public_notice_routes(notice_desk& desk, std::vector<route>& out) {
  auto& to = out.emplace_back();
  to.path = "/api/notices";
  to.name = "listNotices";
  to.summary = "What everybody is told now; its age is told, too.";
  to.tag = "notices";
  to.response_schema = public_schema();
  to.errors = {ec::unavailable};
  to.run = [&desk](const exchange_ptr& x) {
    auto text = desk.board.told(desk.clock.now());
    if (text.empty()) {
      x->fail(ec::unavailable); // Nothing was heard yet: that is not that there are none.
      return;
    }
    auto told = json_text(std::move(text));
    told.cache_control = for_two_seconds;
    x->respond(std::move(told));
  };
}

void add_notice_routes(notice_desk& desk, const std::string& prefix, audience who,
                       std::vector<route>& out) {
  auto add = [&](method verb, const std::string& path, const char* name, const char* summary,
                 void (*run)(notice_desk&, audience, const exchange_ptr&)) -> route& {
    auto& to = out.emplace_back();
    to.verb = verb;
    to.path = path;
    to.level = access::admin;
    to.name = name;
    to.summary = summary;
    to.tag = "notices";
    to.response_schema = told_schema();
    to.run = [&desk, who, run](const exchange_ptr& x) { run(desk, who, x); };
    return to;
  };
  if (who == audience::admins)
    add(method::get, prefix, "listAllNotices", "All that stand, those to come too.", on_list);
  auto& set = add(method::post, prefix, "createNotice", "Tells everybody something.", on_set);
  set.request_schema = content_schema;
  set.success = 201;
  set.others = {{200, told_schema(), "This operation had written it before"}};
  set.errors = {ec::event_unknown};
  set.other_codes = {{409, "NOTICES_FULL"}};
  auto& changes =
    add(method::put, prefix + "/{id}", "updateNotice", "Makes it say this instead.", on_change);
  changes.request_schema = content_schema;
  changes.errors = {ec::event_unknown};
  changes.other_codes = {{404, "NOTICE_UNKNOWN"}};
  add(method::delete_, prefix + "/{id}", "deleteNotice", "Takes it back.", on_remove)
    .other_codes = {{404, "NOTICE_UNKNOWN"}};
}

} // namespace tk::http
