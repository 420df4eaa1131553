#include "http/api/cases.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include <caf/all.hpp>

#include "http/api/schemas.hpp"
#include "http/api/shop.hpp"
#include "http/json.hpp"
#include "persistence/reconciliation/messages.hpp"
#include "supervisors/reply_once.hpp"

namespace tk::http {

namespace {

using json = nlohmann::json;

constexpr size_t reason_max = 200;
constexpr int64_t default_limit = 20;

constexpr const char* case_schema =
  R"({"type":"object","required":["id","kind","status","subject","reservation_id","payment_id",)"
  R"("says","against","next_step","attempts","detected_at","seen_at","closed_at","closed_by",)"
  R"("reason"],"properties":{"id":{"type":"string","format":"uuid"},)"
  R"("kind":{"type":"string","enum":["paid_incomplete","payment_unresolved","refund_failed",)"
  R"("provider_difference","row_mismatch"]},"status":{"type":"string","enum":["open","closed"]},)"
  R"("subject":{"type":"string"},"reservation_id":{"type":["string","null"],"format":"uuid"},)"
  R"("payment_id":{"type":["string","null"],"format":"uuid"},"says":{"type":"string"},)"
  R"("against":{"type":"string"},"next_step":{"type":"string"},"attempts":{"type":"integer"},)"
  R"("detected_at":{"type":"string","format":"date-time"},)"
  R"("seen_at":{"type":"string","format":"date-time"},)"
  R"("closed_at":{"type":["string","null"],"format":"date-time"},)"
  R"("closed_by":{"type":["string","null"]},"reason":{"type":["string","null"]}}})";

std::string page_schema() {
  return std::string{R"({"type":"object","required":["cases","pagination"],"properties":{)"
                     R"("cases":{"type":"array","items":)"} +
         case_schema + R"(},"pagination":)" + schemas::pagination + "}}";
}

std::string closed_schema() {
  return std::string{R"({"type":"object","required":["changed","message","case"],"properties":{)"
                     R"("changed":{"type":"boolean"},"message":{"type":"string"},"case":)"} +
         case_schema + "}}";
}

constexpr const char* close_schema = R"({"type":"object","required":["reason"],"properties":{)"
                                     R"("reason":{"type":"string","maxLength":200}}})";

template <class Id> json id_json(const Id& x) { return x.nil() ? json() : json(to_string(x)); }
json text_json(const std::string& x) { return x.empty() ? json() : json(x); }

json case_json(const operator_case& x) {
  return {{"id", to_string(x.id)},
          {"kind", x.kind},
          {"status", x.status},
          {"subject", x.subject},
          {"reservation_id", id_json(x.reservation)},
          {"payment_id", id_json(x.payment)},
          {"says", x.says},
          {"against", x.against},
          {"next_step", x.next_step},
          {"attempts", x.attempts},
          {"detected_at", to_iso(x.detected_at)},
          {"seen_at", to_iso(x.seen_at)},
          {"closed_at", x.closed_at == instant{} ? json() : json(to_iso(x.closed_at))},
          {"closed_by", text_json(x.closed_by)},
          {"reason", text_json(x.reason)}};
}

bool is_kind(const std::string& x) {
  for (size_t i = 1; i <= case_kinds; ++i)
    if (x == to_string(static_cast<case_kind>(i))) return true;
  return false;
}

// -- reading --------------------------------------------------------------------------------------

/// What is asked for; a kind or a status that there is not is refused.
checked<list_cases> read_query(const request& x, const page_query& page) {
  constexpr size_t word_max = 40;
  list_cases out;
  auto kind = read_text_query(x, "kind", word_max);
  if (!kind) return tl::unexpected(kind.error());
  auto status = read_text_query(x, "status", word_max);
  if (!status) return tl::unexpected(status.error());
  if (!kind->empty() && !is_kind(*kind))
    return tl::unexpected(problem{ec::bad_request, "kind is none that there is"});
  if (!status->empty() && *status != "open" && *status != "closed")
    return tl::unexpected(problem{ec::bad_request, "status must be open or closed"});
  out.kind = *kind;
  out.status = *status;
  out.page = static_cast<int32_t>(page.page);
  out.limit = static_cast<int32_t>(page.limit);
  return out;
}

void on_list(case_desk& desk, audience, const exchange_ptr& x) {
  auto page = read_page(x->req(), default_limit);
  if (!page) {
    x->fail(page.error());
    return;
  }
  auto query = read_query(x->req(), *page);
  if (!query) {
    x->fail(query.error());
    return;
  }
  desk.pool.run([&desk, x, page = *page, query = *query](caf::event_based_actor* self) {
    self->request(desk.rows, store_budget, query)
      .then(
        [x, page](const cases_told& told) {
          json out = {{"cases", json::array()}, {"pagination", pagination(page, told.total)}};
          for (auto& row : told.rows) out["cases"].push_back(case_json(row));
          x->respond(json_answer(out));
        },
        [x](caf::error& e) { x->fail(to_ec(e)); });
  });
}

// -- closing --------------------------------------------------------------------------------------

struct attempt {
  close_case_by_hand what;
  note_admin_action note;
  std::optional<problem> refused;
};

attempt read_attempt(audience who, const exchange& x) {
  attempt out;
  out.what.id = x.id_param<case_id>("id");
  out.what.by = x.user();
  out.what.by_name = author_of(who, x);
  if (auto body = read_object(x.req())) {
    fields form{*body};
    out.what.reason = form.text("reason", reason_max);
    out.refused = form.failed();
  } else {
    out.refused = body.error();
  }
  out.note.admin = x.user();
  out.note.action = "CLOSE_CASE";
  out.note.resource_type = "case";
  out.note.resource = to_string(out.what.id);
  out.note.summary = out.what.by_name + ": " + out.what.reason;
  out.note.address = x.req().client;
  return out;
}

answer closed(const cases_told& told) {
  if (told.rows.empty()) return error_answer(404, "CASE_UNKNOWN", "Case not found");
  return json_answer({{"changed", told.changed},
                      {"message", told.changed ? "Case closed" : "Case was closed before"},
                      {"case", case_json(told.rows.front())}});
}

void on_close(case_desk& desk, audience who, const exchange_ptr& x) {
  auto of = read_attempt(who, *x);
  desk.pool.run([&desk, x, of](caf::event_based_actor* self) {
    if (of.refused) return note_and_answer(desk.store, self, x, of.note, error_answer(*of.refused));
    self->request(desk.rows, store_budget, of.what)
      .then(
        [&desk, self, x, of](const cases_told& told) {
          note_and_answer(desk.store, self, x, of.note, closed(told));
        },
        [&desk, self, x, of](caf::error& e) {
          note_and_answer(desk.store, self, x, of.note, error_answer(to_ec(e)));
        });
  });
}

} // namespace

void add_case_routes(case_desk& desk, const std::string& prefix, audience who,
                     std::vector<route>& out) {
  auto add = [&](const std::string& path, const char* name, const char* summary,
                 void (*run)(case_desk&, audience, const exchange_ptr&)) -> route& {
    auto& to = out.emplace_back();
    to.path = path;
    to.level = access::admin;
    to.name = name;
    to.summary = summary;
    to.tag = "cases";
    to.run = [&desk, who, run](const exchange_ptr& x) { run(desk, who, x); };
    return to;
  };
  if (who == audience::admins) {
    auto& list =
      add(prefix, "listCases", "What only a person can put right, the newest first.", on_list);
    list.response_schema = page_schema();
    list.errors = {ec::unavailable};
    list.queries = {{"kind", R"({"type":"string"})", "Only of this kind."},
                    {"status", R"({"type":"string","enum":["open","closed"]})", "Only those."},
                    {"page", R"({"type":"integer","default":1})", "From 1; clamped."},
                    {"limit", R"({"type":"integer","default":20})", "1 to 100; clamped."}};
  }
  auto& close = add(prefix + "/{id}/close", "closeCase",
                    "Closes one although nothing has repaired it; the reason is kept.", on_close);
  close.verb = method::post;
  close.request_schema = close_schema;
  close.response_schema = closed_schema();
  close.errors = {ec::unavailable};
  close.other_codes = {{404, "CASE_UNKNOWN"}};
}

} // namespace tk::http
